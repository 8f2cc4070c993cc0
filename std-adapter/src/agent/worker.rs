//! The thread that sends.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::endpoint::Endpoint;
use super::http::Http;
use super::queue::{Queue, count};
use super::report::Report;
use super::{Options, Stats};
use crate::error::SendError;
use crate::msgpack::Payload;

/// With nothing to send the thread sleeps; it is woken when something comes.
const ASLEEP: Duration = Duration::from_secs(3600);

/// How long the agent has to say what it can do. A payload waits meanwhile.
const ASKING: Duration = Duration::from_secs(1);

/// What a client and its thread share.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Told of every change that the other side may wait for.
    pub(super) changed: Condvar,
}

/// The state of a client.
pub(super) struct State {
    pub(super) queue: Queue,
    pub(super) stats: Stats,
    /// When everything must be over, once the end is asked for.
    pub(super) closing: Option<Instant>,
    /// Whether the thread is gone.
    pub(super) ended: bool,
}

impl Shared {
    pub(super) fn new(queue: Queue) -> Self {
        let state = State { queue, stats: Stats::default(), closing: None, ended: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// The state. It is consistent between any two statements, so that a panic elsewhere does not spoil it.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change, at most `timeout`.
    pub(super) fn wait<'a>(&self, state: MutexGuard<'a, State>, timeout: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, timeout).unwrap_or_else(PoisonError::into_inner).0
    }
}

/// How it ended with a payload.
enum Outcome {
    Sent,
    Refused(u16),
    Unreachable,
    Overloaded,
}

/// The sending side of a client.
pub(super) struct Worker {
    shared: Arc<Shared>,
    http: Http,
    options: Options,
    backoff: Backoff,
    report: Report,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, endpoint: Endpoint, options: Options) -> Self {
        Self {
            shared,
            http: Http::new(&endpoint),
            backoff: Backoff::new(options.retry_pause),
            report: Report::new(endpoint.to_string()),
            options,
        }
    }

    /// Sends until the end is asked for and nothing is left, or the time for that is over.
    pub(super) fn run(mut self) {
        while let Some(payload) = self.next() {
            self.ask();
            let outcome = self.deliver(&payload);
            let mut state = self.shared.lock();
            let held = count(&payload);
            match outcome {
                Outcome::Sent => {
                    state.stats.sent += held;
                    state.stats.payloads_sent += 1;
                    state.stats.bytes_sent += payload.len() as u64;
                }
                Outcome::Refused(status) => *state.stats.dropped_refused.entry(status).or_default() += held,
                Outcome::Unreachable => state.stats.dropped_unreachable += held,
                Outcome::Overloaded => state.stats.dropped_overloaded += held,
            }
            state.queue.finish(payload);
            drop(state);
            self.shared.changed.notify_all();
        }
        self.shared.lock().ended = true;
        self.shared.changed.notify_all();
    }

    /// Waits for a payload; `None` means that it is time to end.
    fn next(&self) -> Option<Payload> {
        let mut state = self.shared.lock();
        loop {
            let now = Instant::now();
            if let Some(deadline) = state.closing {
                if now >= deadline {
                    return None;
                }
                state.queue.flush();
            }
            if let Some(payload) = state.queue.take(now) {
                return Some(payload);
            }
            if state.closing.is_some() {
                return None;
            }
            let wait = state.queue.due_in(now).unwrap_or(ASLEEP);
            state = self.shared.wait(state, wait);
        }
    }

    /// Asks the agent what it can do, once somebody needs to know.
    fn ask(&self) {
        let state = self.shared.lock();
        // At the end there is no time for it, and no further payload.
        let is_due = state.queue.asks_for_events() && state.closing.is_none();
        drop(state);
        if !is_due {
            return;
        }
        if let Some(native) = self.http.takes_events(self.options.timeout.min(ASKING)) {
            self.shared.lock().queue.set_native_events(native);
        }
    }

    /// Sends one payload, as often as that makes sense.
    fn deliver(&mut self, payload: &Payload) -> Outcome {
        let give_up = Instant::now() + self.options.retry_for;
        let mut failures = 0;
        loop {
            let closing = self.shared.lock().closing;
            let until =
                closing.map_or(self.options.timeout, |end| end.saturating_duration_since(Instant::now()));
            // A time-out of zero would fail without an attempt.
            let timeout = until.clamp(Duration::from_millis(1), self.options.timeout);
            let error = match self.http.post(payload, timeout) {
                Ok(()) => {
                    self.report.answered(&self.shared.lock().stats);
                    return Outcome::Sent;
                }
                Err(error) => error,
            };
            if let SendError::Status { status, .. } = error
                && !error.is_worth_a_retry()
            {
                self.report.answered(&self.shared.lock().stats);
                self.report.refused(&error, count(payload));
                return Outcome::Refused(status);
            }
            failures += 1;
            self.report.failed(&error, &self.shared.lock().stats);
            if !self.pause(failures, give_up) {
                return match error {
                    SendError::NoAnswer(_) => Outcome::Unreachable,
                    SendError::Status { .. } => Outcome::Overloaded,
                };
            }
            self.shared.lock().stats.retries += 1;
        }
    }

    /// Waits before the next attempt; tells whether there should be one. The end of the program cuts a pause short.
    fn pause(&mut self, failures: u32, give_up: Instant) -> bool {
        let over = Instant::now() + self.backoff.pause(failures);
        if over >= give_up {
            return false;
        }
        let mut state = self.shared.lock();
        loop {
            let now = Instant::now();
            if let Some(deadline) = state.closing {
                // At the end there is no waiting for an agent that is known to be down.
                return now < deadline && !self.report.is_outage();
            }
            if now >= over {
                return true;
            }
            state = self.shared.wait(state, over - now);
        }
    }
}

//! The thread that sends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::asking::Asking;
use super::backoff::Backoff;
use super::body::Body;
use super::http::Answer;
use super::info::Info;
use super::ours;
use super::peer::Peer;
use super::queue::{Queue, count};
use super::report::{self, Report};
use super::statistics::Counting;
use super::{Count, Options, Stats};
use crate::deadline;
use crate::error::SendError;
use crate::pipeline::Rates;
use crate::stats::Counted;

/// With nothing to send the thread sleeps; it is woken when something comes.
const ASLEEP: Duration = Duration::from_secs(3600);

/// How long the agent has to say what it can do. A payload waits meanwhile.
const ASKING: Duration = Duration::from_secs(1);

/// The shortest time for an attempt: one of zero would fail without it.
const INSTANT: Duration = Duration::from_millis(1);

/// The path of the smaller form, as an agent lists it.
const V05: &str = "/v0.5/traces";

/// The status that says that a payload is too large.
const TOO_LARGE: u16 = 413;

/// What a client and its thread share.
pub(super) struct Shared {
    state: Mutex<State>,
    /// Told of every change that the other side may wait for.
    pub(super) changed: Condvar,
    pub(super) rates: Rates,
    /// How often the agent said what it is, so that who follows it need not ask for the state.
    pub(super) told: AtomicU64,
}

/// The state of a client.
pub(super) struct State {
    pub(super) queue: Queue,
    pub(super) stats: Stats,
    /// When everything must be over, once the end is asked for.
    pub(super) closing: Option<Instant>,
    /// Whether the thread is gone.
    pub(super) ended: bool,
    /// What the agent said of itself last.
    pub(super) info: Option<Arc<Info>>,
    /// The spans that are counted; `None`: nobody asks for that.
    pub(super) counting: Option<Counting>,
}

impl State {
    /// What became of the traces so far.
    pub(super) fn stats(&self) -> Stats {
        let mut stats = self.stats.clone();
        stats.statistics.overflowed = self.counting.as_ref().map_or(0, Counting::overflowed);
        stats
    }
}

impl Shared {
    pub(super) fn new(queue: Queue, counts: bool) -> Self {
        let counting = counts.then(Counting::new);
        let stats = Stats::default();
        let state = State { queue, stats, closing: None, ended: false, info: None, counting };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            rates: Rates::default(),
            told: AtomicU64::new(0),
        }
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

/// A pause that is asked for is no longer.
const LONGEST_ASKED: Duration = Duration::from_secs(60);

/// The status of success under which spans are counted that were not taken.
const SUCCESS: u16 = 200;

/// What the thread is to do.
enum Work {
    /// Send these traces; with them how many are not sent, if they are in statistics.
    Traces(Body, Option<Count>),
    Statistics(Vec<Counted>),
    /// Tell that so much was too large so far.
    Complaint(Count),
}

/// How it ended with a payload.
enum Outcome {
    /// But for so many spans.
    Sent(u64),
    /// The agent says that there is too much in it.
    TooLarge(SendError),
    Refused(u16),
    Unreachable,
    Overloaded,
}

/// The sending side of a client.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) peer: Peer,
    pub(super) options: Options,
    /// The longest time for one attempt.
    attempt: Duration,
    backoff: Backoff,
    pub(super) report: Report,
    /// Whether payloads go out in the smaller form.
    v05: bool,
    /// When the agent is to be asked what it can do.
    asking: Asking,
    /// What was seen to be too large.
    too_large: Count,
    /// Until when it asked not to be sent anything.
    not_before: Option<Instant>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, peer: Peer, options: Options) -> Self {
        Self {
            shared,
            backoff: Backoff::new(options.retry_pause),
            report: Report::new(peer.to_string()),
            peer,
            v05: options.v05,
            asking: Asking::new(options.ask_first || options.stats),
            too_large: Count::default(),
            not_before: None,
            attempt: options.bounds().timeout,
            options,
        }
    }

    /// Sends until the end is asked for and nothing is left, or the time for that is over; or a log of the program's panics.
    pub(super) fn run(self) {
        let (shared, peer) = (self.shared.clone(), self.peer.to_string());
        let is_sound = catch_unwind(AssertUnwindSafe(|| self.work())).is_ok();
        let mut state = shared.lock();
        if !is_sound {
            // What comes later is counted as dropped.
            state.closing.get_or_insert_with(Instant::now);
        }
        state.stats.statistics.dropped += state.counting.as_mut().map_or(0, Counting::give_up);
        state.ended = true;
        drop(state);
        shared.changed.notify_all();
        if !is_sound {
            let _ = catch_unwind(|| report::panicked(&peer));
        }
    }

    fn work(mut self) {
        ours::adopt();
        if self.asking.is_wanted() {
            // What comes first is to be counted, and said as the agent takes it.
            self.ask();
        }
        while let Some(work) = self.next() {
            match work {
                Work::Traces(payload, told) => self.send(payload, told),
                Work::Statistics(all) => self.send_statistics(all),
                Work::Complaint(count) => self.report.too_large(count),
            }
            self.shared.changed.notify_all();
        }
    }

    fn send(&mut self, payload: Body, mut told: Option<Count>) {
        self.ask();
        self.settle(&payload, &mut told, deadline::after(self.options.retry_for));
        let mut state = self.shared.lock();
        // Who was not told of them is told with another payload.
        state.queue.note_sampled_out(told.unwrap_or_default());
        state.queue.finish(payload);
    }

    /// Waits for something to send; `None` means that it is time to end.
    fn next(&mut self) -> Option<Work> {
        let mut state = self.shared.lock();
        loop {
            let now = Instant::now();
            let closes = state.closing.is_some();
            if let Some(deadline) = state.closing {
                if now >= deadline {
                    return None;
                }
                state.queue.flush();
            }
            let too_large = state.stats.dropped_too_large;
            if self.too_large != too_large {
                self.too_large = too_large;
                return Some(Work::Complaint(too_large));
            }
            // These first: they are few, and hold up nothing.
            if let Some(all) = state.counting.as_mut().and_then(|counting| counting.take(closes)) {
                state.queue.tell_sampled_out();
                return Some(Work::Statistics(all));
            }
            if let Some(payload) = state.queue.take(now) {
                let told = state.queue.told();
                return Some(Work::Traces(payload, told));
            }
            if closes {
                return None;
            }
            let waits = [state.queue.due_in(now), state.counting.as_ref().and_then(Counting::due_in)];
            let wait = waits.into_iter().flatten().min().unwrap_or(ASLEEP);
            state = self.shared.wait(state, wait);
        }
    }

    /// Asks the agent what it can do, where somebody needs to know.
    fn ask(&mut self) {
        let state = self.shared.lock();
        // At the end there is no time for it, and no further payload.
        let is_wanted = self.asking.is_wanted() || state.queue.asks_for_events();
        let is_due = is_wanted && state.closing.is_none();
        drop(state);
        let begun = Instant::now();
        if !is_due || !self.asking.is_time(begun) {
            return;
        }
        let Some(info) = self.peer.info(self.attempt.min(ASKING)) else {
            self.asking.failed(Instant::now(), begun.elapsed());
            return;
        };
        self.asking.answered();
        if self.v05 && !info.serves(V05) {
            self.downgrade();
        }
        let mut guard = self.shared.lock();
        let state = &mut *guard;
        state.queue.set_info(&info);
        if let Some(counting) = &mut state.counting {
            let is_on = counting.follow(&info);
            state.queue.set_counted(is_on);
        }
        state.info = Some(Arc::new(info));
        self.shared.told.fetch_add(1, Ordering::Release);
    }

    fn downgrade(&mut self) {
        self.v05 = false;
        self.shared.lock().queue.leave_v05();
        self.report.downgraded();
    }

    /// Sends one payload, in halves if it is too large for the agent, and counts what became of it.
    fn settle(&mut self, payload: &Body, told: &mut Option<Count>, give_up: Instant) {
        let outcome = self.deliver(payload, *told, give_up);
        if let Outcome::TooLarge(error) = &outcome {
            if payload.traces() == 1 {
                self.shared.lock().queue.shrink(payload.len());
            }
            if let Some(halves) = payload.split() {
                halves.iter().for_each(|half| self.settle(half, told, give_up));
                return;
            }
            self.report.refused(error, count(payload));
        }
        let mut state = self.shared.lock();
        let held = count(payload);
        state.queue.settle(held, matches!(outcome, Outcome::Sent(_)));
        match outcome {
            Outcome::Sent(rejected) => {
                *told = told.map(|_| Count::default());
                let rejected = Count { traces: 0, spans: rejected.min(held.spans) };
                state.stats.sent += Count { spans: held.spans - rejected.spans, ..held };
                if rejected.spans > 0 {
                    *state.stats.dropped_refused.entry(SUCCESS).or_default() += rejected;
                }
                state.stats.payloads_sent += 1;
                state.stats.bytes_sent += payload.len() as u64;
            }
            Outcome::TooLarge(_) => *state.stats.dropped_refused.entry(TOO_LARGE).or_default() += held,
            Outcome::Refused(status) => *state.stats.dropped_refused.entry(status).or_default() += held,
            Outcome::Unreachable => state.stats.dropped_unreachable += held,
            Outcome::Overloaded => state.stats.dropped_overloaded += held,
        }
    }

    /// What was dropped so far. Whoever logs it holds no lock: a program's logger may ask for the same.
    pub(super) fn dropped(&self) -> Count {
        self.shared.lock().stats.dropped()
    }

    /// Sends one payload, as often as that makes sense.
    fn deliver(&mut self, payload: &Body, told: Option<Count>, give_up: Instant) -> Outcome {
        let mut v05 = if self.v05 { payload.to_v05() } else { None };
        let mut failures = 0;
        // What was asked for after another payload holds for this one.
        if let Some(until) = self.not_before {
            self.rest(until);
        }
        loop {
            let error = match self.peer.post(payload, v05.as_deref(), told, self.timeout()) {
                Ok(answer) => {
                    self.report.answered(self.dropped());
                    return Outcome::Sent(self.hear(answer));
                }
                Err(error) => error,
            };
            if let SendError::Status { status, .. } = error
                && !self.peer.is_worth_a_retry(&error)
            {
                self.report.answered(self.dropped());
                match status {
                    404 | 415 if v05.take().is_some() => {
                        self.downgrade();
                        continue;
                    }
                    TOO_LARGE => return Outcome::TooLarge(error),
                    _ => {}
                }
                self.report.refused(&error, count(payload));
                return Outcome::Refused(status);
            }
            failures += 1;
            self.report.failed(&error, self.dropped());
            if !self.pause(failures, error.retry_after(), give_up) {
                return match error {
                    SendError::NoAnswer(_) => Outcome::Unreachable,
                    SendError::Status { .. } => Outcome::Overloaded,
                };
            }
            self.shared.lock().stats.retries += 1;
        }
    }

    /// How long an attempt may take now.
    pub(super) fn timeout(&self) -> Duration {
        let closing = self.shared.lock().closing;
        let until = closing.map_or(self.attempt, |end| end.saturating_duration_since(Instant::now()));
        until.min(self.attempt).clamp(INSTANT, deadline::FAR)
    }

    /// Takes in what was said with success; how many spans were not taken.
    fn hear(&mut self, answer: Answer) -> u64 {
        if let Some((spans, words)) = &answer.rejected {
            self.report.rejected(*spans, words);
        }
        if let Some(rates) = answer.rates {
            self.shared.rates.replace(rates);
        }
        self.asking.hear(answer.state);
        answer.rejected.map_or(0, |(spans, _)| spans)
    }

    /// Waits before the next attempt, as long as was asked for, if anything was; tells whether there should be one.
    pub(super) fn pause(&mut self, failures: u32, asked: Option<Duration>, give_up: Instant) -> bool {
        let now = Instant::now();
        let own = now + self.backoff.pause(failures);
        self.not_before = asked.map(|asked| now + asked.min(LONGEST_ASKED));
        match self.not_before {
            // One such pause may end after the time for this payload.
            Some(until) if now < give_up => self.rest(until.max(own)),
            Some(_) => false,
            None => own < give_up && self.rest(own),
        }
    }

    /// Waits until then; tells whether there is time for an attempt. The end of the program cuts a pause short.
    fn rest(&self, until: Instant) -> bool {
        let mut state = self.shared.lock();
        loop {
            let now = Instant::now();
            if let Some(deadline) = state.closing {
                // At the end there is no waiting for an agent that is known to be down.
                return now < deadline && !self.report.is_outage();
            }
            if now >= until {
                return true;
            }
            state = self.shared.wait(state, until - now);
        }
    }
}

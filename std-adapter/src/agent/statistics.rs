//! Statistics on their way to the agent: when they are due, and what happens if it does not take them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::info::Info;
use super::worker::Worker;
use crate::deadline;
use crate::error::SendError;
use crate::pipeline::Trace;
use crate::stats::{Concentrator, Counted};

/// How often the same statistics are sent. What comes meanwhile must not wait for long.
const ATTEMPTS: u32 = 3;

/// How long the thread sleeps at most while something is counted: the system's clock may be set.
const LOOK: Duration = Duration::from_secs(10);

/// The agent knows no statistics, whatever it said.
const NOT_FOUND: u16 = 404;

/// The spans that are counted.
pub(super) struct Counting {
    concentrator: Concentrator,
    /// Whether the agent takes statistics.
    is_on: bool,
    /// How often all was asked for, how often that was taken, and how often it was sent.
    asked: u64,
    taken: u64,
    sent: u64,
    /// The spans in what was taken, for as long as it is neither sent nor dropped.
    under_way: u64,
    /// Payloads so far.
    sequence: u64,
}

impl Counting {
    /// Nothing is counted before the agent said that it takes that.
    pub(super) fn new() -> Self {
        Self {
            concentrator: Concentrator::new(),
            is_on: false,
            asked: 0,
            taken: 0,
            sent: 0,
            under_way: 0,
            sequence: 0,
        }
    }

    /// Whether spans are to be counted.
    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    /// Does as the agent says; whether spans are to be counted.
    pub(super) fn follow(&mut self, info: &Info) -> bool {
        self.is_on = info.takes_stats();
        self.concentrator.set_kinds(info.span_kinds_stats_computed.as_deref());
        self.concentrator.set_peer_tags(&info.peer_tags);
        self.is_on
    }

    /// Counts the spans of a trace; whether there was nothing before.
    pub(super) fn add(&mut self, trace: &Trace) -> bool {
        let was_empty = self.concentrator.is_empty();
        self.concentrator.add(trace, now());
        was_empty && !self.concentrator.is_empty()
    }

    /// Has all be taken; returns what [`has_sent`](Self::has_sent) is to be asked.
    pub(super) fn ask(&mut self) -> u64 {
        self.asked += 1;
        self.asked
    }

    /// Whether what was asked for then is done with.
    pub(super) fn has_sent(&self, asked: u64) -> bool {
        self.sent >= asked
    }

    /// In how long something is due.
    pub(super) fn due_in(&self) -> Option<Duration> {
        self.concentrator.due_in(now()).map(|due| Duration::from_nanos(due).min(LOOK))
    }

    /// What is due, all if `closes`.
    pub(super) fn take(&mut self, closes: bool) -> Option<Vec<Counted>> {
        let is_asked = self.asked != self.taken;
        self.taken = self.asked;
        let all = self.concentrator.take(now(), closes || is_asked);
        self.under_way += all.iter().map(Counted::spans).sum::<u64>();
        (is_asked || !all.is_empty()).then_some(all)
    }

    /// How many spans were counted and neither sent nor dropped.
    pub(super) fn held(&self) -> u64 {
        self.concentrator.held() + self.under_way
    }

    /// How many spans were counted together with others.
    pub(super) fn overflowed(&self) -> u64 {
        self.concentrator.overflowed()
    }

    /// Drops what is held; tells how many spans that were.
    pub(super) fn give_up(&mut self) -> u64 {
        self.is_on = false;
        self.concentrator.take(now(), true).iter().map(Counted::spans).sum()
    }
}

impl Worker {
    /// Sends what was taken, a payload at a time, and counts what became of it.
    pub(super) fn send_statistics(&mut self, all: Vec<Counted>) {
        for counted in all {
            let spans = counted.spans();
            let sequence = self.shared.lock().counting.as_mut().map_or(0, |counting| {
                counting.sequence += 1;
                counting.sequence
            });
            let result = self.deliver_statistics(&counted.encode(sequence));
            let mut guard = self.shared.lock();
            let state = &mut *guard;
            if let Some(counting) = &mut state.counting {
                counting.under_way = counting.under_way.saturating_sub(spans);
            }
            let Err(error) = result else {
                state.stats.statistics.sent += spans;
                continue;
            };
            state.stats.statistics.dropped += spans;
            if let SendError::Status { status: NOT_FOUND, .. } = error
                && let Some(counting) = &mut state.counting
            {
                counting.is_on = false;
                state.queue.set_counted(false);
            }
            // Who logs it may ask what was dropped.
            drop(guard);
            self.report.statistics_dropped(&error, spans);
        }
        if let Some(counting) = &mut self.shared.lock().counting {
            counting.sent = counting.taken;
        }
    }

    fn deliver_statistics(&mut self, body: &[u8]) -> Result<(), SendError> {
        let give_up = deadline::after(self.options.retry_for);
        let mut failures = 0;
        loop {
            let error = match self.peer.post_stats(body, self.timeout()) {
                Ok(()) => {
                    self.report.answered(self.dropped());
                    return Ok(());
                }
                Err(error) => error,
            };
            if !error.is_worth_a_retry() {
                self.report.answered(self.dropped());
                return Err(error);
            }
            failures += 1;
            self.report.failed(&error, self.dropped());
            if failures >= ATTEMPTS || !self.pause(failures, error.retry_after(), give_up) {
                return Err(error);
            }
            self.shared.lock().stats.retries += 1;
        }
    }
}

/// Nanoseconds since the Unix epoch.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

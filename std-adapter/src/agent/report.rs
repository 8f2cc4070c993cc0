//! What is logged of a client's troubles: enough to act on, once.

use std::time::{Duration, Instant};

use super::{Count, Stats};
use crate::error::SendError;

/// The same refusal is not logged again within this time.
const QUIET: Duration = Duration::from_secs(60);

/// One failed attempt is no outage: a kept connection may have been closed by the agent meanwhile.
const OUTAGE: u32 = 2;

/// The troubles so far.
pub(super) struct Report {
    agent: String,
    failures: u32,
    outage: Option<Outage>,
    refusal: Option<(String, Instant)>,
    /// When it was last said that statistics are not taken.
    statistics: Option<Instant>,
}

struct Outage {
    since: Instant,
    dropped: Count,
}

impl Report {
    /// Troubles with the agent at this address: none yet.
    pub(super) fn new(agent: String) -> Self {
        Self { agent, failures: 0, outage: None, refusal: None, statistics: None }
    }

    /// Whether the agent has failed often enough to be called down.
    pub(super) fn is_outage(&self) -> bool {
        self.outage.is_some()
    }

    /// An attempt failed in a way that may pass.
    pub(super) fn failed(&mut self, error: &SendError, stats: &Stats) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= OUTAGE && self.outage.is_none() {
            self.outage = Some(Outage { since: Instant::now(), dropped: stats.dropped() });
            log::warn!(
                "cannot send traces to the agent at {}: {error}; is it running there? Traces are kept until the queue \
                 is full, and it is tried again",
                self.agent
            );
        }
    }

    /// The agent answered an attempt in a final way.
    pub(super) fn answered(&mut self, stats: &Stats) {
        self.failures = 0;
        if let Some(outage) = self.outage.take() {
            let dropped = stats.dropped();
            log::warn!(
                "the agent at {} answers again after {:.1} s; {} traces ({} spans) were dropped meanwhile",
                self.agent,
                outage.since.elapsed().as_secs_f64(),
                dropped.traces - outage.dropped.traces,
                dropped.spans - outage.dropped.spans,
            );
        }
    }

    /// The agent does not take the smaller form.
    pub(super) fn downgraded(&self) {
        log::warn!(
            "the agent at {} does not take /v0.5/traces; /v0.4/traces is used from now on",
            self.agent
        );
    }

    /// Statistics were given up.
    pub(super) fn statistics_dropped(&mut self, error: &SendError, spans: u64) {
        // An outage is told of already.
        if self.outage.is_some() || self.statistics.is_some_and(|at| at.elapsed() < QUIET) {
            return;
        }
        self.statistics = Some(Instant::now());
        log::warn!(
            "the agent at {} did not take the statistics of {spans} spans: {error}; they are dropped, and so will be \
             others like them",
            self.agent
        );
    }

    /// The agent refused a payload for good.
    pub(super) fn refused(&mut self, error: &SendError, count: Count) {
        let reason = error.to_string();
        let now = Instant::now();
        let is_known = self.refusal.as_ref().is_some_and(|(known, at)| *known == reason && now - *at < QUIET);
        if !is_known {
            log::warn!(
                "the agent at {} refused {} traces ({} spans): {reason}; they are dropped, and so will be others like \
                 them",
                self.agent,
                count.traces,
                count.spans
            );
            self.refusal = Some((reason, now));
        }
    }
}

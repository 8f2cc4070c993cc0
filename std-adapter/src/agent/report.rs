//! What is logged of a client's troubles: enough to act on, once.

use std::time::{Duration, Instant};

use super::Count;
use crate::config::quote;
use crate::error::SendError;

/// The same refusal is not logged again within this time.
const QUIET: Duration = Duration::from_secs(60);

/// One failed attempt is no outage: a kept connection may have been closed by the agent meanwhile.
const OUTAGE: u32 = 2;

/// The troubles so far.
pub(super) struct Report {
    /// `the agent at ...`, or whoever it is.
    peer: String,
    failures: u32,
    outage: Option<Outage>,
    refusal: Option<(String, Instant)>,
    /// When it was last said that statistics are not taken.
    statistics: Option<Instant>,
    /// When it was last said that something is too large.
    too_large: Option<Instant>,
}

struct Outage {
    since: Instant,
    dropped: Count,
}

impl Report {
    /// Troubles with whoever goes by these words: none yet.
    pub(super) fn new(peer: String) -> Self {
        Self { peer, failures: 0, outage: None, refusal: None, statistics: None, too_large: None }
    }

    /// Whether the agent has failed often enough to be called down.
    pub(super) fn is_outage(&self) -> bool {
        self.outage.is_some()
    }

    /// An attempt failed in a way that may pass.
    pub(super) fn failed(&mut self, error: &SendError, dropped: Count) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= OUTAGE && self.outage.is_none() {
            self.outage = Some(Outage { since: Instant::now(), dropped });
            log::warn!(
                "cannot send traces to {}: {error}; is it running there? Traces are kept until the queue \
                 is full, and it is tried again",
                self.peer
            );
        }
    }

    /// The agent answered an attempt in a final way.
    pub(super) fn answered(&mut self, dropped: Count) {
        self.failures = 0;
        if let Some(outage) = self.outage.take() {
            log::warn!(
                "{} answers again after {:.1} s; {} traces ({} spans) were dropped meanwhile",
                self.peer,
                outage.since.elapsed().as_secs_f64(),
                dropped.traces - outage.dropped.traces,
                dropped.spans - outage.dropped.spans,
            );
        }
    }

    /// The agent does not take the smaller form.
    pub(super) fn downgraded(&self) {
        log::warn!("{} does not take /v0.5/traces; /v0.4/traces is used from now on", self.peer);
    }

    /// Statistics were given up.
    pub(super) fn statistics_dropped(&mut self, error: &SendError, spans: u64) {
        // An outage is told of already.
        if self.outage.is_some() || self.statistics.is_some_and(|at| at.elapsed() < QUIET) {
            return;
        }
        self.statistics = Some(Instant::now());
        log::warn!(
            "{} did not take the statistics of {spans} spans: {error}; they are dropped, and so will be others like them",
            self.peer
        );
    }

    /// So much was dropped so far because it is too large.
    pub(super) fn too_large(&mut self, count: Count) {
        if self.too_large.is_some_and(|at| at.elapsed() < QUIET) {
            return;
        }
        self.too_large = Some(Instant::now());
        log::warn!(
            "{} spans so far are larger than a payload to {} may be; they are dropped, and so will be others like them",
            count.spans,
            self.peer
        );
    }

    /// A payload was refused for good.
    pub(super) fn refused(&mut self, error: &SendError, count: Count) {
        let reason = error.to_string();
        if self.is_news(&reason) {
            log::warn!(
                "{} refused {} traces ({} spans): {reason}; they are dropped, and so will be others like them",
                self.peer,
                count.traces,
                count.spans
            );
        }
    }

    /// A payload was taken, but for so many spans; without any it is a warning.
    pub(super) fn rejected(&mut self, spans: u64, words: &str) {
        let words = quote(words);
        if self.is_news(&words) {
            log::warn!("{} did not take {spans} spans of a payload that it took: {words}", self.peer);
        }
    }

    /// Whether this was not said within a while.
    fn is_news(&mut self, reason: &str) -> bool {
        let now = Instant::now();
        let is_known = self.refusal.as_ref().is_some_and(|(known, at)| known == reason && now - *at < QUIET);
        if !is_known {
            self.refusal = Some((reason.to_owned(), now));
        }
        !is_known
    }
}

/// The thread that sends to whoever goes by these words is gone.
pub(super) fn panicked(peer: &str) {
    log::error!(
        "the thread that sends to {peer} panicked, as it was told above: nothing is sent there from here on; mend what panicked, \
         a log of this program's, or report it"
    );
}

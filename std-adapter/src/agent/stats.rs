//! What became of the traces given to a client.

use std::collections::BTreeMap;
use std::ops::{Add, AddAssign};

/// A number of traces, and of the spans in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Traces, or parts of them: chunks.
    pub traces: u64,
    /// Spans.
    pub spans: u64,
}

impl Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { traces: self.traces + other.traces, spans: self.spans + other.spans }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Spans that were counted for [statistics](crate::stats), by what became of those.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// In statistics that the agent took.
    pub sent: u64,
    /// In statistics that it did not take.
    pub dropped: u64,
    /// Counted together with others, because there were too many kinds of spans.
    pub overflowed: u64,
}

/// Sent, and dropped by cause. A span given to a client is in exactly one of these counts, or still held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Taken by the agent, or the endpoint of OpenTelemetry's.
    pub sent: Count,
    /// Payloads taken by the agent.
    pub payloads_sent: u64,
    /// Bytes of the payloads taken by the agent.
    pub bytes_sent: u64,
    /// Attempts beyond the first of each payload.
    pub retries: u64,
    /// Not sent because they are sampled out, and only in statistics: with [`Options::stats`](super::Options::stats).
    pub sampled_out: Count,
    /// What became of the statistics.
    pub statistics: Statistics,
    /// Refused because the queue was full.
    pub dropped_queue_full: Count,
    /// Refused because a single span was larger than a payload may be.
    pub dropped_too_large: Count,
    /// Not meant for an endpoint of OpenTelemetry's, as it was decided that they are not kept; the agent gets them.
    pub not_kept: Count,
    /// Refused by the agent, by HTTP status; 200: the payload was taken, and of its spans so many not.
    pub dropped_refused: BTreeMap<u16, Count>,
    /// Given up because no answer came.
    pub dropped_unreachable: Count,
    /// Given up because the agent went on answering 408, 429 or 5xx.
    pub dropped_overloaded: Count,
    /// Still held when the client ended, or given to it later.
    pub dropped_at_exit: Count,
}

impl Stats {
    /// Refused by the agent, whatever the status.
    pub fn refused(&self) -> Count {
        self.dropped_refused.values().fold(Count::default(), |sum, &count| sum + count)
    }

    /// All that was dropped.
    pub fn dropped(&self) -> Count {
        self.dropped_queue_full
            + self.dropped_too_large
            + self.refused()
            + self.dropped_unreachable
            + self.dropped_overloaded
            + self.dropped_at_exit
    }
}

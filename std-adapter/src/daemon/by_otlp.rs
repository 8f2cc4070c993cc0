//! What a bridge sent by OpenTelemetry's protocol, in numbers.

use serde::Serialize;

use crate::agent::Stats;

/// What went out by OpenTelemetry's protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ByOtlp {
    /// Spans the endpoint took.
    pub spans_sent: u64,
    /// Traces, or parts of them, it took.
    pub traces_sent: u64,
    /// Spans that were not sent because it was decided that they are not kept.
    pub spans_not_kept: u64,
    /// Spans that were not sent for any other reason.
    pub spans_dropped: u64,
    /// Attempts to send beyond the first.
    pub retries: u64,
}

impl ByOtlp {
    pub(super) fn new(stats: &Stats) -> Self {
        Self {
            spans_sent: stats.sent.spans,
            traces_sent: stats.sent.traces,
            spans_not_kept: stats.not_kept.spans,
            spans_dropped: stats.dropped().spans,
            retries: stats.retries,
        }
    }
}

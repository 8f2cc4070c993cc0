//! What became of a program's own spans.

use crate::{agent, pipeline};

/// What became of the spans so far.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// What was dropped while it was recorded.
    pub recorder: microspan::Stats,
    /// What went through the pipeline.
    pub pipeline: pipeline::Counters,
    /// What became of the traces after that.
    pub agent: agent::Stats,
    /// The same by OpenTelemetry's protocol, if traces go out so ([`Config::exporters`](crate::config::Config::exporters)).
    pub otlp: agent::Stats,
    /// How often the system's clock was set, or the machine slept.
    pub clock_jumps: u64,
    /// How many texts of more than 255 bytes were cut because there was no room for them.
    pub texts_cut: u64,
}

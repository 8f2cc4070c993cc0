//! What lines of logs say of their spans.

use super::reader::Reader;

pub(super) const INJECTION: &str = "DD_LOGS_INJECTION";
pub(super) const LONG_IDS: &str = "DD_TRACE_128_BIT_TRACEID_LOGGING_ENABLED";

/// What lines of logs say of their spans. Both are so unless somebody says otherwise: a line says nothing before a formatter asks,
/// and Datadog finds it by either form of a trace's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logs {
    /// Whether they name them at all.
    pub are_injected: bool,
    /// Whether they name all 128 bits of a trace's id, in hexadecimal; otherwise its lower half, in decimal.
    pub long_ids: bool,
}

impl Default for Logs {
    fn default() -> Self {
        Self { are_injected: true, long_ids: true }
    }
}

pub(super) fn read(reader: &mut Reader) -> Logs {
    let default = Logs::default();
    Logs {
        are_injected: reader.truth(INJECTION, default.are_injected),
        long_ids: reader.truth(LONG_IDS, default.long_ids),
    }
}

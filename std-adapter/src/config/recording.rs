//! What spans are recorded with: their ids, and the stacks of panics.

use super::reader::Reader;

pub(super) const LONG_IDS: &str = "DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED";
pub(super) const STACK: &str = "DD_TRACE_SPAN_TRACEBACK_MAX_SIZE";

/// How many calls a stack shows when nobody says otherwise.
const FRAMES: usize = 30;

/// Whether the ids of traces that begin here have 128 bits.
pub(super) fn long_trace_ids(reader: &mut Reader) -> bool {
    reader.truth(LONG_IDS, true)
}

/// How many calls a panic's stack has at most.
pub(super) fn stack_frames(reader: &mut Reader) -> usize {
    let parse = |value: &str| value.parse().map_err(|_| format!("not a number of calls; {FRAMES} is used"));
    reader.read(STACK, &[STACK], parse).unwrap_or(FRAMES)
}

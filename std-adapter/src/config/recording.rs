//! What spans are recorded with: their ids, and the stacks of panics.

use super::reader::Reader;

pub(super) const LONG_IDS: &str = "DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED";
pub(super) const STACK: &str = "DD_TRACE_SPAN_TRACEBACK_MAX_SIZE";

/// How many calls a stack shows when nobody says otherwise.
const FRAMES: usize = 30;

/// Looks at whether trace ids are to have 64 bits: they are derived from the key of their process, in 128 bits, and a device's from its own.
/// Datadog calls the variable deprecated.
pub(super) fn ids(reader: &mut Reader) {
    if let Some((variable, value)) = reader.first(&[LONG_IDS])
        && !reader.truth(LONG_IDS, true)
    {
        reader.warn(variable, value, "new trace ids have 128 bits all the same".to_owned());
        reader.stays(LONG_IDS);
    }
}

/// How many calls a panic's stack has at most.
pub(super) fn stack_frames(reader: &mut Reader) -> usize {
    let parse = |value: &str| value.parse().map_err(|_| format!("not a number of calls; {FRAMES} is used"));
    reader.read(STACK, &[STACK], parse).unwrap_or(FRAMES)
}

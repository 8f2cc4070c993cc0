//! The identity of a span in at most 26 bytes, for links where a header is too much: CAN, BLE, a UART.

use crate::span_context::SpanContext;

/// The longest [compact form](encode), in bytes.
///
/// ```
/// use microspan::SpanContext;
/// use microspan::propagation::{MAX_COMPACT, encode};
/// let caller = SpanContext { trace_id: 7 << 64 | 8, span_id: 9, sampling_priority: Some(2) };
/// assert_eq!(encode(&caller, Some(4)).len(), MAX_COMPACT);
/// ```
pub const MAX_COMPACT: usize = 26;

/// The trace's id has 128 bits.
const LONG: u8 = 1 << 3;
/// Behind the ids stands the mechanism that decided on the trace.
const DECIDED: u8 = 1 << 4;
/// What a receiver of this version does not know.
const UNKNOWN: u8 = !(LONG | DECIDED | 7);

/// A span's context as bytes, and the number of Datadog's mechanism that decided on its trace, if it is to travel too.
///
/// `PROTOCOL.md` specifies them. A priority beyond -1 to 2 is taken to these bounds.
///
/// ```
/// use microspan::SpanContext;
/// use microspan::propagation::{decode, encode};
/// let caller = SpanContext { trace_id: 7, span_id: 9, sampling_priority: Some(1) };
/// let bytes = encode(&caller, None);
/// assert_eq!(bytes, [3, 7, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
/// assert_eq!(decode(&bytes), Some((caller, None)));
/// ```
pub fn encode(context: &SpanContext, decided_by: Option<u8>) -> heapless::Vec<u8, MAX_COMPACT> {
    let is_long = context.trace_id >> 64 != 0;
    let priority = context.sampling_priority.map_or(0, |priority| (priority.clamp(-1, 2) + 2) as u8);
    let flags = priority | if is_long { LONG } else { 0 } | if decided_by.is_some() { DECIDED } else { 0 };
    let half = if is_long { 16 } else { 8 };
    core::iter::once(flags)
        .chain(context.trace_id.to_le_bytes().into_iter().take(half))
        .chain(context.span_id.to_le_bytes())
        .chain(decided_by)
        .collect()
}

/// What [`encode`] made: `None` if that is something else, or of a later version.
///
/// ```
/// use microspan::propagation::decode;
/// let frame = [3, 7, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0];
/// let (caller, _) = decode(&frame).unwrap();
/// assert_eq!((caller.trace_id, caller.span_id, caller.sampling_priority), (7, 9, Some(1)));
/// assert!(decode(b"noise").is_none());
/// ```
pub fn decode(bytes: &[u8]) -> Option<(SpanContext, Option<u8>)> {
    let (flags, rest) = bytes.split_first()?;
    let (trace, rest) = rest.split_at_checked(if flags & LONG != 0 { 16 } else { 8 })?;
    let (span, rest) = rest.split_first_chunk()?;
    let mut trace_id = [0; 16];
    trace_id.iter_mut().zip(trace).for_each(|(to, from)| *to = *from);
    let sampling_priority = match flags & 7 {
        0 => None,
        told @ 1..=4 => Some(told as i8 - 2),
        _ => return None,
    };
    let decided_by = match (flags & DECIDED != 0, rest) {
        (false, []) => None,
        (true, [mechanism]) => Some(*mechanism),
        _ => return None,
    };
    let context = SpanContext {
        trace_id: u128::from_le_bytes(trace_id),
        span_id: u64::from_le_bytes(*span),
        sampling_priority,
    };
    (flags & UNKNOWN == 0).then_some((context, decided_by))
}

//! What the counter asks the kitchen, and the answer, each a datagram.
//!
//! | call | bytes |
//! | --- | --- |
//! | number of the order | 4, little endian |
//! | context of the span that calls | the compact form, at most 26 |
//!
//! | answer | bytes |
//! | --- | --- |
//! | number of the order | 4, little endian |
//! | whether the sandwich is made | 1: 1 or 0 |

use heapless::Vec;
use microspan::SpanContext;
use microspan::propagation::{MAX_COMPACT, encode};

/// The port at which a kitchen hears calls.
pub const PORT: u16 = 7_000;

/// The number of an order.
const NUMBER: usize = 4;

/// The longest call, in bytes.
pub const MAX_CALL: usize = NUMBER + MAX_COMPACT;

/// What decided on a trace that begins on a device without a sampler: nobody in particular.
const BY_DEFAULT: u8 = 0;

/// The call that has this order made on behalf of this span.
pub fn call(order: u32, caller: Option<&SpanContext>) -> Vec<u8, MAX_CALL> {
    let context = caller.map(|caller| encode(caller, Some(BY_DEFAULT))).unwrap_or_default();
    order.to_le_bytes().into_iter().chain(context).collect()
}

/// The number of the order, and the bytes of the caller's context; `None` where it is no call.
pub fn heard(datagram: &[u8]) -> Option<(u32, &[u8])> {
    let (number, context) = datagram.split_first_chunk()?;
    Some((u32::from_le_bytes(*number), context))
}

/// The answer to a call.
pub fn answer(order: u32, is_made: bool) -> [u8; NUMBER + 1] {
    let [a, b, c, d] = order.to_le_bytes();
    [a, b, c, d, u8::from(is_made)]
}

/// Whether the order is made; `None` where it is no answer to that order.
pub fn answered(datagram: &[u8], order: u32) -> Option<bool> {
    [true, false].into_iter().find(|is_made| answer(order, *is_made) == datagram)
}

#[cfg(test)]
mod tests {
    use super::*;
    use microspan::propagation::decode;

    #[test]
    fn a_call_carries_its_order_and_all_of_its_context() {
        let caller = SpanContext { trace_id: 1 << 127 | 7, span_id: 9, sampling_priority: Some(1) };
        let call = call(300, Some(&caller));
        assert_eq!(call.len(), MAX_CALL);
        let (order, context) = heard(&call).unwrap();
        assert_eq!((order, decode(context)), (300, Some((caller, Some(BY_DEFAULT)))));
    }

    #[test]
    fn a_call_without_a_span_is_heard_and_noise_is_not() {
        assert_eq!(heard(&call(7, None)), Some((7, &[][..])));
        assert_eq!(heard(&[1, 2, 3]), None);
    }

    #[test]
    fn an_answer_is_that_of_its_own_order() {
        assert_eq!(answered(&answer(7, true), 7), Some(true));
        assert_eq!(answered(&answer(7, false), 7), Some(false));
        assert_eq!(answered(&answer(8, true), 7), None);
        assert_eq!(answered(&[7, 0, 0, 0, 2], 7), None);
        assert_eq!(answered(&[7, 0, 0, 0], 7), None);
    }
}

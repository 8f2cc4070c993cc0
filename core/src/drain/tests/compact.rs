//! How many bytes a tag takes.

use super::*;

/// The length of a packet with one span, whose names were told before, and which has these tags.
fn packet(values: &[Value<'static>]) -> usize {
    let clock: &'static Hand = Box::leak(Box::new(Hand(AtomicU64::new(1 << 33))));
    let arena = Box::leak(Box::new(Arena::<8, 16>::new()));
    let tracer: &'static Tracer = Box::leak(Box::new(Tracer::new(arena, clock)));
    let mut drain = Drain::<256>::new(tracer, Session::new(1)).unwrap();
    let mut link = Kept::default();
    for values in [&[Value::Bool(true); 3], values] {
        let span = tracer.trace("s");
        for (key, value) in ["a", "b", "c"].into_iter().zip(values) {
            span.set_tag(key, *value);
        }
        drop(span);
        send_all(&mut drain, &mut link);
    }
    link.packets.pop().unwrap().len()
}

#[test]
fn a_scalar_tag_takes_at_most_three_bytes_and_its_value() {
    let without = packet(&[]);
    for (value, len) in [
        (Value::Bool(false), 0),
        (Value::Bool(true), 0),
        (Value::U64(0), 1),
        (Value::U64(127), 1),
        (Value::U64(300), 2),
        (Value::U64(u64::MAX), 10),
        (Value::I64(-64), 1),
        (Value::I64(-1000), 2),
        (Value::I64(i64::MIN), 10),
        (Value::F32(0.1), 4),
        (Value::F64(0.1), 8),
        (Value::Static("c"), 1),
    ] {
        assert_eq!(packet(&[value]) - without, 3 + len, "{value:?}, and the number of tags");
        assert_eq!(packet(&[value; 3]) - packet(&[value; 2]), 2 + len, "{value:?}, one more");
    }
}

//! How many bytes a span and a tag take.

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
    ]
    .into_iter()
    .step_by(if cfg!(miri) { 4 } else { 1 })
    {
        assert_eq!(packet(&[value]) - without, 3 + len, "{value:?}, and the number of tags");
        assert_eq!(packet(&[value; 3]) - packet(&[value; 2]), 2 + len, "{value:?}, one more");
    }
}

#[test]
fn a_tagless_child_in_a_full_packet_takes_at_most_nine_bytes() {
    const MTU: usize = if cfg!(miri) { 192 } else { 1472 };
    let (tracer, clock) = setup::<256, 4>();
    let mut drain = Drain::<MTU>::new(tracer, Session::new(u64::MAX / 3)).unwrap();
    let mut link = Kept::default();
    let _root = tracer.trace("root");
    for _ in 0..if cfg!(miri) { 0 } else { 20 } {
        for _ in 0..100 {
            clock.turn(7);
            let child = tracer.trace("child");
            clock.turn(90);
            drop(child);
        }
        drain.poll(&mut link).unwrap();
        link.packets.clear();
    }
    if cfg!(miri) {
        // The packet that says what the session is, and has less room.
        drain.poll(&mut link).unwrap();
    }
    (0..MTU / 7).for_each(|_| drop(tracer.trace("child")));
    drain.poll(&mut link).unwrap();
    let packet = link.packets.last().unwrap();
    let spans = read(&link.packets[link.packets.len() - 1..]).len();
    assert!(packet.len() > MTU - 72, "a full packet: {}", packet.len());
    let header = if cfg!(miri) { 24 } else { 0 };
    assert!(packet.len() <= 9 * spans + header, "{} bytes for {spans} spans", packet.len());
}

//! What does not fit: packets, tables and syncs that are full.

use super::*;

#[test]
fn many_spans_go_in_packets_of_at_most_the_mtu() {
    let (tracer, clock) = setup::<64, 64>();
    let mut drain = Drain::<64>::new(tracer, Session::new(u64::MAX)).unwrap();
    let mut link = Kept::default();
    let (rounds, leaves) = if cfg!(miri) { (8u32, 4) } else { (50, 30) };
    for round in 0..rounds {
        let root = tracer.trace("root");
        for _ in 0..leaves {
            clock.turn(3);
            tracer.trace("leaf").set_tag("round", round);
        }
        drop(root);
        send_all(&mut drain, &mut link);
    }
    assert!(link.packets.iter().all(|packet| packet.len() <= 64));
    assert_eq!(read(&link.packets).len() as u32, rounds * (leaves + 1));
    assert_eq!(
        read(&link.packets).iter().filter(|line| line.contains("round=U64(7)")).count() as u32,
        leaves
    );
}

#[test]
fn a_span_that_fits_no_packet_goes_with_fewer_tags_and_is_marked() {
    let (tracer, _) = setup::<4, 64>();
    let mut drain = Drain::<64>::new(tracer, Session::new(1)).unwrap();
    let mut link = Kept::default();
    send_all(&mut drain, &mut link);
    let span = tracer.trace("s");
    span.set_tag("long", "a string that is longer than what a packet of sixty-four bytes holds");
    span.set_tag("short", 1u8);
    drop(span);
    drop(tracer.trace("after"));
    send_all(&mut drain, &mut link);
    let lines = read(&link.packets);
    assert!(lines[0].ends_with(" lost short=U64(1)"), "{}", lines[0]);
    assert_eq!(lines.len(), 2);
    let records = link.packets.iter().flat_map(|packet| Packet::parse(packet).unwrap().records());
    let counters = records
        .filter_map(|record| if let Ok(Record::Span(span)) = record { Some(span.counter) } else { None });
    assert!(counters.eq([1, 2]), "the retry starts from the same differences");
    assert_eq!(tracer.stats().tags_oversize, 1);
}

#[test]
fn names_beyond_the_table_are_sent_in_full() {
    let (tracer, _) = setup::<8, 16>();
    let mut drain = Drain::<256, 4>::new(tracer, Session::new(1)).unwrap();
    let mut link = Kept::default();
    for name in ["a", "b", "c", "d"] {
        tracer.trace(name).set_tag(name, Static(name));
    }
    send_all(&mut drain, &mut link);
    let lines: Vec<String> = read(&link.packets);
    for (line, name) in lines.iter().zip(["a", "b", "c", "d"]) {
        assert!(
            line.starts_with(&format!("{name} ")) && line.ends_with(&format!(" {name}={name}")),
            "{line}"
        );
    }
}

#[test]
fn an_overloaded_drain_with_a_small_mtu_and_many_global_tags_goes_on_delivering() {
    static MANY: [(&str, Value<'static>); 10] = [("a long global tag", Value::U64(u64::MAX)); 10];
    // A span that fits no packet beside a sync.
    const LARGE: &str = "a value of thirty bytes";
    let clock: &'static Hand = Box::leak(Box::new(Hand(AtomicU64::new(1 << 33))));
    let arena = Box::leak(Box::new(Arena::<8, 8>::new()));
    let tracer: &'static Tracer = Box::leak(Box::new(Tracer::new(arena, clock).tags(&MANY)));
    let mut drain = Drain::<64>::new(tracer, Session::new(1)).unwrap();
    let mut link = Kept::default();
    let (rounds, each) = if cfg!(miri) { (8, 10) } else { (20, 20) };
    for _ in 0..rounds {
        for _ in 0..each {
            tracer.trace("s").set_tag("k", LARGE);
        }
        clock.turn(2000);
        drain.poll(&mut link).unwrap();
    }
    assert!(drain.spans() >= rounds / 2, "{} spans in {rounds} packets", drain.spans());
}

#[test]
fn names_are_told_also_while_every_packet_is_full_of_spans() {
    let (tracer, _) = setup::<64, 4>();
    let mut drain = Drain::<64>::new(tracer, Session::new(1)).unwrap();
    let mut link = Kept::default();
    for _ in 0..if cfg!(miri) { 2 } else { 8 } {
        (0..60).for_each(|_| drop(tracer.trace("leaf")));
        drain.poll(&mut link).unwrap();
    }
    assert!(read(&link.packets).iter().all(|line| line.starts_with("leaf")), "{:?}", read(&link.packets));
}

#[test]
fn a_name_that_fits_a_packet_is_never_cut() {
    let (tracer, _) = setup::<16, 4>();
    let mut drain = Drain::<96>::new(tracer, Session::new(1)).unwrap();
    let mut link = Kept::default();
    let names = ["make_sandwich_request", "get_ingredients", "assemble_sandwich", "make_sandwich_again"];
    (0..4).for_each(|_| names.iter().for_each(|name| drop(tracer.trace(name))));
    send_all(&mut drain, &mut link);
    for packet in &link.packets {
        for record in Packet::parse(packet).unwrap().records() {
            if let Record::Name { text, .. } = record.unwrap() {
                assert!(names.contains(&text) || ["kitchen", "env", "rev", "test"].contains(&text), "{text}");
            }
        }
    }
    assert!(read(&link.packets).iter().all(|line| !line.contains('#')));
}

#[test]
fn a_service_that_is_too_long_holds_up_no_names_and_no_sync() {
    let long: &'static str = Box::leak("s".repeat(300).into_boxed_str());
    for mtu_is_small in [false, true] {
        let clock: &'static Hand = Box::leak(Box::new(Hand(AtomicU64::new(0))));
        let arena = Box::leak(Box::new(Arena::<8, 8>::new()));
        let tracer: &'static Tracer = Box::leak(Box::new(Tracer::new(arena, clock).service(long)));
        let mut link = Kept::default();
        drop(tracer.trace("leaf"));
        if mtu_is_small {
            send_all(&mut Drain::<64, 0>::new(tracer, Session::new(1)).unwrap(), &mut link);
        } else {
            send_all(&mut Drain::<1024>::new(tracer, Session::new(1)).unwrap(), &mut link);
        }
        assert_eq!(syncs(&link.packets)[0].frequency, 1000);
        assert!(read(&link.packets)[0].starts_with("leaf "), "{:?}", read(&link.packets));
    }
}

#[test]
fn more_global_tags_than_a_sync_can_carry_leave_it_readable() {
    static MANY: [(&str, Value<'static>); 40] = [("key", Value::Static("a value of some length")); 40];
    let clock: &'static Hand = Box::leak(Box::new(Hand(AtomicU64::new(0))));
    let arena = Box::leak(Box::new(Arena::<8, 8>::new()));
    let tracer: &'static Tracer = Box::leak(Box::new(Tracer::new(arena, clock).tags(&MANY)));
    let mut link = Kept::default();
    send_all(&mut Drain::<1024, 0>::new(tracer, Session::new(1)).unwrap(), &mut link);
    let sync = syncs(&link.packets)[0];
    assert!((1..40).contains(&sync.tags.count()), "{}", sync.tags.count());
}

#[test]
fn tags_beyond_what_a_span_can_carry_are_counted_and_the_span_marked() {
    let (tracer, _) = setup::<4, 512>();
    let mut drain = Drain::<1472>::new(tracer, Session::new(1)).unwrap();
    let mut link = Kept::default();
    let keys: &'static str = Box::leak("n".repeat(300).into_boxed_str());
    let span = tracer.trace("s");
    for at in 0..if cfg!(miri) { 0 } else { 300 } {
        // One text of one length at each address: 300 keys that read alike.
        span.set_tag(&keys[at..=at], true);
    }
    drop(span);
    if cfg!(miri) {
        return;
    }
    send_all(&mut drain, &mut link);
    let line = &read(&link.packets)[0];
    assert!(line.contains(" lost ") && line.matches("n=Bool(true)").count() == 255, "{line}");
    assert_eq!(tracer.stats().tags_oversize, 45);
}

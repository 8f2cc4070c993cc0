//! What roots say of the clock they were timed by.

use super::*;

/// A tracer, its clock, and its drain.
fn traced() -> (&'static Tracer, &'static Hand, Drain<256>) {
    let clock: &'static Hand = Box::leak(Box::new(Hand(AtomicU64::new(5_000))));
    let arena = Box::leak(Box::new(Arena::<8, 16>::new()));
    let tracer: &'static Tracer = Box::leak(Box::new(Tracer::new(arena, clock)));
    (tracer, clock, Drain::new(tracer, Session::new(7)).unwrap())
}

/// The host's time at a tick of the device.
fn host(tick: u64) -> Arrival {
    let monotonic = tick * 1_000_000;
    Arrival { unix: 1_000_000_000_000 + monotonic as i64, monotonic }
}

#[test]
fn a_root_says_by_how_much_its_clock_may_be_wrong_and_an_exchange_makes_that_less() {
    let (tracer, clock, mut drain) = traced();
    let (mut decoder, mut link) = (Decoder::new(), Packets::default());
    let mut turn = |decoder: &mut Decoder, delay: u64| {
        let (root, child) = (tracer.trace("request"), tracer.trace("get"));
        drop(child);
        drop(root);
        for request in decoder.take_timed_requests(host(clock.0.load(Ordering::Relaxed))) {
            assert!(drain.answer(&request));
        }
        clock.0.fetch_add(2, Ordering::Relaxed);
        let filled = clock.0.load(Ordering::Relaxed);
        while drain.poll(&mut link) == Ok(true) {}
        let mut spans = Vec::new();
        for packet in link.0.drain(..) {
            decoder.packet(&packet, host(filled + delay), &mut |span| spans.push(span));
        }
        let error = spans.iter().map(|span| (span.name.to_string(), span.clock_error)).collect::<Vec<_>>();
        let [(request, Some(error)), (get, None)] = &error[..] else { panic!("{error:?}") };
        assert_eq!((get.as_str(), request.as_str()), ("get", "request"));
        error.get()
    };
    let alone = turn(&mut decoder, 30);
    assert!((1_000_000_000..1_001_000_000).contains(&alone), "{alone} ns");
    let asked = turn(&mut decoder, 30);
    assert!((15_000_000..33_000_000).contains(&asked), "{asked} ns");
    assert_eq!((decoder.counters().exchanges, decoder.counters().exchanges_refused), (1, 0));
    assert_eq!(decoder.take_timed_requests(host(5_020)), [], "once a second");
}

#[test]
fn a_session_whose_link_was_down_until_the_reset_states_no_error() {
    let mut decoder = Decoder::new();
    let mut spans = Vec::new();
    for number in 0..12 {
        let records = [&forge::record(7, &[]), &forge::SYNC[..], &forge::root(number.into(), &[])].concat();
        let packet = forge::packet_at(1, number, 900, &records);
        decoder.packet(&packet, host(7_000_000 + u64::from(number) * 1_000), &mut |span| spans.push(span));
    }
    assert_eq!(spans.len(), 12);
    assert!(spans.iter().all(|span| span.clock_error.is_none()));
    assert!(spans.iter().all(|span| span.start == spans[0].start), "the same tick is the same time");
    assert_eq!((decoder.counters().unknown_records, decoder.counters().clocks_restarted), (0, 0));
}

#[test]
fn a_clock_that_runs_back_within_a_session_is_counted_and_a_new_session_has_one_of_its_own() {
    let mut decoder = Decoder::new();
    let mut starts = Vec::new();
    for (key, number, time) in [(1, 0, 900), (1, 1, 5), (2, 0, 3)] {
        let packet = forge::packet_at(key, number, time, &[&forge::SYNC[..], &forge::root(0, &[])].concat());
        let at = host(1_000_000 + starts.len() as u64 * 1_000);
        decoder.packet(&packet, at, &mut |span| starts.push(span.start / 1_000_000_000));
    }
    assert_eq!(starts, [2_000, 2_001, 2_002]);
    assert_eq!(decoder.counters().clocks_restarted, 1);
}

//! What devices say of themselves in counts, true or not.

use microspan::Callsites;

use super::forge::{SYNC, callsite, dropped, packet};
use super::*;

fn report(packets: &[Vec<u8>]) -> (Reported, Counters) {
    let mut decoder = Decoder::new();
    packets.iter().for_each(|packet| decoder.packet(packet, at(0), &mut |_| {}));
    (decoder.reported(), decoder.counters())
}

#[test]
fn what_a_device_dropped_and_counted_arrives_as_it_was() {
    static CLOCK: Hand = Hand(AtomicU64::new(5_000));
    static ARENA: Arena<4, 4> = Arena::new();
    static SITES: Callsites<8> = Callsites::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &CLOCK).callsites(&SITES);
    let mut drain = Drain::<128>::new(&TRACER, Session::new(7)).unwrap();
    let mut packets = Packets::default();
    for round in 0..30 {
        let request = TRACER.trace("request");
        request.set_tag("round", round).set_tag("of", 30).set_tag("milk", true);
        let pours: Vec<_> = (0..5).map(|_| TRACER.trace("pour")).collect();
        request.set_error_info("Spilt", "milk");
        drop((pours, request));
        CLOCK.0.fetch_add(200, Ordering::Relaxed);
        while drain.poll(&mut packets) == Ok(true) {}
    }
    CLOCK.0.fetch_add(600, Ordering::Relaxed);
    while drain.poll(&mut packets) == Ok(true) {}

    let (reported, counters) = report(&packets.0);
    let stats = TRACER.stats();
    assert_eq!(reported.dropped().spans_full, u64::from(stats.spans_full));
    assert_eq!(reported.dropped().tags_full, u64::from(stats.tags_full));
    assert_eq!((reported.dropped().spans(), reported.cores.len()), (u64::from(stats.spans_dropped()), 1));
    assert!(stats.spans_full == 60 && stats.tags_full > 0, "{stats:?}");
    assert_eq!(counters.unknown_records, 0);
    let told: Vec<_> = reported.callsites.iter().map(|(name, site)| (name.as_str(), *site)).collect();
    let site = |started, finished, errored, dropped| Callsite { started, finished, errored, dropped };
    assert_eq!(told, [("pour", site(150, 90, 0, 60)), ("request", site(30, 30, 30, 0))]);
}

#[test]
fn cores_and_causes_are_bounded_whatever_a_device_claims() {
    let mut decoder = Decoder::new();
    for core in 0..=255 {
        let records = (0..=255).flat_map(|cause| dropped(core, cause, u32::MAX));
        for (part, records) in records.collect::<Vec<_>>().chunks(9 * 140).enumerate() {
            decoder.packet(&packet(1, u32::from(core) * 2 + part as u32, records), at(0), &mut |_| {});
        }
    }
    let kept = decoder.sessions.values().next().unwrap().kept_counts();
    assert_eq!(kept, (256 * 9, 0));
    let (reported, counters) = (decoder.reported(), decoder.counters());
    assert_eq!((counters.unknown_records, counters.malformed), (256 * 247, 0));
    assert_eq!(reported.cores.len(), 256);
    assert_eq!(reported.dropped().spans_full, 256 * u64::from(u32::MAX));
}

#[test]
fn a_flood_of_callsites_is_bounded_and_counted() {
    let mut decoder = Decoder::new();
    for session in 1..=5 {
        for n in 0..3_000 {
            let record = callsite(&format!("site {n} of {session}"), [1, 0, 0, 0]);
            decoder.packet(&packet(session, n, &record), at(0), &mut |_| {});
        }
    }
    assert!(decoder.sessions.values().all(|session| session.kept_counts() == (0, 2048)));
    assert_eq!(decoder.counters().callsites_refused, 5 * (3_000 - 2_048));
    let callsites = decoder.reported().callsites;
    assert_eq!(callsites.len(), 4_097);
    assert_eq!(callsites.values().map(|site| site.started).sum::<u64>(), 5 * 2_048);
    assert_eq!(callsites["(other callsites)"].started, 5 * 2_048 - 4_096);
}

#[test]
fn callsites_of_one_name_are_added_up_and_a_missing_name_has_a_stand_in() {
    let by_index = |index: u8| forge::record(3, &[index + 2, 5, 4, 3, 2]);
    let records = [by_index(0), by_index(1), by_index(2), vec![1, 2, 0, b'a'], vec![1, 2, 1, b'a']].concat();
    let (reported, _) = report(&[packet(1, 0, &records)]);
    let names: Vec<_> = reported.callsites.iter().map(|(name, site)| (name.as_str(), site.started)).collect();
    assert_eq!(names, [("a", 10), ("name#2", 5)]);
}

#[test]
fn the_counts_of_a_forgotten_session_stay() {
    let mut decoder = Decoder::new();
    let records = [dropped(0, 0, 5), callsite("pour", [9, 4, 0, 5])].concat();
    for session in 0..SESSIONS as u64 + 3 {
        decoder.packet(&packet(session, 0, &records), at(session as usize), &mut |_| {});
    }
    let all = SESSIONS as u64 + 3;
    let reported = decoder.reported();
    assert_eq!((decoder.sessions.len(), reported.dropped().spans_full), (SESSIONS, 5 * all));
    assert_eq!(reported.callsites["pour"].started, 9 * all);
}

#[test]
fn fields_that_a_later_sender_adds_are_ignored() {
    let longer = |mut record: Vec<u8>| {
        record[1] += 2;
        record.extend([7, 7]);
        record
    };
    let records = [longer(dropped(3, 6, 5)), longer(callsite("pour", [9, 4, 0, 5]))].concat();
    let (reported, counters) = report(&[packet(1, 0, &records)]);
    assert_eq!((counters.malformed, reported.dropped().stale), (0, 5));
    assert_eq!(reported.callsites["pour"].dropped, 5);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn counts_are_the_newest_told_in_whatever_order_they_come(
        first in any::<u32>(),
        steps in prop::collection::vec(0u32..1 << 26, 1..20),
        order in any::<u64>(),
    ) {
        let (mut count, mut packets) = (u64::from(first), Vec::new());
        for (sequence, step) in steps.iter().enumerate() {
            count += u64::from(*step);
            let low = count as u32;
            let records = [dropped(2, 4, low), callsite("pour", [low, 0, low, 1])].concat();
            packets.push(packet(1, sequence as u32, &records));
        }
        // The first stays first: what it says is taken as it is.
        let len = packets.len() - 1;
        for n in 1..len {
            let other = (order.rotate_left(n as u32) % len as u64) as usize;
            packets[1..].swap(n, other);
        }
        let begin = u64::from((u64::from(first) + u64::from(steps[0])) as u32);
        let grown = count - u64::from(first) - u64::from(steps[0]);
        let (reported, _) = report(&packets);
        prop_assert_eq!(reported.dropped().tags_full, begin + grown);
        let site = reported.callsites["pour"];
        prop_assert_eq!((site.started, site.errored, site.dropped), (begin + grown, begin + grown, 1));
    }

    #[test]
    fn any_records_under_a_right_crc_are_taken_or_counted(
        bodies in prop::collection::vec((0u8..7, prop::collection::vec(any::<u8>(), 0..40)), 0..30),
        tail in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut records = SYNC.to_vec();
        bodies.iter().for_each(|(kind, body)| records.extend(forge::record(*kind, body)));
        records.extend(tail);
        let mut decoder = Decoder::new();
        let mut spans = 0;
        decoder.packet(&packet(1, 0, &records), at(0), &mut |_| spans += 1);
        decoder.flush(&mut |_| spans += 1);
        let counters = decoder.counters();
        prop_assert_eq!((counters.packets, counters.spans), (1, spans + counters.unclocked_spans));
        let _ = decoder.reported();
    }
}

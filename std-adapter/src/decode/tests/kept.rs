//! Packets that a broker kept for those that come late.

use super::*;

/// A packet that introduces the session of [`device`].
fn introduction(packets: &[Vec<u8>]) -> Vec<u8> {
    let is_sync = |packet: &&Vec<u8>| {
        Packet::parse(packet)
            .unwrap()
            .records()
            .any(|record| matches!(record, Ok(microspan::wire::Record::Sync(_))))
    };
    packets.iter().find(is_sync).expect("the first packet has a sync").clone()
}

#[test]
fn what_was_kept_makes_the_first_live_packet_whole_at_once_and_is_not_counted() {
    let packets = device(1, 25);
    let live = &packets[20];
    let (mut decoder, mut spans) = (Decoder::new(), Vec::new());
    decoder.packet(live, at(20), &mut |span| spans.push(span));
    assert_eq!(spans.len(), 0, "without it the packet waits");

    let mut decoder = Decoder::new();
    decoder.learn(&introduction(&packets));
    assert_eq!(decoder.counters(), Counters::default());
    decoder.packet(live, at(20), &mut |span| spans.push(span));
    assert_eq!(spans.len(), 3);
    assert!(spans.iter().all(|span| span.source.service.as_deref() == Some("kitchen")));
    let counters = decoder.counters();
    assert_eq!((counters.sessions, counters.packets, counters.spans), (1, 1, 3));
    assert_eq!((counters.lost_packets, counters.unnamed_spans, counters.duplicates), (0, 0, 0));
}

#[test]
fn what_was_kept_lets_packets_go_on_that_wait() {
    let packets = device(1, 25);
    let (mut decoder, mut spans) = (Decoder::new(), Vec::new());
    decoder.packet(&packets[20], at(20), &mut |span| spans.push(span));
    decoder.learn(&introduction(&packets));
    decoder.poll(at(20).monotonic, &mut |span| spans.push(span));
    assert_eq!(spans.len(), 3);
}

#[test]
fn what_was_kept_of_devices_that_are_gone_takes_no_session_its_place() {
    let live = device(1, 2);
    let (mut decoder, mut spans) = (Decoder::new(), Vec::new());
    decoder.packet(&live[0], at(1), &mut |span| spans.push(span));
    for session in 100..100 + 2 * SESSIONS as u64 {
        decoder.learn(&introduction(&device(session, 1)));
    }
    assert_eq!(decoder.sessions.len(), SESSIONS);
    // And a device that comes takes the place of one that was only heard of.
    decoder.packet(&device(2, 1)[0], at(2), &mut |span| spans.push(span));
    assert!(decoder.sessions.contains_key(&1) && decoder.sessions.contains_key(&2));
    assert_eq!(decoder.counters().sessions, 2);
}

#[test]
fn what_was_kept_and_is_no_packet_changes_nothing() {
    let mut decoder = Decoder::new();
    decoder.learn(b"");
    decoder.learn(&[2, 7, 9]);
    assert_eq!((decoder.counters(), decoder.sessions.len()), (Counters::default(), 0));
}

//! Packets of a real drain, as links deliver them: in order, late, damaged, doubled, shuffled, or not at all.

use std::sync::atomic::{AtomicU64, Ordering};

use microspan::wire::write_frame;
use microspan::{Arena, Clock, Drain, Refused, Session, Static, Tracer, Transport, Value as Tagged};
use proptest::prelude::*;

use super::*;
use crate::model::{Text, Value};

mod beyond;
mod clocks;
mod counts;
mod forge;
mod interrupts;
mod kept;
mod programs;
mod stacks;

/// Milliseconds, set by hand.
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn frequency(&self) -> u32 {
        1000
    }
}

#[derive(Default)]
struct Packets(Vec<Vec<u8>>);

impl Transport for Packets {
    type Error = ();

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<()>> {
        self.0.push(packet.to_vec());
        Ok(())
    }
}

/// A device that makes a trace of three spans a second and sends each in a packet of its own.
fn device(session: u64, traces: usize) -> Vec<Vec<u8>> {
    let clock: &'static Hand = Box::leak(Box::new(Hand(AtomicU64::new(5_000))));
    let arena = Box::leak(Box::new(Arena::<8, 16>::new()));
    let tags: &[_] = &[("env", Tagged::Static("test")), ("share", Tagged::F32(0.1)), ("env", Tagged::U64(3))];
    let tracer: &'static Tracer =
        Box::leak(Box::new(Tracer::new(arena, clock).service("kitchen").tags(tags)));
    let mut drain = Drain::<256>::new(tracer, Session::new(session)).unwrap();
    let mut packets = Packets::default();
    for order in 0..traces {
        let root = tracer.trace("request");
        root.set_tag("resource.name", "POST /sandwich").set_tag("order", order);
        for name in ["get", "assemble"] {
            clock.0.fetch_add(10, Ordering::Relaxed);
            let child = tracer.trace(name);
            clock.0.fetch_add(100, Ordering::Relaxed);
            child.set_tag("bread", Static("rye")).set_tag("share", 0.1f32);
        }
        clock.0.fetch_add(if order % 2 == 0 { 780 } else { 80 }, Ordering::Relaxed);
        drop(root);
        while drain.poll(&mut packets) == Ok(true) {}
    }
    packets.0
}

/// The `n`th packet arrives `n` seconds after the epoch.
fn at(n: usize) -> Arrival {
    Arrival { unix: n as i64 * 1_000_000_000, monotonic: n as u64 * 1_000_000_000 }
}

fn decode(packets: &[Vec<u8>]) -> (Vec<Span>, Counters) {
    let (mut decoder, mut spans) = (Decoder::new(), Vec::new());
    for (n, packet) in packets.iter().enumerate() {
        decoder.packet(packet, at(n), &mut |span| spans.push(span));
    }
    decoder.flush(&mut |span| spans.push(span));
    (spans, decoder.counters())
}

#[test]
fn a_trace_arrives_with_ids_fields_tags_and_times() {
    let (spans, counters) = decode(&device(77, 2));
    assert_eq!((counters.spans, counters.sessions, counters.lost_spans, spans.len()), (6, 1, 0, 6));
    let [root, get, assemble] = &spans[..3] else { panic!("{spans:?}") };
    let session = Session::new(77);
    assert_eq!((root.name.as_str(), root.parent_id), ("request", 0));
    assert_eq!((get.name.as_str(), get.parent_id), ("get", root.span_id));
    assert_eq!((assemble.name.as_str(), assemble.parent_id), ("assemble", root.span_id));
    assert_eq!(root.trace_id as u64, root.span_id);
    assert_eq!((get.trace_id, root.trace_id >> 64), (root.trace_id, session.trace_id(0) >> 64));
    assert_eq!(root.resource.as_deref(), Some("POST /sandwich"));
    assert_eq!((root.tags.len(), root.tag("order")), (1, Some(&Value::Uint(0))));
    assert_eq!(get.tag("bread"), Some(&Value::from("rye")));
    assert_eq!(get.tag("share"), Some(&Value::Float(0.1)));
    assert_eq!((root.duration, get.duration), (1_000_000_000, 100_000_000));
    assert_eq!((root.start, get.start), (-1_000_000_000, -990_000_000));
    assert_eq!(root.source.service.as_deref(), Some("kitchen"));
    let mut tags = root.source.tags.clone();
    tags.sort_by(|a, b| a.0.as_str().cmp(b.0.as_str()));
    let expected = [("env", Value::from("test")), ("share", Value::Float(0.1))];
    assert_eq!(tags, expected.map(|(key, value)| (Text::from(key), value)));
}

#[test]
fn a_host_that_comes_late_waits_for_names_and_the_sync() {
    let packets = device(1, 25);
    let (spans, counters) = decode(&packets[5..]);
    assert_eq!((spans.len(), counters.unnamed_spans), (20 * 3, 0));
    assert!(spans.iter().all(|span| span.source.service.as_deref() == Some("kitchen")));
    assert_eq!(counters.lost_spans, 0, "what went before was not lost on the way");
}

#[test]
fn a_name_that_never_comes_has_a_stand_in() {
    let packets = device(1, 3);
    let mut decoder = Decoder::new();
    let mut spans = Vec::new();
    decoder.packet(&packets[1], at(0), &mut |span| spans.push(span));
    decoder.packet(&packets[2], at(1), &mut |span| spans.push(span));
    assert_eq!(spans.len(), 0);
    decoder.poll(9_000_000_000, &mut |span| spans.push(span));
    assert_eq!(spans.len(), 0);
    decoder.poll(11_000_000_000, &mut |span| spans.push(span));
    assert_eq!(spans.len(), 6);
    assert!(spans.iter().any(|span| span.name.as_str().starts_with("name#")), "{spans:?}");
    assert_eq!(decoder.counters().unnamed_spans, 6);
}

#[test]
fn losses_on_the_way_are_counted_in_packets_and_spans() {
    let mut packets = device(1, 10);
    packets.drain(3..7);
    let (spans, counters) = decode(&packets);
    assert_eq!((spans.len(), counters.lost_packets, counters.lost_spans), (18, 4, 12));
}

#[test]
fn devices_do_not_disturb_each_other() {
    let (one, other) = (device(1, 5), device(2, 5));
    let mixed: Vec<_> = one.into_iter().zip(other).flat_map(|(a, b)| [a, b]).collect();
    let (spans, counters) = decode(&mixed);
    assert_eq!((spans.len(), counters.sessions, counters.lost_packets), (30, 2, 0));
}

#[test]
fn sessions_beyond_the_bound_push_out_the_silent_ones() {
    let mut decoder = Decoder::new();
    let mut spans = 0;
    for session in 0..SESSIONS + 9 {
        for packet in device(session as u64 + 1, 1) {
            decoder.packet(&packet, at(session), &mut |_| spans += 1);
        }
    }
    assert_eq!((decoder.sessions.len(), decoder.counters().forgotten_sessions), (SESSIONS, 9));
    assert_eq!(spans, (SESSIONS + 9) * 3);
}

#[test]
fn the_losses_of_a_forgotten_session_stay_counted() {
    let mut decoder = Decoder::new();
    let mut first = device(999, 4);
    first.drain(1..3);
    for packet in first {
        decoder.packet(&packet, at(0), &mut |_| {});
    }
    for session in 1..=SESSIONS as u64 {
        for packet in device(session, 1) {
            decoder.packet(&packet, at(1), &mut |_| {});
        }
    }
    let counters = decoder.counters();
    assert_eq!((counters.forgotten_sessions, counters.lost_packets, counters.lost_spans), (1, 2, 6));
}

#[test]
fn the_tags_of_a_span_take_the_memory_of_an_emptied_list_and_nothing_of_what_was_in_it() {
    let packets = device(1, 2);
    let (mut decoder, mut fresh) = (Decoder::new(), Vec::new());
    decoder.packet(&packets[0], at(0), &mut |span| fresh.push(span.tags));
    let mut list = fresh.swap_remove(0);
    assert!(!list.is_empty());
    list.clear();
    list.reserve_exact(50);
    let memory = list.as_ptr();
    let mut spare = vec![list];
    decoder.reuse(&mut spare);
    assert!(spare.is_empty());
    // While there are some left no others are taken.
    let mut others = vec![Vec::new()];
    decoder.reuse(&mut others);
    assert_eq!(others.len(), 1);
    let mut spans = Vec::new();
    decoder.packet(&packets[1], at(1), &mut |span| spans.push(span));
    let places: Vec<_> = spans.iter().map(|span| span.tags.as_ptr()).collect();
    assert_eq!(places.iter().filter(|place| **place == memory).count(), 1, "{spans:?}");
    let (anew, _) = decode(&packets);
    let tags = |spans: &[Span]| spans.iter().map(|span| span.tags.clone()).collect::<Vec<_>>();
    assert_eq!(tags(&spans), tags(&anew[3..]));
}

#[test]
fn a_stream_that_ends_within_a_frame_is_counted() {
    let mut line = Vec::new();
    for packet in device(1, 2) {
        write_frame(&packet, |bytes| {
            line.extend_from_slice(bytes);
            Ok::<_, ()>(())
        })
        .unwrap();
    }
    let (mut decoder, mut stream, mut spans) = (Decoder::new(), Stream::new(), 0);
    stream.bytes(&line[..line.len() - 9], at(0), &mut decoder, &mut |_| spans += 1);
    stream.finish(&mut decoder);
    decoder.flush(&mut |_| spans += 1);
    assert_eq!((spans, decoder.counters().frames_damaged), (3, 1));
}

#[test]
fn another_wire_version_is_counted_and_told_once() {
    let mut packet = device(1, 1).remove(0);
    packet[0] = 9;
    let content = packet.len() - 2;
    let crc = crc::Crc::<u16>::new(&crc::CRC_16_IBM_3740).checksum(&packet[..content]);
    packet[content..].copy_from_slice(&crc.to_le_bytes());
    let mut decoder = Decoder::new();
    decoder.packet(&packet, at(0), &mut |_| {});
    assert_eq!(decoder.counters().packets_of_other_version, 1);
    assert_eq!((decoder.take_other_version(), decoder.take_other_version()), (Some(9), None));
}

#[test]
fn waiting_packets_are_bounded_in_bytes() {
    // Traces shorter than the half second after which a device says its clock's rate again.
    let mut decoder = Decoder::new();
    let mut spans = 0;
    let packets = device(1, 12_000);
    let unsynced = packets.iter().skip(1).filter(|packet| {
        let packet = Packet::parse(packet).unwrap();
        !packet.records().any(|record| matches!(record, Ok(microspan::wire::Record::Sync(_))))
    });
    for packet in unsynced {
        decoder.packet(packet, at(0), &mut |_| spans += 1);
    }
    let session = decoder.sessions.values().next().unwrap();
    assert!(session.waiting_bytes() <= 256 * 1024);
    let counters = decoder.counters();
    assert_eq!(counters.spans, session.waiting_spans() + counters.unclocked_spans + spans);
    assert!(counters.unclocked_spans > 0 && spans == 0);
}

/// What happens to a packet on its way.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Arrives,
    IsLost,
    ComesTwice,
    SwapsWithTheNext,
    IsDamaged(u8),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Arrives),
        1 => Just(Fate::IsLost),
        1 => Just(Fate::ComesTwice),
        1 => Just(Fate::SwapsWithTheNext),
        1 => any::<u8>().prop_map(Fate::IsDamaged),
    ]
}

#[test]
fn a_list_that_is_used_again_brings_no_tags_of_other_spans() {
    let packets = device(1, 2);
    let mut decoder = Decoder::new();
    let mut lists = vec![vec![(Text::from("old"), Value::Bool(true))]; 20];
    decoder.reuse(&mut lists);
    let mut spans = Vec::new();
    for (n, packet) in packets.iter().enumerate() {
        decoder.packet(packet, at(n), &mut |span| spans.push(span));
    }
    assert!(lists.is_empty());
    assert_eq!(spans, decode(&packets).0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_was_sent_is_decoded_or_counted_as_lost(fates in prop::collection::vec(fate(), 38)) {
        let packets = device(1, 40);
        let (mut sent, mut lost, mut doubled, mut damaged) = (vec![packets[0].clone()], 0, 0, 0);
        let mut held: Option<Vec<u8>> = None;
        for (packet, fate) in packets[1..39].iter().zip(&fates) {
            match fate {
                Fate::Arrives => sent.push(packet.clone()),
                Fate::IsLost => lost += 1,
                Fate::ComesTwice => { sent.extend([packet.clone(), packet.clone()]); doubled += 1 }
                Fate::SwapsWithTheNext if held.is_none() => { held = Some(packet.clone()); continue }
                Fate::SwapsWithTheNext => sent.push(packet.clone()),
                Fate::IsDamaged(at) => {
                    let mut packet = packet.clone();
                    let at = usize::from(*at) % packet.len();
                    packet[at] ^= 0x10;
                    sent.push(packet);
                    (lost, damaged) = (lost + 1, damaged + 1);
                }
            }
            sent.extend(held.take());
        }
        sent.extend(held);
        sent.push(packets[39].clone());
        let (spans, counters) = decode(&sent);
        prop_assert_eq!(spans.len(), (40 - lost) * 3);
        prop_assert_eq!((counters.lost_packets, counters.lost_spans), (lost as u64, lost as u64 * 3));
        prop_assert_eq!((counters.duplicates, counters.packets_damaged), (doubled, damaged));
        let ids: std::collections::HashSet<u64> = spans.iter().map(|span| span.span_id).collect();
        prop_assert_eq!(ids.len(), spans.len());
    }

    #[test]
    fn any_bytes_on_a_stream_are_counted_and_do_not_stop_it(
        noise in prop::collection::vec(any::<u8>(), 0..2000),
        piece in 1usize..300,
    ) {
        let packets = device(1, 2);
        let mut line = noise;
        line.push(0);
        for packet in &packets {
            write_frame(packet, |bytes| { line.extend_from_slice(bytes); Ok::<_, ()>(()) }).unwrap();
        }
        let (mut decoder, mut stream, mut spans) = (Decoder::new(), Stream::new(), 0);
        for bytes in line.chunks(piece) {
            stream.bytes(bytes, at(0), &mut decoder, &mut |_| spans += 1);
        }
        prop_assert_eq!(spans, 6);
    }
}

//! From a tracer through packets and back, by the decoder that hosts use.

use super::*;
use crate::wire::{Packet, Record, Sync, TagValue, Text};
use crate::{Arena, Callsites, Clock, Context, Interrupts, Static, Stats, Value};
extern crate std;
use std::boxed::Box;
use std::collections::HashMap;
use std::format;
use std::string::{String, ToString};
use std::sync::atomic::AtomicU64;
use std::vec::Vec;

mod beyond;
mod compact;
mod contexts;
mod hear;
mod introduce;
mod limits;
mod long;
mod take;

struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> u64 {
        self.0.load(core::sync::atomic::Ordering::Relaxed)
    }

    fn frequency(&self) -> u32 {
        1000
    }
}

impl Hand {
    fn turn(&self, ticks: u64) {
        self.0.fetch_add(ticks, core::sync::atomic::Ordering::Relaxed);
    }
}

fn setup<const SPANS: usize, const TAGS: usize>() -> (&'static Tracer, &'static Hand) {
    static GLOBAL: [(&str, Value<'static>); 2] = [("env", Value::Static("test")), ("rev", Value::U64(3))];
    let clock: &'static Hand = Box::leak(Box::new(Hand(AtomicU64::new(1 << 33))));
    let arena = Box::leak(Box::new(Arena::<SPANS, TAGS>::new()));
    (Box::leak(Box::new(Tracer::new(arena, clock).service("kitchen").tags(&GLOBAL))), clock)
}

/// Keeps what it takes; refuses every call of which `refuses` says so.
#[derive(Default)]
struct Kept {
    packets: Vec<Vec<u8>>,
    refuses: Vec<bool>,
}

impl Transport for Kept {
    type Error = ();

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<()>> {
        if self.refuses.pop().unwrap_or(false) {
            return Err(Refused::WouldBlock);
        }
        self.packets.push(packet.to_vec());
        Ok(())
    }
}

fn send_all<const MTU: usize, const NAMES: usize>(drain: &mut Drain<MTU, NAMES>, link: &mut Kept) {
    while drain.poll(link) != Ok(false) {}
}

/// What a host makes of packets: spans as lines, names filled in at the end.
fn read(packets: &[Vec<u8>]) -> Vec<String> {
    let mut names: HashMap<u32, String> = HashMap::new();
    for packet in packets {
        for record in Packet::parse(packet).unwrap().records() {
            if let Record::Name { index, text } = record.unwrap() {
                names.insert(index, text.to_string());
            }
        }
    }
    let show = |text: Text<'_>| match text {
        Text::Name(index) => names.get(&index).cloned().unwrap_or(format!("name#{index}")),
        Text::Inline(text) => text.to_string(),
        Text::Address { address, length } => format!("str@{address:#x}+{length}"),
    };
    let value = |value: TagValue<'_>| match value {
        TagValue::Text(text) => show(text),
        TagValue::Cut(text) => format!("{}…", show(text)),
        other => beyond::shown(other, &show),
    };
    let mut lines = Vec::new();
    for packet in packets {
        for record in Packet::parse(packet).unwrap().records() {
            if let Record::Span(span) = record.unwrap() {
                let mut line = format!("{} {}+{}", show(span.name), span.start, span.duration);
                line += &span.parent.map(|parent| format!(" <{}", span.counter - parent)).unwrap_or_default();
                line += &format!(" ^{}", span.counter - span.trace);
                line += if span.error { " error" } else { "" };
                line += if span.lost_tags { " lost" } else { "" };
                line += &if span.interrupt == 0 { String::new() } else { format!(" !{}", span.interrupt) };
                line += &span.link.map(|link| format!(" ~{}", span.counter - link)).unwrap_or_default();
                line += &span.link_trace.map(|root| format!("^{}", span.counter - root)).unwrap_or_default();
                span.tags.for_each(|tag| line += &format!(" {}={}", show(tag.key), value(tag.value)));
                lines.push(line);
            }
        }
    }
    lines
}

fn syncs(packets: &[Vec<u8>]) -> Vec<Sync<'_>> {
    let records = packets.iter().flat_map(|packet| Packet::parse(packet).unwrap().records());
    records.filter_map(|record| if let Ok(Record::Sync(sync)) = record { Some(sync) } else { None }).collect()
}

/// What packets say was dropped on core 0.
fn dropped(packets: &[Vec<u8>]) -> Stats {
    dropped_on(packets, 0)
}

fn dropped_on(packets: &[Vec<u8>], on: u8) -> Stats {
    let mut counts = HashMap::new();
    for record in packets.iter().flat_map(|packet| Packet::parse(packet).unwrap().records()) {
        if let Record::Dropped { core, cause, count } = record.unwrap()
            && core == on
        {
            counts.insert(cause.unwrap(), count);
        }
    }
    Stats::of(|cause| counts.get(&cause).copied().unwrap_or_default())
}

#[test]
fn a_sandwich_arrives_with_its_times_parents_tags_and_error() {
    let (tracer, clock) = setup::<8, 16>();
    let mut drain = Drain::<1472>::new(tracer, Session::new(1)).unwrap();
    let request = tracer.trace("make_sandwich_request");
    clock.turn(5);
    let get = tracer.trace("get_ingredients");
    clock.turn(10);
    get.set_tag("bread", Static("rye")).set_tag("slices", 2u8).set_tag("for", "Ada");
    drop(get);
    let assemble = tracer.trace("assemble_sandwich");
    clock.turn(1);
    assemble.set_error_info("OutOfPickles", "the jar is empty");
    drop(assemble);
    drop(request);
    clock.turn(100);
    let mut link = Kept::default();
    send_all(&mut drain, &mut link);
    assert_eq!(link.packets.len(), 1);
    let t = 1u64 << 33;
    assert_eq!(
        read(&link.packets),
        [
            format!("make_sandwich_request {t}+16 ^0"),
            format!("get_ingredients {}+10 <1 ^1 for=Ada slices=U64(2) bread=rye", t + 5),
            format!(
                "assemble_sandwich {}+1 <2 ^2 error error.message=the jar is empty error.type=OutOfPickles",
                t + 15
            ),
        ]
    );
    let syncs = syncs(&link.packets);
    assert_eq!((syncs.len(), syncs[0].frequency), (1, 1000));
    assert_eq!(dropped(&link.packets), Stats::default());
    assert_eq!(syncs[0].tags.count(), 2);
    assert_eq!(drain.spans(), 3);
}

#[test]
fn a_tracer_has_one_drain() {
    let (tracer, _) = setup::<4, 4>();
    assert!(Drain::<64>::new(tracer, Session::new(1)).is_some());
    assert!(Drain::<64>::new(tracer, Session::new(2)).is_none());
}

#[test]
fn a_refused_packet_is_sent_again_and_nothing_is_lost() {
    let (tracer, _) = setup::<8, 4>();
    let mut drain = Drain::<64>::new(tracer, Session::new(1)).unwrap();
    let mut link = Kept { refuses: std::vec![true, false, true, true, false, true], ..Kept::default() };
    for _ in 0..20 {
        drop(tracer.trace("one"));
        let _ = drain.poll(&mut link);
    }
    send_all(&mut drain, &mut link);
    let lines = read(&link.packets);
    assert_eq!(lines.len() as u32 + tracer.stats().spans_full, 20);
    let sequences: Vec<u32> =
        link.packets.iter().map(|packet| Packet::parse(packet).unwrap().header().sequence).collect();
    assert!(sequences.iter().copied().eq(0..sequences.len() as u32));
    let before = link.packets.iter().map(|packet| Packet::parse(packet).unwrap().header().spans_before);
    assert!(before.is_sorted());
}

#[test]
fn a_listener_that_comes_late_learns_every_name_and_the_sync() {
    let (tracer, clock) = setup::<8, 8>();
    let mut drain = Drain::<256>::new(tracer, Session::new(1)).unwrap();
    let mut link = Kept::default();
    let mut round = || {
        for name in ["root", "leaf", "twig"] {
            tracer.trace(name).set_tag("n", 1u8);
        }
        clock.turn(100);
        send_all(&mut drain, &mut link);
        core::mem::take(&mut link.packets)
    };
    let _missed: Vec<_> = (0..10).map(|_| round()).collect();
    let heard: Vec<Vec<u8>> = (0..10).flat_map(|_| round()).collect();
    assert!(read(&heard).iter().all(|line| !line.contains('#')), "{:?}", read(&heard));
    assert!(!syncs(&heard).is_empty());
}

#[test]
fn drops_are_told_without_a_span_to_tell_them_with() {
    let (tracer, _) = setup::<4, 4>();
    let mut drain = Drain::<256>::new(tracer, Session::new(1)).unwrap();
    let mut link = Kept::default();
    send_all(&mut drain, &mut link);
    let held: Vec<_> = (0..7).map(|_| tracer.trace("held")).collect();
    send_all(&mut drain, &mut link);
    assert_eq!(dropped(&link.packets).spans_full, 3);
    drop(held);
    send_all(&mut drain, &mut link);
    let count = link.packets.len();
    send_all(&mut drain, &mut link);
    assert_eq!(link.packets.len(), count, "nothing new, nothing sent");
    drain.sync();
    send_all(&mut drain, &mut link);
    assert_eq!(link.packets.len(), count + 1);
}

#[test]
fn of_two_tags_with_one_key_only_the_later_travels() {
    let (tracer, _) = setup::<8, 64>();
    let mut drain = Drain::<256>::new(tracer, Session::new(1)).unwrap();
    let span = tracer.trace("s");
    for n in 0..20u8 {
        span.set_tag("n", n).set_tag("long", "a string of more than one cell");
    }
    drop(span);
    let mut link = Kept::default();
    send_all(&mut drain, &mut link);
    let line = &read(&link.packets)[0];
    assert!(line.ends_with(" long=a string of more than one cell n=U64(19)"), "{line}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        cases: if cfg!(miri) { 3 } else { 300 }, failure_persistence: None, ..Default::default()
    })]

    /// Also where a time crosses 2^32 ticks, or 2^31 between two spans.
    #[test]
    fn times_arrive_as_they_were_whatever_lies_between(
        turns in proptest::collection::vec((0u64..1 << 33, 0u64..1 << 33, proptest::bool::ANY), 1..12),
        origin in 0u64..1 << 45,
    ) {
        let (tracer, clock) = setup::<16, 4>();
        clock.turn(origin);
        let mut drain = Drain::<1472>::new(tracer, Session::new(1)).unwrap();
        let mut expected = Vec::new();
        for (pause, length, is_long) in turns {
            clock.turn(if is_long { pause } else { pause % 1000 });
            let span = tracer.trace("s");
            let start = clock.now();
            clock.turn(if is_long { length } else { length % 1000 });
            drop(span);
            expected.push(format!("s {start}+{} ^0", clock.now() - start));
        }
        let mut link = Kept::default();
        send_all(&mut drain, &mut link);
        proptest::prop_assert_eq!(read(&link.packets), expected);
    }
}

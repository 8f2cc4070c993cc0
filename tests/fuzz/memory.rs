//! The memory of the host is bounded, whatever valid packets come.

use std::sync::Arc;

use microspan_fuzz::counting;
use microspan_fuzz::forge::*;
use microspan_std::config::Tagging;
use microspan_std::decode::{Arrival, Decoder, Strings};
use microspan_std::msgpack::Payload;
use microspan_std::pipeline::{Assembler, Limits};

/// What the host holds of spans and traces, and of a payload: a part of the bound that ARCHITECTURE.md states.
const TRACES: isize = 160 << 20;

/// What it holds of sessions: the other part.
const ALL_SESSIONS: isize = 320 << 20;

/// How many spans each kind of sender sends. With optimization they are some millions in all.
const SPANS: u64 = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };

/// Sessions that speak by turns: as many as the host keeps.
const SESSIONS: u64 = 64;

/// What a payload may have, as before an agent.
const PAYLOAD: usize = 10_000_000;

/// Every address holds a text.
#[derive(Debug)]
struct Everything;

impl Strings for Everything {
    fn text(&self, _: &[u8], address: u64, length: u32) -> Option<String> {
        Some(format!("{address:0>width$}", width = length as usize))
    }
}

/// All of the host that lies between a link and the agent.
struct Host {
    decoder: Decoder,
    assembler: Assembler,
    payload: Payload,
    now: u64,
    spans: u64,
    packets: u64,
}

impl Host {
    fn new() -> Self {
        Self {
            decoder: Decoder::with_strings(Arc::new(Everything)),
            assembler: Assembler::new(Limits::default(), Tagging::default()),
            payload: Payload::new(),
            now: 1_000_000_000,
            spans: 0,
            packets: 0,
        }
    }

    /// Takes a packet of one of the sessions, a tenth of a millisecond after the last.
    fn hear(&mut self, packet: &[u8]) {
        self.now += 100_000;
        self.packets += 1;
        let Self { decoder, assembler, payload, now, spans, .. } = self;
        let at = Arrival { unix: *now as i64, monotonic: *now };
        let mut traces = |trace: &_| {
            if !payload.push(trace, PAYLOAD) {
                payload.clear();
            }
        };
        let mut out = |span| {
            *spans += 1;
            assembler.push(span, *now, &mut traces);
        };
        decoder.packet(packet, at, &mut out);
        if self.packets.is_multiple_of(500) {
            decoder.poll(*now, &mut out);
            assembler.poll(*now, &mut traces);
        }
        decoder.take_requests();
        for correction in decoder.take_corrections() {
            assembler.correct(correction.source, &correction.from, &correction.to);
        }
        decoder.reuse(assembler.spare_tag_lists());
    }
}

/// A session that fills packets with what it is given.
struct Sender {
    session: u64,
    sequence: u32,
    counter: u64,
    records: Vec<u8>,
}

impl Sender {
    fn all() -> Vec<Self> {
        (1..=SESSIONS).map(|session| Self { session, sequence: 0, counter: 0, records: Vec::new() }).collect()
    }

    /// Adds a record, and sends what was there when it does not fit any more.
    fn add(&mut self, host: &mut Host, record: &[u8]) {
        if self.records.len() + record.len() > ROOM {
            self.send(host);
        }
        self.records.extend_from_slice(record);
    }

    fn send(&mut self, host: &mut Host) {
        let tick = host.now / 1_000_000;
        host.hear(&packet(self.session, self.sequence, tick, self.counter, &self.records));
        self.sequence += 1;
        self.counter += 1000;
        self.records.clear();
    }
}

/// 240 bytes that no other number has.
fn long(number: u64) -> String {
    format!("{number:0>240}")
}

/// Has every session do something by turns until so many spans came out; asserts the bound.
fn peak(what: &str, bound: isize, spans: u64, mut act: impl FnMut(u64, &mut Sender, &mut Host)) {
    counting::forget_peak();
    let before = counting::held();
    let (mut host, mut senders, mut turn) = (Host::new(), Sender::all(), 0);
    while host.spans < spans {
        for sender in &mut senders {
            act(turn, sender, &mut host);
        }
        turn += 1;
        assert!(turn < 200_000, "{what}: only {} spans came out", host.spans);
    }
    let (peak, spans, held) = (counting::peak() - before, host.spans, counting::held() - before);
    drop(host);
    drop(senders);
    let left = counting::held() - before;
    println!("{what}: {spans} spans, at most {} MB, in the end {} MB", peak >> 20, held >> 20);
    assert!(peak <= bound, "{what}: {peak} bytes");
    assert_eq!(left, 0, "{what}: all of it is given back");
}

/// Tells the first names, so that a tag of three bytes has 247 on the host.
fn tell_names(sender: &mut Sender, host: &mut Host, names: u32) {
    for index in 0..names {
        sender.add(host, &name(index, &long(index.into())));
    }
    sender.add(host, &sync(&inline("s"), &[]));
    sender.send(host);
}

#[test]
fn names_callsites_strings_stand_ins_and_packets_that_wait_are_bounded() {
    let names = if cfg!(debug_assertions) { 600 } else { 5000 };
    peak("everything that a session keeps", ALL_SESSIONS, SPANS / 4, |turn, sender, host| {
        if turn == 0 {
            tell_names(sender, host, names);
            for number in 0..names / 2 {
                sender.add(host, &callsite(&inline(&long(number.into()))));
            }
        }
        let first = turn * 100;
        for number in first..first + 100 {
            // By turns a string of the program, and a name that never comes.
            let text = if number % 2 == 0 { address(number, 255) } else { named(10_000 + number as u32) };
            sender.add(host, &span(0, Parent::None, &text, &[]));
        }
        sender.send(host);
    });
}

#[test]
fn traces_that_never_end_are_bounded() {
    peak("parents that never come", TRACES, SPANS * 2, |turn, sender, host| {
        for number in 0..120 {
            let parent = Parent::Of { parent: i64::MAX, trace: (turn * 1000 + number) as i64 };
            sender.add(host, &span(0, parent, &inline("s"), &[]));
        }
        sender.add(host, &sync(&inline("s"), &[]));
        sender.send(host);
    });
}

#[test]
fn spans_full_of_tags_events_links_and_baggage_are_bounded() {
    let key = |number: u64| named(number as u32 % 64);
    let attributes = || [&[40][..], &tag(&named(1), 7, &named(2)).repeat(40)].concat();
    peak("tags", TRACES, SPANS / 100, |turn, sender, host| {
        if turn == 0 {
            tell_names(sender, host, 64);
        }
        let tags: Vec<_> = (0..255).map(|number| tag(&key(number), 7, &key(number + turn))).collect();
        sender.add(host, &span(0, Parent::None, &key(turn), &tags));
    });
    peak("events", TRACES, SPANS / 100, |turn, sender, host| {
        if turn == 0 {
            tell_names(sender, host, 64);
        }
        let tags: Vec<_> =
            (0..8).map(|number| sized(&key(number), 9, &[&[0], &attributes()[..]].concat())).collect();
        sender.add(host, &span(0, Parent::None, &key(turn), &tags));
    });
    peak("links", TRACES, SPANS / 100, |turn, sender, host| {
        if turn == 0 {
            tell_names(sender, host, 64);
        }
        let elsewhere = [&[7; 24][..], &[1, 1], &attributes()].concat();
        let tags: Vec<_> = (0..8).map(|_| sized(&inline(""), 11, &elsewhere)).collect();
        sender.add(host, &span(0, Parent::None, &key(turn), &tags));
    });
    peak("baggage, removed keys and parents elsewhere", TRACES, SPANS / 50, |turn, sender, host| {
        if turn == 0 {
            tell_names(sender, host, 64);
        }
        let mut elsewhere = [7; 26];
        elsewhere[..8].copy_from_slice(&(turn * SESSIONS + sender.session).to_le_bytes());
        let mut tags = vec![sized(&inline(""), 12, &elsewhere)];
        tags.extend((0..100).map(|number| sized(&key(number), 13, &key(number))));
        tags.extend((0..100).map(|number| sized(&named(number), 8, &[])));
        sender.add(host, &span(0, Parent::None, &key(turn), &tags));
    });
}

#[test]
fn a_device_that_says_something_else_of_itself_in_every_packet_is_bounded() {
    peak("sources", TRACES, SPANS / 5, |turn, sender, host| {
        if turn == 0 {
            tell_names(sender, host, 64);
        }
        let tags: Vec<_> =
            (0..60).map(|number| tag(&named(number), 7, &named((number + turn as u32) % 64))).collect();
        sender.add(host, &sync(&inline(&turn.to_string()), &tags));
        let parent = Parent::Of { parent: 5, trace: sender.counter as i64 % 10_000 };
        sender.add(host, &span(0, parent, &named(0), &[]));
        sender.send(host);
    });
}

#[test]
fn names_that_come_late_are_bounded() {
    peak("corrections", TRACES, SPANS / 40, |turn, sender, host| {
        if turn == 0 {
            sender.add(host, &sync(&inline("s"), &[]));
        }
        // Of two sources by turns, which both name what comes late.
        let tags: Vec<_> = (0..60).map(|number| tag(&named(number), 7, &named(number))).collect();
        sender.add(host, &sync(&inline(if turn % 2 == 0 { "even" } else { "odd" }), &tags));
        sender.add(host, &span(0, Parent::None, &named(turn as u32 % 64), &tags));
        sender.send(host);
        if turn % 1000 == 999 {
            sender.add(host, &name(turn as u32 / 1000 % 64, &long(turn)));
            sender.send(host);
        }
    });
}

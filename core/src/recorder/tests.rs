//! A device that is reset: its image, and what the next boot makes of it.

use super::{Boot, Image, Previous, Program, Reason, Recorder, Reset};
use crate::wire::{Packet, Record, TagValue, Text};
use crate::{Clock, Drain, Refused, Session, Span, Static, Tracer, Transport};
use std::boxed::Box;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::mem::MaybeUninit;
use std::string::{String, ToString};
use std::vec::Vec;
extern crate std;

mod corrupt;
mod cut;

type Kept = Image<8, 32>;

/// The memory that does not change: all names and keys of the programs here.
static FLASH: [u8; 58] = *b"shift order bread slices for Ada thick cut oven left gone ";
const BUILD_ID: [u8; 4] = *b"\xc0\xff\xee\x01";
const OLD: Session = Session::new(7);

/// One of these strings, where it lies.
fn flash(text: &str) -> &'static str {
    let flash = std::str::from_utf8(&FLASH).unwrap();
    let from = flash.find(text).unwrap();
    &flash[from..from + text.len()]
}

fn program() -> Program {
    Program { build_id: Box::leak(Box::new(BUILD_ID)), strings: &FLASH }
}

/// A clock that each look moves on.
struct Ticks(Cell<u64>);

// SAFETY: each is used on the thread of its test alone.
#[allow(unsafe_code)]
unsafe impl Sync for Ticks {}

impl Clock for Ticks {
    fn now(&self) -> u64 {
        self.0.set(self.0.get() + 10);
        self.0.get()
    }

    fn frequency(&self) -> u32 {
        1_000_000
    }
}

/// Memory that outlives what runs.
struct Memory(*mut Kept);

impl Memory {
    fn new() -> Self {
        // SAFETY: an image has a size, and one of zeros is that of nothing. What lies between its parts is written, too.
        let memory = unsafe { std::alloc::alloc_zeroed(std::alloc::Layout::new::<Kept>()) };
        assert!(!memory.is_null());
        Self(memory.cast())
    }

    /// A program begins to run there; the one before it never does anything again.
    fn power_on(&self) -> &'static Tracer {
        self.power_on_at(1_000)
    }

    fn power_on_at(&self, time: u64) -> &'static Tracer {
        // SAFETY: the memory is leaked; what had the image before does not touch it again.
        let recorder = unsafe { Recorder::new(&*self.0) };
        let clock: &Ticks = Box::leak(Box::new(Ticks(Cell::new(time))));
        Box::leak(Box::new(Tracer::recorded(Box::leak(Box::new(recorder)), clock)))
    }

    /// A byte of it.
    fn byte(&self, at: usize) -> *mut u8 {
        assert!(at < size_of::<Kept>());
        // SAFETY: within the image.
        unsafe { self.0.cast::<u8>().add(at) }
    }

    /// The same memory elsewhere.
    fn copied(&self) -> Self {
        let copy = Self::new();
        // SAFETY: two images, each on its own.
        unsafe {
            self.byte(0)
                .cast::<MaybeUninit<u8>>()
                .copy_to_nonoverlapping(copy.byte(0).cast(), size_of::<Kept>())
        };
        copy
    }
}

fn boot(tracer: &'static Tracer) -> Boot<256> {
    Boot::new(tracer, &program(), &Reset::of(Reason::Watchdog)).unwrap()
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

/// A span as it was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Sent {
    counter: u64,
    parent: Option<u64>,
    trace: u64,
    start: u64,
    duration: u64,
    error: bool,
    lost_tags: bool,
    tags: BTreeMap<String, String>,
}

impl Packets {
    fn of(boot: &mut Boot<256>) -> Self {
        let mut packets = Self::default();
        while boot.poll(&mut packets) == Ok(true) {}
        packets
    }

    fn of_drain(drain: &mut Drain<256>) -> Self {
        let mut packets = Self::default();
        while drain.poll(&mut packets) == Ok(true) {}
        packets
    }

    /// The spans in them, by their names.
    fn spans(&self) -> BTreeMap<String, Sent> {
        let packets: Vec<_> = self.0.iter().map(|packet| Packet::parse(packet).unwrap()).collect();
        let records = || packets.iter().flat_map(Packet::records).map(Result::unwrap);
        let names: HashMap<u32, &str> = records()
            .filter_map(|record| match record {
                Record::Name { index, text } => Some((index, text)),
                _ => None,
            })
            .collect();
        let text = |text: Text<'_>| match text {
            Text::Name(index) => names[&index].to_string(),
            Text::Inline(text) => text.to_string(),
            Text::Address { .. } => unreachable!("names are told in band"),
        };
        let mut spans = BTreeMap::new();
        for record in records() {
            let Record::Span(span) = record else { continue };
            let value = |value: TagValue<'_>| match value {
                TagValue::Text(value) => text(value),
                TagValue::Event(event) => {
                    let tags = event.attributes.map(|tag| text(tag.key) + &std::format!("{:?}", tag.value));
                    std::format!("at {} {:?}", event.time, tags.collect::<Vec<_>>())
                }
                value => std::format!("{value:?}"),
            };
            let tags = span.tags.map(|tag| (text(tag.key), value(tag.value)));
            let sent = Sent {
                counter: span.counter,
                parent: span.parent,
                trace: span.trace,
                start: span.start,
                duration: span.duration,
                error: span.error,
                lost_tags: span.lost_tags,
                tags: tags.collect(),
            };
            let name = text(span.name);
            assert!(spans.insert(name.clone(), sent).is_none(), "{name} was sent twice");
        }
        spans
    }
}

/// What runs until the reset: two spans are open, one is finished in them. The guards are nobody's any more.
fn shift(tracer: &'static Tracer) {
    let spans: [Span; 2] = [flash("shift"), flash("order")].map(|name| tracer.trace(name));
    spans[0].set_tag(flash("oven"), Static(flash("left")));
    spans[1].set_tag(flash("for"), "Ada, Countess of Lovelace, and all of her guests");
    let bread = tracer.trace(flash("bread"));
    bread.set_tag(flash("slices"), 3u8).set_tag(flash("thick"), true);
    bread.add_event(flash("cut"), &[(flash("slices"), 2u8.into())]);
    bread.finish();
    std::mem::forget(spans);
}

#[test]
fn memory_without_an_image_is_nothing_and_spans_are_recorded_only_after_the_boot() {
    let memory = Memory::new();
    let tracer = memory.power_on();
    assert!(!tracer.trace(flash("order")).is_recording());
    tracer.set_enabled(true);
    assert!(!tracer.trace(flash("order")).is_recording() && tracer.current_span().is_none());
    assert!(Drain::<256>::new(tracer, OLD).is_none());
    let mut first = boot(tracer);
    assert_eq!((first.previous(), first.boots()), (Previous::Nothing, 1));
    assert!(Packets::of(&mut first).0.is_empty());
    assert!(Boot::<256>::new(tracer, &program(), &Reset::default()).is_none(), "it was looked at");
    let mut drain = first.begin::<64>(OLD);
    assert!(Drain::<256>::new(tracer, OLD).is_none(), "there is one");
    tracer.trace(flash("order")).finish();
    assert!(Packets::of_drain(&mut drain).spans().contains_key("order"));
}

#[test]
fn the_next_boot_sends_what_was_there_as_the_session_that_it_was() {
    let memory = Memory::new();
    let tracer = memory.power_on();
    let mut drain = boot(tracer).begin::<64>(OLD);
    tracer.trace(flash("gone")).finish();
    let before = Packets::of_drain(&mut drain).0.len() as u32;
    shift(tracer);

    let again = memory.power_on_at(5);
    let mut second = boot(again);
    assert_eq!(second.previous(), Previous::Recovered { spans: 3, open: 2, damaged: 0 });
    assert_eq!(second.boots(), 2);
    let packets = Packets::of(&mut second);
    let header = Packet::parse(&packets.0[0]).unwrap().header();
    assert_eq!((header.session, header.sequence, header.spans_before), (OLD, before, 1));
    let spans = packets.spans();
    let [shift, order, bread] = ["shift", "order", "bread"].map(|name| &spans[name]);
    assert_eq!((shift.parent, order.parent, bread.parent), (None, Some(shift.counter), Some(order.counter)));
    assert_eq!(bread.tags["slices"], "U64(3)");
    assert_eq!(bread.tags["thick"], "Bool(true)");
    assert!(!bread.error && !bread.tags.contains_key("reset.reason"));
    let last = bread.start + bread.duration;
    for open in [shift, order] {
        assert!(open.error && !open.lost_tags);
        assert_eq!((&*open.tags["reset.reason"], &*open.tags["error.type"]), ("watchdog", "Reset"));
        assert_eq!(open.start + open.duration, last, "the last known time");
    }
    assert_eq!(shift.tags["oven"], "left");
    assert_eq!(order.tags["for"], "Ada, Countess of Lovelace, and all of her guests");

    // And then it goes on.
    let mut drain = second.begin::<64>(Session::new(8));
    again.trace(flash("order")).finish();
    let packets = Packets::of_drain(&mut drain);
    let header = Packet::parse(&packets.0[0]).unwrap().header();
    assert_eq!((header.session, header.sequence), (Session::new(8), 0));
    assert_eq!(packets.spans().len(), 1);
}

#[test]
fn what_a_fault_handler_left_says_why_and_where_and_when() {
    let memory = Memory::new();
    let tracer = memory.power_on();
    let _drain = boot(tracer).begin::<64>(OLD);
    shift(tracer);
    tracer.note_reset(&Reset::of(Reason::Panic));
    tracer.note_reset(&Reset::of(Reason::HardFault).at(0x800_1234, 0x800_4321));
    let mut second = boot(memory.power_on());
    let spans = Packets::of(&mut second).spans();
    for open in ["shift", "order"] {
        let tags = &spans[open].tags;
        assert_eq!(tags["reset.reason"], "hardfault");
        assert_eq!((&*tags["reset.pc"], &*tags["reset.lr"]), ("U64(134222388)", "U64(134234913)"));
    }
    let [order, bread] = ["order", "bread"].map(|name| spans[name].start + spans[name].duration);
    assert!(order > bread, "the handler has looked at the clock");
}

#[test]
fn a_link_that_is_awaited_gets_the_packets_that_a_polled_one_does() {
    let memory = Memory::new();
    let tracer = memory.power_on();
    let _drain = boot(tracer).begin::<64>(OLD);
    assert_eq!(boot(Memory::new().power_on()).set_names(crate::Names::ByAddress).packet(), None);
    shift(tracer);
    let polled = Packets::of(boot(memory.copied().power_on()).set_device("oven-3"));
    let mut second = boot(memory.power_on());
    let mut awaited = Packets::default();
    second.set_device("oven-3");
    while let Some(packet) = second.packet().map(<[u8]>::to_vec) {
        assert_eq!(second.packet(), Some(&*packet), "until it is sent");
        awaited.0.push(packet);
        second.packet_sent();
    }
    assert_eq!(awaited.0, polled.0);
    assert_eq!(awaited.spans().len(), 3);
}

#[test]
fn each_packet_says_that_the_session_is_over_and_the_sync_what_its_clock_was() {
    const BASE: u64 = 1_790_000_000_000_000_000;
    let memory = Memory::new();
    let tracer = memory.power_on();
    let mut drain = boot(tracer).begin::<64>(OLD);
    drain.set_clock_base(BASE - 1).set_clock_base(BASE);
    shift(tracer);
    boot(memory.power_on());
    let mut third = boot(memory.power_on());
    let packets = Packets::of(&mut third);
    let records = |packet: &[u8]| {
        let packet = Packet::parse(packet).unwrap();
        let found = packet.records().map(Result::unwrap).map(|record| match record {
            Record::Over => "over".to_string(),
            Record::Sync(sync) => sync.clock_base.to_string(),
            _ => String::new(),
        });
        found.filter(|found| !found.is_empty()).collect::<Vec<_>>()
    };
    assert_eq!(records(&packets.0[0]), ["over", &*BASE.to_string()]);
    assert!(packets.0.iter().skip(1).all(|packet| records(packet) == ["over"]));

    let mut drain = third.begin::<64>(Session::new(8));
    let packets = Packets::of_drain(drain.set_device("oven-3"));
    assert_eq!(records(&packets.0[0]), ["0"], "the next session's clock is another");
}

#[test]
fn a_second_reset_before_all_is_sent_loses_only_the_packet_in_between() {
    let memory = Memory::new();
    let tracer = memory.power_on();
    let _drain = boot(tracer).begin::<64>(OLD);
    shift(tracer);
    // Looked at, and nothing sent.
    boot(memory.power_on());
    tracer.note_reset(&Reset::of(Reason::Brownout));
    let mut third = boot(memory.power_on());
    assert_eq!(third.previous(), Previous::Recovered { spans: 3, open: 0, damaged: 0 });
    let spans = Packets::of(&mut third).spans();
    assert_eq!(spans["order"].tags["reset.reason"], "watchdog", "the reset that ended it");
    let mut fourth = boot(memory.power_on());
    assert_eq!(fourth.previous(), Previous::Recovered { spans: 0, open: 0, damaged: 0 });
    assert!(Packets::of(&mut fourth).0.is_empty());
}

#[test]
fn strings_without_a_letter_are_found_again_and_again() {
    let memory = Memory::new();
    let tracer = memory.power_on();
    let _drain = boot(tracer).begin::<64>(OLD);
    let span = tracer.trace("");
    span.set_tag(flash("oven"), Static("")).set_tag("", 1u8);
    std::mem::forget(span);
    for open in [1, 0] {
        let found = boot(memory.power_on()).previous();
        assert_eq!(found, Previous::Recovered { spans: 1, open, damaged: 0 });
    }
    let spans = Packets::of(&mut boot(memory.power_on())).spans();
    assert_eq!((&*spans[""].tags["oven"], &*spans[""].tags[""]), ("", "U64(1)"));
}

#[test]
fn an_image_of_another_build_or_clock_or_of_unknown_build_is_ignored() {
    let memory = Memory::new();
    let tracer = memory.power_on();
    let _drain = boot(tracer).begin::<64>(OLD);
    shift(tracer);
    for build_id in [&b""[..], b"\xc0\xff\xee\x02", b"\xc0\xff\xee\x01\x00"] {
        let program = Program { build_id, strings: &FLASH };
        let mut boot = Boot::<256>::new(memory.power_on(), &program, &Reset::default()).unwrap();
        assert_eq!((boot.previous(), boot.boots()), (Previous::Foreign, 2));
        assert!(Packets::of(&mut boot).0.is_empty());
    }
    assert!(matches!(boot(memory.power_on()).previous(), Previous::Recovered { spans: 3, .. }));

    // The count of those that were ignored goes on from boot to boot.
    let other = Program { build_id: b"other", strings: &FLASH };
    let next = |program| Boot::<256>::new(memory.power_on(), program, &Reset::default()).unwrap();
    let foreign = next(&other);
    assert_eq!(foreign.ignored(), 1);
    drop(foreign.begin::<64>(OLD));
    let ours = next(&program());
    assert_eq!((ours.ignored(), ours.boots()), (2, 3));
    drop(ours.begin::<64>(OLD));
    assert_eq!((boot(memory.power_on()).ignored(), boot(memory.power_on()).boots()), (2, 4));
    // SAFETY: a byte of the header.
    unsafe { *memory.byte(8) ^= 1 };
    let torn = boot(memory.power_on());
    assert_eq!((torn.previous(), torn.ignored(), torn.boots()), (Previous::Torn, 1, 1));
}

#[test]
fn what_a_panic_has_closed_goes_out_after_the_reset_with_its_message() {
    let memory = Memory::new();
    let tracer = memory.power_on();
    let _drain = boot(tracer).begin::<64>(OLD);
    shift(tracer);
    // SAFETY: nothing else runs, and what was open does not go on.
    unsafe { crate::on_panic::close_all(tracer, crate::on_panic::Said::Fixed(flash("oven left")), None) };
    tracer.note_reset(&Reset::of(Reason::Panic));
    let mut second = boot(memory.power_on());
    assert_eq!(
        second.previous(),
        Previous::Recovered { spans: 3, open: 0, damaged: 2 },
        "the panic's words are not in FLASH"
    );
    let spans = Packets::of(&mut second).spans();
    assert_eq!(spans["shift"].tags["reset.reason"], "panic");
}

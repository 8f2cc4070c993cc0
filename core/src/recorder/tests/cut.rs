//! The power fails at each step of each operation; the next boot finds all that was there before it.

use super::*;
use crate::sync::step::{Interrupt, run};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A device in the middle of its work.
struct Device {
    memory: Memory,
    tracer: &'static Tracer,
    drain: RefCell<Drain<256>>,
    guards: RefCell<Vec<Span>>,
    packets: RefCell<Packets>,
}

impl Device {
    /// It is leaked: guards that the end has passed over are not dropped.
    fn new(overwrite: bool) -> &'static Self {
        let memory = Memory::new();
        let tracer = memory.power_on();
        let tracer =
            if overwrite { Box::leak(Box::new(Tracer { ..copy(tracer) }.overwrite())) } else { tracer };
        let mut drain = boot(tracer).begin::<64>(OLD);
        tracer.trace(flash("gone")).finish();
        let packets = RefCell::new(Packets::of_drain(&mut drain));
        let guards = RefCell::new([flash("shift"), flash("order")].map(|name| tracer.trace(name)).into());
        let bread = tracer.trace(flash("bread"));
        bread.set_tag(flash("slices"), 3u8);
        bread.finish();
        Box::leak(Box::new(Self { memory, tracer, drain: RefCell::new(drain), guards, packets }))
    }

    fn last<R>(&self, run: impl FnOnce(&Span) -> R) -> R {
        run(self.guards.borrow().last().unwrap())
    }
}

fn copy(tracer: &Tracer) -> Tracer {
    // SAFETY: a tracer is plain data without a destructor.
    unsafe { std::ptr::read(tracer) }
}

/// Runs an operation up to a step, and never on; whether it got that far.
fn stop(operation: impl FnOnce(), at: u32) -> bool {
    let interrupt = Interrupt { at, run: Box::new(|| resume_unwind(Box::new("no power"))) };
    catch_unwind(AssertUnwindSafe(|| run(20_000, Some(interrupt), operation))).is_err()
}

type Operation = (&'static str, fn(&Device));

const OPERATIONS: [Operation; 9] = [
    ("start", |device| device.guards.borrow_mut().push(device.tracer.trace(flash("left")))),
    ("finish", |device| drop(device.guards.borrow_mut().pop())),
    ("tag", |device| device.last(|span| _ = span.set_tag(flash("thick"), true))),
    ("text", |device| device.last(|span| _ = span.set_tag(flash("for"), "Ada, Countess of Lovelace"))),
    ("event", |device| {
        device.last(|span| _ = span.add_event(flash("cut"), &[(flash("slices"), 2u8.into())]));
    }),
    ("error", |device| device.last(|span| _ = span.error(true))),
    ("poll", |device| _ = device.drain.borrow_mut().poll(&mut *device.packets.borrow_mut())),
    ("note", |device| device.tracer.note_reset(&Reset::of(Reason::Panic))),
    ("boot", |device| _ = boot(device.memory.power_on())),
];

fn power_fails_at_each_step(overwrite: bool) {
    let (each, step) = if cfg!(miri) { (4, 149) } else { (1, 1) };
    for (name, operation) in OPERATIONS.into_iter().step_by(each) {
        for at in (0..).step_by(step) {
            let device = Device::new(overwrite);
            if !stop(|| operation(device), at) {
                break;
            }
            let mut next = boot(device.memory.power_on());
            let context = std::format!("no power at step {at} of {name}: {:?}", next.previous());
            let Previous::Recovered { damaged, .. } = next.previous() else { panic!("{context}") };
            assert_eq!(damaged, 0, "{context}");
            let mut packets = Packets::of(&mut next);
            let again = packets.spans();
            packets.0.splice(0..0, device.packets.borrow_mut().0.drain(..));
            let spans = packets.spans();
            let numbers: Vec<u32> =
                packets.0.iter().map(|packet| Packet::parse(packet).unwrap().header().sequence).collect();
            assert!(numbers.is_sorted_by(|a, b| a < b), "{context}: {numbers:?}");
            let is_missing = numbers.windows(2).any(|two| two[1] != two[0] + 1);
            assert!(spans.contains_key("bread") || name == "poll" && is_missing, "{context} {spans:?}");
            for open in ["shift", "order"] {
                let told = again.get(open).unwrap_or_else(|| panic!("{open} is lost: {context}"));
                let is_closed = told.error && told.tags["error.type"] == "Reset";
                assert!(
                    is_closed || name == "finish" && open == "order" && !told.error,
                    "{context} {told:?}"
                );
                assert!(!told.lost_tags, "{context}");
                let text = told.tags.get("for");
                assert!(text.is_none_or(|text| text == "Ada, Countess of Lovelace"), "{context} {text:?}");
            }
            let known = ["shift", "order", "bread", "gone", "left"];
            assert!(spans.keys().all(|name| known.contains(&name.as_str())), "{context} {spans:?}");
        }
    }
}

#[test]
fn what_was_there_is_found_wherever_in_the_tracer_the_power_fails() {
    power_fails_at_each_step(false);
}

#[test]
fn what_was_there_is_found_also_where_finished_spans_are_overwritten() {
    power_fails_at_each_step(true);
}

#[test]
fn a_beginning_that_is_cut_short_leaves_nothing_or_the_session_that_it_began() {
    for at in (0..).step_by(if cfg!(miri) { 199 } else { 1 }) {
        let device = Device::new(false);
        let second = boot(device.memory.power_on());
        let is_stopped = stop(|| _ = second.begin::<64>(Session::new(8)), at);
        let mut third = boot(device.memory.power_on());
        let (previous, spans) = (third.previous(), Packets::of(&mut third).spans());
        match previous {
            Previous::Recovered { spans: 3, damaged: 0, .. } => assert_eq!(at, 0),
            Previous::Recovered { spans, .. } => assert_eq!(spans, 0),
            Previous::Nothing | Previous::Torn => assert!(spans.is_empty()),
            Previous::Foreign => panic!("at {at}"),
        }
        if !is_stopped {
            break;
        }
    }
}

#[test]
fn a_panic_at_each_step_of_a_finish_leaves_a_span_that_is_sound() {
    for at in (0..).step_by(if cfg!(miri) { 5 } else { 1 }) {
        let device = Device::new(false);
        if !stop(|| drop(device.guards.borrow_mut().pop()), at) {
            break;
        }
        // SAFETY: nothing else runs, and what was open does not go on.
        unsafe { crate::on_panic::close_all(device.tracer, crate::on_panic::Said::Fixed(""), None) };
        let mut next = boot(device.memory.power_on());
        let Previous::Recovered { spans: 3, open: 0, .. } = next.previous() else {
            panic!("step {at}: {:?}", next.previous())
        };
        assert!(Packets::of(&mut next).spans().contains_key("order"), "step {at}");
    }
}

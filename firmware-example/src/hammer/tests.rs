//! The checks themselves, on the host: interrupts come where the clock is read, as calls.

extern crate std;

use core::sync::atomic::{AtomicU32, Ordering};
use std::boxed::Box;
use std::string::ToString;

use microspan::{Arena, Clock, Drain, Session, Tracer};

use super::kin::{Heard, Kin};
use super::lane::{Core, Lane};
use super::set::Set;
use super::sink::empty;
use super::{Nested, Report, Shadow, Sink};

type TestDrain = Drain<1_472>;
type TestSink = Sink<512>;

/// One tick for each reading.
struct Readings(AtomicU32);

impl Clock for Readings {
    fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed).into()
    }

    fn frequency(&self) -> u32 {
        1_000_000
    }
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// A core with one lane that matters.
fn alone() -> (Core, &'static [Lane; 1], Box<TestDrain>, Box<TestSink>) {
    let clock: &'static Readings = leak(Readings(AtomicU32::new(0)));
    let tracer: &'static Tracer = leak(Tracer::new(leak(Arena::<64, 512>::new()), clock));
    let lanes = leak([Lane::new(1, "alone", 0)]);
    let drain = TestDrain::new(tracer, Session::new(1)).expect("a first drain");
    (Core { tracer, clock, shadow: Shadow::new() }, lanes, drain.into(), TestSink::new(lanes, clock).into())
}

fn report(
    (core, lanes, mut drain, mut sink): (Core, &'static [Lane; 1], Box<TestDrain>, Box<TestSink>),
) -> Report {
    empty(&mut drain, &mut sink);
    drain.sync();
    empty(&mut drain, &mut sink);
    Report::of(lanes, core.tracer, drain.spans(), &sink)
}

fn assert_fault(report: Report, what: &str) {
    let text = report.to_string();
    assert!(!report.is_right() && text.contains(what), "{text}");
}

#[test]
fn spans_that_are_as_their_program_says_make_no_fault() {
    let device = alone();
    device.1[0].tree(&device.0, 0b11_01_10);
    let report = report(device);
    assert!(report.is_right(), "{report}");
    assert!(
        report.to_string().starts_with("{\"spans_made\":11,\"spans_drained\":11,\"spans_dropped\":0,"),
        "{report}"
    );
}

#[test]
fn a_span_with_another_parent_than_its_program_saw_is_a_fault() {
    let device = alone();
    let (core, lane) = (&device.0, &device.1[0]);
    let parent = lane.open(core);
    core.shadow.settle(&Set::of(77));
    let child = lane.open(core);
    lane.close(core, child);
    core.shadow.settle(&Set::of(parent.number().expect("it is recorded")));
    lane.close(core, parent);
    assert_fault(report(device), "another parent than its program saw");
}

#[test]
fn a_root_that_should_have_a_parent_is_a_fault() {
    let device = alone();
    device.0.shadow.settle(&Set::of(77));
    device.1[0].tree(&device.0, 0);
    assert_fault(report(device), "no parent and should have one");
}

#[test]
fn a_span_without_its_tags_is_a_fault() {
    let device = alone();
    device.0.tracer.trace("alone").finish();
    assert_fault(report(device), "do not fit each other");
}

#[test]
fn a_span_that_nobody_counted_is_a_fault() {
    let device = alone();
    device.0.tracer.trace("nobody").finish();
    assert_fault(report(device), "a name that no lane has");
}

#[test]
fn a_tag_that_does_not_arrive_and_is_not_counted_is_a_fault() {
    let device = alone();
    let lane = &device.1[0];
    lane.tree(&device.0, 0);
    lane.tags.fetch_add(1, Ordering::Relaxed);
    assert_fault(report(device), "tags made, and tags drained and dropped");
}

#[test]
fn what_is_said_of_a_span_must_agree() {
    let (one, two) = (Set::of(1), Set::of(2));
    let mut either = one;
    either.insert(2);
    let mut kin = Kin::<8>::new();
    assert_eq!(kin.hear(3, 3, &either, false), Heard::Fits);
    assert_eq!(kin.hear(3, 3, &two, false), Heard::Fits);
    assert_eq!(kin.hear(3, 3, &one, true), Heard::OtherNumber);
    assert_eq!(kin.hear(3, 4, &two, true), Heard::OtherTrace);
    assert_eq!(kin.missing(), 1);
    assert_eq!(kin.hear(3, 3, &two, true), Heard::Fits);
    assert_eq!(kin.hear(3, 3, &two, true), Heard::Twice);
    assert_eq!(kin.missing(), 0);
    assert_eq!(kin.hear(11, 3, &one, false), Heard::Fits);
    assert_eq!(kin.hear(3, 3, &two, false), Heard::Unknown);
    assert_eq!(kin.hear(19, 19, &one, true), Heard::Orphans);
}

/// Reads like a clock, and now and then an interrupt comes.
struct Interrupting(Readings, AtomicU32);

static CLOCK: Interrupting = Interrupting(Readings(AtomicU32::new(0)), AtomicU32::new(0));
static ARENA: Arena<64, 512> = Arena::new();
static TRACER: Tracer = Tracer::new(&ARENA, &CLOCK);
static LANES: [Lane; 3] = [Lane::new(1, "thread", 0), Lane::new(2, "low", 0), Lane::new(3, "high", 0)];
static NESTED: Nested = Nested::new(&TRACER, &CLOCK, &LANES);

impl Clock for Interrupting {
    fn now(&self) -> u64 {
        let now = self.0.now();
        let priority = self.1.load(Ordering::Relaxed);
        if now > 100 && now.is_multiple_of(13) && priority < 2 {
            let high = priority == 1 || now.is_multiple_of(2);
            self.1.store(if high { 2 } else { 1 }, Ordering::Relaxed);
            if high {
                NESTED.high()
            } else {
                NESTED.low()
            };
            self.1.store(priority, Ordering::Relaxed);
        }
        // An interrupt read the clock, too: this reading comes after it.
        self.0.now()
    }

    fn frequency(&self) -> u32 {
        self.0.frequency()
    }
}

#[test]
fn interrupts_in_the_midst_of_starts_and_finishes_make_no_fault() {
    let mut drain = Box::new(TestDrain::new(&TRACER, Session::new(1)).expect("a first drain"));
    let mut sink = Box::new(TestSink::new(&LANES, &CLOCK));
    let pend: [fn(); 2] = [
        || {
            NESTED.low();
        },
        || {
            NESTED.high();
        },
    ];
    NESTED.warm_up(&mut drain, &mut sink, pend);
    NESTED.run(&mut drain, &mut sink, 20_000);
    let report = NESTED.finish(&mut drain, &mut sink);
    assert!(report.is_right(), "{report}");
    let text = report.to_string();
    assert!(!text.contains("\"high_over_low\":0") && !text.contains("\"ambiguous\":0"), "{text}");
}

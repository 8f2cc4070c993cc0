//! A panic at each step of each operation, which then never goes on: what was open is closed, and all of it is sent.

use crate::on_panic::{Said, close_all};
use crate::sync::step::{Interrupt, run};
use crate::wire::{Packet, Record, TagValue, Text};
use crate::{Arena, Callsites, Clock, Drain, Refused, Session, Span, Tracer, Transport};
use std::boxed::Box;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::string::{String, ToString};
use std::vec::Vec;
extern crate std;

/// The most steps that an operation takes, and a panic with all that is sent after it.
const MOST: u32 = 1_000;
const PANIC: u32 = 6_000;

/// A clock that may fail.
struct Ticks {
    fails: Cell<bool>,
}

// SAFETY: each is used on the thread of its test alone.
#[allow(unsafe_code)]
unsafe impl Sync for Ticks {}

impl Clock for Ticks {
    fn now(&self) -> u64 {
        if self.fails.get() {
            resume_unwind(Box::new("the clock"));
        }
        7
    }

    fn frequency(&self) -> u32 {
        1_000_000
    }
}

/// The spans of a kitchen: two are open, one in them is finished and waits for its drain.
struct Kitchen {
    tracer: &'static Tracer,
    clock: &'static Ticks,
    drain: RefCell<Drain<512>>,
    guards: RefCell<Vec<Span>>,
    packets: RefCell<Vec<Vec<u8>>>,
}

impl Kitchen {
    /// It is leaked: guards that a panic has passed over are not dropped.
    fn new(overwrite: bool) -> &'static Self {
        let clock: &Ticks = Box::leak(Box::new(Ticks { fails: Cell::new(false) }));
        let arena = Box::leak(Box::new(Arena::<8, 64>::new()));
        let sites = Box::leak(Box::new(Callsites::<8>::new()));
        let tracer = Tracer::new(arena, clock).callsites(sites);
        let tracer: &Tracer = Box::leak(Box::new(if overwrite { tracer.overwrite() } else { tracer }));
        let drain = RefCell::new(Drain::new(tracer, Session::new(7)).unwrap());
        let kitchen = Self { tracer, clock, drain, guards: RefCell::default(), packets: RefCell::default() };
        tracer.trace("first").finish();
        while kitchen.poll() {}
        kitchen.guards.replace(std::vec![tracer.trace("order"), tracer.trace("bread")]);
        tracer.trace("slice").set_tag("thick", true);
        Box::leak(Box::new(kitchen))
    }

    fn poll(&self) -> bool {
        self.drain.borrow_mut().poll(&mut Kept(&self.packets)) == Ok(true)
    }

    fn guard<R>(&self, run: impl FnOnce(&Span) -> R) -> R {
        run(self.guards.borrow().last().unwrap())
    }

    /// What a panic handler does; whether it could send.
    fn panic(&self, said: Said<'_>) -> bool {
        // SAFETY: what the panic came into is unwound and forgotten.
        unsafe { close_all(self.tracer, said, Some(("kitchen.rs", 7))) };
        let Some(mut drain) = Drain::<256, 0>::take_over(self.tracer) else { return false };
        while drain.poll(&mut Kept(&self.packets)) == Ok(true) {}
        true
    }

    /// The spans that were sent: by name, their tags or nothing when they are no errors. And whether a packet is missing.
    fn sent(&self) -> (BTreeMap<String, Option<String>>, bool) {
        let packets = self.packets.borrow();
        let packets: Vec<_> = packets.iter().map(|packet| Packet::parse(packet).unwrap()).collect();
        let records = || packets.iter().flat_map(Packet::records).map(Result::unwrap);
        let names: HashMap<u32, String> = records()
            .filter_map(|record| match record {
                Record::Name { index, text } => Some((index, text.to_string())),
                _ => None,
            })
            .collect();
        let text = |text: Text<'_>| match text {
            Text::Name(index) => names[&index].clone(),
            Text::Inline(text) => text.to_string(),
            Text::Address { .. } => unreachable!("names are told in band"),
        };
        let mut spans = BTreeMap::new();
        for record in records() {
            let Record::Span(span) = record else { continue };
            let mut tags: Vec<String> = span
                .tags
                .map(|tag| match tag.value {
                    TagValue::Text(value) => text(tag.key) + "=" + &text(value),
                    value => text(tag.key) + "=" + &std::format!("{value:?}"),
                })
                .collect();
            tags.reverse();
            let name = text(span.name);
            assert!(!span.lost_tags, "{name} lost a tag");
            let told = spans.insert(name.clone(), span.error.then(|| tags.join(" ")));
            assert!(told.is_none(), "{name} was sent twice");
        }
        let sequence: Vec<u32> = packets.iter().map(|packet| packet.header().sequence).collect();
        assert!(sequence.is_sorted_by(|a, b| a < b), "{sequence:?}");
        (spans, sequence.windows(2).any(|two| two[1] != two[0] + 1))
    }
}

struct Kept<'k>(&'k RefCell<Vec<Vec<u8>>>);

impl Transport for Kept<'_> {
    type Error = ();

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<()>> {
        self.0.borrow_mut().push(packet.to_vec());
        Ok(())
    }
}

const FIRE: &str = "the oven is on fire";
const TAGS: &str =
    "error.type=panic error.message=the oven is on fire error.file=kitchen.rs error.line=U64(7)";

type Operation = (&'static str, fn(&Kitchen));

const OPERATIONS: [Operation; 12] = [
    ("start", |kitchen| kitchen.guards.borrow_mut().push(kitchen.tracer.trace("late"))),
    ("build", |kitchen| kitchen.guards.borrow_mut().push(kitchen.tracer.span("late").root().start())),
    ("finish", |kitchen| drop(kitchen.guards.borrow_mut().pop())),
    ("tag", |kitchen| kitchen.guard(|span| _ = span.set_tag("slices", 2u8))),
    ("text", |kitchen| kitchen.guard(|span| _ = span.set_tag("for", "Ada, Countess of Lovelace"))),
    ("error", |kitchen| kitchen.guard(|span| _ = span.set_error_info("Late", "too late"))),
    ("current", |kitchen| _ = kitchen.tracer.current_root_span().unwrap().set_tag("vip", true)),
    ("read a tag", |kitchen| kitchen.guard(|span| _ = span.with_tag("warm", |_| ()))),
    ("event", |kitchen| kitchen.guard(|span| _ = span.add_event("cut", &[("slices", 2u8.into())]))),
    ("keep an error", |kitchen| kitchen.guard(|span| _ = span.error(true).error(false))),
    ("link", |kitchen| kitchen.guard(|span| _ = span.add_link(&kitchen.guards.borrow()[0], &[]))),
    ("poll", |kitchen| _ = kitchen.poll()),
];

/// Runs an operation up to a step, and never on; whether it got that far.
fn stop(operation: impl FnOnce(), at: u32, panic: impl FnOnce() + 'static) -> bool {
    let panic = move || {
        run(PANIC, None, panic);
        resume_unwind(Box::new("it does not go on"));
    };
    let interrupt = Interrupt { at, run: Box::new(panic) };
    catch_unwind(AssertUnwindSafe(|| run(MOST, Some(interrupt), operation))).is_err()
}

fn a_panic_at_each_step(overwrite: bool) {
    let (each, step) = if cfg!(miri) { (3, 41) } else { (1, 1) };
    for (name, operation) in OPERATIONS.into_iter().step_by(each) {
        for at in (0..).step_by(step) {
            let kitchen = Kitchen::new(overwrite);
            let panic = || assert!(kitchen.panic(Said::Fixed(FIRE)));
            if !stop(|| operation(kitchen), at, panic) {
                break;
            }
            let (mut spans, is_missing) = kitchen.sent();
            let context = || std::format!("a panic at step {at} of {name}: {spans:?}");
            assert_eq!(spans.get("first"), Some(&None), "{}", context());
            assert!(spans.get("slice") == Some(&None) || name == "poll" && is_missing, "{}", context());
            for open in ["order", "bread"] {
                let told = spans.get(open).unwrap_or_else(|| panic!("{open} is lost: {}", context()));
                let right = match told {
                    Some(tags) => tags.ends_with(TAGS),
                    None => name == "finish" && open == "bread",
                };
                assert!(right, "{}", context());
            }
            assert!(spans.get("late").is_none_or(|tags| tags.as_deref() == Some(TAGS)), "{}", context());
            spans.retain(|name, _| !["first", "slice", "order", "bread", "late"].contains(&name.as_str()));
            assert!(spans.is_empty(), "{spans:?}");
            assert!(!kitchen.tracer.trace("after").is_recording());
        }
    }
}

#[test]
fn what_is_open_is_sent_as_an_error_wherever_in_the_tracer_a_panic_comes() {
    a_panic_at_each_step(false);
}

#[test]
fn what_is_open_is_sent_as_an_error_also_where_finished_spans_are_overwritten() {
    a_panic_at_each_step(true);
}

#[test]
fn a_panic_at_each_step_of_a_panic_sends_everything_once() {
    for at in (0..).step_by(if cfg!(miri) { 41 } else { 1 }) {
        let kitchen = Kitchen::new(false);
        // SAFETY: nothing else runs but what this comes into, which does not go on.
        let first = || unsafe { close_all(kitchen.tracer, Said::Fixed(FIRE), Some(("kitchen.rs", 7))) };
        if !stop(first, at, || assert!(kitchen.panic(Said::Fixed(FIRE)))) {
            break;
        }
        let (spans, is_missing) = kitchen.sent();
        assert_eq!((spans.len(), is_missing), (4, false), "at step {at}: {spans:?}");
        for open in ["order", "bread"] {
            let tags = spans[open].as_deref().unwrap_or_default();
            assert!(tags.contains("error.type=panic"), "{open} at step {at}: {spans:?}");
        }
    }
}

#[test]
fn a_panic_of_the_clock_or_of_its_own_message_ends_spans_where_they_began() {
    struct Fails;
    impl fmt::Display for Fails {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            resume_unwind(Box::new("the message"))
        }
    }
    for clock_fails in [true, false] {
        let kitchen = Kitchen::new(false);
        kitchen.clock.fails.set(clock_fails);
        assert!(catch_unwind(AssertUnwindSafe(|| kitchen.panic(Said::Shown(&Fails)))).is_err());
        // What the handler is called for next. Its drain looks at the clock.
        // SAFETY: nothing else runs.
        unsafe { close_all(kitchen.tracer, Said::Shown(&Fails), None) };
        kitchen.clock.fails.set(false);
        assert!(kitchen.panic(Said::Shown(&Fails)) && !kitchen.panic(Said::Fixed(FIRE)));
        let (spans, _) = kitchen.sent();
        assert_eq!(spans["order"].as_deref(), Some("error.type=panic"));
        assert_eq!(spans.len(), 4);
    }
}

#[test]
fn a_session_is_taken_over_only_after_a_panic_and_goes_on_where_it_was() {
    let kitchen = Kitchen::new(false);
    assert!(Drain::<256, 0>::take_over(kitchen.tracer).is_none());
    let sent = kitchen.packets.borrow().len();
    assert!(kitchen.panic(Said::Shown(&"shown")));
    let packets = kitchen.packets.borrow();
    let header = Packet::parse(&packets[sent]).unwrap().header();
    assert_eq!((header.session, header.sequence, header.spans_before), (Session::new(7), sent as u32, 1));
    kitchen.tracer.set_enabled(true);
    assert!(!kitchen.tracer.trace("after").is_recording(), "it is off for good");
    let never = Box::leak(Box::new(Tracer::new(Box::leak(Box::new(Arena::<4, 4>::new())), kitchen.clock)));
    // SAFETY: nothing else runs.
    unsafe { close_all(never, Said::Fixed(FIRE), None) };
    assert!(Drain::<256, 0>::take_over(never).is_none(), "there is no session");
}

//! A tracer, its drain, and what can be done with them: what the operations act upon.

use super::books::Books;
use crate::sync::step;
use crate::{
    Arena, Callsites, Clock, Context, Drain, Refused, Session, Span, SpanRef, Static, Stats, Tracer,
    Transport, Value,
};
use std::boxed::Box;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::format;
use std::string::{String, ToString};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::vec::Vec;
extern crate std;

/// How an arena stands when something happens to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Setup {
    /// There is room.
    Roomy,
    /// All slots and most cells are taken.
    Full,
    /// All slots are taken, most by finished spans, which may be overwritten.
    Overwrite,
    /// All slots are taken but two for roots and errors.
    Reserve,
    /// As `Roomy`, and interrupts say which they are.
    Told,
}

const SPANS: usize = 8;

/// The names and keys of tests: each is used once in a scenario.
static STRINGS: OnceLock<(Vec<&'static str>, Vec<&'static str>)> = OnceLock::new();

fn strings() -> &'static (Vec<&'static str>, Vec<&'static str>) {
    let leak = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
    STRINGS.get_or_init(|| {
        let all = |what: &str| (0..64).map(|number| leak(format!("{what} {number}"))).collect();
        (all("span"), all("key"))
    })
}

pub(super) fn key(number: usize) -> &'static str {
    strings().1[number]
}

pub(super) fn number(name: &str) -> Option<usize> {
    name.strip_prefix("span ")?.parse().ok()
}

struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn frequency(&self) -> u32 {
        1_000_000_000
    }
}

/// Each operation that came into another is an interrupt.
pub(super) struct Nested;

impl Context for Nested {
    fn interrupt(&self) -> u32 {
        match step::depth() {
            0 => 0,
            depth => 15 + depth as u32,
        }
    }
}

/// The spans that a scenario begins with, by their numbers.
pub(super) const STALE: usize = 0;
pub(super) const ROOT: usize = 1;
pub(super) const CHILD: usize = 2;

pub(super) struct World {
    setup: Setup,
    tracer: &'static Tracer,
    clock: &'static Ticks,
    callsites: &'static Callsites<16>,
    drain: Cell<Option<Box<Drain<512>>>>,
    names: RefCell<HashMap<u32, String>>,
    packets: RefCell<Vec<Vec<u8>>>,
    guards: RefCell<Vec<(usize, Span)>>,
    refs: Cell<[Option<SpanRef>; 3]>,
    books: RefCell<Books>,
    before: Cell<(Stats, [u32; 3])>,
}

impl World {
    pub(super) fn new(setup: Setup) -> Self {
        let clock: &Ticks = Box::leak(Box::new(Ticks(AtomicU64::new(1 << 32))));
        let callsites = Box::leak(Box::new(Callsites::new()));
        let tracer = if setup == Setup::Full {
            Tracer::new(Box::leak(Box::new(Arena::<SPANS, 4>::new())), clock)
        } else {
            Tracer::new(Box::leak(Box::new(Arena::<SPANS, 16>::new())), clock)
        };
        let tracer = match setup {
            Setup::Roomy | Setup::Full => tracer,
            Setup::Overwrite => tracer.overwrite(),
            Setup::Reserve => tracer.reserve(2),
            Setup::Told => tracer.context(&Nested),
        };
        let tracer = Box::leak(Box::new(tracer.callsites(callsites)));
        let drain = Drain::new(tracer, Session::new(7)).map(Box::new);
        Self {
            setup,
            tracer,
            clock,
            callsites,
            drain: Cell::new(drain),
            names: RefCell::default(),
            packets: RefCell::default(),
            guards: RefCell::default(),
            refs: Cell::new([None; 3]),
            books: RefCell::new(Books::new(false)),
            before: Cell::default(),
        }
    }

    /// A stale reference, a root, its child, a finished grandchild, and the others that the setup asks for.
    pub(super) fn begin(&self) {
        self.before.set((self.tracer.stats(), self.counted()));
        let forgetful = !matches!(self.setup, Setup::Roomy | Setup::Told);
        self.books.replace(Books::new(forgetful));
        self.start();
        let stale = self.tracer.current_span();
        self.finish(STALE);
        while self.poll() {}
        self.start();
        let root = self.tracer.current_span();
        self.start();
        let child = self.tracer.current_span();
        self.refs.set([stale, root, child]);
        self.start_and_finish(true);
        match self.setup {
            Setup::Roomy | Setup::Told => {}
            Setup::Overwrite => (0..SPANS - 3).for_each(|_| self.start_and_finish(true)),
            Setup::Full | Setup::Reserve => while self.start() {},
        }
    }

    /// Finishes and drains everything, and balances the books.
    pub(super) fn end(&self) {
        let last = || self.guards.borrow().last().map(|(number, _)| *number);
        while let Some(number) = last() {
            self.finish(number);
        }
        while self.poll() {}
        let (before, sites) = self.before.get();
        let (stats, books) = (self.tracer.stats(), self.books.borrow());
        let packets = self.packets.take();
        let (found, [least, most]) = books.check(&packets, &mut self.names.borrow_mut());
        let dropped = stats.spans_dropped() - before.spans_dropped();
        let lost = stats.tags_dropped() - before.tags_dropped();
        assert_eq!(
            found + dropped as usize,
            books.made(),
            "a span is lost uncounted, or counted without loss"
        );
        let right = (least..=most).contains(&(lost as usize));
        assert!(right, "{least} to {most} tags are lost, and {lost} counted");
        let counted = self.counted();
        let made = [books.made(), books.recording(), books.made() - books.recording()];
        assert_eq!([0, 1, 2].map(|i| (counted[i] - sites[i]) as usize), made, "callsites count all spans");
    }

    /// Takes every slot and cell that can be had: none may have leaked.
    pub(super) fn all_is_free(&self) {
        let cells: u32 = if self.setup == Setup::Full { 4 } else { 16 };
        let slots = if self.setup == Setup::Reserve { SPANS - 1 } else { SPANS };
        let spans: Vec<Span> = (0..slots).map(|i| self.tracer.trace(strings().0[i])).collect();
        assert!(spans.iter().all(Span::is_recording), "a slot has leaked");
        let before = self.tracer.stats().tags_full;
        for cell in 0..cells {
            spans[0].set_tag("k", cell);
        }
        assert_eq!(self.tracer.stats().tags_full, before, "a cell has leaked");
        drop(spans);
        while self.poll() {}
        let packets = self.packets.take();
        Books::names(&packets, &mut self.names.borrow_mut());
    }

    /// What the callsites have counted: started, finished, dropped.
    fn counted(&self) -> [u32; 3] {
        self.callsites.iter().fold([0; 3], |[started, finished, dropped], site| {
            [started + site.started, finished + site.finished, dropped + site.dropped]
        })
    }

    /// Where this runs: 0 in thread mode, 1 in an interrupt.
    fn mode(&self) -> usize {
        usize::from(self.setup == Setup::Told && step::depth() > 0)
    }

    fn tick(&self) -> u64 {
        self.clock.0.load(Ordering::Relaxed)
    }

    /// Starts a span and leaves it open; whether it is recorded.
    pub(super) fn start(&self) -> bool {
        let look = self.books.borrow_mut().begin_look(self.mode(), self.tick());
        let span = self.tracer.trace(strings().0[look.0]);
        let recording = span.is_recording();
        self.books.borrow_mut().end_look(look, recording, self.tick());
        self.books.borrow_mut().count_made();
        if recording {
            self.guards.borrow_mut().push((look.0, span));
        }
        recording
    }

    pub(super) fn start_and_finish(&self, tagged: bool) {
        let next = self.books.borrow().spans();
        if self.start() {
            if tagged {
                self.tag(next);
            }
            self.finish(next);
        }
    }

    fn take(&self, number: usize) -> Option<Span> {
        let mut guards = self.guards.borrow_mut();
        let place = guards.iter().position(|(guard, _)| *guard == number)?;
        Some(guards.remove(place).1)
    }

    /// Finishes a span, if its guard is at hand.
    pub(super) fn finish(&self, number: usize) {
        let Some(span) = self.take(number) else { return };
        let epoch = self.books.borrow_mut().begin_finish(number, self.tick());
        drop(span);
        self.books.borrow_mut().end_finish(number, epoch, self.mode(), self.tick());
    }

    /// Does something with a guard, which nobody else has meanwhile.
    fn with(&self, number: usize, run: impl FnOnce(&Span)) {
        if let Some(span) = self.take(number) {
            run(&span);
            self.guards.borrow_mut().push((number, span));
        }
    }

    fn set(&self, on: usize, value: impl Fn(usize) -> String) -> (usize, String) {
        let mut books = self.books.borrow_mut();
        let number = books.set(on, &value);
        (number, value(number))
    }

    /// Sets a number by the guard.
    pub(super) fn tag(&self, number: usize) {
        self.with(number, |span| {
            let (set, _) = self.set(number, |set| set.to_string());
            span.set_tag(key(set), set);
        });
    }

    /// Sets a string of several cells by the guard.
    pub(super) fn text(&self, number: usize) {
        self.with(number, |span| {
            let (set, text) = self.set(number, long);
            span.set_tag(key(set), text.as_str());
        });
    }

    pub(super) fn error(&self, number: usize) {
        self.with(number, |span| {
            self.books.borrow_mut().error(number);
            span.set_error_info("OutOfPickles", "the jar is empty, and so is the other one");
        });
    }

    /// Sets an error on a span that found no slot, where there is none.
    pub(super) fn error_of_dropped(&self) {
        let look = self.books.borrow_mut().begin_look(self.mode(), self.tick());
        let span = self.tracer.trace(strings().0[look.0]);
        let recording = span.is_recording();
        self.books.borrow_mut().end_look(look, recording, self.tick());
        self.books.borrow_mut().count_made();
        self.books.borrow_mut().error(look.0);
        span.set_error_info("OutOfPickles", "the jar is empty");
        if recording {
            self.guards.borrow_mut().push((look.0, span));
            self.finish(look.0);
        }
    }

    /// Sets a tag by a reference, to a span that may be finished.
    pub(super) fn tag_by_ref(&self, number: usize) {
        if let Some(span) = self.refs.get()[number] {
            let (set, _) = self.set(number, |set| set.to_string());
            span.set_tag(key(set), set);
        }
    }

    /// Sets a tag by a reference and looks whether it is there: as it was set, or not at all.
    pub(super) fn look_by_ref(&self, number: usize) {
        if let Some(span) = self.refs.get()[number] {
            let (set, text) = self.set(number, long);
            span.set_tag(key(set), text.as_str());
            span.with_tag(key(set), |seen| assert_eq!(seen, Value::Str(&text), "a tag is torn"));
        }
    }

    pub(super) fn text_by_ref(&self, number: usize) {
        if let Some(span) = self.refs.get()[number] {
            let (set, text) = self.set(number, long);
            span.set_tag(key(set), text.as_str());
        }
    }

    pub(super) fn static_by_ref(&self, number: usize) {
        if let Some(span) = self.refs.get()[number] {
            let (set, _) = self.set(number, |_| "rye".to_string());
            span.set_tag(key(set), Static("rye"));
        }
    }

    pub(super) fn error_by_ref(&self, number: usize) {
        if let Some(span) = self.refs.get()[number] {
            self.books.borrow_mut().error(number);
            span.set_error_info("OutOfPickles", "the jar is empty");
        }
    }

    /// Sets a tag on what is current.
    pub(super) fn tag_current(&self) {
        let look = self.books.borrow_mut().begin_look(self.mode(), self.tick());
        let current = self.tracer.current_span();
        let mut books = self.books.borrow_mut();
        books.end_look(look, false, self.tick());
        let set = books.set(look.0, |set| set.to_string());
        books.set_on_current(set, look.0);
        let Some(current) = current else { return books.unset(set, look.1) };
        drop(books);
        current.set_tag(key(set), set);
    }

    /// Ends a span, drains, and sets a string on another, for which there are its cells.
    pub(super) fn turn_over(&self) {
        self.finish(CHILD);
        self.poll();
        let next = self.books.borrow().spans();
        if self.start() {
            self.text(next);
            self.finish(next);
        }
    }

    /// One packet; whether there may be more, and the drain is at hand.
    pub(super) fn poll(&self) -> bool {
        let Some(mut drain) = self.drain.take() else { return false };
        let more = drain.poll(&mut Kept(&self.packets));
        self.drain.set(Some(drain));
        more == Ok(true)
    }

    /// Reads all counts.
    pub(super) fn look_at_counts(&self) {
        let (stats, [started, finished, dropped]) = (self.tracer.stats(), self.counted());
        assert!(stats.spans_full + stats.spans_reserved <= dropped.wrapping_add(2) && finished <= started);
    }
}

fn long(number: usize) -> String {
    format!("{number} slices of bread, and butter on each of them")
}

/// Keeps what it takes.
struct Kept<'k>(&'k RefCell<Vec<Vec<u8>>>);

impl Transport for Kept<'_> {
    type Error = ();

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<()>> {
        self.0.borrow_mut().push(packet.to_vec());
        Ok(())
    }
}

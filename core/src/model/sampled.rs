//! Traces that are sampled out and traces that are kept, in each other at each step.

use super::driver::{Op, every_nesting};
use super::world::Nested;
use crate::sync::{AtomicU32, Ordering};
use crate::{Arena, Clock, Drain, Refused, Rule, Sampler, Session, Span, Stats, Tracer, Transport};
use std::boxed::Box;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
extern crate std;

/// The most atomic steps that an operation takes.
const MOST: u32 = 400;

/// How far apart the steps are at which an operation is interrupted.
const APART: u32 = if cfg!(miri) { 150 } else { 1 };

const SLOTS: usize = 8;

struct Ticks(AtomicU32);

impl Clock for Ticks {
    fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed).into()
    }

    fn frequency(&self) -> u32 {
        1_000
    }
}

struct Sink;

impl Transport for Sink {
    type Error = ();

    fn send(&mut self, _: &[u8]) -> Result<(), Refused<()>> {
        Ok(())
    }
}

struct World {
    tracer: &'static Tracer,
    drain: RefCell<Drain<512>>,
    /// The root in which everything happens, until it is finished.
    held: Cell<Option<Span>>,
    recorded: Cell<u32>,
    /// The counts of both when the scenario began.
    before: Cell<(u32, u32)>,
}

impl World {
    fn new(change: impl FnOnce(Tracer) -> Tracer) -> Rc<Self> {
        static RULES: [Rule; 2] = [Rule::new(0.0).name("out"), Rule::new(1.0)];
        static SAMPLER: Sampler = Sampler::new().rules(&RULES).unlimited();
        let clock = Box::leak(Box::new(Ticks(AtomicU32::new(0))));
        let arena = Box::leak(Box::new(Arena::<SLOTS, 16>::new()));
        let tracer = change(Tracer::new(arena, clock).context(&Nested).sampler(&SAMPLER));
        let tracer: &Tracer = Box::leak(Box::new(tracer));
        let drain = RefCell::new(Drain::new(tracer, Session::new(7)).unwrap());
        let world =
            Self { tracer, drain, held: Cell::new(None), recorded: Cell::new(0), before: Cell::default() };
        Rc::new(world)
    }

    fn start(&self, name: &'static str) -> Span {
        let span = self.tracer.trace(name);
        self.recorded.set(self.recorded.get() + u32::from(span.is_recording()));
        span
    }

    fn begin(&self, held: &'static str) {
        self.before.set((self.recorded.get(), self.drain.borrow().spans()));
        self.held.set(Some(self.start(held)));
    }

    /// A trace in whatever is current, and a span in it.
    fn trace(&self, name: &'static str) {
        let root = self.start(name);
        let child = self.start("child");
        child.set_tag("a", 1u8);
        drop((child, root));
    }

    fn poll(&self) -> bool {
        self.drain.try_borrow_mut().is_ok_and(|mut drain| drain.poll(&mut Sink) == Ok(true))
    }

    /// Finishes and drains everything; what was recorded came, and every slot is free.
    fn end(&self) {
        drop(self.held.take());
        while self.poll() {}
        let (recorded, drained) = self.before.get();
        assert_eq!(
            self.recorded.get() - recorded,
            self.drain.borrow().spans() - drained,
            "a span is lost or made up"
        );
        let all: std::vec::Vec<Span> = (0..SLOTS).map(|_| self.start("kept")).collect();
        assert!(all.iter().all(Span::is_recording), "a slot is lost, or a trace goes on");
        drop(all);
        while self.poll() {}
        assert_eq!(self.tracer.stats().losses(), Stats::default());
    }
}

const OPERATIONS: [Op<World>; 4] = [
    Op { name: "a trace sampled out", most: MOST, run: |world| world.trace("out") },
    Op { name: "a trace kept", most: MOST, run: |world| world.trace("kept") },
    Op { name: "finish what they are in", most: MOST, run: |world| drop(world.held.take()) },
    Op { name: "poll", most: 2 * MOST, run: |world| _ = world.poll() },
];

fn check(held: &'static str, change: impl Fn(Tracer) -> Tracer) {
    for outer in OPERATIONS {
        for inner in OPERATIONS {
            let world = World::new(&change);
            let begin = || {
                world.begin(held);
                world.clone()
            };
            every_nesting(APART, &[outer, inner], begin, World::end);
        }
    }
}

#[test]
fn traces_sampled_out_and_kept_come_right_in_each_other_at_each_step() {
    for held in ["out", "kept"] {
        check(held, |tracer| tracer);
        check(held, |tracer| tracer.interrupts(crate::Interrupts::Roots));
    }
}

//! What is asked of who takes part.

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Waker};

use microspan::Clock;

use crate::ticks::Ticks;

/// Children of a trace.
pub const SPANS: u32 = 100;

/// An operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// A child is started and finished.
    Child,
    /// The same with a static string and a number.
    TwoTags,
    /// The same with a string of 16 bytes that is not static.
    Str16,
    /// A future in a child, polled once, to its end.
    AsyncPoll,
    /// A child in a trace that is not recorded.
    SampledOut,
}

impl Op {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Child, Self::TwoTags, Self::Str16, Self::AsyncPoll, Self::SampledOut];

    /// What rows call it; names do not change.
    pub fn name(self) -> &'static str {
        match self {
            Self::Child => "child",
            Self::TwoTags => "two_tags",
            Self::Str16 => "str16",
            Self::AsyncPoll => "async_poll",
            Self::SampledOut => "sampled_out",
        }
    }
}

/// How somebody makes spans.
pub trait Spans {
    /// What rows call it; names do not change.
    const WHO: &'static str;

    /// Does something within a root of this thread, which is recorded or not.
    fn root(recorded: bool, body: &mut dyn FnMut());

    /// A child of what is current.
    fn child();

    /// A child with a static string and a number.
    fn two_tags(number: u64);

    /// A child with a string.
    fn str16(text: &str);

    /// A child that is a future's, which is polled once.
    fn async_poll();

    /// A child in a trace that is not recorded.
    #[inline(always)]
    fn sampled_out() {
        Self::child();
    }

    /// Waits until all that was made is encoded.
    fn settle();

    /// How many spans were encoded so far.
    fn delivered() -> u64;

    /// How many spans it says it dropped so far, where it says so.
    fn said_dropped() -> Option<u64> {
        None
    }
}

/// Polls a future once.
#[inline(always)]
pub fn poll(future: impl Future<Output = ()>) {
    let _ = black_box(pin!(future).poll(&mut Context::from_waker(Waker::noop())));
}

/// One who takes part.
pub struct Contestant {
    /// What rows call it.
    pub who: &'static str,
    batch: fn(Op, u32),
    root: fn(bool, &mut dyn FnMut()),
    settle: fn(),
    delivered: fn() -> u64,
    said_dropped: fn() -> Option<u64>,
}

impl Contestant {
    /// Who makes spans so.
    pub fn of<S: Spans>() -> Self {
        Self {
            who: S::WHO,
            batch: batch::<S>,
            root: S::root,
            settle: S::settle,
            delivered: S::delivered,
            said_dropped: S::said_dropped,
        }
    }

    /// The ticks that the children of a trace took.
    pub fn trace(&self, op: Op) -> u64 {
        let mut ticks = 0;
        self.root(op != Op::SampledOut, &mut || ticks = self.timed(op, SPANS));
        ticks
    }

    /// The ticks that so many children took, in what is current.
    pub fn timed(&self, op: Op, spans: u32) -> u64 {
        let start = Ticks.now();
        microspan_benches_batch(self.batch, op, spans);
        Ticks.now() - start
    }

    /// Does something within a root.
    pub fn root(&self, recorded: bool, body: &mut dyn FnMut()) {
        (self.root)(recorded, body);
    }

    /// Waits until all that was made is encoded.
    pub fn settle(&self) {
        (self.settle)();
    }

    /// How many spans were encoded so far.
    pub fn delivered(&self) -> u64 {
        (self.delivered)()
    }

    /// How many spans it says it dropped so far, where it says so.
    pub fn said_dropped(&self) -> Option<u64> {
        (self.said_dropped)()
    }

    /// Whether it makes spans at all.
    pub fn makes_spans(&self) -> bool {
        self.who != Clocks::WHO
    }
}

/// A function that callgrind knows by its name.
#[unsafe(no_mangle)]
#[inline(never)]
fn microspan_benches_batch(batch: fn(Op, u32), op: Op, spans: u32) {
    batch(op, spans);
}

/// So many children.
fn batch<S: Spans>(op: Op, spans: u32) {
    let text = black_box("sixteen bytes ok");
    match op {
        Op::Child => (0..spans).for_each(|_| S::child()),
        Op::SampledOut => (0..spans).for_each(|_| S::sampled_out()),
        Op::TwoTags => (0..spans).for_each(|number| S::two_tags(u64::from(black_box(number)))),
        Op::Str16 => (0..spans).for_each(|_| S::str16(black_box(text))),
        Op::AsyncPoll => (0..spans).for_each(|_| S::async_poll()),
    }
}

/// Two readings of the clock, which the others are held against.
pub struct Clocks;

impl Clocks {
    #[inline(always)]
    fn read() {
        black_box(Ticks.now());
        black_box(Ticks.now());
    }
}

impl Spans for Clocks {
    const WHO: &'static str = "two_clock_reads";

    fn root(_: bool, body: &mut dyn FnMut()) {
        body();
    }

    #[inline(always)]
    fn child() {
        Self::read();
    }

    #[inline(always)]
    fn two_tags(_: u64) {
        Self::read();
    }

    #[inline(always)]
    fn str16(_: &str) {
        Self::read();
    }

    #[inline(always)]
    fn async_poll() {
        Self::read();
    }

    fn settle() {}

    fn delivered() -> u64 {
        0
    }
}

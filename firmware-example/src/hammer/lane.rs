//! What one context of execution does, and its books.

use core::sync::atomic::{AtomicU32, Ordering};

use microspan::{Clock, Span, Static, Tracer};

use super::set::Set;
use super::shadow::Shadow;
use super::{LANES, key, mix, text};

/// A number's lane stands above these bits.
const LANE: u32 = 28;
/// One span in so many carries a text, and one is tagged after its end.
const SELDOM: u32 = 8;

/// A core: where its contexts start spans.
pub struct Core {
    /// The tracer, which may be shared with other cores.
    pub tracer: &'static Tracer,
    /// The tracer's clock.
    pub clock: &'static dyn Clock,
    /// What its contexts know of its current span.
    pub shadow: Shadow,
}

/// One context of execution. It alone writes here; others read when it has ended.
pub struct Lane {
    /// From 1 on, in the order of the program's lanes.
    number: u32,
    /// The name of its spans.
    pub(super) name: &'static str,
    /// The number of its interrupt; 0: thread mode.
    pub(super) interrupt: u32,
    random: AtomicU32,
    /// Spans that it started, those that found no room included; the low bits of a span's number.
    pub(super) made: AtomicU32,
    /// Spans that are recorded.
    pub(super) recorded: AtomicU32,
    /// The sum of their numbers.
    pub(super) sum: AtomicU32,
    /// The last span of each lane that it tagged.
    hit: [AtomicU32; LANES],
    /// Tags that it set.
    pub(super) tags: AtomicU32,
    /// Of these, the ones that it set after the end of a span.
    pub(super) late: AtomicU32,
    /// How often the tracer's current span was not there, or there was one too many.
    pub(super) wrong: AtomicU32,
}

/// An open span. Whoever holds it may finish it, on whatever core.
pub struct Open {
    span: Span,
    number: u32,
    before: Set,
}

impl Open {
    /// Its number, if it is recorded.
    pub fn number(&self) -> Option<u32> {
        self.span.is_recording().then_some(self.number)
    }
}

/// Adds to a count that has one writer. A Cortex-M0 has no more than loads and stores.
pub(super) fn add(count: &AtomicU32, more: u32) {
    count.store(count.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

impl Lane {
    /// The lane of this number, from 1 to 4, in thread mode (0) or in an interrupt of this exception number.
    pub const fn new(number: u32, name: &'static str, interrupt: u32) -> Self {
        const fn zero() -> AtomicU32 {
            AtomicU32::new(0)
        }
        Self {
            number,
            name,
            interrupt,
            random: AtomicU32::new(number.wrapping_mul(0x9E37_79B9)),
            made: zero(),
            recorded: zero(),
            sum: zero(),
            hit: [zero(), zero(), zero(), zero()],
            tags: zero(),
            late: zero(),
            wrong: zero(),
        }
    }

    /// Has its numbers look random in another way; 0 is the way of [`new`](Self::new). Before it does anything.
    pub fn seed(&self, seed: u32) {
        let random = mix(seed) ^ self.random.load(Ordering::Relaxed);
        // The generator stays at 0.
        self.random.store(random.max(1), Ordering::Relaxed);
    }

    /// Spans that it started so far.
    pub fn made(&self) -> u32 {
        self.made.load(Ordering::Relaxed)
    }

    /// Whether this is the number of one of its spans.
    pub(super) fn owns(&self, number: u32) -> bool {
        number >> LANE == self.number
    }

    /// Whether the span of this number carries a text.
    pub(super) fn has_text(number: u32) -> bool {
        number.is_multiple_of(SELDOM)
    }

    /// A number below 2^`bits` that looks random.
    pub fn random(&self, bits: u32) -> u32 {
        // Marsaglia's xorshift.
        let mut random = self.random.load(Ordering::Relaxed);
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        self.random.store(random, Ordering::Relaxed);
        random >> (32 - bits)
    }

    /// Starts a span and tags it.
    pub fn open(&self, core: &Core) -> Open {
        add(&self.made, 1);
        let number = self.number << LANE | self.made();
        let before = core.shadow.read();
        core.shadow.starting(&before, number);
        let span = core.tracer.trace(self.name);
        if span.is_recording() {
            core.shadow.started(number);
            add(&self.recorded, 1);
            add(&self.sum, number);
            self.tag(core, &span, number, &before);
        } else {
            core.shadow.settle(&before);
        }
        Open { span, number, before }
    }

    fn tag(&self, core: &Core, span: &Span, number: u32, before: &Set) {
        let time = core.clock.now() as u32;
        span.set_tag(key::NUMBER, number).set_tag(key::TIME, time);
        let mut parents = 0;
        for (parent, key) in before.iter().zip(key::PARENTS) {
            span.set_tag(key, parent);
            parents += 1;
        }
        span.set_tag(key::CHECK, checksum(number, time, before));
        add(&self.tags, 3 + parents);
        if Self::has_text(number) {
            let bytes = text(number);
            span.set_tag(key::TEXT, core::str::from_utf8(&bytes).unwrap_or_default());
            add(&self.tags, 1);
        }
    }

    /// Finishes a span where it was started. Now and then the span is tagged afterwards, too: that must be counted, and
    /// reach no other.
    pub fn close(&self, core: &Core, open: Open) {
        if open.number().is_none() {
            return;
        }
        let late = open.span.as_ref().filter(|_| open.number % SELDOM == 1);
        core.shadow.finishing(&open.before);
        open.span.finish();
        core.shadow.settle(&open.before);
        if let Some(late) = late {
            late.set_tag(key::LATE, Static("late"));
            add(&self.tags, 1);
            add(&self.late, 1);
        }
    }

    /// Spans within spans: the low two bits of `shape` say how many children one has, and the bits above them are the
    /// shape of each. `false`: there was no room for the first one.
    pub fn tree(&self, core: &Core, shape: u32) -> bool {
        let open = self.open(core);
        let recorded = open.number().is_some();
        for _ in 0..shape & 3 {
            self.tree(core, shape >> 2);
        }
        self.close(core, open);
        recorded
    }

    /// Makes a span that seems to have one of `several` parents, up to four, and has none, and tags it for all lanes: so that
    /// the keys are told. In thread mode and before the interrupts.
    pub(super) fn introduce(&self, core: &Core, several: u32) {
        let alone = core.shadow.read();
        let mut parents = Set::of(0);
        (1..several).for_each(|number| parents.insert(number));
        core.shadow.settle(&parents);
        let open = self.open(core);
        if open.number().is_some() {
            key::HITS.into_iter().for_each(|key| {
                open.span.set_tag(key, open.number);
            });
            add(&self.tags, LANES as u32);
        }
        self.close(core, open);
        core.shadow.settle(&alone);
    }

    /// Lets go of a span that has no parent, so that another core may finish it: until it has, the span is still the current
    /// one here, or none is.
    pub(super) fn let_go(&self, core: &Core, open: Open) -> Open {
        let mut either = Set::of(open.number);
        either.insert(0);
        core.shadow.settle(&either);
        open
    }

    /// Tags and finishes a span of another core. What is current on this one stays so.
    pub(super) fn take_over(&self, open: Open) {
        if let Some(key) = self.may_hit(open.number) {
            open.span.set_tag(key, open.number);
            add(&self.tags, 1);
        }
        open.span.finish();
    }

    /// Tags the span that an interrupt found open, once, where it is certain which one that is.
    pub fn hit(&self, core: &Core) {
        let Some(number) = core.shadow.read().only() else { return };
        match core.tracer.current_span() {
            Some(span) if number != 0 => {
                if let Some(key) = self.may_hit(number) {
                    span.set_tag(key, number);
                    add(&self.tags, 1);
                }
            }
            None if number == 0 => {}
            _ => add(&self.wrong, 1),
        }
    }

    /// The key with which it tags the span of another lane; `None` when it has tagged this span or a later one: of two
    /// tags with one key only one would arrive.
    fn may_hit(&self, number: u32) -> Option<&'static str> {
        let last = self.hit.get((number >> LANE) as usize - 1)?;
        if number <= last.load(Ordering::Relaxed) {
            return None;
        }
        last.store(number, Ordering::Relaxed);
        key::HITS.get(self.number as usize - 1).copied()
    }
}

/// The checksum of a span's own tags.
pub(super) fn checksum(number: u32, time: u32, parents: &Set) -> u32 {
    let parents = parents.iter().fold(0_u32, |sum, parent| sum.wrapping_add(mix(parent)));
    mix(number) ^ mix(time).rotate_left(7) ^ parents
}

//! What the contexts of a core know of its current span without asking the tracer.
//!
//! Between the instruction that makes a span current and the one that notes it, an interrupt may come. So a context
//! notes first that the current span may change, and afterwards that it did; an interrupt takes both for possible, and
//! leaves behind what it found.

use core::sync::atomic::{AtomicU32, Ordering, compiler_fence};

use super::set::{EMPTY, PLACES, Set};

/// The numbers that the current span of a core may have; 0: there may be none. For the contexts of that core alone.
pub struct Shadow([AtomicU32; PLACES]);

impl Shadow {
    /// There is no current span.
    #[expect(clippy::new_without_default, reason = "it belongs in a static, which no Default can fill")]
    pub const fn new() -> Self {
        Self([AtomicU32::new(0), AtomicU32::new(EMPTY), AtomicU32::new(EMPTY), AtomicU32::new(EMPTY)])
    }

    pub(super) fn read(&self) -> Set {
        Set(core::array::from_fn(|place| self.0[place].load(Ordering::Relaxed)))
    }

    /// A span is about to start where the current one is one of `before`.
    pub(super) fn starting(&self, before: &Set, number: u32) {
        let mut numbers = *before;
        numbers.insert(number);
        self.write(&numbers);
    }

    /// It has started.
    pub(super) fn started(&self, number: u32) {
        self.write(&Set::of(number));
    }

    /// The current span is about to finish, and one of `before` to be current again.
    pub(super) fn finishing(&self, before: &Set) {
        let mut numbers = Set::of(self.0[0].load(Ordering::Relaxed));
        before.iter().for_each(|number| numbers.insert(number));
        self.write(&numbers);
    }

    /// It has finished, or did not start: one of `before` is the current one.
    pub(super) fn settle(&self, before: &Set) {
        self.write(before);
    }

    /// Place after place: whoever comes in between finds all numbers that stand in both, old and new.
    fn write(&self, numbers: &Set) {
        compiler_fence(Ordering::SeqCst);
        for (place, number) in self.0.iter().zip(numbers.0) {
            place.store(number, Ordering::Relaxed);
        }
        compiler_fence(Ordering::SeqCst);
    }
}

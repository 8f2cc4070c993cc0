//! What was said of a span by its children and by itself: which number it has, and which trace it is in.
//!
//! A child that finishes and is drained before its parent says of the parent, whose counter the wire tells, which
//! numbers that may have; the parent itself says it later. A statement that contradicts an earlier one is a fault.

use super::set::Set;

/// Statements of one span.
#[derive(Clone, Copy)]
struct Said {
    counter: u32,
    trace: u32,
    numbers: Set,
    /// By itself, too: it was drained.
    drained: bool,
}

/// What came of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It agrees with those before it, or is the first.
    Fits,
    /// The number is another.
    OtherNumber,
    /// The trace is another.
    OtherTrace,
    /// The span was drained twice.
    Twice,
    /// Nobody knows any more: the span was drained some rounds of the ring ago.
    Unknown,
    /// It is the first one of its span. The one that was noted in its place has children and never came.
    Orphans,
}

/// Statements of the spans of the last `N / SPANS` rounds of the ring; `N` is a power of two, `SPANS` or more.
pub(super) struct Kin<const N: usize>([Option<Said>; N]);

impl<const N: usize> Kin<N> {
    pub(super) const fn new() -> Self {
        const { assert!(N.is_power_of_two()) };
        Self([None; N])
    }

    /// Takes a statement: of the span's child, or of the span itself when it was `drained`. No number: it was lost.
    pub(super) fn hear(&mut self, counter: u64, trace: u64, numbers: &Set, drained: bool) -> Heard {
        let (counter, trace) = (counter as u32, trace as u32);
        let said = &mut self.0[counter as usize & (N - 1)];
        let new = Said { counter, trace, numbers: *numbers, drained };
        let Some(said) = said else {
            *said = Some(new);
            return Heard::Fits;
        };
        if said.counter != counter {
            if (counter.wrapping_sub(said.counter) as i32) < 0 {
                return Heard::Unknown;
            }
            let was = core::mem::replace(said, new);
            return if was.drained { Heard::Fits } else { Heard::Orphans };
        }
        let Some(met) = agree(&said.numbers, numbers) else { return Heard::OtherNumber };
        if said.trace != trace {
            return Heard::OtherTrace;
        }
        if said.drained && drained {
            return Heard::Twice;
        }
        *said = Said { numbers: met, drained: said.drained || drained, ..new };
        Heard::Fits
    }

    /// Spans that have children and were not drained.
    pub(super) fn missing(&self) -> u32 {
        self.0.iter().flatten().filter(|said| !said.drained).count() as u32
    }
}

/// The numbers that both allow.
fn agree(one: &Set, other: &Set) -> Option<Set> {
    match (one.is_empty(), other.is_empty()) {
        (true, _) => Some(*other),
        (_, true) => Some(*one),
        _ => Some(one.meet(other)).filter(|met| !met.is_empty()),
    }
}

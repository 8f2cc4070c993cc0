//! Counters of 32 bits and fewer as a clock of 64.

use super::Clock;
use crate::sync::{AtomicU32, Ordering, const_unless_loom};
use core::time::Duration;

/// A hardware counter of at most 32 bits, for a [`Widened`] clock.
///
/// ```
/// use microspan::Counter;
///
/// /// A timer of 24 bits that counts up, of 32,768 Hz: an RTC.
/// struct Rtc;
/// # fn register() -> u32 { 7 }
///
/// impl Counter for Rtc {
///     const BITS: u32 = 24;
///     fn count(&self) -> u32 { register() }
///     fn frequency(&self) -> u32 { 32_768 }
/// }
/// ```
///
/// # Obligations
///
/// An implementation
/// - MUST count up by one at a time through all its [`BITS`](Counter::BITS) and begin again at 0; one that counts down is read as its
///   complement;
/// - MUST read one counter, the same on every core;
/// - MUST NOT fail, wait or mask interrupts for longer than its own few instructions.
pub trait Counter: Sync {
    /// How many bits it has, from 2 to 32.
    const BITS: u32 = 32;

    /// Its count; bits above [`BITS`](Counter::BITS) are ignored.
    fn count(&self) -> u32;

    /// How often it counts in a second; not 0.
    fn frequency(&self) -> u32;
}

/// A [`Counter`] as a [`Clock`] that does not come round: without an interrupt, a lock or a loop, for any context and any number of
/// cores.
///
/// ```
/// use microspan::{Arena, Counter, Tracer, Widened};
///
/// struct Timer;
/// # fn register() -> u32 { 7 }
/// impl Counter for Timer {
///     fn count(&self) -> u32 { register() }
///     fn frequency(&self) -> u32 { 1_000_000 }
/// }
///
/// static CLOCK: Widened<Timer> = Widened::new(Timer);
/// static ARENA: Arena<16, 32> = Arena::new();
/// static TRACER: Tracer = Tracer::new(&ARENA, &CLOCK);
/// assert_eq!(CLOCK.longest_silence().as_secs(), 2_147); // somebody has to read it every 35 minutes
/// ```
///
/// # The longest silence
///
/// It counts halves of the counter's round: whoever reads it in a new half notes that. So **it has to be read at least once in each
/// half**, by any start, finish or drain on any core: every 2^31 ticks of 32 bits (35 minutes at 1 MHz, 33 s at 64 MHz, 2 s at 1 GHz),
/// and every 4 minutes of an RTC of 24 bits and 32,768 Hz. A drain that is polled does it. After a longer silence the time falls
/// behind by whole rounds; the host notices that and learns the clock anew. The silence before a read and the time for which that read is
/// interrupted are less than half a round together.
pub struct Widened<C> {
    counter: C,
    /// How many halves of a round have begun. Its lowest bit is the highest that the counter should have.
    pub(crate) halves: AtomicU32,
}

impl<C: Counter> Widened<C> {
    const_unless_loom! {
        /// The clock of this counter, which begins where the counter stands when it is read first.
        ///
        /// ```
        /// # use microspan::{Clock, Counter, Widened};
        /// # struct Timer;
        /// # impl Counter for Timer {
        /// #     fn count(&self) -> u32 { 7 }
        /// #     fn frequency(&self) -> u32 { 1_000 }
        /// # }
        /// static CLOCK: Widened<Timer> = Widened::new(Timer);
        /// assert_eq!(CLOCK.now(), 7);
        /// ```
        pub fn new(counter: C) -> Self {
            const { assert!(C::BITS >= 2 && C::BITS <= 32, "a counter has from 2 to 32 bits") };
            Self { counter, halves: AtomicU32::new(0) }
        }
    }

    /// Within how much time it has to be read again: half a round of its counter.
    ///
    /// ```
    /// # use microspan::{Counter, Widened};
    /// # struct Rtc;
    /// # impl Counter for Rtc {
    /// #     const BITS: u32 = 24;
    /// #     fn count(&self) -> u32 { 7 }
    /// #     fn frequency(&self) -> u32 { 32_768 }
    /// # }
    /// assert_eq!(Widened::new(Rtc).longest_silence().as_secs(), 256);
    /// ```
    pub fn longest_silence(&self) -> Duration {
        let half = 1_u64 << (C::BITS - 1);
        Duration::from_nanos(half * 1_000_000_000 / u64::from(self.counter.frequency().max(1)))
    }
}

impl<C: Counter> Clock for Widened<C> {
    #[inline]
    fn now(&self) -> u64 {
        // Acquire: the counter is read after it. Then it is in the half that is noted, or in the next: whatever came between, which
        // was no half a round long, noted no more than that.
        let noted = self.halves.load(Ordering::Acquire);
        let count = self.counter.count() & (u32::MAX >> (32 - C::BITS));
        let ahead = (count >> (C::BITS - 1) ^ noted) & 1;
        let half = noted.wrapping_add(ahead);
        if ahead != 0 {
            // When it fails somebody else has noted it, and perhaps more.
            let _ = self.halves.compare_exchange(noted, half, Ordering::Release, Ordering::Relaxed);
        }
        u64::from(half >> 1) << C::BITS | u64::from(count)
    }

    fn frequency(&self) -> u32 {
        self.counter.frequency()
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::sync::step::{Interrupt, run};
    use proptest::prelude::*;
    extern crate std;
    use std::boxed::Box;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    /// The lowest bits of a time that is set by hand, read in a step of its own.
    struct Low<const BITS: u32>(Arc<AtomicU64>, AtomicU32);

    impl<const BITS: u32> Counter for Low<BITS> {
        const BITS: u32 = BITS;

        fn count(&self) -> u32 {
            self.1.load(Ordering::Relaxed) | self.0.load(Ordering::Relaxed) as u32
        }

        fn frequency(&self) -> u32 {
            1_000_000
        }
    }

    fn clock<const BITS: u32>(start: u64) -> (Arc<AtomicU64>, Widened<Low<BITS>>) {
        let time = Arc::new(AtomicU64::new(start));
        (time.clone(), Widened::new(Low(time, AtomicU32::new(0))))
    }

    fn turn(time: &AtomicU64, by: u64) -> u64 {
        time.fetch_add(by, Ordering::Relaxed) + by
    }

    fn follows<const BITS: u32>(start: u32, steps: &[u32]) {
        let start = u64::from(start) & ((1 << BITS) - 1);
        let (time, clock) = clock::<BITS>(start);
        assert_eq!(clock.now(), start);
        for step in steps {
            let now = turn(&time, u64::from(*step) % (1 << (BITS - 1)));
            assert_eq!(clock.now(), now);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 5 } else { 300 }, failure_persistence: None, ..Default::default() })]

        #[test]
        fn a_counter_that_is_read_in_each_half_of_its_round_is_followed(
            start in any::<u32>(),
            steps in prop::collection::vec(any::<u32>(), 0..50),
        ) {
            follows::<32>(start, &steps);
            follows::<24>(start, &steps);
            follows::<16>(start, &steps);
        }
    }

    #[test]
    fn whoever_interrupts_a_read_at_any_step_and_for_however_long_it_may_both_are_right() {
        const HALF: u64 = 1 << 15;
        for start in [0, HALF - 1, HALF, 2 * HALF - 1, 3 * HALF - 1] {
            for long in [0, 1, 2, HALF / 2, HALF - 2] {
                for at in 0..4 {
                    let (time, clock) = clock::<16>(0);
                    let clock = Arc::new(clock);
                    (0..4).for_each(|_| {
                        let rest = start - time.load(Ordering::Relaxed);
                        turn(&time, rest.min(HALF - 1));
                        clock.now();
                    });
                    let (inner, moved) = (clock.clone(), time.clone());
                    let read = move || {
                        let now = turn(&moved, long);
                        run(3, None, || assert_eq!(inner.now(), now, "the interrupt's read"));
                    };
                    let mut outer = 0;
                    run(3, Some(Interrupt { at, run: Box::new(read) }), || outer = clock.now());
                    let now = time.load(Ordering::Relaxed);
                    assert!(outer == now || outer == start, "{outer} at {start}, {long} later, step {at}");
                    assert_eq!(clock.now(), now);
                }
            }
        }
    }
}

//! The time: microseconds, from timer 0.
//!
//! Its 32 bits go round in 71 minutes. An interrupt in the middle of each half of a round counts the halves that are
//! over; from their count and the counter follows the time, without a loop and without masking anything: where the parity
//! of the count and the upper bit of the counter disagree, a half is over that is not counted yet. **The longest silence
//! is a quarter of a round**, 17 minutes, for which the interrupt may be masked.

use core::sync::atomic::{AtomicU32, Ordering, compiler_fence};

use microspan::Clock;

use super::timer::Timer;

const FREQUENCY: u32 = 1_000_000;
/// The least.
const PRIORITY: u8 = 3;
/// 16 MHz divided by 2^4.
const PRESCALER: u32 = 4;
/// The middle of each half.
const MIDDLES: [u32; 2] = [1 << 30, 3 << 30];

/// Halves of the counter's round that are over.
static HALVES: AtomicU32 = AtomicU32::new(0);

/// The clock of the board.
#[derive(Clone, Copy, Debug)]
pub struct Timer0;

impl Clock for Timer0 {
    #[inline(always)]
    fn now(&self) -> u64 {
        let halves = HALVES.load(Ordering::Relaxed);
        // The count first: read later, it might be ahead of the counter, which no rule could put right.
        compiler_fence(Ordering::Acquire);
        let counter = Timer::TIMER0.counter();
        (u64::from(halves) << 31) + u64::from(counter ^ (halves << 31))
    }

    fn frequency(&self) -> u32 {
        FREQUENCY
    }
}

/// Starts the timer.
pub(super) fn start() {
    Timer::TIMER0.count(PRESCALER, &MIDDLES);
    Timer::TIMER0.listen(PRIORITY);
}

/// Counts a half if `number` is that of the timer and a half is over; returns whether it is.
pub(super) fn on_interrupt(number: i16) -> bool {
    if !Timer::TIMER0.is(number) {
        return false;
    }
    Timer::TIMER0.acknowledge_both();
    let halves = HALVES.load(Ordering::Relaxed);
    if Timer::TIMER0.counter() >> 31 != halves & 1 {
        // A load and a store: nothing else writes.
        HALVES.store(halves.wrapping_add(1), Ordering::Relaxed);
    }
    true
}

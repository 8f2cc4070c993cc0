//! The time: ticks of the board's 25 MHz, from the dual timer.

use microspan::Clock;

use super::super::dual_timer::Counter;

/// Ticks in a second.
const FREQUENCY: u32 = 25_000_000;
// SAFETY: the dual timer of this board is at 0x4000_2000.
const COUNTER: Counter = unsafe { Counter::at(0x4000_2000, 10) };

/// The clock of the board.
#[derive(Clone, Copy, Debug)]
pub struct DualTimer;

impl Clock for DualTimer {
    #[inline(always)]
    fn now(&self) -> u64 {
        COUNTER.now()
    }

    fn frequency(&self) -> u32 {
        FREQUENCY
    }
}

/// Starts the timer.
pub(super) fn start() {
    COUNTER.start();
}

/// Counts a half of the counter's round if `number` is that of the timer; returns whether it is.
pub(super) fn on_interrupt(number: i16) -> bool {
    COUNTER.on_interrupt(number)
}

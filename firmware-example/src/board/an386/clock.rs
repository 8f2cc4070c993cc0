//! The time: ticks of the board's 25 MHz, from the dual timer.
//!
//! Its first half counts 32 bits and never stops. Its second half interrupts every 2^31 ticks, and the handler counts
//! these halves of the first one's round. From the count of halves and the counter alone follows the time, without a
//! loop and without masking anything: an even count with a counter in its upper half, or an odd one with a counter in
//! its lower half, only says that the handler is late. **The longest silence is 2^31 ticks**, 86 seconds, for which the
//! interrupt may be masked.

use core::sync::atomic::{AtomicU32, Ordering, compiler_fence};

use cortex_m::peripheral::NVIC;
use microspan::Clock;

use super::super::register::Register;

/// Ticks in a second.
const FREQUENCY: u32 = 25_000_000;
/// The interrupt of the dual timer.
const NUMBER: u16 = 10;

const ENABLE: u32 = 1 << 7;
const PERIODIC: u32 = 1 << 6;
const INTERRUPT: u32 = 1 << 5;
const BITS_32: u32 = 1 << 1;
const HALF: u32 = 1 << 31;

// SAFETY: the dual timer of the MPS2 board is at 0x4000_2000; its second half begins at 0x4000_2020.
const COUNTER_LOAD: Register = unsafe { Register::at(0x4000_2000) };
// SAFETY: as for COUNTER_LOAD.
const COUNTER_VALUE: Register = unsafe { Register::at(0x4000_2004) };
// SAFETY: as for COUNTER_LOAD.
const COUNTER_CONTROL: Register = unsafe { Register::at(0x4000_2008) };
// SAFETY: as for COUNTER_LOAD.
const HALVES_LOAD: Register = unsafe { Register::at(0x4000_2020) };
// SAFETY: as for COUNTER_LOAD.
const HALVES_CONTROL: Register = unsafe { Register::at(0x4000_2028) };
// SAFETY: as for COUNTER_LOAD.
const HALVES_CLEAR: Register = unsafe { Register::at(0x4000_202C) };

/// Halves of the counter's round that are over; they last for 5,800 years.
static HALVES: AtomicU32 = AtomicU32::new(0);

/// An interrupt number of the board.
#[derive(Clone, Copy)]
struct Number(u16);

// SAFETY: the number is that of one of the board's interrupts and never changes.
unsafe impl cortex_m::interrupt::InterruptNumber for Number {
    fn number(self) -> u16 {
        self.0
    }
}

/// The clock of the board.
#[derive(Clone, Copy, Debug)]
pub struct DualTimer;

impl Clock for DualTimer {
    #[inline(always)]
    fn now(&self) -> u64 {
        let halves = HALVES.load(Ordering::Relaxed);
        // The count first: read later, it might be ahead of the counter, which no rule could put right.
        compiler_fence(Ordering::Acquire);
        // It counts down.
        let counter = !COUNTER_VALUE.read();
        (u64::from(halves) << 31) + u64::from(counter ^ (halves << 31))
    }

    fn frequency(&self) -> u32 {
        FREQUENCY
    }
}

/// Starts both halves of the timer, the one that interrupts second: it must never be ahead.
pub(super) fn start() {
    COUNTER_LOAD.write(u32::MAX);
    COUNTER_CONTROL.write(ENABLE | BITS_32);
    HALVES_LOAD.write(HALF - 1);
    HALVES_CONTROL.write(ENABLE | PERIODIC | INTERRUPT | BITS_32);
    // SAFETY: no critical section of this program relies on this interrupt being masked.
    unsafe { NVIC::unmask(Number(NUMBER)) };
}

/// Counts a half if `number` is that of the dual timer; returns whether it is.
pub(super) fn on_interrupt(number: i16) -> bool {
    if number != NUMBER as i16 {
        return false;
    }
    HALVES_CLEAR.write(1);
    // A load and a store: nothing else writes.
    HALVES.store(HALVES.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    true
}

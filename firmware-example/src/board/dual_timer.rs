//! The time on a board with Arm's dual timer.
//!
//! Its first half counts 32 bits and never stops. Its second half interrupts every 2^31 ticks, and the handler counts
//! these halves of the first one's round. From the count of halves and the counter alone follows the time, without a
//! loop and without masking anything: an even count with a counter in its upper half, or an odd one with a counter in
//! its lower half, only says that the handler is late. **The longest silence is 2^31 ticks**, more than a minute, for
//! which the interrupt may be masked.

use core::sync::atomic::{AtomicU32, Ordering, compiler_fence};

use cortex_m::peripheral::NVIC;

use super::register::Register;

const ENABLE: u32 = 1 << 7;
const PERIODIC: u32 = 1 << 6;
const INTERRUPT: u32 = 1 << 5;
const BITS_32: u32 = 1 << 1;
const HALF: u32 = 1 << 31;

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

/// A dual timer. A board has one, and names it by a constant, so that its address is part of the code.
#[derive(Clone, Copy)]
pub(super) struct Counter {
    load: Register,
    value: Register,
    control: Register,
    halves_load: Register,
    halves_control: Register,
    halves_clear: Register,
    number: u16,
}

impl Counter {
    /// The dual timer at `base`, and its interrupt.
    ///
    /// # Safety
    /// The board must have a dual timer there.
    pub(super) const unsafe fn at(base: usize, number: u16) -> Self {
        // SAFETY: the caller's promise; these are the registers of a dual timer, and none starts a DMA engine.
        unsafe {
            Self {
                load: Register::at(base),
                value: Register::at(base + 0x04),
                control: Register::at(base + 0x08),
                halves_load: Register::at(base + 0x20),
                halves_control: Register::at(base + 0x28),
                halves_clear: Register::at(base + 0x2C),
                number,
            }
        }
    }

    /// The time in ticks.
    #[inline(always)]
    pub(super) fn now(self) -> u64 {
        let halves = HALVES.load(Ordering::Relaxed);
        // The count first: read later, it might be ahead of the counter, which no rule could put right.
        compiler_fence(Ordering::Acquire);
        // It counts down.
        let counter = !self.value.read();
        (u64::from(halves) << 31) + u64::from(counter ^ (halves << 31))
    }

    /// Starts both halves of the timer, the one that interrupts second: it must never be ahead.
    pub(super) fn start(self) {
        self.load.write(u32::MAX);
        self.control.write(ENABLE | BITS_32);
        self.halves_load.write(HALF - 1);
        self.halves_control.write(ENABLE | PERIODIC | INTERRUPT | BITS_32);
        // SAFETY: no critical section of this program relies on this interrupt being masked.
        unsafe { NVIC::unmask(Number(self.number)) };
    }

    /// Counts a half if `number` is that of the dual timer; returns whether it is.
    pub(super) fn on_interrupt(self, number: i16) -> bool {
        if number != self.number as i16 {
            return false;
        }
        self.halves_clear.write(1);
        // A load and a store: nothing else writes.
        HALVES.store(HALVES.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        true
    }
}

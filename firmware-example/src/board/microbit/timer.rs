//! The timers of the nRF51: each counts up from 16 MHz, divided by a power of two, and interrupts when it meets one of
//! four compare values. Timer 0 has 32 bits, the other two have 16.

use core::mem::size_of;

use cortex_m::peripheral::NVIC;

use super::super::register::Register;
use super::interrupt::Interrupt;

const BITS_16: u32 = 0;
const BITS_32: u32 = 3;
/// On a match with the first compare value the counter starts anew from 0.
const CLEAR_ON_FIRST: u32 = 1;
/// The interrupt of the first compare value; those of the others follow.
const FIRST_COMPARE: u32 = 1 << 16;

/// A timer.
pub struct Timer {
    base: usize,
    interrupt: Interrupt,
}

impl Timer {
    /// The timer with 32 bits.
    pub(super) const TIMER0: Self = Self { base: 0x4000_8000, interrupt: Interrupt::Timer0 };
    /// A timer with 16 bits.
    pub const TIMER1: Self = Self { base: 0x4000_9000, interrupt: Interrupt::Timer1 };
    /// A timer with 16 bits.
    pub const TIMER2: Self = Self { base: 0x4000_A000, interrupt: Interrupt::Timer2 };

    /// Interrupts every `ticks` of 16 MHz.
    pub fn start(&self, ticks: u16) {
        self.stop();
        self.register(0x508).write(BITS_16);
        self.register(0x510).write(0);
        self.register(0x200).write(CLEAR_ON_FIRST);
        self.compare::<0>().write(u32::from(ticks));
        self.enable(FIRST_COMPARE);
    }

    /// Takes back the interrupt request; the next one comes `ticks` of 16 MHz after this one.
    pub fn acknowledge(&self, ticks: u16) {
        self.event::<0>().write(0);
        self.compare::<0>().write(u32::from(ticks));
    }

    /// Stops; there is no further interrupt.
    pub fn stop(&self) {
        NVIC::mask(self.interrupt);
        self.register(0x004).write(1);
        self.register(0x00C).write(1);
        self.event::<0>().write(0);
        NVIC::unpend(self.interrupt);
    }

    /// Counts 16 MHz, divided by `1 << prescaler`, in 32 bits for ever; interrupts when the counter has both of the
    /// values.
    pub(super) fn run(&self, prescaler: u32, values: [u32; 2]) {
        self.register(0x508).write(BITS_32);
        self.register(0x510).write(prescaler);
        self.compare::<0>().write(values[0]);
        self.compare::<1>().write(values[1]);
        self.enable(FIRST_COMPARE | FIRST_COMPARE << 1);
    }

    /// The counter.
    ///
    /// It is copied to the last compare value and read from there. An interrupt that reads it between the two lets the
    /// interrupted reading see the interrupt's value: a later one.
    #[inline(always)]
    pub(super) fn counter(&self) -> u32 {
        self.register(0x04C).write(1);
        self.compare::<3>().read()
    }

    /// Takes back both of the requests that [`run`](Self::run) makes.
    pub(super) fn acknowledge_both(&self) {
        self.event::<0>().write(0);
        self.event::<1>().write(0);
    }

    fn enable(&self, interrupts: u32) {
        self.register(0x304).write(interrupts);
        // SAFETY: no critical section of this program relies on this interrupt being masked.
        unsafe { NVIC::unmask(self.interrupt) };
        self.register(0x000).write(1);
    }

    #[inline(always)]
    fn compare<const N: usize>(&self) -> Register {
        self.register(0x540 + N * size_of::<u32>())
    }

    fn event<const N: usize>(&self) -> Register {
        self.register(0x140 + N * size_of::<u32>())
    }

    #[inline(always)]
    fn register(&self, offset: usize) -> Register {
        // SAFETY: the bases are those of the nRF51's timers, and the offsets are those of a timer's registers.
        unsafe { Register::at(self.base + offset) }
    }
}

//! The timers of the nRF51: each counts up from 16 MHz, divided by a power of two, and interrupts when it meets one of
//! four compare values. Timer 0 has 32 bits, the other two have 16.

use super::super::nvic::Interrupt;
use super::super::register::Register;

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
    // SAFETY: the nRF51's timer 0 is there, with this interrupt.
    pub(super) const TIMER0: Self = unsafe { Self::at(0x4000_8000, 8) };
    /// A timer with 16 bits.
    // SAFETY: the nRF51's timer 1 is there, with this interrupt.
    pub const TIMER1: Self = unsafe { Self::at(0x4000_9000, 9) };
    /// A timer with 16 bits.
    // SAFETY: the nRF51's timer 2 is there, with this interrupt.
    pub const TIMER2: Self = unsafe { Self::at(0x4000_A000, 10) };

    /// # Safety
    /// A timer must be at `base`, and `number` be its interrupt.
    const unsafe fn at(base: usize, number: u16) -> Self {
        // SAFETY: the caller's promise.
        Self { base, interrupt: unsafe { Interrupt::of(number) } }
    }

    /// Lets its interrupt through to the processor, with one of four priorities: 0 preempts 1, and so on.
    pub fn listen(&self, priority: u8) {
        self.interrupt.enable(priority);
    }

    /// Interrupts every `ticks` of 16 MHz.
    pub fn start(&self, ticks: u16) {
        self.run(BITS_16, 0, CLEAR_ON_FIRST, &[u32::from(ticks)]);
    }

    /// Takes back the interrupt request. The period that has begun has so many `ticks`.
    pub fn acknowledge(&self, ticks: u16) {
        self.event(0).write(0);
        self.compare(0).write(u32::from(ticks));
    }

    /// Stops; there is no further interrupt.
    pub fn stop(&self) {
        // The tasks STOP and CLEAR.
        self.register(0x004).write(1);
        self.register(0x00C).write(1);
        self.event(0).write(0);
        self.interrupt.disable();
    }

    /// Asks for its interrupt, once.
    pub fn pend(&self) {
        self.interrupt.pend();
    }

    /// The exception number of its interrupt.
    pub const fn exception(&self) -> u32 {
        self.interrupt.exception()
    }

    /// Whether its interrupt is the one that reaches `DefaultHandler` as `number`.
    pub fn is(&self, number: i16) -> bool {
        self.interrupt.is(number)
    }

    /// Counts 16 MHz, divided by `1 << prescaler`, in 32 bits for ever; interrupts when the counter has one of the
    /// values.
    pub(super) fn count(&self, prescaler: u32, values: &[u32; 2]) {
        self.run(BITS_32, prescaler, 0, values);
    }

    /// The counter.
    ///
    /// It is copied to the last compare value and read from there. An interrupt that reads it between the two lets the
    /// interrupted reading see the interrupt's value: a later one.
    #[inline(always)]
    pub(super) fn counter(&self) -> u32 {
        self.register(0x04C).write(1);
        self.compare(3).read()
    }

    /// Takes back the interrupt requests of [`count`](Self::count).
    pub(super) fn acknowledge_both(&self) {
        self.event(0).write(0);
        self.event(1).write(0);
    }

    fn run(&self, bits: u32, prescaler: u32, shortcuts: u32, values: &[u32]) {
        self.register(0x508).write(bits);
        self.register(0x510).write(prescaler);
        self.register(0x200).write(shortcuts);
        for (compare, value) in values.iter().enumerate() {
            self.compare(compare).write(*value);
            self.register(0x304).write(FIRST_COMPARE << compare);
        }
        // The task START.
        self.register(0x000).write(1);
    }

    #[inline(always)]
    fn compare(&self, number: usize) -> Register {
        self.register(0x540 + 4 * number)
    }

    fn event(&self, number: usize) -> Register {
        self.register(0x140 + 4 * number)
    }

    #[inline(always)]
    fn register(&self, offset: usize) -> Register {
        // SAFETY: a timer is at the base (`at`), and the offsets are those of its registers.
        unsafe { Register::at(self.base + offset) }
    }
}

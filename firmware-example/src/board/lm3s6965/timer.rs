//! A general-purpose timer as one 32-bit timer that ends once.

use super::super::register::Register;
use super::clock;

const CYCLES_PER_MICROSECOND: u32 = clock::FREQUENCY / 1_000_000;
const ENABLE_A: u32 = 1;
const TIME_OUT_A: u32 = 1;
/// The timer's mode: it stops at its end.
const ONCE: u32 = 1;

/// The longest time a timer measures at once.
pub(super) const LONGEST_MICROSECONDS: u32 = u32::MAX / CYCLES_PER_MICROSECOND;

/// The registers of one timer block.
pub(super) struct Timer {
    configuration: Register,
    mode: Register,
    control: Register,
    interrupt_mask: Register,
    interrupt_clear: Register,
    load: Register,
}

impl Timer {
    /// Timer 0.
    // SAFETY: timer block 0 of the LM3S6965 is at 0x4003_0000.
    pub(super) const TIMER0: Self = unsafe { Self::at(0x4003_0000) };

    /// # Safety
    /// A timer block must be at `base`.
    const unsafe fn at(base: usize) -> Self {
        // SAFETY: the offsets are those of the registers of a timer block.
        unsafe {
            Self {
                configuration: Register::at(base),
                mode: Register::at(base + 0x04),
                control: Register::at(base + 0x0C),
                interrupt_mask: Register::at(base + 0x18),
                interrupt_clear: Register::at(base + 0x24),
                load: Register::at(base + 0x28),
            }
        }
    }

    /// Interrupts after `microseconds`, which is held within what the timer can measure.
    pub(super) fn start(&self, microseconds: u32) {
        self.control.clear(ENABLE_A);
        self.interrupt_clear.write(TIME_OUT_A);
        self.configuration.write(0);
        self.mode.write(ONCE);
        self.load.write(microseconds.clamp(1, LONGEST_MICROSECONDS) * CYCLES_PER_MICROSECOND);
        self.interrupt_mask.write(TIME_OUT_A);
        self.control.set(ENABLE_A);
    }

    /// Takes back the interrupt request.
    pub(super) fn acknowledge(&self) {
        self.interrupt_clear.write(TIME_OUT_A);
    }
}

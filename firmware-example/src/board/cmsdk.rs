//! The simple timer of Arm's design kit, as the MPS2 boards have it: it counts down, interrupts, and starts anew.

use super::nvic::Interrupt;
use super::register::Register;

const ENABLE: u32 = 1;
const INTERRUPT: u32 = 1 << 3;

/// A timer.
pub struct Timer {
    control: Register,
    value: Register,
    reload: Register,
    clear: Register,
    interrupt: Interrupt,
}

impl Timer {
    /// # Safety
    /// A timer must be at `base`, and `number` be its interrupt.
    pub(super) const unsafe fn at(base: usize, number: u16) -> Self {
        // SAFETY: the offsets are those of the timer's registers; its interrupt is the caller's promise.
        unsafe {
            Self {
                control: Register::at(base),
                value: Register::at(base + 0x4),
                reload: Register::at(base + 0x8),
                clear: Register::at(base + 0xC),
                interrupt: Interrupt::of(number),
            }
        }
    }

    /// Lets its interrupt through to the processor, with one of four priorities: 0 preempts 1, and so on.
    pub fn listen(&self, priority: u8) {
        self.interrupt.enable(priority);
    }

    /// Interrupts after `ticks`, and again and again.
    pub fn start(&self, ticks: u32) {
        self.reload.write(ticks);
        self.value.write(ticks);
        self.control.write(ENABLE | INTERRUPT);
    }

    /// Takes back the interrupt request. The period after the one that has begun has so many `ticks`.
    pub fn acknowledge(&self, ticks: u32) {
        self.clear.write(1);
        self.reload.write(ticks);
    }

    /// Stops; there is no further interrupt.
    pub fn stop(&self) {
        self.control.write(0);
        self.clear.write(1);
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
}

//! Interrupts by their numbers, for the boards' timers.

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;

/// An interrupt of the board, by its number in the vector table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Interrupt(u16);

impl Interrupt {
    /// # Safety
    /// The board has an interrupt of this number.
    pub(super) const unsafe fn of(number: u16) -> Self {
        Self(number)
    }

    /// The number that the processor gives it, among all exceptions.
    pub(super) const fn exception(self) -> u32 {
        16 + self.0 as u32
    }

    /// Whether it is the one that reaches `DefaultHandler` as `number`.
    pub(super) fn is(self, number: i16) -> bool {
        i16::try_from(self.0) == Ok(number)
    }

    /// Lets it through to the processor, with one of four priorities: 0 preempts 1, and so on.
    pub(super) fn enable(self, priority: u8) {
        // SAFETY: no critical section of these programs is built on priorities or on masking single interrupts, and
        // they set no priority anywhere else.
        unsafe {
            cortex_m::Peripherals::steal().NVIC.set_priority(self, priority << 6);
            NVIC::unmask(self);
        }
    }

    /// Lets it through no more, and forgets that it was asked for.
    pub(super) fn disable(self) {
        NVIC::mask(self);
        NVIC::unpend(self);
    }

    /// Asks for it.
    pub(super) fn pend(self) {
        NVIC::pend(self);
        // Where it may come, it has come when this returns.
        cortex_m::asm::dsb();
        cortex_m::asm::isb();
    }
}

// SAFETY: the numbers are those of the board's interrupts (`of`) and never change.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self.0
    }
}

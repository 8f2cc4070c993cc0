//! The interrupts in use, by their numbers in the vector table.

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;

/// An interrupt of the LM3S6965.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Interrupt {
    /// Timer 0: the alarms of `embassy-time`.
    Timer0 = 19,
    /// The Ethernet controller.
    Ethernet = 42,
}

impl Interrupt {
    /// The interrupt that reaches `DefaultHandler` as `number`, if it is one of these.
    pub fn from_number(number: i16) -> Option<Self> {
        [Self::Timer0, Self::Ethernet].into_iter().find(|one| *one as i16 == number)
    }

    /// Lets it through to the processor.
    pub(super) fn enable(self) {
        // SAFETY: no critical section of this program is built on masking single interrupts.
        unsafe { NVIC::unmask(self) };
    }
}

// SAFETY: the numbers are those of the LM3S6965's vector table, which no interrupt shares with another.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

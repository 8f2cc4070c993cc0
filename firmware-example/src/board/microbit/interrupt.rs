//! The interrupts in use, by their numbers in the vector table.

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;

/// An interrupt of the nRF51.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Interrupt {
    /// Timer 0: the clock.
    Timer0 = 8,
    /// Timer 1.
    Timer1 = 9,
    /// Timer 2.
    Timer2 = 10,
}

impl Interrupt {
    /// The interrupt that reaches `DefaultHandler` as `number`, if it is one of these.
    pub fn from_number(number: i16) -> Option<Self> {
        [Self::Timer0, Self::Timer1, Self::Timer2].into_iter().find(|one| *one as i16 == number)
    }

    /// Sets its priority, one of four: 0 preempts 1, and so on.
    pub fn set_priority(self, nvic: &mut NVIC, level: u8) {
        // SAFETY: no critical section of this program is built on priorities.
        unsafe { nvic.set_priority(self, level << 6) };
    }
}

// SAFETY: the numbers are those of the nRF51's vector table, which no interrupt shares with another.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

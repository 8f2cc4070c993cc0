//! What RTIC asks of a peripheral access crate: the interrupts by their names, and their table.

use cortex_m::interrupt::InterruptNumber;

pub use Interrupt as interrupt;

/// How many bits of an interrupt's priority count.
pub const NVIC_PRIO_BITS: u8 = 3;

/// Interrupts of the board.
#[derive(Clone, Copy, Debug)]
#[repr(u16)]
pub enum Interrupt {
    /// The first serial port has received.
    UARTRX0 = 0,
    /// The first timer.
    TIMER0 = 8,
    /// The dual timer, which is the clock.
    DUALTIMER = 10,
}

// SAFETY: the numbers are those of the board's interrupts and never change.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

// SAFETY: `device.x` makes each of them `DefaultHandler` where no program defines it, and `cortex-m-rt` defines that.
unsafe extern "C" {
    fn UARTRX0();
    fn TIMER0();
    fn DUALTIMER();
    fn DefaultHandler();
}

/// The table of interrupt handlers, behind that of the core's exceptions.
// SAFETY: `cortex-m-rt` places the section, and looks for this symbol there.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
pub static __INTERRUPTS: [unsafe extern "C" fn(); 32] = {
    let mut table: [unsafe extern "C" fn(); 32] = [DefaultHandler; 32];
    table[Interrupt::UARTRX0 as usize] = UARTRX0;
    table[Interrupt::TIMER0 as usize] = TIMER0;
    table[Interrupt::DUALTIMER as usize] = DUALTIMER;
    table
};

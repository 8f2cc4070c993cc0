//! The BBC micro:bit: its first timer and its serial port. Its watchdog is not emulated: the third way is a reset that
//! the program asks for.

use cortex_m::peripheral::SCB;
use microspan::{Clock, Reason};

use crate::register::Register;

/// The registers of the timer: start, capture into the last compare value, mode, width, prescaler, that value.
// SAFETY: of the nRF51's timer 0, which starts no DMA engine.
const TIMER: [Register; 6] = unsafe {
    [
        Register::at(0x4000_8000),
        Register::at(0x4000_804c),
        Register::at(0x4000_8504),
        Register::at(0x4000_8508),
        Register::at(0x4000_8510),
        Register::at(0x4000_854c),
    ]
};
/// The registers of the port: start, ready, enable, pin, data, baud rate.
// SAFETY: of the nRF51's UART, which starts no DMA engine.
const PORT: [Register; 5] = unsafe {
    [
        Register::at(0x4000_2008),
        Register::at(0x4000_211c),
        Register::at(0x4000_2500),
        Register::at(0x4000_251c),
        Register::at(0x4000_2524),
    ]
};
// SAFETY: the nRF51's register of the reset's causes.
const CAUSES: Register = unsafe { Register::at(0x4000_0400) };

/// The first timer: microseconds in 32 bits, an hour and more than any run of this program takes.
pub struct Ticks;

/// The clock.
pub static CLOCK: Ticks = Ticks;

impl Clock for Ticks {
    #[inline(always)]
    fn now(&self) -> u64 {
        TIMER[1].write(1);
        u64::from(TIMER[5].read())
    }

    fn frequency(&self) -> u32 {
        1_000_000
    }
}

/// Starts the clock and the port.
pub fn start() {
    TIMER[3].write(3);
    TIMER[4].write(4);
    TIMER[0].write(1);
    PORT[2].write(4);
    PORT[4].write(0x01d7_e000);
    PORT[0].write(1);
}

/// Writes to the port, and waits for as long as it takes.
pub fn write(bytes: &[u8]) {
    for byte in bytes {
        PORT[1].write(0);
        PORT[3].write(u32::from(*byte));
        while PORT[1].read() == 0 {}
    }
}

/// Why the device was reset, as its register says; the emulator leaves that empty.
pub fn reason() -> Reason {
    const WATCHDOG: u32 = 1 << 1;
    let causes = CAUSES.read();
    CAUSES.write(causes);
    if causes & WATCHDOG != 0 { Reason::Watchdog } else { Reason::Unknown }
}

/// An instruction that is none.
#[inline(never)]
pub fn fault() {
    cortex_m::asm::udf();
}

/// Asks for a reset.
pub fn reset() {
    SCB::sys_reset();
}

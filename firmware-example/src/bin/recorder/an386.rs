//! The MPS2 board with the AN386 image: its first timer, its first serial port, its watchdog.

use cortex_m_rt::exception;
use microspan::{Clock, Reason, Reset};

use crate::register::Register;

/// The registers of the timer: control, value, reload.
// SAFETY: of the board's first timer, which starts no DMA engine.
const TIMER: [Register; 3] =
    unsafe { [Register::at(0x4000_0000), Register::at(0x4000_0004), Register::at(0x4000_0008)] };
/// The registers of the port: data, state, control, divisor.
// SAFETY: of the board's first serial port, which starts no DMA engine.
const PORT: [Register; 4] = unsafe {
    [
        Register::at(0x4000_4000),
        Register::at(0x4000_4004),
        Register::at(0x4000_4008),
        Register::at(0x4000_4010),
    ]
};
/// The registers of the watchdog: ticks, control.
// SAFETY: of the board's watchdog, which starts no DMA engine.
const WATCHDOG: [Register; 2] = unsafe { [Register::at(0x4000_8000), Register::at(0x4000_8008)] };

/// Ticks until the watchdog warns; after as many again it resets the board.
const PATIENCE: u32 = 25_000;
/// A bus error.
const NOWHERE: u32 = 0xa000_0000;

/// The first timer, which counts down: 25 MHz in 32 bits, nearly three minutes, longer than any run of this program.
pub struct Ticks;

/// The clock.
pub static CLOCK: Ticks = Ticks;

impl Clock for Ticks {
    #[inline(always)]
    fn now(&self) -> u64 {
        u64::from(!TIMER[1].read())
    }

    fn frequency(&self) -> u32 {
        25_000_000
    }
}

/// Starts the clock and the port.
pub fn start() {
    TIMER[1].write(u32::MAX);
    TIMER[2].write(u32::MAX);
    TIMER[0].write(1);
    PORT[3].write(16);
    PORT[2].write(1);
}

/// Writes to the port, and waits for as long as it takes.
pub fn write(bytes: &[u8]) {
    for byte in bytes {
        while PORT[1].read() & 1 != 0 {}
        PORT[0].write(u32::from(*byte));
    }
}

/// Why the board was reset: this one cannot tell.
pub fn reason() -> Reason {
    Reason::Unknown
}

/// Reads where nothing is.
#[inline(never)]
pub fn fault() {
    // SAFETY: nothing is there, which is meant.
    unsafe { core::ptr::without_provenance::<u32>(NOWHERE as usize).read_volatile() };
}

/// Starts the watchdog and does not feed it.
pub fn reset() {
    WATCHDOG[0].write(PATIENCE);
    WATCHDOG[1].write(0b11);
    loop {
        cortex_m::asm::nop();
    }
}

/// The watchdog's warning.
#[exception]
unsafe fn NonMaskableInt() {
    crate::run::TRACER.note_reset(&Reset::of(Reason::Watchdog));
}

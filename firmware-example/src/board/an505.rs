//! Arm's MPS2 board with the AN505 image (Cortex-M33), as QEMU's `mps2-an505` emulates it, in the secure state.

use microspan::Clock;

use super::cmsdk::Timer;
use super::dual_timer::Counter;

/// A timer for the program.
// SAFETY: the board's first timer is there for secure code, with this interrupt.
pub const TIMER0: Timer = unsafe { Timer::at(0x5000_0000, 3) };
/// Another one.
// SAFETY: the board's second timer is there for secure code, with this interrupt.
pub const TIMER1: Timer = unsafe { Timer::at(0x5000_1000, 4) };

/// The first serial port.
#[cfg(feature = "examples")]
// SAFETY: the board's first UART is there for secure code.
pub const UART0: super::cmsdk_uart::Uart = unsafe { super::cmsdk_uart::Uart::at(0x5020_0000) };

/// Ticks in a second.
const FREQUENCY: u32 = 20_000_000;
// SAFETY: the dual timer of this board is at 0x5000_2000 for secure code.
const COUNTER: Counter = unsafe { Counter::at(0x5000_2000, 5) };

/// The clock of the board.
#[derive(Clone, Copy, Debug)]
pub struct DualTimer;

impl Clock for DualTimer {
    #[inline(always)]
    fn now(&self) -> u64 {
        COUNTER.now()
    }

    fn frequency(&self) -> u32 {
        FREQUENCY
    }
}

/// Starts the clock. Call it once, at the start of `main`.
pub fn start() {
    COUNTER.start();
}

/// Serves the interrupt of the clock; call it from the program's `DefaultHandler`.
///
/// # Panics
/// On another interrupt: going on would come back here for ever.
pub fn on_interrupt(number: i16) {
    if !COUNTER.on_interrupt(number) {
        panic!(
            "interrupt {number} came and the board has no driver for it: handle it in the program's DefaultHandler"
        );
    }
}

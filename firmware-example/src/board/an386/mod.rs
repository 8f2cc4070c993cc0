//! Arm's MPS2 board with the AN386 image (Cortex-M4), as QEMU's `mps2-an386` emulates it. AN385, the same with a
//! Cortex-M3, has all of this at the same addresses.

mod clock;
#[cfg(feature = "rtic")]
pub mod device;
mod timers;

pub use clock::DualTimer;
pub use timers::{TIMER0, TIMER1};

/// The first serial port.
#[cfg(feature = "examples")]
// SAFETY: the board's first UART is there.
pub const UART0: super::cmsdk_uart::Uart = unsafe { super::cmsdk_uart::Uart::at(0x4000_4000) };

/// Starts the clock. Call it once, at the start of `main`.
pub fn start() {
    clock::start();
}

/// Serves the interrupt of the clock; call it from the program's `DefaultHandler`.
///
/// # Panics
/// On another interrupt: going on would come back here for ever.
pub fn on_interrupt(number: i16) {
    if !clock::on_interrupt(number) {
        panic!(
            "interrupt {number} came and the board has no driver for it: handle it in the program's DefaultHandler"
        );
    }
}

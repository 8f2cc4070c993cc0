//! The BBC micro:bit (nRF51822, Cortex-M0), as it is and as QEMU's `microbit` emulates it: 16 KB of RAM, and a core
//! without compare-exchange.
//!
//! | piece | used for |
//! | --- | --- |
//! | timer 0 | the time: microseconds, [`Timer0`] |
//! | timers 1 and 2 | free, [`Timer`] |

mod clock;
mod timer;

pub use clock::Timer0;
pub use timer::Timer;

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

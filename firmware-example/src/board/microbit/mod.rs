//! The BBC micro:bit (nRF51822, Cortex-M0), as it is and as QEMU's `microbit` emulates it: 16 KB of RAM, and a core
//! without compare-exchange.
//!
//! | piece | used for |
//! | --- | --- |
//! | timer 0 | the time: microseconds, [`Timer0`] |
//! | timers 1 and 2 | free, [`Timer`] |
//! | SysTick | counts 16 MHz, 24 bits, without interrupts. QEMU has it, the chip has not |
//!
//! Under `-icount shift=0` QEMU lets one nanosecond pass with each instruction: 62.5 instructions to a tick of SysTick.

mod clock;
mod timer;

pub use clock::Timer0;
pub use timer::Timer;

use cortex_m::peripheral::syst::SystClkSource;

/// SysTick's period.
const TICKS: u32 = 1 << 24;

/// Starts the clock and SysTick.
///
/// # Panics
/// When it is called a second time: there is one of each.
pub fn start() {
    let Some(mut core) = cortex_m::Peripherals::take() else {
        panic!("the board was initialised twice: call microbit::start once, at the start of main");
    };
    core.SYST.set_clock_source(SystClkSource::Core);
    core.SYST.set_reload(TICKS - 1);
    core.SYST.clear_current();
    core.SYST.enable_counter();
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

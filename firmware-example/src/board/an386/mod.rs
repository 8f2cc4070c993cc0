//! Arm's MPS2 board with the AN386 image (Cortex-M4), as QEMU's `mps2-an386` emulates it: a place to count instructions.

mod clock;
mod count;
mod timers;

pub use clock::DualTimer;
pub use count::{CALLS, Count, Operation, block, instructions};
pub use timers::{TIMER0, TIMER1};

/// Starts the counter of instructions and the clock.
///
/// # Panics
/// When it is called a second time: there is one of each.
pub fn start() {
    let Some(mut core) = cortex_m::Peripherals::take() else {
        panic!("the board was initialised twice: call an386::start once, at the start of main");
    };
    count::start(&mut core.SYST);
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

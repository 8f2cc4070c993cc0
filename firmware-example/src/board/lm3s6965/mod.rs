//! The Stellaris LM3S6965 evaluation board (Cortex-M3), as it is and as QEMU's `lm3s6965evb` emulates it.
//!
//! | piece | used for |
//! | --- | --- |
//! | SysTick | the time: microseconds since [`init`], [`systick`] |
//! | timer 0 | alarms of `embassy-time`, [`alarm`] |
//! | UART 0 | free, [`uart`] |
//! | UART 1 | `defmt` log frames, [`log`] |
//! | Ethernet | `embassy-net`, [`ethernet`] and [`network`] |
//!
//! A program owns its interrupt handlers, so that it can do in them what it likes, and forwards them:
//!
//! ```ignore
//! #[exception]
//! fn SysTick() {
//!     systick::on_wrap();
//! }
//!
//! #[exception]
//! unsafe fn DefaultHandler(number: i16) {
//!     lm3s6965::on_interrupt(number);
//! }
//! ```

pub mod alarm;
mod clock;
pub mod ethernet;
pub mod interrupt;
pub mod log;
mod network;
pub mod systick;
mod timer;
pub mod uart;

pub use network::{HOST, network};

use interrupt::Interrupt;
use uart::Uart;

/// What a program may take of the board.
pub struct Peripherals {
    /// Serial port 0, 115,200 baud: QEMU's first `-serial`.
    pub uart0: Uart,
    /// The Ethernet controller; hand it to [`network`].
    pub ethernet: ethernet::Port,
}

/// Starts the clocks, the time, the alarms and the log.
///
/// # Panics
/// When it is called a second time: there is one of each peripheral.
pub fn init() -> Peripherals {
    let Some(mut core) = cortex_m::Peripherals::take() else {
        panic!("the board was initialised twice: call lm3s6965::init once, at the start of main");
    };
    clock::init();
    systick::init(&mut core.SYST);
    alarm::init();
    log::init();
    Peripherals { uart0: Uart::uart0(), ethernet: ethernet::Port::new() }
}

/// Serves the interrupts of the board's drivers; call it from the program's `DefaultHandler`.
///
/// # Panics
/// On a number that none of them enables: going on would come back here for ever.
pub fn on_interrupt(number: i16) {
    match Interrupt::from_number(number) {
        Some(Interrupt::Timer0) => alarm::on_interrupt(),
        Some(Interrupt::Ethernet) => ethernet::on_interrupt(),
        None => panic!(
            "interrupt {number} came and the board has no driver for it: handle it in the program's DefaultHandler"
        ),
    }
}

//! The board this program is built for, one for each target.

/// Cortex-M3 on `mps2-an385`, Cortex-M4 on `mps2-an386`: for the program they are one board.
#[cfg(any(cost = "m3", cost = "m4"))]
mod board {
    use microspan_firmware::board::an386::DualTimer;
    pub use microspan_firmware::board::an386::{on_interrupt, start};

    /// The board's clock.
    pub static CLOCK: DualTimer = DualTimer;
}

/// Cortex-M0 on `microbit`.
#[cfg(cost = "m0")]
mod board {
    pub use microspan_firmware::board::microbit::on_interrupt;
    use microspan_firmware::board::microbit::{self, Timer0};

    /// The board's clock.
    pub static CLOCK: Timer0 = Timer0;

    /// Starts the board.
    pub fn start() {
        microbit::start();
    }
}

/// Cortex-M33 on `mps2-an505`.
#[cfg(cost = "m33")]
mod board {
    use microspan_firmware::board::an505::DualTimer;
    pub use microspan_firmware::board::an505::{on_interrupt, start};

    /// The board's clock.
    pub static CLOCK: DualTimer = DualTimer;
}

pub use board::*;

//! The serial port of Arm's design kit, as the MPS2 boards have it, blocking: a writer waits for room and for nothing else.

use core::convert::Infallible;

use embedded_io::{ErrorType, Write};

use super::register::Register;

const TRANSMIT_FULL: u32 = 1;
const TRANSMIT: u32 = 1;
/// The fastest: the clock's 16th.
const DIVISOR: u32 = 16;

/// A serial port that transmits.
pub struct Uart {
    data: Register,
    state: Register,
    control: Register,
    divisor: Register,
}

impl Uart {
    /// # Safety
    /// A UART must be at `base`.
    pub(super) const unsafe fn at(base: usize) -> Self {
        // SAFETY: the offsets are those of the registers of the UART.
        unsafe {
            Self {
                data: Register::at(base),
                state: Register::at(base + 0x4),
                control: Register::at(base + 0x8),
                divisor: Register::at(base + 0x10),
            }
        }
    }

    /// The port, started.
    #[must_use]
    pub fn start(self) -> Self {
        self.divisor.write(DIVISOR);
        self.control.write(TRANSMIT);
        self
    }
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        for byte in bytes {
            while self.state.read() & TRANSMIT_FULL != 0 {}
            self.data.write(u32::from(*byte));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        while self.state.read() & TRANSMIT_FULL != 0 {}
        Ok(())
    }
}

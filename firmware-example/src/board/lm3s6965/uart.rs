//! The serial ports, blocking: a writer waits for room in the transmit FIFO and for nothing else.

use core::convert::Infallible;

use embedded_io::{ErrorType, Write};

use super::super::register::Register;
use super::clock;

const BAUD: u32 = 115_200;
/// The divisor in 64ths, rounded: the port samples each bit 16 times.
const DIVISOR: u32 = (clock::FREQUENCY * 4 + BAUD / 2) / BAUD;

const FLAG_BUSY: u32 = 1 << 3;
const FLAG_RECEIVE_FIFO_EMPTY: u32 = 1 << 4;
const FLAG_TRANSMIT_FIFO_FULL: u32 = 1 << 5;
const LINE_8_BITS_WITH_FIFO: u32 = (0b11 << 5) | (1 << 4);
const CONTROL_ENABLE: u32 = (1 << 9) | (1 << 8) | 1;

/// A serial port at 115,200 baud, 8 bits, no parity.
pub struct Uart {
    data: Register,
    flags: Register,
}

impl Uart {
    /// Port 0, started.
    pub(super) fn uart0() -> Self {
        // SAFETY: UART 0 of the LM3S6965 is at 0x4000_C000.
        unsafe { Self::start(0x4000_C000) }
    }

    /// Port 1, started.
    pub(super) fn uart1() -> Self {
        // SAFETY: UART 1 of the LM3S6965 is at 0x4000_D000.
        unsafe { Self::start(0x4000_D000) }
    }

    /// # Safety
    /// A UART must be at `base`.
    unsafe fn start(base: usize) -> Self {
        // SAFETY: the offsets are those of the registers of a UART.
        let [data, flags, integer, fraction, line, control] =
            unsafe { [0x00, 0x18, 0x24, 0x28, 0x2C, 0x30].map(|offset| Register::at(base + offset)) };
        control.write(0);
        integer.write(DIVISOR / 64);
        fraction.write(DIVISOR % 64);
        // The write to the line register takes over the divisor as well: it comes after both halves.
        line.write(LINE_8_BITS_WITH_FIFO);
        control.write(CONTROL_ENABLE);
        Self { data, flags }
    }
}

impl Uart {
    /// The next byte of those that came, of which the port keeps 16.
    pub fn received(&mut self) -> Option<u8> {
        (self.flags.read() & FLAG_RECEIVE_FIFO_EMPTY == 0).then(|| self.data.read() as u8)
    }
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        for byte in bytes {
            while self.flags.read() & FLAG_TRANSMIT_FIFO_FULL != 0 {}
            self.data.write(u32::from(*byte));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        while self.flags.read() & FLAG_BUSY != 0 {}
        Ok(())
    }
}

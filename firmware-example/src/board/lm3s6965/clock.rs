//! The system clock: 50 MHz from the PLL, and the clocks of the peripherals in use.
//!
//! Out of reset the chip runs from its internal oscillator at a nominal 12 MHz, +-30 %, and QEMU at 12.5 MHz. 50 MHz
//! is exact in both and divides into whole microseconds.

use super::super::register::Register;

/// The system clock, in hertz.
pub(super) const FREQUENCY: u32 = 50_000_000;

// SAFETY: the system control block of the LM3S6965 is at 0x400F_E000.
const RIS: Register = unsafe { Register::at(0x400F_E050) };
// SAFETY: as for RIS.
const RCC: Register = unsafe { Register::at(0x400F_E060) };
// SAFETY: as for RIS.
const RCGC1: Register = unsafe { Register::at(0x400F_E104) };
// SAFETY: as for RIS.
const RCGC2: Register = unsafe { Register::at(0x400F_E108) };
/// UART 0 is on pins 0 and 1.
// SAFETY: GPIO port A of the LM3S6965 is at 0x4000_4000.
const PORT_A: Port =
    unsafe { Port { alternate_function: Register::at(0x4000_4420), digital: Register::at(0x4000_451C) } };
/// UART 1 is on pins 2 and 3.
// SAFETY: GPIO port D of the LM3S6965 is at 0x4000_7000.
const PORT_D: Port =
    unsafe { Port { alternate_function: Register::at(0x4000_7420), digital: Register::at(0x4000_751C) } };

const RIS_PLL_LOCKED: u32 = 1 << 6;
const RCC_SYSDIV_MASK: u32 = 0xF << 23;
const RCC_USE_SYSDIV: u32 = 1 << 22;
const RCC_PLL_POWER_DOWN: u32 = 1 << 13;
const RCC_PLL_BYPASS: u32 = 1 << 11;
const RCC_CRYSTAL_AND_SOURCE_MASK: u32 = (0xF << 6) | (0x3 << 4);
const RCC_CRYSTAL_8_MHZ: u32 = 0xE << 6;
/// The PLL gives 200 MHz; it is divided by one more than this.
const RCC_SYSDIV_4: u32 = 3 << 23;

const RCGC1_UART0_UART1: u32 = 0b11;
const RCGC1_TIMER0_TIMER1: u32 = 0b11 << 16;
const RCGC2_PORT_A: u32 = 1 << 0;
const RCGC2_PORT_D: u32 = 1 << 3;
const RCGC2_ETHERNET_MAC_AND_PHY: u32 = (1 << 28) | (1 << 30);

/// The PLL locks within half a millisecond; a board whose crystal is dead goes on with the oscillator after this many looks.
const LOOKS_FOR_LOCK: u32 = 100_000;

/// Runs the chip from its PLL and gives the peripherals in use their clocks and pins.
pub(super) fn init() {
    RCC.write((RCC.read() | RCC_PLL_BYPASS) & !RCC_USE_SYSDIV);
    let crystal = (RCC.read() & !(RCC_CRYSTAL_AND_SOURCE_MASK | RCC_PLL_POWER_DOWN)) | RCC_CRYSTAL_8_MHZ;
    RCC.write(crystal);
    RCC.write((crystal & !RCC_SYSDIV_MASK) | RCC_SYSDIV_4 | RCC_USE_SYSDIV);
    if (0..LOOKS_FOR_LOCK).any(|_| RIS.read() & RIS_PLL_LOCKED != 0) {
        RCC.clear(RCC_PLL_BYPASS);
    }

    RCGC1.set(RCGC1_UART0_UART1 | RCGC1_TIMER0_TIMER1);
    RCGC2.set(RCGC2_PORT_A | RCGC2_PORT_D | RCGC2_ETHERNET_MAC_AND_PHY);
    // A peripheral answers three cycles after its clock was enabled: reading the register back takes that long.
    RCGC2.read();
    PORT_A.route(0b0011);
    PORT_D.route(0b1100);
}

/// The registers of a GPIO port that give its pins to a peripheral.
struct Port {
    alternate_function: Register,
    digital: Register,
}

impl Port {
    fn route(&self, pins: u32) {
        self.alternate_function.set(pins);
        self.digital.set(pins);
    }
}

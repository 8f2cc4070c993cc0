//! The two simple timers of the board, at 25 MHz.

use super::super::cmsdk::Timer;

/// A timer for the program.
// SAFETY: the MPS2 board's first timer is there, with this interrupt.
pub const TIMER0: Timer = unsafe { Timer::at(0x4000_0000, 8) };
/// Another one.
// SAFETY: the MPS2 board's second timer is there, with this interrupt.
pub const TIMER1: Timer = unsafe { Timer::at(0x4000_1000, 9) };

//! Instructions of an operation, counted by SysTick.
//!
//! Under `-icount shift=0` QEMU lets exactly one nanosecond pass with each instruction. SysTick, at the board's 25 MHz,
//! then counts one for every 40 instructions, and the same program gives the same figures each time. Without `-icount`,
//! and on a board, the figures are times and mean something else.

use core::fmt;
use core::hint::black_box;

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;

const INSTRUCTIONS_PER_TICK: u32 = 40;
const CALLS: u32 = 1_000;
const TICKS: u32 = 1 << 24;

/// Instructions of one call, in tenths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Count(u32);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 10, self.0 % 10)
    }
}

/// Starts SysTick.
///
/// # Panics
/// When it is called a second time: there is one SysTick.
pub fn start() {
    let Some(mut core) = cortex_m::Peripherals::take() else {
        panic!("the board was initialised twice: call an386::start once, at the start of main");
    };
    core.SYST.set_clock_source(SystClkSource::Core);
    core.SYST.set_reload(TICKS - 1);
    core.SYST.clear_current();
    core.SYST.enable_counter();
}

/// The instructions of one call of `operation`, on average over 1,000, without those of the loop around it.
///
/// Each call may take up to 670,000 instructions; beyond that SysTick wraps and the figure is wrong.
pub fn instructions(mut operation: impl FnMut()) -> Count {
    let with = ticks(&mut operation);
    let without = ticks(&mut || ());
    Count(with.saturating_sub(without) * (INSTRUCTIONS_PER_TICK * 10) / CALLS)
}

/// SysTick's count over all the calls.
#[inline(never)]
fn ticks(operation: &mut impl FnMut()) -> u32 {
    let before = SYST::get_current();
    for call in 0..CALLS {
        black_box(call);
        operation();
    }
    // It counts down.
    before.wrapping_sub(SYST::get_current()) % TICKS
}

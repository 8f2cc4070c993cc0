//! Instructions of an operation, counted by SysTick.
//!
//! Under `-icount shift=0` QEMU lets exactly one nanosecond pass with each instruction. SysTick, at the board's 25 MHz,
//! then counts one for every 40 instructions, and the same program gives the same figures each time. Without `-icount`,
//! and on a board, the figures are times and mean something else.

use core::fmt;
use core::hint::black_box;
use core::ops::Sub;

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;

const INSTRUCTIONS_PER_TICK: u32 = 40;
const TICKS: u32 = 1 << 24;

/// How often [`instructions`] calls an operation.
pub const CALLS: u32 = 1_000;

/// An operation: a function of its own, so that it brings its addresses and constants along at each call, as it does
/// where a program uses it. It gets a number and a text that the compiler cannot know.
pub type Operation = fn(number: u32, text: &str) -> u64;

/// Instructions of some runs of an operation. Displayed: of one run, to a tenth.
#[derive(Clone, Copy, Debug)]
pub struct Count {
    instructions: u32,
    runs: u32,
}

impl Count {
    /// The instructions of one run, where each run of the operation counted did `times` the work.
    #[must_use]
    pub fn per(self, times: u32) -> Self {
        Self { instructions: self.instructions, runs: self.runs * times }
    }
}

impl Sub for Count {
    type Output = Self;

    /// What `self` costs beyond `other`, which was run as often.
    fn sub(self, other: Self) -> Self {
        Self { instructions: self.instructions.saturating_sub(other.instructions), runs: self.runs }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = u64::from(self.instructions) * 10 / u64::from(self.runs.max(1));
        write!(f, "{}.{}", tenths / 10, tenths % 10)
    }
}

/// Starts SysTick.
pub(super) fn start(systick: &mut SYST) {
    systick.set_clock_source(SystClkSource::Core);
    systick.set_reload(TICKS - 1);
    systick.clear_current();
    systick.enable_counter();
}

/// The instructions of one call of `operation`, on average over [`CALLS`], without those of the call itself and of the
/// loop around it.
///
/// Each call may take up to 670,000 instructions; beyond that SysTick wraps and the figure is wrong.
pub fn instructions(operation: Operation) -> Count {
    calls(operation) - calls(|_, _| 0)
}

/// The instructions of `block`, which makes `runs` runs; up to 670 million.
///
/// SysTick counts one in 40 instructions: the figure is wrong by up to 40, and by some 10 of its own.
pub fn block(block: impl FnOnce(), runs: u32) -> Count {
    let before = SYST::get_current();
    block();
    // It counts down.
    let ticks = before.wrapping_sub(SYST::get_current()) % TICKS;
    Count { instructions: ticks * INSTRUCTIONS_PER_TICK, runs }
}

#[inline(never)]
fn calls(operation: Operation) -> Count {
    let (operation, text) = black_box((operation, "sixteen bytes ok"));
    block(
        || {
            for number in 0..CALLS {
                black_box(operation(number, text));
            }
        },
        CALLS,
    )
}

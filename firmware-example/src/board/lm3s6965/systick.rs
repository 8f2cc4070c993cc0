//! The time: microseconds since the board was initialised, from SysTick.
//!
//! SysTick counts 12,500,000 cycles of the 50 MHz clock down and starts anew, four times a second; an interrupt
//! counts the rounds. A long round keeps the time right when interrupts come late: on the chip because somebody masks
//! them, in QEMU because the host is busy. **The longest silence is a quarter of a second**: masked for longer, a
//! round is lost and the time falls behind by it.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::peripheral::{SCB, SYST};

use super::clock;

/// Ticks in a second.
pub const FREQUENCY: u32 = 1_000_000;

const CYCLES_PER_TICK: u32 = clock::FREQUENCY / FREQUENCY;
const TICKS_PER_ROUND: u32 = FREQUENCY / 4;
const CYCLES_PER_ROUND: u32 = TICKS_PER_ROUND * CYCLES_PER_TICK;
const _: () = assert!(CYCLES_PER_ROUND <= 1 << 24, "SysTick has 24 bits");

/// Rounds that are over; at four a second it lasts for 34 years.
static ROUNDS: AtomicU32 = AtomicU32::new(0);

/// The time, for spans.
pub struct Microseconds;

impl microspan::Clock for Microseconds {
    fn now(&self) -> u64 {
        ticks()
    }

    fn frequency(&self) -> u32 {
        FREQUENCY
    }
}

/// Starts the count. SysTick keeps its priority out of reset, the highest: [`ticks`] relies on it.
pub(super) fn init(systick: &mut SYST) {
    systick.set_clock_source(SystClkSource::Core);
    systick.set_reload(CYCLES_PER_ROUND - 1);
    systick.clear_current();
    systick.enable_interrupt();
    systick.enable_counter();
}

/// Counts a round: the first thing to do in the program's `SysTick` handler, and nowhere else. Before it, [`ticks`]
/// asked for in that handler is a round behind.
pub fn on_wrap() {
    // A load and a store: nothing else writes, and no interrupt comes between at this priority.
    ROUNDS.store(ROUNDS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

/// The time in ticks of [`FREQUENCY`]: never goes back, and may be asked for with interrupts masked or not, in any
/// context but the `SysTick` handler before [`on_wrap`]. 0 until [`init`](super::init).
pub fn ticks() -> u64 {
    loop {
        let rounds = ROUNDS.load(Ordering::Acquire);
        let mut left = SYST::get_current();
        let mut over = 0;
        if SCB::is_pendst_pending() {
            // A round ended and nobody counted it yet. `left` may be from before its end: look again.
            left = SYST::get_current();
            over = 1;
        }
        // Zero is the cycle between two rounds, and belongs to either; it also stands there before the start.
        if left == 0 {
            if !is_running() {
                return 0;
            }
            continue;
        }
        // The handler ran in between: `rounds` and `left` may be of two different rounds.
        if ROUNDS.load(Ordering::Acquire) != rounds {
            continue;
        }
        let rounds = u64::from(rounds.wrapping_add(over));
        return rounds * u64::from(TICKS_PER_ROUND) + u64::from((CYCLES_PER_ROUND - left) / CYCLES_PER_TICK);
    }
}

/// Whether the counter counts.
fn is_running() -> bool {
    const ENABLE: u32 = 1;
    // SAFETY: the register block exists on every core with SysTick. Reading it clears COUNTFLAG, which nobody uses.
    let control = unsafe { (*SYST::PTR).csr.read() };
    control & ENABLE != 0
}

//! The clock of the measurements on this machine: the processor's own counter where it has one that is read in a few
//! instructions.

use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use microspan::Clock;

/// How long the counter is held against the system's clock.
const CALIBRATION: Duration = Duration::from_millis(50);

/// The clock.
#[derive(Clone, Copy, Debug)]
pub struct Ticks;

impl Clock for Ticks {
    #[inline(always)]
    fn now(&self) -> u64 {
        read()
    }

    fn frequency(&self) -> u32 {
        static FREQUENCY: OnceLock<u32> = OnceLock::new();
        *FREQUENCY.get_or_init(|| {
            let (before, start) = (read(), Instant::now());
            thread::sleep(CALIBRATION);
            let (ticks, time) = (read() - before, start.elapsed());
            (ticks as f64 / time.as_secs_f64()) as u32
        })
    }
}

impl Ticks {
    /// What the clock reads.
    pub const NAME: &'static str = if cfg!(target_arch = "x86_64") { "rdtsc" } else { "the system's clock" };

    /// A number of ticks, in nanoseconds.
    pub fn nanoseconds(self, ticks: u64) -> f64 {
        ticks as f64 * 1e9 / f64::from(self.frequency())
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn read() -> u64 {
    // SAFETY: every x86_64 has the instruction, and it changes nothing.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn read() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

/// The median, or 0 of nothing.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(0.0)
}

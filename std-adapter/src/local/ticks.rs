//! The clocks of a server's tracer.

use std::sync::OnceLock;

use microspan::Clock;

use super::wake::{ONE_IN, WAKE};

/// At most so many ticks a second: a span keeps 40 bits of them, which are two hours then.
const FASTEST: u64 = 1 << 27;

/// The fastest clock of the machine: the time stamp counter where it counts evenly, the system's monotonic clock otherwise.
///
/// Its first reading calibrates it, which takes up to 200 ms; [`init`](super::init) has done that.
///
/// ```
/// use microspan::Clock;
/// use microspan_std::local::Ticks;
/// assert!(Ticks.now() <= Ticks.now());
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Ticks;

static COUNTER: OnceLock<Counter> = OnceLock::new();

/// What [`Ticks`] reads.
#[derive(Debug)]
struct Counter {
    clock: quanta::Clock,
    shift: u32,
    frequency: u32,
}

impl Counter {
    fn new() -> Self {
        let clock = quanta::Clock::new();
        // In so many ticks an error of a nanosecond is none.
        let span = 1 << 40;
        let nanoseconds = u128::from(clock.delta_as_nanos(0, span).max(1));
        let frequency = (u128::from(span) * 1_000_000_000 / nanoseconds) as u64;
        let shift = (0..64).find(|shift| frequency >> shift <= FASTEST).unwrap_or(0);
        Self { clock, shift, frequency: (frequency >> shift).max(1) as u32 }
    }

    #[cold]
    fn first() -> &'static Self {
        COUNTER.get_or_init(Self::new)
    }

    #[inline(always)]
    fn of_process() -> &'static Self {
        COUNTER.get().unwrap_or_else(Self::first)
    }
}

impl Clock for Ticks {
    #[inline(always)]
    fn now(&self) -> u64 {
        let counter = Counter::of_process();
        let tick = counter.clock.raw() >> counter.shift;
        if tick.is_multiple_of(ONE_IN.into()) {
            WAKE.note(tick, ONE_IN);
        }
        tick
    }

    fn frequency(&self) -> u32 {
        Counter::of_process().frequency
    }
}

/// The system's coarse clock, which moves with its timer: 1 to 4 milliseconds on Linux.
#[derive(Debug)]
pub(super) struct Coarse;

/// Of the 2^32 parts of a second so many bits are none of the clock's.
const COARSE_SHIFT: u32 = 12;

impl Clock for Coarse {
    #[inline]
    fn now(&self) -> u64 {
        let tick = coarsetime::Instant::now().as_ticks() >> COARSE_SHIFT;
        WAKE.note(tick, 1);
        tick
    }

    fn frequency(&self) -> u32 {
        1 << (32 - COARSE_SHIFT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;
    use std::time::{Duration, Instant};

    /// How far a clock is from the system's over 100 ms.
    fn error(clock: &dyn Clock) -> f64 {
        let (start, ticks) = (Instant::now(), clock.now());
        thread::sleep(Duration::from_millis(100));
        let (took, ticks) = (start.elapsed().as_secs_f64(), clock.now() - ticks);
        (ticks as f64 / f64::from(clock.frequency()) - took).abs()
    }

    #[test]
    fn both_clocks_run_at_the_rate_that_they_state() {
        assert!(error(&Ticks) < 0.002);
        assert!(Ticks.frequency() <= FASTEST as u32 && Ticks.frequency() > FASTEST as u32 / 64);
        assert!(error(&Coarse) < 0.012);
    }

    #[test]
    fn neither_runs_back() {
        for clock in [&Ticks as &dyn Clock, &Coarse] {
            let mut last = 0;
            for _ in 0..100_000 {
                let now = clock.now();
                assert!(now >= last);
                last = now;
            }
        }
    }
}

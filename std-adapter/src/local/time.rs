//! From the ticks of this process to nanoseconds since the Unix epoch.
//!
//! Both clocks are read together about once a second. What they differ by is taken over at once: a little, as rates differ by
//! parts in a million, or much, when the system's clock was set or the machine slept, which is told.
//!
//! Nothing here reads a clock.

/// A greater difference than this is a jump, in nanoseconds.
const JUMP: i64 = 50_000_000;

/// The rate is taken from readings that lie so far apart, in nanoseconds.
const BASELINE: u64 = 10_000_000_000;

/// The rate does not differ from the stated one by more than a thousandth: what says so was a jump of one of the clocks.
const TRUST: f64 = 1e-3;

/// Both clocks, and the system's monotonic one, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) tick: u64,
    /// Nanoseconds since the Unix epoch.
    pub(super) unix: i64,
    /// Monotonic nanoseconds, from any origin.
    pub(super) monotonic: u64,
}

/// Maps ticks.
#[derive(Debug)]
pub(super) struct Time {
    stated: f64,
    /// Nanoseconds of a tick.
    rate: f64,
    /// The last reading.
    last: Reading,
    /// The one that the rate is measured from.
    first: Reading,
    jumps: u64,
}

impl Time {
    pub(super) fn new(frequency: u32, reading: Reading) -> Self {
        let stated = 1e9 / f64::from(frequency.max(1));
        Self { stated, rate: stated, last: reading, first: reading, jumps: 0 }
    }

    /// The Unix nanoseconds of a tick.
    #[inline]
    pub(super) fn unix(&self, tick: u64) -> i64 {
        self.last.unix.saturating_add(nanoseconds(tick.wrapping_sub(self.last.tick) as i64, self.rate))
    }

    /// A length of time in nanoseconds.
    #[inline]
    pub(super) fn duration(&self, ticks: u64) -> i64 {
        nanoseconds(i64::try_from(ticks).unwrap_or(i64::MAX), self.rate)
    }

    /// Takes a reading; how far the system's clock was from what was expected, in nanoseconds, if that was a jump.
    pub(super) fn observe(&mut self, reading: Reading) -> Option<i64> {
        let error = reading.unix.saturating_sub(self.unix(reading.tick));
        let since = reading.monotonic.saturating_sub(self.first.monotonic);
        if since >= BASELINE {
            let ticks = reading.tick.wrapping_sub(self.first.tick) as i64;
            let rate = since as f64 / ticks as f64;
            if (rate / self.stated - 1.0).abs() < TRUST {
                self.rate = rate;
            } else {
                self.first = reading;
                self.rate = self.stated;
            }
        }
        self.last = reading;
        let is_jump = error.saturating_abs() > JUMP;
        self.jumps += u64::from(is_jump);
        is_jump.then_some(error)
    }

    /// How often the system's clock and the ticks have parted.
    pub(super) fn jumps(&self) -> u64 {
        self.jumps
    }
}

#[inline]
fn nanoseconds(ticks: i64, rate: f64) -> i64 {
    (ticks as f64 * rate) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const HZ: u32 = 100_000_000;
    const SECOND: i64 = 1_000_000_000;

    /// So many seconds after the start, by a counter that is off by so many parts in a million.
    fn at(second: i64, ppm: f64) -> Reading {
        let tick = (second as f64 * f64::from(HZ) * (1.0 + ppm / 1e6)) as u64;
        Reading { tick, unix: 1_700_000_000 * SECOND + second * SECOND, monotonic: (second * SECOND) as u64 }
    }

    #[test]
    fn a_counter_that_is_off_is_followed_and_its_rate_is_learned() {
        let mut time = Time::new(HZ, at(0, 80.0));
        for second in 1..100 {
            let error = at(second, 80.0).unix - time.unix(at(second, 80.0).tick);
            assert!(error.abs() < if second <= 11 { 100_000 } else { 1_000 }, "{error} ns at {second} s");
            assert_eq!(time.observe(at(second, 80.0)), None);
        }
        assert_eq!(time.jumps(), 0);
        assert!((time.duration(u64::from(HZ)) - SECOND + 80_000).abs() < 1_000);
    }

    #[test]
    fn a_clock_that_is_set_and_a_machine_that_slept_are_noticed_once_and_followed() {
        let mut time = Time::new(HZ, at(0, 0.0));
        assert_eq!(time.observe(at(1, 0.0)), None);
        let set = |second| Reading { unix: at(second, 0.0).unix - 3600 * SECOND, ..at(second, 0.0) };
        assert_eq!(time.observe(set(2)), Some(-3600 * SECOND));
        assert_eq!(time.observe(set(3)), None);
        assert_eq!(time.unix(at(4, 0.0).tick), set(4).unix);
        // The counter stood still for a minute, or began anew.
        let slept = |second| Reading { tick: set(second - 60).tick, ..set(second) };
        assert_eq!(time.observe(slept(64)), Some(60 * SECOND));
        assert_eq!(time.observe(slept(65)), None);
        assert_eq!(time.jumps(), 2);
        let error = time.unix(slept(90).tick) - slept(90).unix;
        assert!(error.abs() < 1_000_000, "{error} ns");
    }

    #[test]
    fn extreme_ticks_do_no_harm() {
        let mut time = Time::new(0, Reading { tick: u64::MAX, unix: i64::MAX, monotonic: u64::MAX });
        assert_eq!(time.unix(u64::MAX), i64::MAX);
        time.observe(Reading { tick: 0, unix: i64::MIN, monotonic: 0 });
        assert_eq!(time.duration(u64::MAX), i64::MAX);
    }
}

//! From a device's ticks to nanoseconds since the Unix epoch.
//!
//! A packet says when it was filled, in ticks; the host knows when it arrived. The difference between the two is the
//! clock's offset plus the time the packet took, so the least difference is the best estimate of the offset: it is late by
//! the shortest way a packet had, and never early. It is taken over the last one to two minutes: clocks drift
//! apart, a device's may stop while it sleeps, and a host's is set.

use std::collections::HashMap;

/// The length of half the window in which the least difference is looked for, in nanoseconds.
const HALF_WINDOW: u64 = 60_000_000_000;

/// How many traces keep the offset with which their first span was mapped.
const TRACES: usize = 1024;

/// How far the time that a device tells may lie from when its packets arrive, in nanoseconds.
const TRUST: i128 = 60_000_000_000;

/// When something arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Nanoseconds since the Unix epoch.
    pub unix: i64,
    /// Monotonic nanoseconds, from any origin.
    pub monotonic: u64,
}

/// Maps the ticks of one session.
#[derive(Debug, Default)]
pub struct ClockMap {
    frequency: u32,
    /// The least (arrival - filled), in nanoseconds, of this half of the window and of the one before.
    offsets: [Option<i128>; 2],
    /// When this half began, in monotonic nanoseconds.
    since: u64,
    /// The time of tick 0 in Unix nanoseconds, which the device tells.
    base: Option<i128>,
    /// The offset of a recording, learned from all of it.
    learned: Option<i128>,
    /// A trace keeps one offset, so that a better estimate does not move a child out of its parent. Two generations:
    /// the older one is forgotten when the younger is full.
    traces: [HashMap<u64, i128>; 2],
    /// The trace that was asked for last, and its offset: spans come in runs.
    latest: Option<(u64, i128)>,
}

impl ClockMap {
    /// Learns the clock's rate, in ticks per second; 0 is ignored.
    pub fn set_frequency(&mut self, frequency: u32) {
        if frequency != 0 && frequency != self.frequency {
            *self = Self { frequency, ..Self::default() };
        }
    }

    /// Whether the rate is known.
    pub fn knows_frequency(&self) -> bool {
        self.frequency != 0
    }

    /// Learns when a packet arrived that was filled at `ticks`.
    pub fn observe(&mut self, ticks: u64, at: Arrival) {
        if !self.knows_frequency() {
            return;
        }
        let offset = i128::from(at.unix) - self.nanoseconds(ticks);
        let [now, before] = self.offsets;
        if now.is_none() || at.monotonic.saturating_sub(self.since) >= HALF_WINDOW {
            self.offsets = [Some(offset), now];
            self.since = at.monotonic;
        } else {
            self.offsets = [now.min(Some(offset)), before];
        }
    }

    /// Takes the time of tick 0 in Unix nanoseconds, which holds from now on instead of what arrivals say; 0: the device does
    /// not know it. `false`: packets arrive more than a minute before or after it, so that it is not taken.
    pub fn set_base(&mut self, base: u64) -> bool {
        self.base = None;
        let (base, estimate) = (i128::from(base), self.offset());
        if base != 0 && estimate.is_some_and(|estimate| (estimate - base).abs() <= TRUST) {
            self.base = Some(base);
        }
        base == 0 || self.base.is_some()
    }

    /// Takes over what another map learned of the same clock.
    pub fn learn(&mut self, other: &ClockMap) {
        self.set_frequency(other.frequency);
        self.learned = other.offset();
    }

    /// The Unix nanoseconds of `ticks` in the trace with this root; `None` until the rate and an arrival are known.
    pub fn unix(&mut self, ticks: u64, trace: u64) -> Option<i64> {
        let offset = self.offset_of(trace)?;
        i64::try_from(self.nanoseconds(ticks) + offset).ok()
    }

    /// A length of time in nanoseconds.
    pub fn duration(&self, ticks: u64) -> i64 {
        i64::try_from(self.nanoseconds(ticks)).unwrap_or(i64::MAX)
    }

    fn offset(&self) -> Option<i128> {
        self.base.or(self.learned).or_else(|| self.offsets.into_iter().flatten().min())
    }

    fn offset_of(&mut self, trace: u64) -> Option<i128> {
        if let Some((latest, offset)) = self.latest
            && latest == trace
        {
            return Some(offset);
        }
        let estimate = self.offset();
        let [young, old] = &mut self.traces;
        let known = young.get(&trace).or_else(|| old.get(&trace)).copied();
        let offset = known.or(estimate)?;
        if young.len() >= TRACES {
            *old = std::mem::take(young);
        }
        young.insert(trace, offset);
        self.latest = Some((trace, offset));
        Some(offset)
    }

    fn nanoseconds(&self, ticks: u64) -> i128 {
        // In two steps, since a division of 128 bits takes ten times as long.
        let frequency = u64::from(self.frequency.max(1));
        let (seconds, rest) = (ticks / frequency, ticks % frequency);
        i128::from(seconds) * 1_000_000_000 + i128::from(rest * 1_000_000_000 / frequency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a host whose clock is never set.
    fn at(unix: i64) -> Arrival {
        Arrival { unix, monotonic: unix.max(0) as u64 }
    }

    fn map() -> ClockMap {
        let mut map = ClockMap::default();
        map.set_frequency(1_000_000);
        map
    }

    #[test]
    fn nothing_is_mapped_before_the_rate_and_an_arrival_are_known() {
        let mut map = ClockMap::default();
        map.observe(5, at(1_000));
        assert_eq!(map.unix(5, 1), None);
        map.set_frequency(1000);
        assert_eq!(map.unix(5, 1), None);
        map.observe(5, at(1_000_000_000));
        assert_eq!(map.unix(6, 1), Some(1_001_000_000));
    }

    #[test]
    fn the_fastest_packet_sets_the_offset() {
        let mut map = map();
        for (ticks, delay) in [(1_000, 9_000), (2_000, 40), (3_000, 700)] {
            map.observe(ticks, at(ticks as i64 * 1000 + 5_000_000 + delay));
        }
        assert_eq!(map.unix(0, 1), Some(5_000_040));
    }

    #[test]
    fn a_clock_that_is_slow_or_a_host_that_is_set_is_followed() {
        // Packets a second apart; the device loses 50 microseconds a second, and the host is set an hour ahead.
        let mut map = map();
        for second in 0..86_400_i64 {
            let host = second * 1_000_000_000 + if second > 40_000 { 3_600_000_000_000 } else { 0 };
            let ticks = (second * 999_950) as u64;
            map.observe(ticks, Arrival { unix: host, monotonic: second as u64 * 1_000_000_000 });
            if second % 1_000 == 999 {
                let error = map.unix(ticks, second as u64).unwrap() - host;
                assert!(error.abs() < 10_000_000, "{error} ns at {second} s");
            }
        }
    }

    #[test]
    fn what_the_device_knows_of_the_time_holds_if_it_can_be_true() {
        let mut map = map();
        map.observe(2_000_000, at(9_000_500_000_000));
        assert!(map.set_base(8_998_000_000_000));
        assert_eq!(map.unix(1_000_000, 1), Some(8_999_000_000_000), "not what the arrival says");
        assert!(!map.set_base(8_900_000_000_000));
        assert_eq!(map.unix(1_000_000, 2), Some(8_999_500_000_000));
        assert!(map.set_base(0));
    }

    #[test]
    fn what_was_learned_from_a_whole_recording_holds() {
        let mut whole = map();
        (0..600).for_each(|second| whole.observe(second * 1_000_000, at(9_000_000_000_000)));
        let mut map = ClockMap::default();
        map.learn(&whole);
        map.observe(0, at(9_000_000_000_000));
        assert_eq!(map.unix(599_000_000, 1), Some(9_000_000_000_000));
        assert_eq!(map.unix(0, 2), Some(9_000_000_000_000 - 599_000_000_000));
    }

    #[test]
    fn spans_of_one_trace_are_mapped_with_one_offset() {
        let mut map = map();
        map.observe(0, at(1_000_000));
        let parent = map.unix(10, 7).unwrap();
        map.observe(0, at(400));
        let child = map.unix(12, 7).unwrap();
        assert_eq!(child - parent, 2_000);
        assert!(map.unix(12, 8).unwrap() < parent);
    }

    #[test]
    fn the_memory_of_traces_is_bounded() {
        let mut map = map();
        map.observe(0, at(0));
        (0..10 * TRACES as u64).for_each(|trace| {
            map.unix(1, trace);
        });
        assert!(map.traces.iter().map(HashMap::len).sum::<usize>() <= 2 * TRACES);
    }

    #[test]
    fn lengths_are_exact_at_every_rate() {
        for frequency in [1, 3, 1_000, 32_768, 999_999_937, u32::MAX] {
            let mut map = ClockMap::default();
            map.set_frequency(frequency);
            for ticks in [0, 1, 2, 32_767, 1 << 31, 12_345_678_901, u64::from(u32::MAX) * 9_000_000 + 1] {
                let exact = i128::from(ticks) * 1_000_000_000 / i128::from(frequency);
                let length = i64::try_from(exact).unwrap_or(i64::MAX);
                assert_eq!(map.duration(ticks), length, "{ticks} ticks at {frequency} a second");
            }
        }
    }

    #[test]
    fn extreme_ticks_and_rates_do_no_harm() {
        let mut map = ClockMap::default();
        map.set_frequency(1);
        map.observe(u64::MAX, at(i64::MIN));
        assert_eq!(map.unix(0, 1), None, "out of range");
        assert_eq!(map.duration(u64::MAX), i64::MAX);
        map.set_frequency(u32::MAX);
        map.observe(u64::MAX, at(i64::MAX));
        assert!(map.unix(u64::MAX, 1).is_some());
    }
}

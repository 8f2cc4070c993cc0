//! From a device's ticks to nanoseconds since the Unix epoch.
//!
//! A packet says when it was filled, in ticks; the host knows when it arrived. The difference between the two is the
//! clock's offset plus the time the packet took, so the least difference seen is the best estimate of the offset: it
//! is late by the shortest way a packet had, and never early.

use std::collections::HashMap;

/// How many traces keep the offset with which their first span was mapped.
const TRACES: usize = 1024;

/// Maps the ticks of one session.
#[derive(Debug, Default)]
pub struct ClockMap {
    frequency: u32,
    /// The least (arrival - filled), in nanoseconds; `None` until a packet was observed.
    offset: Option<i128>,
    /// A trace keeps one offset, so that a better estimate does not move a child out of its parent. Two generations:
    /// the older one is forgotten when the younger is full.
    traces: [HashMap<u64, i128>; 2],
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

    /// Learns that a packet that was filled at `ticks` arrived at `unix` nanoseconds.
    pub fn observe(&mut self, ticks: u64, unix: i64) {
        if self.knows_frequency() {
            let offset = i128::from(unix) - self.nanoseconds(ticks);
            self.offset = Some(self.offset.map_or(offset, |known| known.min(offset)));
        }
    }

    /// Takes over what another map learned of the same clock.
    pub fn learn(&mut self, other: &ClockMap) {
        self.set_frequency(other.frequency);
        self.offset = self.offset.into_iter().chain(other.offset).min();
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

    fn offset_of(&mut self, trace: u64) -> Option<i128> {
        let [young, old] = &mut self.traces;
        let known = young.get(&trace).or_else(|| old.get(&trace)).copied();
        let offset = known.or(self.offset)?;
        if young.len() >= TRACES {
            *old = std::mem::take(young);
        }
        young.insert(trace, offset);
        Some(offset)
    }

    fn nanoseconds(&self, ticks: u64) -> i128 {
        i128::from(ticks) * 1_000_000_000 / i128::from(self.frequency.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> ClockMap {
        let mut map = ClockMap::default();
        map.set_frequency(1_000_000);
        map
    }

    #[test]
    fn nothing_is_mapped_before_the_rate_and_an_arrival_are_known() {
        let mut map = ClockMap::default();
        map.observe(5, 1_000);
        assert_eq!(map.unix(5, 1), None);
        map.set_frequency(1000);
        assert_eq!(map.unix(5, 1), None);
        map.observe(5, 1_000_000_000);
        assert_eq!(map.unix(6, 1), Some(1_001_000_000));
    }

    #[test]
    fn the_fastest_packet_sets_the_offset() {
        let mut map = map();
        for (ticks, delay) in [(1_000, 9_000), (2_000, 40), (3_000, 700)] {
            map.observe(ticks, ticks as i64 * 1000 + 5_000_000 + delay);
        }
        assert_eq!(map.unix(0, 1), Some(5_000_040));
    }

    #[test]
    fn spans_of_one_trace_are_mapped_with_one_offset() {
        let mut map = map();
        map.observe(0, 1_000_000);
        let parent = map.unix(10, 7).unwrap();
        map.observe(0, 400);
        let child = map.unix(12, 7).unwrap();
        assert_eq!(child - parent, 2_000);
        assert!(map.unix(12, 8).unwrap() < parent);
    }

    #[test]
    fn the_memory_of_traces_is_bounded() {
        let mut map = map();
        map.observe(0, 0);
        (0..10 * TRACES as u64).for_each(|trace| {
            map.unix(1, trace);
        });
        assert!(map.traces.iter().map(HashMap::len).sum::<usize>() <= 2 * TRACES);
    }

    #[test]
    fn extreme_ticks_and_rates_do_no_harm() {
        let mut map = ClockMap::default();
        map.set_frequency(1);
        map.observe(u64::MAX, i64::MIN);
        assert_eq!(map.unix(0, 1), None, "out of range");
        assert_eq!(map.duration(u64::MAX), i64::MAX);
        map.set_frequency(u32::MAX);
        map.observe(u64::MAX, i64::MAX);
        assert!(map.unix(u64::MAX, 1).is_some());
    }
}

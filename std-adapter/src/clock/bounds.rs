//! Between what a clock's offset must lie: what arrivals and exchanges say, and for how long.
//!
//! An *offset* is Unix time less device time, in nanoseconds. A packet arrives after it was filled, so that its difference lies
//! above the offset; a request is heard after it was sent, so that its difference lies below. With each nanosecond that passes an
//! offset moves by less than the greatest drift. So the tightest bounds need no window: each is one number, and an old one
//! gives way by itself.

/// The rates of a device's and a host's clock differ by less than 1 in 2^12, 244 ppm.
const DRIFT_SHIFT: u32 = 12;

/// Where only packets come, and no answers: of those of [`BLOCK`] at least one took no longer than this.
pub(super) const ALLOWANCE: i128 = 10_000_000;

/// As many packets, and as many nanoseconds at least.
const BLOCK: (u32, u64) = (8, 10_000_000_000);

/// Before there were so many, the fastest took no longer than this.
const START: i128 = 1_000_000_000;

/// So long after an exchange nothing is assumed of packets.
const EXCHANGED: i128 = 60_000_000_000;

/// By how much an offset may have changed in this time, which may be negative.
pub(super) fn drift(nanoseconds: i128) -> i128 {
    nanoseconds.abs() >> DRIFT_SHIFT
}

/// The greatest drift, as a ratio.
pub(super) const MAX_DRIFT: f64 = 1.0 / (1 << DRIFT_SHIFT) as f64;

/// What is known of an offset at the newest device time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) low: i128,
    pub(super) high: i128,
    /// Whether an exchange gave the lower bound.
    pub(super) exchanged: bool,
}

/// The packets since the last look at what they have in common.
#[derive(Debug)]
struct Block {
    since: u64,
    packets: u32,
    /// The least difference, made ready for times before, and for times after.
    low: i128,
    above: i128,
}

/// Bounds are kept as they would be at device time 0 with the drift against them.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    /// The newest device time.
    now: Option<i128>,
    above: Option<i128>,
    assumed: Option<i128>,
    known: Option<i128>,
    /// The newest device time of a packet that was sent when it was filled.
    sent: Option<i128>,
    /// The device time of the last exchange.
    exchanged: i128,
    block: Option<Block>,
}

impl Bounds {
    /// Takes the difference between a packet's arrival and its time. `false`: what was known before could not be true, and holds no
    /// longer.
    pub(super) fn arrival(&mut self, time: i128, difference: i128, monotonic: u64) -> bool {
        let (low, above) = (difference + drift_to(time), difference - drift_to(time));
        (self.now, self.sent) = (self.now.max(Some(time)), self.sent.max(Some(time)));
        let is_fastest = self.above.is_none_or(|least| above < least);
        if is_fastest {
            self.above = Some(above);
        }
        let block = self.block.get_or_insert(Block { since: monotonic, packets: 0, low, above });
        block.packets = block.packets.saturating_add(1);
        block.low = block.low.min(low);
        block.above = block.above.min(above);
        let is_whole = block.packets >= BLOCK.0 && monotonic.saturating_sub(block.since) >= BLOCK.1;
        let fastest = block.above;
        if is_whole {
            self.assumed = self.assumed.max(Some(block.low - ALLOWANCE));
            self.block = None;
        }
        let Some(Interval { high, .. }) = self.interval() else { return true };
        let now = self.now.map_or(0, drift_to);
        let is_above = |bound: Option<i128>| bound.is_some_and(|bound| bound - now > high);
        if is_whole && (is_above(self.assumed) || is_above(self.known)) {
            // All packets of the block came later than the bound allows: the clock stood, or its rate is another.
            *self = Self { now: Some(time), above: Some(fastest), sent: Some(time), ..Self::default() };
            return false;
        }
        if is_above(self.known) {
            *self = Self { now: Some(time), above: Some(above), sent: Some(time), ..Self::default() };
            return false;
        }
        if is_above(self.assumed) {
            // The packets before were slower than is assumed of them.
            (self.assumed, self.block) = (None, None);
        }
        true
    }

    /// Takes the difference between the arrival of a packet of a session that is over and its time: the offset is less, nobody
    /// knows by how much.
    pub(super) fn over(&mut self, time: i128, difference: i128) {
        self.now = self.now.max(Some(time));
        let above = difference - drift_to(time);
        self.above = Some(self.above.map_or(above, |least| least.min(above)));
    }

    /// Whether the lower bound holds: there were packets of a session that was not over.
    pub(super) fn hold_below(&self) -> bool {
        self.sent.is_some()
    }

    /// Takes the difference between when a request was sent and when the device heard it, by its clock. `false`: it would have been
    /// heard before it was sent, so that the answer is to another one.
    pub(super) fn exchange(&mut self, time: i128, difference: i128) -> bool {
        let Some(now) = self.now else { return false };
        let low = difference + drift_to(time);
        if self.interval().is_none_or(|interval| low - drift_to(now) > interval.high) {
            return false;
        }
        self.known = self.known.max(Some(low));
        self.exchanged = now;
        true
    }

    /// The bounds at the newest device time.
    pub(super) fn interval(&self) -> Option<Interval> {
        let now = self.now?;
        let high = self.above? + drift_to(now);
        let assumed = self.assumed.map(|low| low - drift_to(now));
        let known = self.known.map(|low| low - drift_to(now));
        let is_recent = known.is_some() && now - self.exchanged <= EXCHANGED;
        let exchanged = is_recent || known.is_some() && known >= assumed;
        let low = if exchanged { known } else { assumed };
        // What is assumed at the start is so of packets, and the last of them may be long ago.
        let silence = drift(self.sent.map_or(0, |sent| now - sent));
        Some(Interval { low: low.unwrap_or(high - START - 2 * silence).min(high), high, exchanged })
    }
}

/// What drifts from device time 0 to this one, which is not before it.
fn drift_to(time: i128) -> i128 {
    time >> DRIFT_SHIFT
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i128 = 1_000_000_000;

    fn packets(bounds: &mut Bounds, seconds: std::ops::Range<i128>, difference: impl Fn(i128) -> i128) {
        for second in seconds {
            bounds.arrival(second * SECOND, difference(second), second as u64 * 1_000_000_000);
        }
    }

    #[test]
    fn an_old_bound_gives_way_by_the_greatest_drift() {
        let mut bounds = Bounds::default();
        bounds.arrival(0, 500, 0);
        bounds.arrival(4_096 * SECOND, 10 * SECOND, 4_096_000_000_000);
        let interval = bounds.interval().unwrap();
        assert_eq!(interval.high, 500 + SECOND);
        assert_eq!(interval.low, interval.high - START, "two packets say little");
    }

    #[test]
    fn eight_packets_of_ten_seconds_bound_it_from_below() {
        let mut bounds = Bounds::default();
        packets(&mut bounds, 0..11, |second| 7_000 + second % 3 * 1_000_000);
        let Interval { low, high, exchanged } = bounds.interval().unwrap();
        assert!(!exchanged && high >= 7_000 && high - low < ALLOWANCE + 2 * drift(10 * SECOND) + 2_000_000);
    }

    #[test]
    fn an_exchange_bounds_it_without_assumptions() {
        let mut bounds = Bounds::default();
        bounds.arrival(0, 3_000, 0);
        assert!(bounds.exchange(0, 1_000));
        assert_eq!(bounds.interval(), Some(Interval { low: 1_000, high: 3_000, exchanged: true }));
        assert!(!bounds.exchange(0, 3_001), "an answer to a request that was sent afterwards");
        packets(&mut bounds, 1..60, |_| 3_000);
        assert!(bounds.interval().unwrap().exchanged, "it goes before what is assumed for a minute");
        packets(&mut bounds, 60..90, |_| 3_000);
        assert!(!bounds.interval().unwrap().exchanged);
    }

    #[test]
    fn a_clock_that_stood_is_noticed_after_a_block() {
        let mut bounds = Bounds::default();
        packets(&mut bounds, 0..30, |_| 0);
        let mut consistent = true;
        for second in 30..55_i128 {
            consistent &= bounds.arrival(second * SECOND, 90 * SECOND, second as u64 * 1_000_000_000);
        }
        let interval = bounds.interval().unwrap();
        assert!(!consistent && interval.low <= 90 * SECOND && interval.high >= 90 * SECOND);
    }

    #[test]
    fn slow_packets_before_a_fast_one_are_not_held_against_it() {
        let mut bounds = Bounds::default();
        packets(&mut bounds, 0..30, |_| 40_000_000);
        assert!(bounds.arrival(31 * SECOND, 3_000_000, 31_000_000_000));
        let interval = bounds.interval().unwrap();
        assert!(interval.low <= 0 && interval.high == 3_000_000, "{interval:?}");
    }
}

//! From a device's ticks to nanoseconds since the Unix epoch, and by how much that may be wrong.
//!
//! | file | idea |
//! | --- | --- |
//! | `clock.rs` | what is learned of one session's clock, and what follows |
//! | `clock/bounds.rs` | between what its offset lies |
//! | `clock/drift.rs` | how much faster or slower it runs than the host's |
//! | `clock/timeline.rs` | one line from ticks to Unix time that never runs back |
//! | `clock/simulated.rs` | the map against simulated clocks |
//!
//! # What the bound promises
//!
//! The truth is the host's clock: a span that started when that showed `t` is shown to start within
//! [`error`](ClockMap::error) of `t`. It holds if
//!
//! - the rates of the two clocks differ by less than 244 ppm, however they change;
//! - the host's clock is set by less than 2 ms, or by so much that it is noticed (then all is learned anew);
//! - where the device answers no [exchange](ClockMap::exchange): of the packets of any 10 seconds, or of 8 packets where those take
//!   longer, one took at most 10 ms from being filled to the host; and until so many came, one took less than a second.
//!
//! Of packets that a device sends after a reset, of the session before it, nothing is assumed. Where no others came of that session, nothing is
//! promised.
//!
//! With exchanges nothing is assumed of the link. What breaks an assumption so that packets contradict each other is noticed, and
//! all is learned anew.

mod bounds;
mod drift;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;
mod timeline;

use std::num::NonZeroU64;

use bounds::Bounds;
use drift::{Drift, Line};
use timeline::{Aim, Timeline};

/// How far the time that a device tells may lie from when its packets arrive, in nanoseconds.
const TRUST: i128 = 60_000_000_000;

/// A host's clock that is set by less than this is not noticed: it reads two clocks one after the other.
const SET: u64 = 2_000_000;

/// A better estimate bends the line when it lies further away than this part of what is known, and in nanoseconds than the first
/// of these, or in any case than the second.
const TOLERANCE: (i128, [u64; 2]) = (16, [1_000, 500_000]);

/// When something arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Nanoseconds since the Unix epoch.
    pub unix: i64,
    /// Monotonic nanoseconds, from any origin.
    pub monotonic: u64,
}

impl Arrival {
    /// By how much the host's wall clock is ahead of its monotonic one.
    fn ahead(self) -> i128 {
        i128::from(self.unix) - i128::from(self.monotonic)
    }
}

/// What the device says of the time.
#[derive(Debug, Clone, Copy)]
struct Base {
    /// The time of tick 0 in Unix nanoseconds.
    unix: i128,
    /// The device time when it said so first.
    since: i128,
}

/// Maps the ticks of one session.
#[derive(Debug, Default)]
pub struct ClockMap {
    frequency: u32,
    /// Nanoseconds in a tick, as `timeline` has it.
    rate: u64,
    bounds: Bounds,
    drift: Drift,
    timeline: Timeline,
    /// The newest packet's tick, and its device time.
    newest: Option<(u64, i128)>,
    /// When something arrived last.
    host: Option<Arrival>,
    base: Option<Base>,
    /// The offset of a recording, learned from all of it.
    learned: Option<i128>,
    /// How often what was known turned out not to be true.
    restarts: u64,
}

impl ClockMap {
    /// Learns the clock's rate, in ticks per second; 0 is ignored.
    pub fn set_frequency(&mut self, frequency: u32) {
        if frequency != 0 && frequency != self.frequency {
            *self = Self { frequency, rate: timeline::nominal(frequency), ..Self::default() };
        }
    }

    /// Whether the rate is known.
    pub fn knows_frequency(&self) -> bool {
        self.frequency != 0
    }

    /// How often what was known of the clock turned out not to be true: it ran back or stood, or its rate is not what it says.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Learns when a packet arrived that was filled at `ticks`; `is_newest`: the device sent none after it that came before.
    pub fn observe(&mut self, ticks: u64, at: Arrival, is_newest: bool) {
        if !self.knows_frequency() {
            return;
        }
        let time = self.nanoseconds(ticks);
        if is_newest && self.newest.is_some_and(|(newest, _)| ticks < newest) {
            self.run_back(at);
        }
        let difference = self.difference(ticks, at);
        if self.bounds.arrival(time, difference, at.monotonic) {
            self.drift.arrival(time, difference);
        } else {
            self.drift = Drift::default();
            self.restarts += 1;
        }
        self.aim();
    }

    /// Learns when a packet arrived of a session that a reset had ended at `ticks`: nobody knows how long before.
    pub fn observe_over(&mut self, ticks: u64, at: Arrival) {
        if !self.knows_frequency() {
            return;
        }
        let difference = self.difference(ticks, at);
        self.bounds.over(self.nanoseconds(ticks), difference);
        self.aim();
    }

    /// By how much a packet arrived after its time by the device's clock, and that it did.
    fn difference(&mut self, ticks: u64, at: Arrival) -> i128 {
        let time = self.nanoseconds(ticks);
        if self.host.replace(at).is_some_and(|host| is_set(host, at)) {
            (self.bounds, self.drift) = Default::default();
        }
        if self.newest.is_none_or(|(newest, _)| newest <= ticks) {
            self.newest = Some((ticks, time));
        }
        i128::from(at.unix) - time
    }

    /// Learns that the device heard at `ticks`, by its clock, what was sent to it at `sent`. `false`: it cannot have.
    pub fn exchange(&mut self, sent: Arrival, ticks: u64) -> bool {
        let (true, Some(host)) = (self.knows_frequency(), self.host) else { return false };
        // It heard that before the next tick, and not always at this one.
        let time = self.nanoseconds(ticks.saturating_add(1));
        let heard = !is_set(sent, host) && self.bounds.exchange(time, i128::from(sent.unix) - time);
        self.aim();
        heard
    }

    /// Takes the time of tick 0 in Unix nanoseconds, which holds from now on instead of what arrivals say; 0: the device does
    /// not know it. `false`: packets arrive more than a minute before or after it, so that it is not taken.
    pub fn set_base(&mut self, base: u64) -> bool {
        let before = self.base.take();
        if base != 0 {
            let (unix, now) = (i128::from(base), self.newest.map_or(0, |(_, time)| time));
            let since = before.filter(|before| before.unix == unix).map_or(now, |before| before.since);
            let told = Base { unix, since };
            let high = self.learned.or_else(|| self.bounds.interval().map(|interval| interval.high));
            let may_be_late = self.learned.is_none() && !self.bounds.hold_below();
            let is_near = |late: i128| late.abs() <= TRUST || late > 0 && may_be_late;
            if high.is_some_and(|high| is_near(high - self.offset_of(told))) {
                self.base = Some(told);
            }
        }
        self.aim();
        base == 0 || self.base.is_some()
    }

    /// Takes over what another map learned of the same clock.
    pub fn learn(&mut self, other: &ClockMap) {
        self.set_frequency(other.frequency);
        self.learned = other
            .base
            .map(|base| base.unix)
            .or(other.learned)
            .or_else(|| other.bounds.interval().map(|interval| interval.high));
    }

    /// The Unix nanoseconds of `ticks`; `None` until the rate and an arrival are known.
    pub fn unix(&mut self, ticks: u64) -> Option<i64> {
        self.stretch(ticks, ticks).map(|[unix, _]| unix)
    }

    /// The same of the first and the last tick of a span. What lies between them on the device does so here.
    #[inline]
    pub fn stretch(&mut self, first: u64, last: u64) -> Option<[i64; 2]> {
        self.timeline.stretch(first, last)
    }

    /// The same of something within a span, which changes nothing.
    pub fn peek(&self, ticks: u64) -> Option<i64> {
        self.timeline.peek(ticks)
    }

    /// The most by which the times of a span may be wrong, in nanoseconds; `None`: nothing is known of that, as with a recording, or
    /// after a reset.
    pub fn error(&self, start: u64, end: u64) -> Option<NonZeroU64> {
        let (newest, time) = self.newest.filter(|_| self.learned.is_none() && self.bounds.hold_below())?;
        let interval = self.bounds.interval()?;
        let (low, high) = (time + interval.low, time + interval.high);
        let error = |tick: u64, unix: Option<i64>| {
            let distance = timeline::length(newest.abs_diff(tick), self.rate);
            let before = if tick < newest { distance } else { -distance };
            let (unix, drift) = (i128::from(unix?) + before, bounds::drift(distance));
            Some((unix - (low - drift)).max(high + drift - unix))
        };
        let [first, last] = [start, end].map(|tick| error(tick, self.timeline.peek(tick)));
        let mut worst = first.max(last);
        if !self.timeline.is_straight(start, end) {
            worst =
                self.timeline.bends(start, end).map(|(tick, unix)| error(tick, unix)).fold(worst, Ord::max);
        }
        worst.and_then(|worst| NonZeroU64::new(u64::try_from(worst.max(1)).ok()?))
    }

    /// A length of time in nanoseconds.
    pub fn duration(&self, ticks: u64) -> i64 {
        i64::try_from(self.nanoseconds(ticks)).unwrap_or(i64::MAX)
    }

    /// The clock begins anew; the line goes on from where it is, but not from the future.
    fn run_back(&mut self, at: Arrival) {
        let settled = self.timeline.settled();
        let (frequency, rate, restarts) = (self.frequency, self.rate, self.restarts + 1);
        let timeline = Timeline::after(settled.map(|unix| unix.min(at.unix)));
        *self = Self { frequency, rate, restarts, host: self.host, timeline, ..Self::default() };
    }

    /// Has the line lead to the best estimate.
    fn aim(&mut self) {
        let Some((tick, time)) = self.newest else { return };
        let Some(Line { offset, slope, .. }) = self.estimate(time) else { return };
        let Ok(unix) = i64::try_from(time + offset) else { return };
        let width = self.bounds.interval().map_or(0, |interval| interval.high - interval.low);
        let tolerance = u64::try_from(width / TOLERANCE.0).unwrap_or(0).clamp(TOLERANCE.1[0], TOLERANCE.1[1]);
        let horizon = tick.saturating_add(u64::from(self.frequency));
        self.timeline.aim(Aim { tick, unix, drift: slope, tolerance }, self.rate, horizon);
    }

    /// The best that is known of the offset now.
    fn estimate(&self, time: i128) -> Option<Line> {
        let line = self.drift.line();
        let slope = line.map_or(0.0, |line| line.slope);
        if let Some(base) = self.base {
            return Some(Line { time, offset: self.offset_of(base), slope });
        }
        if let Some(offset) = self.learned {
            return Some(Line { time, offset, slope: 0.0 });
        }
        let interval = self.bounds.interval()?;
        let offset = if interval.exchanged {
            interval.low + (interval.high - interval.low) / 2
        } else {
            line.map_or(interval.high, |line| line.at(time)).clamp(interval.low, interval.high)
        };
        Some(Line { time, offset, slope })
    }

    /// The offset by what the device says, and by how its clock drifted since it said so.
    fn offset_of(&self, base: Base) -> i128 {
        let (slope, now) =
            (self.drift.line().map_or(0.0, |line| line.slope), self.newest.map_or(0, |(_, time)| time));
        Line { time: base.since, offset: base.unix, slope }.at(now)
    }

    fn nanoseconds(&self, ticks: u64) -> i128 {
        // In two steps, since a division of 128 bits takes ten times as long.
        let frequency = u64::from(self.frequency.max(1));
        let (seconds, rest) = (ticks / frequency, ticks % frequency);
        i128::from(seconds) * 1_000_000_000 + i128::from(rest * 1_000_000_000 / frequency)
    }
}

/// Whether the host's clock was set between two times.
fn is_set(before: Arrival, after: Arrival) -> bool {
    (after.ahead() - before.ahead()).unsigned_abs() >= u128::from(SET)
}

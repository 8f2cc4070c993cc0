//! How much faster or slower a device's clock runs than its host's: the slope of the lower envelope of arrivals.

use std::collections::VecDeque;

use super::bounds::MAX_DRIFT;

/// How many of the fastest packets are kept, each of a stretch of time.
const POINTS: usize = 32;
/// How long a stretch is at least, in nanoseconds of device time.
const STRETCH: i128 = 4_000_000_000;
/// From where on the slope is taken for what it is: before, the delay of single packets is more of it than drift.
const LEAST: i128 = 30_000_000_000;

/// The fastest packets of the last minutes.
#[derive(Debug, Default)]
pub(super) struct Drift {
    /// Device time and difference, oldest first.
    points: VecDeque<(i128, i128)>,
    /// The fastest of the present stretch, and when that began.
    fastest: Option<(i128, i128)>,
    since: i128,
    line: Option<Line>,
}

/// The offset at a time, and how it changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    pub(super) time: i128,
    pub(super) offset: i128,
    /// Nanoseconds in a nanosecond.
    pub(super) slope: f64,
}

impl Line {
    pub(super) fn at(&self, time: i128) -> i128 {
        self.offset + ((time - self.time) as f64 * self.slope) as i128
    }
}

impl Drift {
    /// Takes the difference between a packet's arrival and its time.
    pub(super) fn arrival(&mut self, time: i128, difference: i128) {
        match &mut self.fastest {
            None => (self.fastest, self.since) = (Some((time, difference)), time),
            Some(fastest) if difference <= fastest.1 => *fastest = (time, difference),
            Some(_) => {}
        }
        if time - self.since < STRETCH {
            return;
        }
        if self.points.len() >= POINTS {
            self.points.pop_front();
        }
        self.points.extend(self.fastest.take());
        self.line = self.envelope();
    }

    /// The lower envelope, where there is enough of it.
    pub(super) fn line(&self) -> Option<Line> {
        self.line
    }

    /// The edge of the lower convex hull below the middle of the points: of all lines below them the nearest to all.
    fn envelope(&self) -> Option<Line> {
        let (first, last) = (*self.points.front()?, *self.points.back()?);
        if last.0 - first.0 < LEAST {
            return None;
        }
        let middle = first.0 + (last.0 - first.0) / 2;
        let relative = |point: &(i128, i128)| ((point.0 - first.0) as f64, (point.1 - first.1) as f64);
        let mut hull: Vec<(f64, f64)> = Vec::with_capacity(POINTS);
        for point in self.points.iter().map(relative) {
            while let [.., a, b] = hull[..]
                && (b.1 - a.1) * (point.0 - a.0) >= (point.1 - a.1) * (b.0 - a.0)
            {
                hull.pop();
            }
            if hull.last().is_none_or(|last| point.0 > last.0) {
                hull.push(point);
            }
        }
        let middle = (middle - first.0) as f64;
        let right = hull.iter().position(|point| point.0 >= middle)?;
        let (a, b) = (hull.get(right.checked_sub(1)?)?, hull.get(right)?);
        let slope = ((b.1 - a.1) / (b.0 - a.0)).clamp(-MAX_DRIFT, MAX_DRIFT);
        Some(Line { time: first.0 + a.0 as i128, offset: first.1 + a.1 as i128, slope })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i128 = 1_000_000_000;

    #[test]
    fn the_slope_of_the_fastest_packets_is_the_drift() {
        for (ppm, shown) in [(-150, -150.0), (0, 0.0), (90, 90.0), (2_000, 1e6 * MAX_DRIFT)] {
            let mut drift = Drift::default();
            for tenth in 0..1_200_i128 {
                let delay = if tenth % 7 == 3 { 200_000 } else { 200_000 + tenth * 7_919 % 40 * 1_000_000 };
                let time = tenth * SECOND / 10;
                drift.arrival(time, 5 * SECOND + time * ppm / 1_000_000 + delay);
            }
            let line = drift.line().unwrap();
            assert!((line.slope * 1e6 - shown).abs() < 1.0, "{} ppm for {ppm}", line.slope * 1e6);
            let offset = 5 * SECOND + 100 * SECOND * ppm / 1_000_000 + 200_000;
            assert!(ppm == 2_000 || (line.at(100 * SECOND) - offset).abs() < 50_000);
        }
    }

    #[test]
    fn half_a_minute_is_too_short_for_a_slope() {
        let mut drift = Drift::default();
        (0..30).for_each(|second| drift.arrival(second * SECOND, second * 1_000));
        assert_eq!(drift.line(), None);
    }
}

//! One line from a session's ticks to Unix time: it never runs back, and what it once said of a tick it says again, for as long as it
//! keeps that piece: the last 1,024 times at least that an estimate was bettered.
//!
//! It is made of straight pieces. What was asked of it is settled; a better estimate bends what follows, by at most one part in
//! twenty and mostly within two seconds, until it lies where it should. Only forward does it leap, and only by a second or more. So
//! what lies within a span on the device lies within it here.

/// How many pieces are kept; beyond them the older half is forgotten.
const PIECES: usize = 2_048;
/// Over how many nanoseconds an error is made good, at least.
const SLEW: u64 = 2_000_000_000;
/// An error takes at least so many times its length to be made good.
const GENTLE: u64 = 20;
/// From where on it leaps forward, in nanoseconds.
const LEAP: i64 = 1_000_000_000;

/// Nanoseconds of a tick are kept in 2^-32.
const FRACTION: u32 = 32;

/// A straight piece.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    /// Its first tick.
    first: u64,
    /// A tick on its line, which may lie outside of it, and the Unix time of that.
    origin: u64,
    unix: i64,
    /// Nanoseconds in a tick, times 2^32.
    rate: u64,
}

impl Piece {
    /// The Unix time of a tick on its line.
    #[inline]
    fn at(&self, tick: u64) -> Option<i64> {
        let length = |ticks: u64| u128::from(ticks) * u128::from(self.rate);
        if tick >= self.origin {
            self.unix.checked_add(i64::try_from(length(tick - self.origin) >> FRACTION).ok()?)
        } else {
            let back = (length(self.origin - tick) + ((1 << FRACTION) - 1)) >> FRACTION;
            self.unix.checked_sub(i64::try_from(back).ok()?)
        }
    }
}

/// Where the line should go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aim {
    /// The newest tick, and its Unix time.
    pub(super) tick: u64,
    pub(super) unix: i64,
    /// By how much a second of the device is longer than a second.
    pub(super) drift: f64,
    /// A line that is no further away will do.
    pub(super) tolerance: u64,
}

/// The line of a session.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    pieces: Vec<Piece>,
    /// The piece that was asked last, and its last tick: spans come in runs.
    latest: Option<(Piece, u64)>,
    /// The last tick that was asked for: up to it the line is settled.
    settled: Option<u64>,
    /// No tick after this one is settled: spans that lie far in the future are no reason to leave the line as it is.
    horizon: u64,
    /// Where the line leads.
    aimed: Option<Piece>,
    /// The Unix time before which it may not begin.
    floor: Option<i64>,
}

impl Timeline {
    /// One that does not begin before this Unix time.
    pub(super) fn after(floor: Option<i64>) -> Self {
        Self { floor, ..Self::default() }
    }

    /// The Unix times of a tick and of one that is not before it.
    #[inline]
    pub(super) fn stretch(&mut self, first: u64, last: u64) -> Option<[i64; 2]> {
        let unix = match &self.latest {
            Some((piece, end)) if piece.first <= first && last <= *end => [piece.at(first)?, piece.at(last)?],
            _ => self.find(first, last)?,
        };
        let settled = last.min(self.horizon);
        if self.settled.is_none_or(|before| before < settled) {
            self.settled = Some(settled);
        }
        Some(match self.floor {
            None => unix,
            Some(floor) => unix.map(|unix| unix.max(floor)),
        })
    }

    /// What it says of a tick so far.
    pub(super) fn peek(&self, tick: u64) -> Option<i64> {
        let piece = match &self.latest {
            Some((piece, end)) if piece.first <= tick && tick <= *end => piece,
            _ => self.pieces.get(self.place(tick))?,
        };
        piece.at(tick).map(|unix| self.raised(unix))
    }

    fn raised(&self, unix: i64) -> i64 {
        self.floor.map_or(unix, |floor| unix.max(floor))
    }

    /// The Unix time up to which the line was asked for.
    pub(super) fn settled(&self) -> Option<i64> {
        self.settled.and_then(|tick| self.peek(tick)).max(self.floor)
    }

    /// Has it lead there; `rate` is that of the clock as the device tells it. `horizon` is where the future begins.
    pub(super) fn aim(&mut self, aim: Aim, rate: u64, horizon: u64) {
        self.horizon = horizon;
        let cruise = Piece { first: 0, origin: aim.tick, unix: aim.unix, rate: changed(rate, aim.drift) };
        let Some(settled) = self.settled else {
            (self.pieces, self.aimed, self.latest) = (vec![cruise], Some(cruise), None);
            return;
        };
        let leads_to = self.aimed.and_then(|aimed| aimed.at(aim.tick));
        if leads_to.is_some_and(|unix| unix.abs_diff(aim.unix) <= aim.tolerance) {
            return;
        }
        let here = self.peek(settled);
        let (Some(here), Some(there), Some(first)) = (here, cruise.at(settled), settled.checked_add(1))
        else {
            return;
        };
        (self.aimed, self.latest) = (Some(cruise), None);
        self.pieces.retain(|piece| piece.first <= settled);
        if self.pieces.len() >= PIECES {
            self.pieces.drain(..PIECES / 2);
        }
        let error = there.saturating_sub(here);
        if error >= LEAP {
            self.pieces.push(Piece { first, ..cruise });
            return;
        }
        let length = error.unsigned_abs().saturating_mul(GENTLE).max(SLEW);
        let slew = changed(rate, aim.drift + error as f64 / length as f64);
        let slew = Piece { first, origin: settled, unix: here, rate: slew };
        self.pieces.push(slew);
        let ticks = (u128::from(length) << FRACTION) / u128::from(rate.max(1));
        let end = u64::try_from(ticks).ok().and_then(|ticks| settled.checked_add(ticks.max(1)));
        if let Some(end) = end
            && let Some(unix) = slew.at(end)
        {
            self.pieces.push(Piece { first: end, origin: end, unix, ..cruise });
        }
    }

    /// Whether it is known to have no bends from one tick to another.
    pub(super) fn is_straight(&self, from: u64, to: u64) -> bool {
        self.latest.is_some_and(|(piece, end)| piece.first <= from && to <= end)
    }

    /// The ticks within this stretch where the line bends: before each and at it.
    pub(super) fn bends(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, Option<i64>)> + '_ {
        let within = self.place(from)..self.place(to);
        within.flat_map(|place| {
            let pair = self.pieces.get(place).zip(self.pieces.get(place + 1));
            pair.into_iter().flat_map(|(before, after)| {
                let (last, first) = (after.first.saturating_sub(1), after.first);
                [(last, before.at(last)), (first, after.at(first))]
            })
        })
    }

    /// In which piece a tick lies.
    fn place(&self, tick: u64) -> usize {
        self.pieces.partition_point(|piece| piece.first <= tick).saturating_sub(1)
    }

    /// The same where they do not lie in the piece that was asked last.
    #[cold]
    fn find(&mut self, first: u64, last: u64) -> Option<[i64; 2]> {
        // What lies before the first piece goes on as that does.
        let [from, to] = [first, last].map(|tick| self.place(tick));
        let unix = [self.pieces.get(from)?.at(first)?, self.pieces.get(to)?.at(last)?];
        let end = self.pieces.get(to + 1).map_or(u64::MAX, |next| next.first - 1);
        self.latest = self.pieces.get(to).map(|piece| (*piece, end));
        Some(unix)
    }

    #[cfg(test)]
    pub(super) fn pieces(&self) -> usize {
        self.pieces.len()
    }
}

/// The rate of a clock that runs as it says.
pub(super) fn nominal(frequency: u32) -> u64 {
    (1_000_000_000_u64 << FRACTION).div_ceil(u64::from(frequency.max(1)))
}

/// A length of ticks by that rate, rounded down.
pub(super) fn length(ticks: u64, rate: u64) -> i128 {
    ((u128::from(ticks) * u128::from(rate)) >> FRACTION) as i128
}

/// Another rate, by so many parts of it.
fn changed(rate: u64, by: f64) -> u64 {
    rate.saturating_add_signed((rate as f64 * by) as i64)
}

//! Which share of the traces was not dropped lately.

/// Over how many payloads.
const WINDOW: usize = 10;

/// What came while one payload was on its way.
#[derive(Debug, Clone, Copy, Default)]
struct Period {
    came: u64,
    dropped: u64,
}

/// The share over the last payloads. What was taken and could not be sent counts when that turns out.
#[derive(Debug, Default)]
pub(super) struct KeepRate {
    periods: [Period; WINDOW],
    /// How many periods began after the first.
    turns: usize,
}

impl KeepRate {
    /// A trace came.
    pub(super) fn came(&mut self) {
        if let Some(period) = self.current() {
            period.came += 1;
        }
    }

    /// Traces were dropped.
    pub(super) fn dropped(&mut self, traces: u64) {
        if let Some(period) = self.current() {
            period.dropped += traces;
        }
    }

    /// A payload is done with.
    pub(super) fn turn(&mut self) {
        self.turns = self.turns.wrapping_add(1);
        if let Some(period) = self.current() {
            *period = Period::default();
        }
    }

    /// The share, from 0 to 1.
    pub(super) fn rate(&self) -> f64 {
        let sum = |of: fn(&Period) -> u64| self.periods.iter().map(of).sum::<u64>();
        let (came, dropped) = (sum(|period| period.came), sum(|period| period.dropped));
        if dropped == 0 {
            return 1.0;
        }
        // More may be dropped than came lately: what came long before.
        came.saturating_sub(dropped) as f64 / came.max(1) as f64
    }

    fn current(&mut self) -> Option<&mut Period> {
        self.periods.get_mut(self.turns % WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_that_of_the_last_payloads() {
        let mut keep = KeepRate::default();
        assert_eq!(keep.rate(), 1.0);
        (0..4).for_each(|_| keep.came());
        keep.dropped(1);
        assert_eq!(keep.rate(), 0.75);
        keep.turn();
        (0..4).for_each(|_| keep.came());
        assert_eq!(keep.rate(), 0.875);
        keep.dropped(100);
        assert_eq!(keep.rate(), 0.0);
        (0..WINDOW).for_each(|_| keep.turn());
        assert_eq!(keep.rate(), 1.0);
    }
}

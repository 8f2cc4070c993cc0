//! So many a second: a bucket of tokens, and the share of those that asked which got one.

/// A second in nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// A bucket that is full at first and holds what flows in within a second.
#[derive(Debug, Clone)]
pub(super) struct Limiter {
    limit: f64,
    tokens: f64,
    filled: u64,
    /// The second that the counts are of, when it began.
    began: Option<u64>,
    asked: u64,
    taken: u64,
    /// The share of the second before.
    before: Option<f64>,
}

impl Limiter {
    pub(super) fn new(limit: f64) -> Self {
        Self {
            limit,
            tokens: limit.max(1.0).min(limit.ceil()),
            filled: 0,
            began: None,
            asked: 0,
            taken: 0,
            before: None,
        }
    }

    /// Whether there is a token at `now`, and the effective rate: the mean of the shares of this second and the one before.
    pub(super) fn take(&mut self, now: u64) -> (bool, f64) {
        let flown = now.saturating_sub(self.filled) as f64 / SECOND as f64 * self.limit;
        self.filled = self.filled.max(now);
        // A limit below one a second still fills up to one.
        let most = self.limit.max(1.0).min(self.limit.ceil());
        self.tokens = (self.tokens + flown).min(most);
        let is_taken = self.tokens >= 1.0;
        if is_taken {
            self.tokens -= 1.0;
        }
        let began = *self.began.get_or_insert(now);
        if now.saturating_sub(began) >= SECOND {
            self.before = Some(self.share());
            (self.began, self.asked, self.taken) = (Some(now), 0, 0);
        }
        self.asked += 1;
        self.taken += u64::from(is_taken);
        let share = self.share();
        (is_taken, self.before.map_or(share, |before| (before + share) / 2.0))
    }

    fn share(&self) -> f64 {
        if self.asked == 0 { 1.0 } else { self.taken as f64 / self.asked as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(limiter: &mut Limiter, now: u64, tries: usize) -> usize {
        (0..tries).filter(|_| limiter.take(now).0).count()
    }

    #[test]
    fn a_full_bucket_gives_what_it_holds_and_then_what_flows_in() {
        let mut limiter = Limiter::new(100.0);
        assert_eq!(taken(&mut limiter, 0, 1000), 100);
        assert_eq!(taken(&mut limiter, SECOND / 2, 1000), 50);
        assert_eq!(taken(&mut limiter, 3600 * SECOND, 1000), 100);
    }

    #[test]
    fn nothing_comes_of_a_limit_of_nothing_and_one_in_two_seconds_of_a_half() {
        assert_eq!(taken(&mut Limiter::new(0.0), 5, 100), 0);
        let mut half = Limiter::new(0.5);
        let taken: Vec<usize> = (0..5).map(|second| taken(&mut half, second * SECOND, 10)).collect();
        assert_eq!(taken, [1, 0, 1, 0, 1]);
    }

    #[test]
    fn the_effective_rate_is_the_mean_of_this_second_and_the_one_before() {
        let mut limiter = Limiter::new(2.0);
        let shares: Vec<_> = (0..4).map(|_| limiter.take(7).1).collect();
        assert_eq!(shares, [1.0, 1.0, 2.0 / 3.0, 0.5]);
        assert_eq!(limiter.take(SECOND + 7), (true, 0.75));
    }
}

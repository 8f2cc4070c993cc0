//! Pauses between attempts: exponential, with full jitter, so that many clients of an agent that comes back do not
//! come back all at once.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(5);

/// The pauses of one client.
pub(super) struct Backoff {
    first: Duration,
    random: u64,
}

impl Backoff {
    /// Pauses of at most `first` after the first failure, twice that after the second, and so on.
    pub(super) fn new(first: Duration) -> Self {
        Self { first, random: RandomState::new().hash_one(0) }
    }

    /// How long to wait after `failures` failed attempts in a row, at least one.
    pub(super) fn pause(&mut self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let longest = self.first.saturating_mul(1 << doublings).min(LONGEST);
        longest.mul_f64(self.fraction())
    }

    /// Evenly spread over 0 to 1 (splitmix64).
    fn fraction(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_spread_below_a_bound_that_doubles() {
        let mut backoff = Backoff::new(Duration::from_millis(100));
        for (failures, bound) in [(1, 100), (2, 200), (4, 800), (7, 5_000), (u32::MAX, 5_000)] {
            let pauses: Vec<_> = (0..200).map(|_| backoff.pause(failures)).collect();
            let bound = Duration::from_millis(bound);
            assert!(pauses.iter().all(|&pause| pause <= bound));
            assert!(
                pauses.iter().any(|&pause| pause > bound / 2)
                    && pauses.iter().any(|&pause| pause < bound / 2)
            );
        }
    }
}

//! A bucket of tokens, refilled at so many a second: each trace that is kept takes one.
//!
//! The bucket is one word: the time at which it will be full again, counted in tokens. A context that takes one while another
//! is about to makes that one look again, and nothing is ever held.

use crate::clock::Clock;
use crate::sync::{AtomicU32, Ordering, const_unless_loom};

/// The most traces a second that can be said: some seconds' tokens must stay far below 2^32.
const MOST: u32 = 1 << 28;

/// A share of 1, as the effective rate is kept.
const ONE: u32 = 1 << 16;

/// No second has passed yet.
const NONE: u32 = u32::MAX;

pub(super) struct Limiter {
    /// When the bucket will be full again, in tokens since the clock's origin.
    full_at: AtomicU32,
    /// The second that `seen` is of.
    second: AtomicU32,
    /// How many traces asked in that second, and, in the lower half, how many got a token.
    seen: AtomicU32,
    /// The share that got one in the second before in which any asked, in units of 1 / [`ONE`].
    before: AtomicU32,
}

impl Limiter {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Self {
                full_at: AtomicU32::new(0),
                second: AtomicU32::new(0),
                seen: AtomicU32::new(0),
                before: AtomicU32::new(NONE),
            }
        }
    }

    /// Takes a token of a bucket that holds `limit` and is filled in a second. `None`: it is empty. Otherwise the effective
    /// rate: the mean of the shares that got one in this second and the one before.
    pub(super) fn take(&self, limit: u32, clock: &dyn Clock) -> Option<f32> {
        let limit = u64::from(limit.min(MOST));
        let (now, frequency) = (clock.now(), u64::from(clock.frequency()).max(1));
        let (second, part) = (now / frequency, now % frequency);
        let tokens = second.wrapping_mul(limit).wrapping_add(part * limit / frequency);
        let taken = self.take_at(limit as u32, tokens as u32);
        let rate = self.note(second as u32, taken);
        taken.then(|| fraction(rate))
    }

    fn take_at(&self, limit: u32, now: u32) -> bool {
        let mut full_at = self.full_at.load(Ordering::Relaxed);
        loop {
            // How many tokens are missing. An interrupt or another core may have read the clock a little later, but what is
            // ahead by more than a second beyond a full bucket is of an earlier round of the 32 bits.
            let missing = match full_at.wrapping_sub(now) {
                missing if missing <= limit.saturating_mul(2) => missing,
                _ => 0,
            };
            if missing >= limit {
                return false;
            }
            let next = now.wrapping_add(missing + 1);
            match self.full_at.compare_exchange_weak(full_at, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => full_at = now,
            }
        }
    }

    /// Notes who asked and got a token; returns the effective rate. It is a figure to be shown: where contexts meet
    /// in the first moment of a second, it may be off by theirs.
    fn note(&self, second: u32, taken: bool) -> u32 {
        let last = self.second.load(Ordering::Relaxed);
        let is_older = last.wrapping_sub(second) == 1;
        if second != last
            && !is_older
            && self.second.compare_exchange(last, second, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            && let Some(share) = share(self.seen.swap(0, Ordering::Relaxed))
        {
            self.before.store(share, Ordering::Relaxed);
        }
        let mut seen = self.seen.load(Ordering::Relaxed);
        // A half that is full stays so, and the share with it.
        while seen >> 16 != 0xffff {
            let more = seen + ONE + u32::from(taken);
            match self.seen.compare_exchange_weak(seen, more, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => {
                    seen = more;
                    break;
                }
                Err(now) => seen = now,
            }
        }
        let share = share(seen).unwrap_or(ONE);
        match self.before.load(Ordering::Relaxed) {
            NONE => share,
            before => (share + before) / 2,
        }
    }
}

/// The share of those that asked which got a token; `None`: nobody asked.
fn share(seen: u32) -> Option<u32> {
    ((seen & 0xffff) << 16).checked_div(seen >> 16)
}

/// `share` / [`ONE`], without floating-point work.
fn fraction(share: u32) -> f32 {
    let zeros = share.leading_zeros();
    if zeros == 32 {
        return 0.0;
    }
    // The first digit that is 1 is not written.
    let digits = (share << zeros) >> 8 & 0x7f_ffff;
    f32::from_bits((127 + 31 - 16 - zeros) << 23 | digits)
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    extern crate std;
    use std::sync::atomic::AtomicU64;
    use std::vec::Vec;

    struct Hand(AtomicU64);

    impl Clock for Hand {
        fn now(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }

        fn frequency(&self) -> u32 {
            1_000_000
        }
    }

    impl Hand {
        fn at(now: u64) -> Self {
            Self(AtomicU64::new(now))
        }

        fn turn(&self, ticks: u64) {
            self.0.fetch_add(ticks, Ordering::Relaxed);
        }
    }

    /// More than the buckets of these tests hold.
    const TRIES: usize = if cfg!(miri) { 110 } else { 1_000 };

    fn taken(limiter: &Limiter, limit: u32, clock: &Hand, tries: usize) -> usize {
        (0..tries).filter(|_| limiter.take(limit, clock).is_some()).count()
    }

    #[test]
    fn a_full_bucket_gives_what_it_holds_and_then_what_flows_in() {
        for origin in [0, 1 << 33, u64::MAX / 2, (1 << 32) * 10_000 - 3_000_000] {
            let (limiter, clock) = (Limiter::new(), Hand::at(origin));
            assert_eq!(taken(&limiter, 100, &clock, TRIES), 100, "{origin}");
            clock.turn(500_000);
            assert_eq!(taken(&limiter, 100, &clock, TRIES), 50);
            clock.turn(10_000);
            assert_eq!(taken(&limiter, 100, &clock, TRIES), 1);
            clock.turn(3_600_000_000);
            assert_eq!(taken(&limiter, 100, &clock, TRIES), 100);
        }
    }

    #[test]
    fn a_limit_of_nothing_gives_nothing_and_a_large_one_is_no_limit() {
        let clock = Hand::at(5_000_000);
        assert_eq!(taken(&Limiter::new(), 0, &clock, 100), 0);
        assert_eq!(taken(&Limiter::new(), u32::MAX, &clock, TRIES), TRIES);
    }

    #[test]
    fn a_clock_that_another_core_reads_a_little_earlier_refills_nothing() {
        let (limiter, clock) = (Limiter::new(), Hand::at(10_000_000));
        assert_eq!(taken(&limiter, 100, &clock, TRIES), 100);
        let behind = Hand::at(9_500_000);
        assert_eq!(taken(&limiter, 100, &behind, TRIES), 0);
        assert_eq!(taken(&limiter, 100, &clock, TRIES), 0);
    }

    #[test]
    fn the_effective_rate_is_the_mean_of_this_second_and_the_one_before() {
        let (limiter, clock) = (Limiter::new(), Hand::at(7_000_000));
        assert_eq!(limiter.take(2, &clock), Some(1.0));
        assert_eq!(limiter.take(2, &clock), Some(1.0));
        assert_eq!((limiter.take(2, &clock), limiter.take(2, &clock)), (None, None)); // 2 of 4
        clock.turn(1_000_000);
        assert_eq!(limiter.take(2, &clock), Some(0.75)); // 1 of 1, and a half before
        clock.turn(60_000_000);
        assert_eq!(limiter.take(2, &clock), Some(1.0));
    }

    #[test]
    fn many_more_than_a_second_can_count_keep_their_share() {
        let (limiter, clock) = (Limiter::new(), Hand::at(0));
        let tries = if cfg!(miri) { 10 } else { 70_000 };
        assert_eq!(taken(&limiter, MOST, &clock, tries), tries);
        assert_eq!(limiter.take(MOST, &clock), Some(1.0));
    }

    #[test]
    fn a_fraction_is_what_division_says() {
        for share in (0..=ONE).step_by(if cfg!(miri) { 4096 } else { 1 }) {
            assert_eq!(fraction(share), share as f32 / ONE as f32);
        }
    }

    #[test]
    fn threads_together_take_what_the_bucket_holds_and_no_more() {
        let (limiter, clock) = (Limiter::new(), Hand::at(3_000_000));
        let tries = if cfg!(miri) { 20 } else { 5_000 };
        let got = std::thread::scope(|scope| {
            let run = || scope.spawn(|| taken(&limiter, 30, &clock, tries));
            let threads: Vec<_> = (0..4).map(|_| run()).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
        });
        assert_eq!(got, 30);
    }
}

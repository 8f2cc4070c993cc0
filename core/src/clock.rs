//! The clock contract, and a clock for counters that come round.

mod widened;

pub use widened::{Counter, Widened};

/// Where time stamps come from.
///
/// ```
/// use microspan::Clock;
///
/// /// A timer of 32 bits that counts microseconds, read more often than it comes round.
/// struct Timer;
/// # fn timer_with_overflows() -> u64 { 7 }
///
/// impl Clock for Timer {
///     fn now(&self) -> u64 {
///         timer_with_overflows()
///     }
///
///     fn frequency(&self) -> u32 {
///         1_000_000
///     }
/// }
/// assert!(Timer.now() <= Timer.now());
/// ```
///
/// # Obligations
///
/// An implementation
/// - MUST never run back on one core: a later call returns the same or a larger value;
/// - MUST NOT fail, wait or mask interrupts for longer than its own few instructions; it is called in every
///   start and every finish, from any context, interrupt handlers included;
/// - MUST count at the rate that [`frequency`](Clock::frequency) states, from any origin; the host maps ticks
///   to wall-clock time;
/// - widens a hardware counter of fewer than 64 bits itself, or is [`Widened`].
///
/// The arena keeps the low 40 bits of a tick: a span must be drained within 2^39 ticks of its start
/// (6 days at 1 MHz, 2.3 hours at 64 MHz, 9 minutes at 1 GHz), or its times are wrong by multiples of 2^40 ticks.
pub trait Clock: Sync {
    /// The time, in ticks.
    fn now(&self) -> u64;

    /// Ticks per second; not 0.
    fn frequency(&self) -> u32;
}

/// How far the tick whose low 40 bits are `low` is ahead of `now`, of which the low 40 bits count: the nearest such tick.
///
/// Nearest, not latest before: another core may finish a span after the drain has read the clock.
#[inline]
pub(crate) const fn ahead40(low: u64, now: u64) -> i64 {
    (low.wrapping_sub(now) << 24) as i64 >> 24
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_bits_are_enough_for_a_tick_near_now() {
        let now = 5u64 << 40 | 3;
        for tick in [now, now - 3, now - 4, now - (1 << 39), now + 1, now + (1 << 39) - 1] {
            assert_eq!(now.wrapping_add_signed(ahead40(tick & ((1 << 40) - 1), now)), tick);
        }
    }
}

//! Times that a program says, as ticks of its tracer.

use std::time::{Duration, SystemTime};

use microspan::__private::clock;
use microspan::{Clock, Tracer};

/// A tick further back than this would be taken for one to come: the arena keeps 40 bits of it.
const FURTHEST: u64 = 1 << 38;

/// The tick of a time. One to come is now, and one that lies too far back, or before the clock's first tick, is the furthest that there is.
pub(super) fn ticks(tracer: &Tracer, time: SystemTime) -> u64 {
    let ago = SystemTime::now().duration_since(time).unwrap_or_default();
    before_now(clock(tracer), ago)
}

fn before_now(clock: &dyn Clock, ago: Duration) -> u64 {
    let ticks = ago.as_nanos().saturating_mul(clock.frequency().into()) / 1_000_000_000;
    let ticks = u64::try_from(ticks).unwrap_or(FURTHEST).min(FURTHEST);
    clock.now().saturating_sub(ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> u64 {
            1 << 40
        }

        fn frequency(&self) -> u32 {
            1_000
        }
    }

    #[test]
    fn a_time_is_so_many_ticks_ago_and_none_is_too_far_back() {
        assert_eq!(before_now(&Still, Duration::from_secs(2)), (1 << 40) - 2_000);
        assert_eq!(before_now(&Still, Duration::MAX), (1 << 40) - FURTHEST);
    }
}

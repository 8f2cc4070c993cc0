//! The host's time, by both of its clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::decode::Arrival;

/// How long it may take to read two clocks, and how often that is tried.
const APART: Duration = Duration::from_micros(100);
const READINGS: u32 = 4;

/// The time now; monotonic since `started`. What comes between the readings must not look like a clock that was set, so they are
/// taken again when they took long.
pub(super) fn now(started: Instant) -> Arrival {
    let mut readings = 0;
    loop {
        let monotonic = started.elapsed();
        let unix = unix(SystemTime::now());
        readings += 1;
        if readings == READINGS || started.elapsed() - monotonic < APART {
            return Arrival { unix, monotonic: monotonic.as_nanos() as u64 };
        }
    }
}

/// Nanoseconds since the Unix epoch.
pub(super) fn unix(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

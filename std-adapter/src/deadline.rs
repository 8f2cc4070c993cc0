//! When a time that a caller gives is over.

use std::time::{Duration, Instant};

/// Nobody waits longer: thirty years. No clock of a system overflows by them.
pub(crate) const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// The end of a time that begins now, however long that is.
pub(crate) fn after(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(FAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_too_long() {
        let before = Instant::now();
        assert!(after(Duration::MAX) >= before + FAR);
        assert!(after(Duration::from_secs(5)) < before + FAR);
        assert!(after(Duration::ZERO) >= before);
    }
}

//! How long to wait before a connection is tried again.

use embassy_time::Duration;

const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(2);

/// Pauses that double from one attempt to the next.
pub struct Backoff(Duration);

impl Backoff {
    /// Before the first attempt.
    #[expect(clippy::new_without_default, reason = "a pause that nobody asked for is no default")]
    pub fn new() -> Self {
        Self(FIRST)
    }

    /// The pause before the next attempt.
    pub fn pause(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST);
        pause
    }

    /// The connection works: when it breaks, it is tried again soon.
    pub fn reset(&mut self) {
        self.0 = FIRST;
    }
}

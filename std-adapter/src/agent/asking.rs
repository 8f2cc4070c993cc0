//! When the agent is asked what it can do.

use std::time::{Duration, Instant};

/// An agent that did not answer is not left alone for longer than this.
const LONGEST: Duration = Duration::from_secs(60);

/// Whether to ask.
pub(super) struct Asking {
    is_wanted: bool,
    /// What changes when the agent can do something else.
    state: Option<String>,
    /// How often in a row it did not answer.
    failures: u32,
    not_before: Option<Instant>,
}

impl Asking {
    /// Whether it is wanted from the start.
    pub(super) fn new(is_wanted: bool) -> Self {
        Self { is_wanted, state: None, failures: 0, not_before: None }
    }

    /// Whether it is wanted, for whatever reason was found so far.
    pub(super) fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    /// Whether it may be asked at `now`.
    pub(super) fn is_time(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|until| now >= until)
    }

    /// It did not answer, which took so long: a payload waits meanwhile. It is left alone for as long, doubled with each further time.
    pub(super) fn failed(&mut self, now: Instant, took: Duration) {
        let pause = took.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(now + pause);
    }

    /// It answered.
    pub(super) fn answered(&mut self) {
        *self = Self { state: self.state.take(), ..Self::new(false) };
    }

    /// An answer to something else says in which state it is.
    pub(super) fn hear(&mut self, state: Option<String>) {
        if state.is_some() && state != self.state {
            // The first one belongs to what the agent said when it was asked.
            self.is_wanted |= self.state.is_some();
            self.state = state;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_agent_that_does_not_answer_is_left_alone_for_a_time_that_grows_up_to_a_minute() {
        let mut asking = Asking::new(true);
        let mut now = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..9 {
            assert!(asking.is_time(now));
            asking.failed(now, SECOND);
            let pause = (0..).find(|&seconds| asking.is_time(now + Duration::from_secs(seconds))).unwrap();
            pauses.push(pause);
            now += Duration::from_secs(pause);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        asking.answered();
        assert!(!asking.is_wanted() && asking.is_time(now));
        asking.failed(now, SECOND);
        assert!(asking.is_time(now + SECOND), "it begins anew");
        asking.answered();
        asking.failed(now, Duration::from_millis(1));
        assert!(asking.is_time(now + Duration::from_millis(1)), "what costs nothing is soon tried again");
    }

    #[test]
    fn a_state_that_changes_is_a_reason_to_ask_and_the_first_is_none() {
        let mut asking = Asking::new(false);
        let wanted = [None, Some("a"), None, Some("a"), Some("b")].map(|state| {
            asking.hear(state.map(str::to_owned));
            asking.is_wanted()
        });
        assert_eq!(wanted, [false, false, false, false, true]);
    }
}

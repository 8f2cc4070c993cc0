//! When a session is asked for the time, and what its answers say.

use super::session::Session;
use super::{Arrival, Counters};

/// How long it is not asked again, in nanoseconds: at first, after [`TIMES`] answers, and after as many requests without one.
const PAUSES: [u64; 3] = [1_000_000_000, 4_000_000_000, 60_000_000_000];
const TIMES: u32 = 8;

/// A request that was not answered yet.
#[derive(Debug, Clone, Copy)]
struct Asked {
    token: u8,
    sent: Arrival,
}

/// The exchanges with one session.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    asked: Option<Asked>,
    /// When it was asked last, the token of the next request, and the answers and the requests since the last answer.
    last: Option<u64>,
    token: u8,
    answers: u32,
    unanswered: u32,
}

impl Exchanges {
    /// The token of a request that is sent now, if it is time for one.
    pub(super) fn ask(&mut self, now: Arrival) -> Option<u8> {
        let [first, then, silent] = PAUSES;
        let pause = match (self.answers, self.unanswered) {
            (_, TIMES..) => silent,
            (TIMES.., _) => then,
            _ => first,
        };
        if self.last.is_some_and(|last| now.monotonic.saturating_sub(last) < pause) {
            return None;
        }
        let token = self.token;
        self.asked = Some(Asked { token, sent: now });
        self.last = Some(now.monotonic);
        self.token = (token + 1) % 16;
        self.unanswered = self.unanswered.saturating_add(1);
        Some(token)
    }

    /// When the request was sent that this token answers, if it was the last.
    pub(super) fn answer(&mut self, token: u8) -> Option<Arrival> {
        let asked = self.asked.take_if(|asked| asked.token == token)?;
        self.answers = self.answers.saturating_add(1);
        self.unanswered = 0;
        Some(asked.sent)
    }
}

impl Session {
    /// The token of a request for the time that is sent now, if it is due.
    pub(super) fn ask_time(&mut self, now: Arrival) -> Option<u8> {
        self.exchanges.ask(now)
    }

    /// Takes when the session heard a request, by its clock.
    pub(super) fn echo(&mut self, token: u8, heard: u64, counters: &mut Counters) {
        let Some(sent) = self.exchanges.answer(token) else { return };
        let is_true = self.clock.exchange(sent, heard);
        counters.exchanges += u64::from(is_true);
        counters.exchanges_refused += u64::from(!is_true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: u64) -> Arrival {
        Arrival { unix: 0, monotonic: second * 1_000_000_000 }
    }

    #[test]
    fn an_answer_is_to_the_last_request_and_taken_once() {
        let mut exchanges = Exchanges::default();
        assert_eq!([0, 0, 1].map(|at| exchanges.ask(second(at))), [Some(0), None, Some(1)]);
        assert_eq!([0, 1, 1].map(|token| exchanges.answer(token)), [None, Some(second(1)), None]);
    }

    #[test]
    fn who_answers_is_asked_less_after_a_while_and_who_does_not_hardly_ever() {
        for (answers, seconds) in [(true, 8 + 23), (false, 8 + 1)] {
            let mut exchanges = Exchanges::default();
            let mut asked = 0;
            for at in 0..100 {
                if let Some(token) = exchanges.ask(second(at)) {
                    asked += 1;
                    assert!(!answers || exchanges.answer(token).is_some());
                }
            }
            assert_eq!(asked, seconds, "answers: {answers}");
        }
    }
}

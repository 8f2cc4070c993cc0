//! Lines of a device's log that wait for the span in which they were written: it comes when it is finished, after them.

use std::collections::VecDeque;
use std::ops::Range;

use microspan::wire::Span as WireSpan;

use crate::clock::ClockMap;
use crate::model::{Event, Span, Tag, Text, Value};

/// How many lines of a session wait; beyond it the oldest is given up.
const LINES: usize = 1024;
/// How many bytes of text they have at most.
const BYTES: usize = 256 * 1024;

/// A line that a device logged while a span was open.
#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    /// The low 32 bits of the span's counter.
    pub handle: u32,
    /// When, by the device's clock.
    pub microseconds: u64,
    /// What it says.
    pub message: Text,
    /// What is said of it.
    pub attributes: Vec<Tag>,
}

impl Log {
    /// The bytes of its texts.
    fn len(&self) -> usize {
        let text = |(_, value): &Tag| if let Value::Str(text) = value { text.len() } else { 0 };
        self.message.len() + self.attributes.iter().map(text).sum::<usize>()
    }

    /// Its time as the spans' are reckoned, in nanoseconds.
    fn time(&self) -> i64 {
        i64::try_from(self.microseconds).unwrap_or(i64::MAX).saturating_mul(1_000)
    }
}

#[derive(Debug, Default)]
pub(super) struct Logs {
    waiting: VecDeque<Log>,
    bytes: usize,
    given_up: u64,
}

impl Logs {
    pub(super) fn push(&mut self, log: Log) {
        // A clock that went back was started anew: what waits is of an earlier run.
        if self.waiting.back().is_some_and(|last| log.microseconds < last.microseconds) {
            self.given_up += self.waiting.len() as u64;
            self.waiting.clear();
            self.bytes = 0;
        }
        self.bytes += log.len();
        self.waiting.push_back(log);
        while self.waiting.len() > LINES || self.bytes > BYTES {
            let Some(oldest) = self.waiting.pop_front() else { return };
            self.bytes -= oldest.len();
            self.given_up += 1;
        }
    }

    /// The lines whose spans have not come.
    pub(super) fn astray(&self) -> u64 {
        self.given_up + self.waiting.len() as u64
    }

    /// Makes the lines of a span its events.
    #[inline]
    pub(super) fn attach(&mut self, span: &WireSpan<'_>, clock: &ClockMap, model: &mut Span) {
        if !self.waiting.is_empty() {
            let [since, length] = [span.start, span.duration].map(|ticks| clock.duration(ticks));
            self.attach_within(span.counter, since..since.saturating_add(length), model);
        }
    }

    /// The same; `time` is when the span was by the device's clock, in nanoseconds. A line at another time is of another span: of an
    /// earlier run of the device.
    fn attach_within(&mut self, counter: u64, time: Range<i64>, model: &mut Span) {
        let handle = counter as u32;
        self.waiting.retain(|log| {
            // A line's time is cut to microseconds.
            let since = log.time() - time.start;
            if log.handle != handle || !(-1_000 < since && since <= time.end - time.start) {
                return true;
            }
            self.bytes -= log.len();
            model.events.push(Event {
                name: log.message.clone(),
                time: model.start + since.clamp(0, model.duration),
                attributes: log.attributes.clone(),
            });
            false
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::Source;

    fn log(handle: u32, microseconds: u64, message: &'static str) -> Log {
        Log { handle, microseconds, message: message.into(), attributes: Vec::new() }
    }

    /// What becomes of these lines when span 7 comes, which lasted from 100 to 200 us: its events, and how many went astray.
    fn attached(lines: &[Log]) -> (Vec<(String, i64)>, u64) {
        let mut logs = Logs::default();
        lines.iter().cloned().for_each(|line| logs.push(line));
        let mut model = Span::new(1, 2, 0, "n", Arc::new(Source::new(1)));
        (model.start, model.duration) = (5_000_000, 100_000);
        logs.attach_within(7 | 1 << 32, 100_000..200_000, &mut model);
        (model.events.iter().map(|event| (event.name.to_string(), event.time)).collect(), logs.astray())
    }

    #[test]
    fn a_line_becomes_an_event_of_its_span_at_its_time() {
        let lines = [log(7, 100, "first"), log(8, 150, "of another"), log(7, 200, "last")];
        let events = vec![("first".to_owned(), 5_000_000), ("last".to_owned(), 5_100_000)];
        assert_eq!(attached(&lines), (events, 1));
    }

    #[test]
    fn a_line_of_an_earlier_run_is_no_event_of_a_span_that_has_the_same_number() {
        assert_eq!(attached(&[log(7, 99, "before it")]), (vec![], 1));
        assert_eq!(attached(&[log(7, 201, "after it")]), (vec![], 1));
        let (events, astray) = attached(&[log(7, 150, "at the crash"), log(7, 140, "after the start")]);
        assert_eq!((events.len(), astray), (1, 1));
        assert_eq!(events[0].0, "after the start");
    }

    #[test]
    fn the_lines_that_wait_are_bounded() {
        let mut logs = Logs::default();
        (0..5_000).for_each(|at| logs.push(log(1, at, "line")));
        assert_eq!((logs.waiting.len(), logs.astray()), (LINES, 5_000));
        let long = ("message".into(), Value::Str("x".repeat(BYTES).into()));
        logs.push(Log { attributes: vec![long], ..log(1, 5_000, "") });
        assert_eq!((logs.waiting.len(), logs.bytes, logs.astray()), (1, BYTES, 5_001));
    }
}

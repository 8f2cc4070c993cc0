//! Traces of several programs, put together before they are shown.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::model::Span;

/// How long nothing more came of a trace that is shown.
const QUIET: Duration = Duration::from_secs(2);

/// Spans that are held; with more all are shown, whole or not.
const MOST: usize = 10_000;

/// What came of traces so far.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    traces: HashMap<u128, Held>,
    spans: usize,
}

#[derive(Debug)]
struct Held {
    touched: Instant,
    spans: Vec<Span>,
}

impl Gathered {
    /// Takes a part of a trace; returns what there is no more room for.
    pub(crate) fn push(&mut self, spans: &[Span], now: Instant) -> Vec<Vec<Span>> {
        let Some(first) = spans.first() else { return Vec::new() };
        let held = self.traces.entry(first.trace_id).or_insert(Held { touched: now, spans: Vec::new() });
        held.touched = now;
        held.spans.extend_from_slice(spans);
        self.spans += spans.len();
        if self.spans > MOST { self.all() } else { Vec::new() }
    }

    /// The traces of which nothing came for a while.
    pub(crate) fn quiet(&mut self, now: Instant) -> Vec<Vec<Span>> {
        self.take(|held| now.saturating_duration_since(held.touched) >= QUIET)
    }

    /// All traces.
    pub(crate) fn all(&mut self) -> Vec<Vec<Span>> {
        self.take(|_| true)
    }

    /// Those of which this is true, in the order of their starts.
    fn take(&mut self, is_over: impl Fn(&Held) -> bool) -> Vec<Vec<Span>> {
        let over = self.traces.extract_if(|_, held| is_over(held));
        let mut over: Vec<_> = over.map(|(_, held)| held.spans).collect();
        over.sort_by_key(|spans| spans.iter().map(|span| span.start).min());
        self.spans -= over.iter().map(Vec::len).sum::<usize>();
        over
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::Source;

    fn part(trace: u128, start: i64, spans: usize) -> Vec<Span> {
        let source = Arc::new(Source::new(1));
        (0..spans)
            .map(|id| Span { start, ..Span::new(trace, id as u64 + 1, 0, "n", source.clone()) })
            .collect()
    }

    #[test]
    fn the_parts_of_a_trace_are_one_when_nothing_more_came_for_a_while() {
        let (mut gathered, start) = (Gathered::default(), Instant::now());
        assert!(gathered.push(&part(7, 20, 2), start).is_empty());
        assert!(gathered.push(&part(8, 10, 1), start).is_empty());
        assert!(gathered.push(&part(7, 30, 1), start + QUIET / 2).is_empty());
        let lengths = |traces: Vec<Vec<Span>>| traces.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(gathered.quiet(start + QUIET)), [1]);
        assert_eq!(lengths(gathered.quiet(start + QUIET + QUIET / 2)), [3]);
        assert!(gathered.all().is_empty() && gathered.spans == 0);
    }

    #[test]
    fn what_is_held_is_bounded_and_all_is_shown_in_the_order_of_its_start() {
        let (mut gathered, now) = (Gathered::default(), Instant::now());
        assert!(gathered.push(&part(7, 20, MOST), now).is_empty());
        let shown = gathered.push(&part(8, 10, 1), now);
        assert_eq!(shown.iter().map(|spans| spans[0].trace_id).collect::<Vec<_>>(), [8, 7]);
        assert_eq!(gathered.spans, 0);
    }
}

//! What the spans of a trace take in memory.

use std::sync::Arc;

use crate::model::Span;

/// The bytes of spans, and of their sources: of each where the span before has another, so that a device that says
/// something else of itself with every span pays for it.
pub(super) fn of_all(spans: &[Span]) -> usize {
    (1..=spans.len()).filter_map(|count| spans.get(..count)).map(of_last).sum()
}

/// What the last of them adds to those before it.
pub(super) fn of_last(spans: &[Span]) -> usize {
    let Some((last, before)) = spans.split_last() else { return 0 };
    let is_shared = before.last().is_some_and(|before| Arc::ptr_eq(&before.source, &last.source));
    last.size() + if is_shared { 0 } else { last.source.size() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Source;

    #[test]
    fn a_source_counts_where_it_is_not_that_of_the_span_before() {
        let [one, other] = [1, 2].map(|id| Arc::new(Source::new(id)));
        let span = |source: &Arc<Source>| Span::new(1, 1, 0, "n", source.clone());
        let spans = [&one, &one, &other, &one].map(span);
        assert_eq!(of_all(&spans), 4 * spans[0].size() + 3 * one.size());
        assert_eq!(of_all(&[]), 0);
    }
}

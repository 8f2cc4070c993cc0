//! Baggage that is shown: tags of the local root.

use crate::config::BaggageKeys;
use crate::model::{Span, Text, Value};

/// Makes tags `baggage.<key>` of the items with these keys, on the local root if it is the first of `spans`: of its own
/// items, then of those of the others in the order of their start. The first of a key counts, and no tag is replaced.
pub(super) fn show(spans: &mut [Span], keys: &BaggageKeys) {
    if !spans.iter().any(has_baggage) || !spans.first().is_some_and(Span::is_local_root) {
        return;
    }
    let mut bearers: Vec<usize> = (0..spans.len()).filter(|&at| has_baggage(&spans[at])).collect();
    bearers.sort_by_key(|&at| (at != 0, spans[at].start));
    for at in bearers {
        let items = spans[at].extra.as_ref().map(|extra| extra.baggage.clone()).unwrap_or_default();
        for (key, value) in items.into_iter().filter(|(key, _)| keys.contain(key)) {
            let key = Text::from(format!("baggage.{key}"));
            if spans[0].tag(&key).is_none() {
                spans[0].tags.push((key, Value::Str(value)));
            }
        }
    }
}

fn has_baggage(span: &Span) -> bool {
    span.extra.as_ref().is_some_and(|extra| !extra.baggage.is_empty())
}

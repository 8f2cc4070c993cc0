//! A trace that is too large to go out as one: its halves, which the agent puts together again.

use super::Trace;
use super::decision::{LIMIT, PRIORITY, RULE};
use crate::model::{Span, Tag};

impl Trace {
    /// Its halves, each of which says of the trace what the whole does; `None`: it has only one span.
    pub(crate) fn halves(&self) -> Option<[Self; 2]> {
        let middle = self.spans.len() / 2;
        let (first, second) = self.spans.split_at_checked(middle).filter(|(first, _)| !first.is_empty())?;
        let (marks, more) = self.top_level.split_at(middle.min(self.top_level.len()));
        let mut second = second.to_vec();
        if let (Some(said), Some(head)) = (first.first(), second.first_mut()) {
            repeat(said, head);
        }
        Some([self.with(first.to_vec(), marks), self.with(second, more)])
    }

    fn with(&self, spans: Vec<Span>, top_level: &[bool]) -> Self {
        Self {
            spans,
            top_level: top_level.to_vec(),
            context: self.context.clone(),
            versioned: self.versioned.clone(),
            verdict: self.verdict.clone(),
        }
    }
}

/// Says of the trace on the first span of another part what this first span says.
fn repeat(said: &Span, head: &mut Span) {
    let tags: Vec<Tag> =
        said.tags.iter().filter(|(key, _)| is_of_trace(key) && head.tag(key).is_none()).cloned().collect();
    head.tags.extend(tags);
}

fn is_of_trace(key: &str) -> bool {
    key.starts_with("_dd.p.") || [PRIORITY, RULE, LIMIT, "_dd.origin"].contains(&key)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::config::Tagging;
    use crate::model::{Source, Value};
    use crate::pipeline::{Assembler, Datum, Limits};

    fn with_trace<R>(spans: u64, with: impl Fn(&Trace) -> R) -> R {
        let mut assembler = Assembler::new(Limits::default(), Tagging::default());
        let source = Arc::new(Source::new(1));
        for id in 1..=spans {
            let mut span = Span::new(7 << 64 | 5, id, id - 1, "n", source.clone());
            if id == 1 {
                span.tags = vec![
                    (PRIORITY.into(), Value::Int(-1)),
                    ("_dd.p".into(), "dm=-4,usr.id=7".into()),
                    ("_dd.origin".into(), "rum".into()),
                    ("own".into(), Value::Bool(true)),
                ];
            }
            assembler.push(span, 0, &mut |_| {});
        }
        let mut result = None;
        assembler.flush(&mut |trace| result = Some(with(trace)));
        result.expect("one trace")
    }

    fn tags(trace: &Trace, index: usize) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::new();
        trace.each_tag(index, |key, datum| {
            let value = match datum {
                Datum::Text(text) => text.to_string(),
                Datum::Number(number) => number.to_string(),
            };
            tags.insert(key.to_string(), value);
        });
        tags
    }

    #[test]
    fn each_half_says_of_the_trace_what_the_whole_does_and_no_span_changes() {
        with_trace(3, |trace| {
            let [first, second] = trace.halves().expect("three spans");
            assert_eq!((first.spans().len(), second.spans().len()), (1, 2));
            assert_eq!(tags(&first, 0), tags(trace, 0));
            assert_eq!(tags(&second, 1), tags(trace, 2));
            let said = tags(&second, 0);
            for (key, value) in tags(trace, 0) {
                let is_own = key == "own" || key == "_dd.top_level";
                assert_eq!(said.get(&key), Some(&value).filter(|_| !is_own), "{key}");
            }
            assert_eq!(said.get("_dd.p.usr.id").map(String::as_str), Some("7"));
            assert!(!first.is_kept() && !second.is_kept());
            let [left, right] = second.halves().expect("two spans");
            assert_eq!(tags(&right, 0).get("_dd.origin").map(String::as_str), Some("rum"));
            assert!(left.halves().is_none());
        });
    }
}

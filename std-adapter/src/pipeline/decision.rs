//! Who decided that a trace is kept, as Datadog writes it on the first span of a chunk.
//!
//! In this order: the program's own hand (the tags `manual.keep` and `manual.drop`), a priority that stands there already, a
//! rule of the device's sampler, a rule of the [host's](super::sampling), and otherwise the rate that the agent asks for
//! ([`Rates`](super::Rates)).

use crate::model::{Span, Text, Value};

/// The metric that carries the sampling priority. Its presence on a span means that somebody has decided already.
pub(super) const PRIORITY: &str = "_sampling_priority_v1";
/// By what it was decided.
pub(super) const MECHANISM: &str = "_dd.p.dm";
/// The rate of the rule that was for the trace.
pub(super) const RULE: &str = "_dd.rule_psr";
/// The effective rate of the limit, where it was asked.
pub(super) const LIMIT: &str = "_dd.limit_psr";
/// The same as it travels with the trace.
pub(super) const RATE: &str = "_dd.p.ksr";

const KEEP: &str = "manual.keep";
const DROP: &str = "manual.drop";

/// What a rule of the host's sampler made of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Decision {
    pub(super) priority: i64,
    pub(super) mechanism: u8,
    pub(super) rate: f64,
    /// The effective rate of the limit, where it was asked.
    pub(super) limit: Option<f64>,
}

impl Decision {
    /// Writes it on the first span of a chunk.
    pub(super) fn write(self, first: &mut Span) {
        first.tags.push((Text::from(PRIORITY), Value::Int(self.priority)));
        if first.tag(MECHANISM).is_none() {
            first.tags.push((Text::from(MECHANISM), Value::Str(Text::from(format!("-{}", self.mechanism)))));
        }
        // Who decides says by which rule, whatever came with the trace.
        first.tags.retain(|(key, _)| key != RULE && key != RATE && key != LIMIT);
        first.tags.push((Text::from(RULE), Value::Float(self.rate)));
        first.tags.push((Text::from(RATE), Value::Str(Text::from(format_rate(self.rate)))));
        first.tags.extend(self.limit.map(|limit| (Text::from(LIMIT), Value::Float(limit))));
    }
}

/// Writes on the first span what was decided of its trace, if anything was, and takes the tags away that said so.
pub(super) fn decide(spans: &mut [Span]) {
    let by_hand = by_hand(spans);
    let Some(first) = spans.first_mut() else { return };
    if let Some(priority) = by_hand {
        first.tags.retain(|(key, _)| key != PRIORITY && key != MECHANISM);
        set(first, priority, "-4");
    } else if first.tag(PRIORITY).is_none() && first.tag(RULE).is_some() {
        set(first, 2, "-3");
    }
    if let Some(Value::Float(rate)) = first.tag(RULE)
        && first.tag(RATE).is_none()
    {
        let rate = Text::from(format_rate(*rate));
        first.tags.push((Text::from(RATE), Value::Str(rate)));
    }
}

/// Has a part of a trace say what its root says by hand, and nothing else of that kind.
pub(super) fn say_by_hand(part: &mut [Span], is_kept: bool) {
    part.iter_mut().for_each(|span| span.tags.retain(|(key, _)| !is_by_hand(key.as_bytes())));
    if let Some(first) = part.first_mut() {
        first.tags.push((Text::from(if is_kept { KEEP } else { DROP }), Value::Bool(true)));
    }
}

fn set(first: &mut Span, priority: i64, mechanism: &'static str) {
    first.tags.push((Text::from(PRIORITY), Value::Int(priority)));
    if first.tag(MECHANISM).is_none() {
        first.tags.push((Text::from(MECHANISM), Value::from(mechanism)));
    }
}

/// The priority that the program set. The root's word holds, and of two the later; of other spans', whose order nobody knows,
/// one that keeps.
fn by_hand(spans: &mut [Span]) -> Option<i64> {
    let mut decided = None;
    for span in spans {
        if !span.tags.iter().any(|(key, _)| is_by_hand(key.as_bytes())) {
            continue;
        }
        let mut own = None;
        span.tags.retain(|(key, value)| {
            let priority = if key == KEEP { 2 } else { -1 };
            if priority < 0 && key != DROP {
                return true;
            }
            if *value != Value::Bool(false) {
                own = Some(priority);
            }
            false
        });
        decided = decided.max(own.map(|priority| (span.is_local_root(), priority)));
    }
    decided.map(|(_, priority)| priority)
}

fn is_by_hand(key: &[u8]) -> bool {
    matches!(key, b"manual.keep" | b"manual.drop")
}

/// At most six decimals, a half rounded up, and no zeros at the end.
pub(super) fn format_rate(rate: f64) -> String {
    let text = format!("{:.6}", (rate * 1e6 + 0.5).floor() / 1e6);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::Source;

    fn span(id: u64, tags: &[(&'static str, Value)]) -> Span {
        let mut span = Span::new(7, id, id - 1, "n", Arc::new(Source::new(1)));
        span.tags = tags.iter().map(|(key, value)| (Text::from(*key), value.clone())).collect();
        span
    }

    /// The tags of the first span, once it was decided on all.
    fn decided(spans: &[&[(&'static str, Value)]]) -> Vec<(String, String)> {
        let mut spans: Vec<Span> = (1..).zip(spans).map(|(id, tags)| span(id, tags)).collect();
        decide(&mut spans);
        assert!(spans.iter().flat_map(|span| &span.tags).all(|(key, _)| !key.starts_with("manual.")));
        spans[0].tags.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    fn priority(spans: &[&[(&'static str, Value)]]) -> Option<(String, String)> {
        let tags = decided(spans);
        let find = |wanted: &str| tags.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.clone());
        find(PRIORITY).zip(find(MECHANISM))
    }

    fn is(priority: &str, mechanism: &str) -> Option<(String, String)> {
        Some((priority.to_owned(), mechanism.to_owned()))
    }

    const YES: Value = Value::Bool(true);

    #[test]
    fn a_trace_that_nobody_decided_on_is_left_as_it_is() {
        assert_eq!(decided(&[&[("a", YES)], &[]]), [("a".to_owned(), "true".to_owned())]);
    }

    #[test]
    fn a_trace_that_a_rule_kept_has_its_priority_and_mechanism_and_rate() {
        let tags = decided(&[&[(RULE, Value::Float(0.3)), ("_dd.limit_psr", Value::Float(1.0))]]);
        let all = [RULE, "_dd.limit_psr", PRIORITY, MECHANISM, RATE];
        assert_eq!(tags.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), all);
        assert_eq!(
            tags.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(),
            ["0.3", "1", "2", "-3", "0.3"]
        );
    }

    #[test]
    fn a_priority_that_stands_there_keeps_its_makers_mark() {
        let tags = [(PRIORITY, Value::Int(0)), (RULE, Value::Float(0.5))];
        assert_eq!(priority(&[&tags]), None);
    }

    #[test]
    fn the_programs_hand_goes_before_everything_and_the_roots_before_that_of_others() {
        let rule = (RULE, Value::Float(0.5));
        assert_eq!(priority(&[&[rule.clone(), (KEEP, YES)]]), is("2", "-4"));
        assert_eq!(priority(&[&[rule, (PRIORITY, Value::Int(2)), (DROP, YES)]]), is("-1", "-4"));
        assert_eq!(priority(&[&[], &[(DROP, YES)]]), is("-1", "-4"));
        assert_eq!(priority(&[&[], &[(KEEP, YES)], &[(DROP, YES)]]), is("2", "-4"));
        assert_eq!(priority(&[&[(DROP, YES)], &[(KEEP, YES)]]), is("-1", "-4"));
    }

    #[test]
    fn of_two_on_one_span_the_later_holds_and_false_says_nothing() {
        assert_eq!(priority(&[&[(KEEP, YES), (DROP, YES)]]), is("-1", "-4"));
        assert_eq!(priority(&[&[(DROP, YES), (KEEP, YES)]]), is("2", "-4"));
        assert_eq!(priority(&[&[(KEEP, Value::from("1"))]]), is("2", "-4"));
        assert_eq!(priority(&[&[(KEEP, Value::Bool(false))]]), None);
    }

    #[test]
    fn a_rate_has_six_decimals_at_most() {
        for (rate, text) in [
            (0.3, "0.3"),
            (1.0, "1"),
            (0.0, "0"),
            (0.123_456_78, "0.123457"),
            (0.007_812_5, "0.007813"),
            (0.000_000_1, "0"),
        ] {
            assert_eq!(format_rate(rate), text);
        }
    }
}

//! The agent's own normaliser finds nothing to change in what is sent, whatever the program says: names have the form that it would give
//! them, and what is over a limit was cut to what it would leave, with `...` as its end.
//!
//! Two things are left to the agent. A start before the year 2000 it moves to its own time: nothing that writes spans here reads
//! a clock. And the oracle, which is not the agent but its rules in Rust, takes from a service what stands before its first letter, as
//! the digit of `3rd-oven`; the agent leaves that, and so do we, and the oracle is asked with a letter before.

#[path = "normalised/any.rs"]
mod any;

use std::sync::Arc;

use libdd_trace_normalization::normalizer::normalize_trace;
use libdd_trace_protobuf::pb;
use microspan_std::config::Tagging;
use microspan_std::model::{Source, Span, Tag, Text, Value};
use microspan_std::msgpack::Payload;
use microspan_std::pipeline::{Assembler, Limits};

/// The agent's limits, and what lies on both sides of them.
const LENGTHS: [usize; 11] = [0, 1, 99, 100, 101, 199, 200, 201, 4_999, 5_001, 30_000];

const START: i64 = 1_700_000_000_000_000_000;

fn text(unit: &str, length: usize) -> Text {
    Text::from(unit.chars().cycle().take(length).collect::<String>())
}

/// A trace of two spans whose texts have this many characters, as the agent reads it.
fn sent(length: usize, change: impl Fn(&mut Span)) -> Vec<pb::Span> {
    let env: Tag = ("env".into(), Value::Str(text("prod", length)));
    let service = Some(text("svc-1.a", length));
    let source = Source { service: service.clone(), tags: vec![env], ..Source::new(7) };
    let [version, device, build_id] = ["1.0-rc", "oven ", "0af3"].map(|unit| Some(text(unit, length)));
    let source = Arc::new(Source { version, device, build_id, ..source });
    let mut assembler = Assembler::new(Limits::default(), Tagging::default());
    for (id, parent) in [(1, 0), (2, 1)] {
        let mut span = Span { start: START, duration: 5, ..Span::new(9, id, parent, "", source.clone()) };
        span.name = text("web.Request", length);
        span.resource = Some(text("GET /é", length));
        span.span_type = Some(text("wéb", length));
        span.service = service.clone().filter(|_| id == 2);
        span.tags =
            vec![(text("ké", length), Value::Str(text("vé", length))), ("n".into(), Value::Float(0.5))];
        change(&mut span);
        assembler.push(span, 0, &mut |_| {});
    }
    let mut payload = Payload::new();
    assembler.flush(&mut |trace| assert!(payload.push(trace, usize::MAX)));
    let mut traces: Vec<Vec<pb::Span>> = rmp_serde::from_slice(payload.as_bytes()).expect("spans");
    traces.remove(0)
}

fn assert_unchanged(spans: &[pb::Span], what: &str) {
    let mut normalised = spans.to_vec();
    normalize_trace(&mut normalised).unwrap_or_else(|why| panic!("{what}: {why}"));
    assert_eq!(spans, normalised, "{what}");
}

#[test]
fn texts_of_any_length_are_as_the_agent_would_leave_them() {
    for length in LENGTHS {
        let spans = sent(length, |_| {});
        assert_eq!(spans.len(), 2);
        assert_unchanged(&spans, &format!("{length} characters"));
        // The oracle leaves the texts of tags alone, which the agent cuts.
        for key in ["version", "device.name", "build.id"] {
            let value = &spans[0].meta[key];
            assert_eq!(value.len(), length.min(25_000), "{key}");
            assert!(length <= 25_000 || value.ends_with("..."), "{key}");
        }
    }
}

#[test]
fn times_are_as_the_agent_would_leave_them() {
    for (start, duration) in [(START, 0), (START, -1), (START, i64::MIN), (START, i64::MAX), (i64::MAX, 1)] {
        let spans = sent(10, |span| (span.start, span.duration) = (start, duration));
        assert_unchanged(&spans, &format!("start {start}, duration {duration}"));
    }
}

#[test]
fn a_status_that_is_none_is_not_sent() {
    for status in ["200", "99", "600", "abc", ""]
        .map(|text| Value::Str(Text::from(text)))
        .into_iter()
        .chain([Value::Bool(true), Value::Int(-7)])
    {
        let spans = sent(10, |span| span.tags.push(("http.status_code".into(), status.clone())));
        assert_unchanged(&spans, &format!("status {status}"));
    }
}

#[test]
fn a_span_that_is_its_own_parent_is_as_the_agent_would_leave_it() {
    let spans = sent(10, |span| span.parent_id = if span.span_id == 2 { 0 } else { 9 });
    assert_unchanged(&spans, "a parent that is not here");
    let spans = sent(10, |span| (span.trace_id, span.parent_id) = (2, 2));
    assert_unchanged(&spans, "a parent that it is itself");
}

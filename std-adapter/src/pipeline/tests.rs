//! When traces go out, and what is on them.

mod ahead;
mod beyond;
mod bounds;
mod decided;
mod devices;
mod early;
mod filtered;
mod hidden;
mod late;
mod meaning;
mod roots;
mod runs;
mod sampled;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::config::{BaggageKeys, Tagging};
use crate::model::{Link, Source, Span, Tag, Text, Value};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

/// A trace as the tests look at it: names and services in order, and the tags of each span.
#[derive(Debug)]
struct Seen {
    spans: Vec<(String, String)>,
    tags: Vec<BTreeMap<String, String>>,
    has_root: bool,
}

/// An assembler that keeps what it hands on.
struct Bench {
    assembler: Assembler,
    seen: Vec<Seen>,
}

impl Bench {
    fn new(limits: Limits, tagging: Tagging) -> Self {
        Self { assembler: Assembler::new(limits, tagging), seen: Vec::new() }
    }

    fn push(&mut self, span: Span, now: u64) {
        self.assembler.push(span, now, &mut |trace| self.seen.push(see(trace)));
    }

    fn poll(&mut self, now: u64) -> usize {
        self.assembler.poll(now, &mut |trace| self.seen.push(see(trace)));
        self.seen.len()
    }

    fn flush(mut self) -> (Vec<Seen>, Counters) {
        self.assembler.flush(&mut |trace| self.seen.push(see(trace)));
        assert_eq!(self.assembler.held(), 0);
        assert_eq!(self.assembler.next_deadline(), None);
        (self.seen, self.assembler.counters())
    }
}

fn see(trace: &Trace) -> Seen {
    let tags = (0..trace.spans().len()).map(|index| {
        let mut tags = BTreeMap::new();
        trace.each_tag(index, |key, datum| {
            let value = match datum {
                Datum::Text(text) => text.to_string(),
                Datum::Number(number) => number.to_string(),
            };
            assert_eq!(tags.insert(key.to_string(), value), None, "{key} is given twice");
        });
        tags
    });
    Seen {
        tags: tags.collect(),
        spans: trace
            .spans()
            .iter()
            .map(|s| (s.name.to_string(), s.service.as_ref().unwrap().to_string()))
            .collect(),
        has_root: trace.has_root(),
    }
}

fn source() -> Arc<Source> {
    Arc::new(Source { service: Some("main".into()), ..Source::new(0xabc) })
}

fn span(trace: u128, id: u64, parent: u64) -> Span {
    Span::new(trace, id, parent, Text::from(format!("s{id}")), source())
}

fn bench() -> Bench {
    Bench::new(Limits::default(), Tagging::default())
}

fn tags<const N: usize>(list: [(&'static str, &'static str); N]) -> Vec<Tag> {
    list.map(|(key, value)| (key.into(), value.into())).into()
}

fn names(seen: &Seen) -> Vec<&str> {
    seen.spans.iter().map(|(name, _)| name.as_str()).collect()
}

fn services(seen: &Seen) -> Vec<&str> {
    seen.spans.iter().map(|(_, service)| service.as_str()).collect()
}

#[test]
fn a_trace_with_its_root_goes_out_when_it_was_quiet() {
    let mut bench = bench();
    bench.push(span(1, 2, 1), 0);
    bench.push(span(1, 1, 0), 50 * MS);
    bench.push(span(1, 3, 1), 100 * MS);
    assert_eq!(bench.assembler.next_deadline(), Some(300 * MS));
    assert_eq!(bench.poll(300 * MS - 1), 0);
    assert_eq!(bench.poll(300 * MS), 1);
    assert_eq!(names(&bench.seen[0]), ["s1", "s2", "s3"]);
    assert_eq!(bench.flush().1, Counters { spans: 3, spans_out: 3, traces_out: 1, ..Counters::default() });
}

#[test]
fn a_span_with_a_remote_parent_is_a_root() {
    let mut bench = bench();
    bench.push(span(1, 2, 1), 0);
    bench.push(Span { remote_parent: true, ..span(1, 1, 77) }, 0);
    assert_eq!(bench.poll(200 * MS), 1);
    assert_eq!(names(&bench.seen[0]), ["s1", "s2"]);
}

#[test]
fn a_trace_without_its_root_is_waited_for_and_then_goes_out_incomplete() {
    let mut bench = bench();
    bench.push(span(1, 2, 1), 0);
    assert_eq!(bench.poll(9_999 * MS), 0);
    assert_eq!(bench.poll(10_000 * MS), 1);
    assert!(!bench.seen[0].has_root);
    assert_eq!(bench.flush().1.incomplete, 1);
}

#[test]
fn a_long_trace_goes_out_in_parts_and_its_root_with_the_last() {
    let mut bench = bench();
    (2..=701).for_each(|id| bench.push(span(1, id, 1), 0));
    bench.push(span(1, 1, 0), 0);
    let (seen, counters) = bench.flush();
    assert_eq!(seen.iter().map(|seen| seen.spans.len()).collect::<Vec<_>>(), [300, 300, 101]);
    assert_eq!((counters.partial_flushes, counters.incomplete), (2, 0));
    assert_eq!(names(&seen[2])[0], "s1");
    for seen in &seen {
        assert!(seen.tags[0].contains_key("_sampling_priority_v1"));
        assert!(!seen.tags[1].contains_key("_sampling_priority_v1"));
    }
}

#[test]
fn a_trace_that_is_never_quiet_goes_out_when_it_is_too_long() {
    let mut bench = Bench::new(Limits { trace_max_spans: 10, ..Limits::default() }, Tagging::default());
    (1..=10).for_each(|id| bench.push(span(1, id, id - 1), 0));
    assert_eq!(bench.seen.len(), 1);
    assert_eq!(bench.flush().1.oversized, 1);
}

#[test]
fn when_too_much_is_held_the_longest_quiet_trace_goes_first() {
    let mut bench = Bench::new(Limits { traces: 2, spans: 4, ..Limits::default() }, Tagging::default());
    bench.push(span(1, 11, 1), 0);
    bench.push(span(2, 21, 0), 1);
    bench.push(span(1, 12, 1), 2);
    bench.push(span(3, 31, 0), 3);
    assert_eq!(names(&bench.seen[0]), ["s21"]);
    bench.push(span(3, 32, 31), 4);
    bench.push(span(3, 33, 31), 5);
    assert_eq!(names(&bench.seen[1]), ["s11", "s12"]);
    assert_eq!(bench.assembler.held(), 3);
    assert_eq!(bench.flush().1.evicted, 2);
}

#[test]
fn a_span_that_came_twice_goes_out_once() {
    let mut bench = bench();
    [2, 1, 2, 1].into_iter().for_each(|id| bench.push(span(1, id, id - 1), 0));
    let (seen, counters) = bench.flush();
    assert_eq!(names(&seen[0]), ["s1", "s2"]);
    assert_eq!((counters.duplicates, counters.spans_out), (2, 2));
}

#[test]
fn a_span_without_a_usable_id_is_dropped_and_counted() {
    let mut bench = bench();
    bench.push(span(0, 1, 0), 0);
    bench.push(span(7 << 64, 1, 0), 0);
    bench.push(span(1, 0, 0), 0);
    let (seen, counters) = bench.flush();
    assert!(seen.is_empty());
    assert_eq!(counters.invalid, 3);
}

#[test]
fn two_traces_and_two_sources_never_share_a_chunk() {
    let mut bench = bench();
    bench.push(span(1, 1, 0), 0);
    bench.push(span(2, 2, 0), 0);
    bench.push(Span { source: Arc::new(Source::new(9)), remote_parent: true, ..span(1, 3, 1) }, 0);
    assert_eq!(bench.flush().0.len(), 3);
}

#[test]
fn a_service_is_inherited_from_the_nearest_parent_that_has_one() {
    let mut bench = bench();
    bench.push(span(1, 4, 3), 0);
    bench.push(span(1, 3, 2), 0);
    bench.push(Span { service: Some("db".into()), ..span(1, 2, 1) }, 0);
    bench.push(span(1, 5, 1), 0);
    bench.push(span(1, 6, 99), 0);
    bench.push(span(1, 1, 0), 0);
    let seen = &bench.flush().0[0];
    assert_eq!(names(seen), ["s1", "s4", "s3", "s2", "s5", "s6"]);
    assert_eq!(services(seen), ["main", "db", "db", "db", "main", "main"]);
    let marked = |key: &str| seen.tags.iter().map(|tags| tags.contains_key(key)).collect::<Vec<_>>();
    assert_eq!(marked("_dd.top_level"), [true, false, false, true, false, false]);
    assert_eq!(marked("_dd.base_service"), [false, true, true, true, false, false]);
    assert_eq!(seen.tags[1]["_dd.base_service"], "main");
}

#[test]
fn spans_that_name_each_other_as_parents_do_not_hang_it() {
    let mut bench = bench();
    bench.push(span(1, 2, 3), 0);
    bench.push(span(1, 3, 2), 0);
    bench.push(span(1, 4, 4), 0);
    assert_eq!(services(&bench.flush().0[0]), ["main", "main", "main"]);
}

#[test]
fn without_any_service_the_configured_one_counts_and_then_a_name_that_says_so() {
    let nameless = |tagging| {
        let mut bench = Bench::new(Limits::default(), tagging);
        bench.push(Span { source: Arc::new(Source::new(1)), ..span(1, 1, 0) }, 0);
        bench.flush().0.remove(0).spans.remove(0).1
    };
    assert_eq!(nameless(Tagging { service: Some("dd".into()), ..Tagging::default() }), "dd");
    assert_eq!(nameless(Tagging::default()), "unnamed-rust-service");
}

#[test]
fn a_tag_of_the_span_wins_over_the_source_and_that_over_the_configuration() {
    let tagging = Tagging {
        env: Some("prod".into()),
        tags: tags([("a", "config"), ("b", "config"), ("c", "config")]),
        ..Tagging::default()
    };
    let source = Source { tags: tags([("a", "source"), ("b", "source"), ("env", "lab")]), ..Source::new(1) };
    let mut bench = Bench::new(Limits::default(), tagging);
    bench.push(Span { source: Arc::new(source), tags: tags([("a", "span")]), ..span(1, 1, 0) }, 0);
    let seen = &bench.flush().0[0].tags[0];
    assert_eq!([&seen["a"], &seen["b"], &seen["c"], &seen["env"]], ["span", "source", "config", "lab"]);
}

#[test]
fn the_first_span_of_a_chunk_tells_of_the_trace() {
    let mut bench = bench();
    let source = Source { process_id: Some(12), ..Source::new(0xabc) };
    let trace = (0xff_u128 << 64) | 1;
    bench.push(Span { source: Arc::new(source), ..span(trace, 1, 0) }, 0);
    let expected = [
        ("_dd.p.dm", "-0"),
        ("_dd.p.tid", "00000000000000ff"),
        ("_dd.top_level", "1"),
        ("_sampling_priority_v1", "1"),
        ("language", "rust"),
        ("process_id", "12"),
        ("runtime-id", "00000000000000000000000000000abc"),
    ];
    let seen = &bench.flush().0[0].tags[0];
    assert_eq!(seen.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(), expected);
}

#[test]
fn a_sampling_decision_made_elsewhere_keeps_its_makers_mark() {
    let mut bench = bench();
    let tags = vec![("_sampling_priority_v1".into(), Value::Int(2))];
    bench.push(Span { tags, ..span(1, 1, 0) }, 0);
    let seen = &bench.flush().0[0].tags[0];
    assert_eq!(seen["_sampling_priority_v1"], "2");
    assert!(!seen.contains_key("_dd.p.dm"));
}

#[test]
fn the_version_stands_on_the_root_and_on_the_children_of_its_service() {
    let tagging = Tagging { service: Some("main".into()), version: Some("1.2".into()), ..Tagging::default() };
    let versions = |root_service: Option<&'static str>, root_tags| {
        let mut bench = Bench::new(Limits::default(), tagging.clone());
        bench.push(Span { service: root_service.map(Text::from), tags: root_tags, ..span(1, 1, 0) }, 0);
        bench.push(Span { service: Some("main".into()), ..span(1, 2, 1) }, 0);
        bench.push(Span { service: Some("other".into()), ..span(1, 3, 1) }, 0);
        let seen = bench.flush().0.remove(0);
        seen.tags.iter().map(|tags| tags.get("version").cloned()).collect::<Vec<_>>()
    };
    let version = |text: &str| Some(text.to_owned());
    assert_eq!(versions(None, vec![]), [version("1.2"), version("1.2"), None]);
    assert_eq!(versions(Some("other"), vec![]), [None, None, None]);
    assert_eq!(versions(Some("other"), tags([("version", "9")])), [version("9"), None, version("1.2")]);
}

#[test]
fn the_configured_version_is_not_given_to_a_device_with_a_service_of_its_own() {
    let tagging =
        Tagging { service: Some("bridge".into()), version: Some("1.2".into()), ..Tagging::default() };
    let mut bench = Bench::new(Limits::default(), tagging);
    bench.push(span(1, 1, 0), 0);
    assert!(!bench.flush().0[0].tags[0].contains_key("version"));
}

#[test]
fn what_is_too_long_is_cut_at_a_character_and_says_so_and_what_is_empty_is_named() {
    let mut assembler = Assembler::new(Limits::default(), Tagging::default());
    let long = |len: usize| Text::from("é".repeat(len));
    let span = Span {
        name: long(60),
        service: Some(long(60)),
        resource: Some(long(3_000)),
        span_type: Some(long(60)),
        duration: -1,
        tags: vec![(long(150), Value::Str(long(20_000)))],
        ..span(1, 1, 0)
    };
    assembler.push(span, 0, &mut |_| {});
    assembler.push(Span::new(2, 2, 0, "", source()), 0, &mut |_| {});
    let mut seen = Vec::new();
    assembler.flush(&mut |trace| seen.push(trace.spans()[0].clone()));
    let cut = &seen[0];
    let Value::Str(value) = &cut.tags[0].1 else { panic!("a text") };
    let texts = [&cut.name, cut.service.as_ref().unwrap(), cut.resource.as_ref().unwrap()];
    let all = texts.into_iter().chain([cut.span_type.as_ref().unwrap(), &cut.tags[0].0, value]);
    for (text, length) in all.zip([99, 99, 4_999, 99, 199, 24_999]) {
        assert_eq!(text.len(), length);
        assert!(text.ends_with("é..."), "{text}");
    }
    assert_eq!(cut.duration, 0);
    assert_eq!(seen[1].name, "unnamed_operation");
}

#[test]
fn of_equal_keys_the_last_counts_however_many_there_are() {
    for count in [3, 40] {
        let mut bench = bench();
        let tags: Vec<Tag> = (0..count).map(|i| (Text::from(format!("k{}", i % 2)), Value::Int(i))).collect();
        bench.push(Span { tags, ..span(1, 1, 0) }, 0);
        let seen = &bench.flush().0[0].tags[0];
        let last = [count - 2 + count % 2, count - 1 - count % 2].map(|i| i.to_string());
        assert_eq!([&seen["k0"], &seen["k1"]], [&last[0], &last[1]]);
    }
}

#[test]
fn keys_that_become_equal_by_being_cut_are_one_whose_last_value_counts() {
    let mut bench = bench();
    let long = |len, value: &'static str| (Text::from("x".repeat(len)), Value::from(value));
    let mut sent = Vec::new();
    bench.push(Span { tags: vec![long(201, "first"), long(202, "last")], ..span(1, 1, 0) }, 0);
    bench.assembler.flush(&mut |trace| sent = trace.spans()[0].tags.clone());
    assert_eq!(sent, [(Text::from(format!("{}...", "x".repeat(197))), Value::from("last"))]);
}

#[test]
fn an_operation_name_among_the_tags_is_the_name() {
    let mut renamed = span(1, 1, 0);
    renamed.tags = tags([("operation.name", "first"), ("a", "b"), ("operation.name", "order")]);
    let mut bench = bench();
    bench.push(renamed, 0);
    let (seen, _) = bench.flush();
    assert_eq!(names(&seen[0]), ["order"]);
    assert!(seen[0].tags[0].contains_key("a") && !seen[0].tags[0].contains_key("operation.name"));
}

#[test]
fn spans_with_many_tags_are_bounded_by_their_bytes() {
    let limits = Limits { bytes: 1_000_000, ..Limits::default() };
    let mut assembler = Assembler::new(limits, Tagging::default());
    let mut out = 0;
    for id in 1..=10_000 {
        let tags = (0..20).map(|_| (Text::from("key"), Value::from("value"))).collect();
        assembler.push(Span { tags, ..span(id, id as u64, 0) }, 0, &mut |trace| out += trace.spans().len());
    }
    assert_eq!(assembler.held() + out, 10_000);
    assert!((100..1_000).contains(&assembler.held()), "{} held", assembler.held());
    assert_eq!(assembler.counters().evicted, out as u64);
    assembler.flush(&mut |_| {});
    assert_eq!(assembler.held(), 0);
}

//! Parts that go out while their root is open are what that is so far.

use std::sync::{Mutex, PoisonError};

use super::*;
use crate::config::{Config, Filters};

/// What is known of the root of all traces, which a test changes as a program would.
type Known = Arc<Mutex<Ahead>>;

/// An assembler that can ask for roots: of each it is told `root`, with the tags that it asks for.
fn configured(variables: &[(&str, &str)], root: Option<Span>) -> (Bench, Known) {
    let config = Config::from_vars(variables.iter().copied());
    assert_eq!(config.warnings, []);
    let known: Known = Arc::new(Mutex::new(root.map_or(Ahead::Unknown, open)));
    let mut assembler = Assembler::configured(Limits::default(), &config);
    let told = known.clone();
    assembler.ask_roots(Box::new(move |_, keys| {
        let mut root = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Ahead::Open(root) = &mut root {
            root.so_far.tags.retain(|(key, _)| keys.contains(key));
        }
        root
    }));
    (Bench { assembler, seen: Vec::new() }, known)
}

fn open(so_far: Span) -> Ahead {
    Ahead::Open(Box::new(OpenRoot { so_far, continued: None, is_kept: None }))
}

fn learn(known: &Known, news: Ahead) {
    *known.lock().unwrap_or_else(PoisonError::into_inner) = news;
}

/// The root of a request.
fn request() -> Span {
    Span { name: "request".into(), resource: Some("GET /health".into()), ..span(1, 1, 0) }
}

fn tagged(key: &'static str, value: &'static str) -> Span {
    Span { tags: tags([(key, value)]), ..request() }
}

fn children(bench: &mut Bench, ids: std::ops::RangeInclusive<u64>, now: u64) {
    ids.for_each(|id| bench.push(span(1, id, 1), now));
}

/// Priority, mechanism and rule of each part.
fn decided(seen: &[Seen]) -> Vec<String> {
    let keys = ["_sampling_priority_v1", "_dd.p.dm", "_dd.rule_psr", "_dd.agent_psr"];
    let shown = |seen: &Seen| keys.map(|key| seen.tags[0].get(key).map_or("-", String::as_str)).join(" ");
    seen.iter().map(shown).collect()
}

#[test]
fn rules_decide_on_each_part_by_the_open_root_and_once() {
    for (rule, said) in [
        (r#"[{"name":"request","sample_rate":0}]"#, "-1 -3 0 -"),
        (r#"[{"resource":"GET /health","sample_rate":0}]"#, "-1 -3 0 -"),
        (r#"[{"tags":{"plan":"gold"},"sample_rate":0}]"#, "-1 -3 0 -"),
        (r#"[{"service":"shown","sample_rate":0}]"#, "-1 -3 0 -"),
        (r#"[{"name":"s?","sample_rate":0}]"#, "1 -0 - -"),
    ] {
        let variables = [
            ("DD_TRACE_SAMPLING_RULES", rule),
            ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "3"),
            ("DD_SERVICE_MAPPING", "main:shown"),
        ];
        let (mut bench, known) = configured(&variables, Some(tagged("plan", "gold")));
        children(&mut bench, 2..=4, 0);
        // What it becomes later decides nothing.
        let other = Span { service: Some("other".into()), ..span(1, 1, 0) };
        learn(&known, open(other.clone()));
        children(&mut bench, 5..=6, 0);
        assert_eq!(bench.poll(10 * SECOND), 2, "one by its length, and one that was silent");
        bench.push(other, 11 * SECOND);
        bench.poll(12 * SECOND);
        assert_eq!(decided(&bench.seen), [said; 3], "{rule}");
    }
}

#[test]
fn the_agents_rate_for_the_service_of_the_open_root_holds_for_its_parts() {
    let root = Span { service: Some("web".into()), ..request() };
    let (mut bench, _) = configured(&[("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "2")], Some(root.clone()));
    let rates = Rates::default();
    rates.replace([("service:web,env:", 0.0), ("service:,env:", 1.0)]);
    bench.assembler = bench.assembler.with_rates(rates.clone());
    children(&mut bench, 2..=3, 0);
    rates.replace([("service:,env:", 1.0)]);
    children(&mut bench, 4..=5, 0);
    bench.push(root, 0);
    bench.poll(SECOND);
    assert_eq!(decided(&bench.seen), ["0 -1 - 0"; 3]);
}

#[test]
fn a_part_says_what_the_sampler_of_the_tracer_says_on_the_open_root() {
    let mut root = request();
    root.tags = vec![("_dd.rule_psr".into(), Value::Float(0.5)), ("_dd.limit_psr".into(), Value::Float(1.0))];
    let (mut bench, _) = configured(&[("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "2")], Some(root.clone()));
    children(&mut bench, 2..=3, 0);
    bench.push(root, 0);
    bench.poll(SECOND);
    assert_eq!(decided(&bench.seen), ["2 -3 0.5 -"; 2]);
    assert!(bench.seen.iter().all(|seen| seen.tags[0]["_dd.limit_psr"] == "1"));
}

/// What comes of a request with more spans than wait, whose root is `so_far` when they are too many and `at_end` at last.
fn long(variables: &[(&str, &str)], so_far: Span, at_end: Span) -> usize {
    let (mut bench, _) = configured(variables, Some(so_far));
    children(&mut bench, 2..=3_051, 0);
    bench.push(at_end, 0);
    bench.poll(SECOND);
    bench.push(span(1, 4_000, 1), 2 * SECOND);
    let (seen, counters) = bench.flush();
    let sent = seen.iter().map(|seen| seen.spans.len()).sum::<usize>();
    assert_eq!((sent as u64 + counters.filtered_spans, counters.oversized), (3_052, 1));
    sent
}

#[test]
fn lists_judge_a_part_that_is_too_long_to_wait_by_the_open_root_and_the_whole_trace_with_it() {
    let (all, none) = (3_052, 0);
    let plain = || Span { resource: None, ..request() };
    for (variable, value, so_far, at_end, sent) in [
        ("DD_APM_IGNORE_RESOURCES", "GET /health", request(), request(), none),
        ("DD_APM_IGNORE_RESOURCES", "GET /health", request(), plain(), none),
        ("DD_APM_IGNORE_RESOURCES", "GET /health", plain(), request(), all),
        ("DD_APM_FILTER_TAGS_REJECT", "noise", tagged("noise", "1"), tagged("noise", "1"), none),
        ("DD_APM_FILTER_TAGS_REQUIRE", "keep:yes", tagged("keep", "yes"), tagged("keep", "yes"), all),
        ("DD_APM_FILTER_TAGS_REQUIRE", "keep:yes", request(), tagged("keep", "yes"), all),
        ("DD_APM_FILTER_TAGS_REQUIRE", "keep:yes", request(), request(), all),
    ] {
        assert_eq!(long(&[(variable, value)], so_far, at_end), sent, "{variable}={value}");
    }
}

#[test]
fn where_roots_are_looked_at_a_silent_request_waits_for_its_own() {
    let ignored = [("DD_APM_IGNORE_RESOURCES", "GET /health")];
    let required = [("DD_APM_FILTER_TAGS_REQUIRE", "keep:yes")];
    for (variables, at_end, sent) in
        [(&ignored, request(), 0), (&required, request(), 0), (&required, tagged("keep", "yes"), 3)]
    {
        let (mut bench, known) = configured(variables, Some(request()));
        children(&mut bench, 2..=3, 0);
        for hours in 1..=3 {
            assert_eq!(bench.poll(hours * 3_600 * SECOND), 0);
            assert_eq!(bench.assembler.next_deadline(), Some((hours * 3_600 + 10) * SECOND));
        }
        learn(&known, Ahead::Coming);
        assert_eq!(bench.poll(20_000 * SECOND), 0);
        bench.push(at_end, 20_000 * SECOND);
        let counters = bench.assembler.counters();
        assert_eq!((bench.assembler.held(), counters.filtered_traces, counters.incomplete), (3, 0, 0));
        assert_eq!(bench.flush().0.iter().map(|seen| seen.spans.len()).sum::<usize>(), sent);
    }
}

#[test]
fn a_programs_filter_sees_a_request_with_its_root_however_long_that_takes() {
    let (mut bench, _) = configured(&[("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "2")], Some(request()));
    bench.assembler.add_filter(Box::new(|spans: &mut [Span]| spans[0].name != "request"));
    children(&mut bench, 2..=9, 0);
    bench.poll(60 * SECOND);
    bench.push(request(), 60 * SECOND);
    let (seen, counters) = bench.flush();
    assert_eq!((seen.len(), counters.filtered_spans, counters.partial_flushes), (0, 9, 0));
}

#[test]
fn without_parts_a_request_waits_for_its_root_as_long_as_memory_is_there() {
    let off = [("DD_TRACE_PARTIAL_FLUSH_ENABLED", "false")];
    let (mut bench, known) = configured(&off, Some(request()));
    children(&mut bench, 2..=4_000, 0);
    assert_eq!(bench.poll(60 * SECOND), 0);
    learn(&known, Ahead::Coming);
    children(&mut bench, 4_001..=7_000, 60 * SECOND);
    assert_eq!(bench.poll(120 * SECOND), 0);
    bench.push(request(), 120 * SECOND);
    assert_eq!(
        bench.seen.iter().map(|seen| (seen.spans.len(), seen.has_root)).collect::<Vec<_>>(),
        [(7_000, true)]
    );

    // Beyond an eighth of the bytes of all traces none waits.
    let (mut bench, _) = configured(&off, Some(request()));
    let text = || vec![("text".into(), Value::Str("x".repeat(4_000).into()))];
    (2..=3_001).for_each(|id| bench.push(Span { tags: text(), ..span(1, id, 1) }, 0));
    assert_eq!(bench.seen.len(), 1);
    assert_eq!(bench.flush().1.oversized, 1);
}

#[test]
fn of_a_device_nobody_knows_the_root_and_parts_go_out_as_they_did() {
    let spans = |variables: &[(&str, &str)], filters: bool| {
        let (mut bench, _) = configured(variables, None);
        if filters {
            bench.assembler.add_filter(Box::new(|_: &mut [Span]| true));
        }
        children(&mut bench, 2..=3_400, 0);
        bench.poll(10 * SECOND);
        bench.seen.iter().map(|seen| seen.spans.len()).collect::<Vec<_>>()
    };
    let parts = [vec![300; 11], vec![99]].concat();
    assert_eq!(spans(&[], false), parts);
    assert_eq!(spans(&[], true), parts);
    assert_eq!(spans(&[("DD_APM_IGNORE_RESOURCES", "nothing")], false), [3_000, 399]);
    assert_eq!(spans(&[("DD_TRACE_PARTIAL_FLUSH_ENABLED", "false")], false), [3_000, 399]);
}

#[test]
fn the_lists_of_the_agent_see_the_tags_of_an_open_root_as_well() {
    let (mut bench, _) = configured(&[], Some(tagged("noise", "1")));
    children(&mut bench, 2..=3, 0);
    bench.assembler.set_agent_filters(Filters::from_lists(&[], [&[], &["noise"]], [&[], &[]]).0);
    let (seen, counters) = bench.flush();
    assert_eq!((seen.len(), counters.filtered_spans), (0, 2));
}

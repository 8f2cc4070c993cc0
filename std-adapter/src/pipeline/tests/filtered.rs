//! Traces that filters drop, and services that go by another name.

use super::*;
use crate::config::{Config, Filters};

fn configured(variables: &[(&str, &str)]) -> Bench {
    let config = Config::from_vars(variables.iter().copied());
    assert_eq!(config.warnings, []);
    Bench { assembler: Assembler::configured(Limits::default(), &config), seen: Vec::new() }
}

/// Which of two traces pass: 1 with the resource `GET /health` and the tags `a=1` and `n=7`, 2 with the resource `GET /`.
fn passing(mut bench: Bench) -> Vec<u64> {
    let mut tags = tags([("a", "1")]);
    tags.push(("n".into(), Value::Int(7)));
    let roots = [
        Span { resource: Some("GET /health".into()), tags, ..span(1, 1, 0) },
        Span { resource: Some("GET /".into()), ..span(2, 2, 0) },
    ];
    for root in roots {
        let child = Span { resource: Some("child".into()), ..span(root.trace_id, 7, root.span_id) };
        bench.push(child, 0);
        bench.push(root, 0);
    }
    let (seen, counters) = bench.flush();
    assert_eq!(counters.spans_out + counters.filtered_spans, 4);
    assert_eq!((counters.traces_out + counters.filtered_traces, counters.traces_out), (2, seen.len() as u64));
    seen.iter().map(|seen| if seen.spans[0].0 == "s1" { 1 } else { 2 }).collect()
}

#[test]
fn a_trace_whose_root_a_list_names_is_dropped_whole_and_counted() {
    for (variable, value, expected) in [
        ("DD_APM_IGNORE_RESOURCES", "^GET /health$", &[2][..]),
        ("DD_APM_IGNORE_RESOURCES", "child,nothing", &[1, 2]),
        ("DD_APM_IGNORE_RESOURCES", "GET", &[]),
        ("DD_APM_FILTER_TAGS_REJECT", "a:1", &[2]),
        ("DD_APM_FILTER_TAGS_REJECT", "a", &[2]),
        ("DD_APM_FILTER_TAGS_REJECT", "a:2 b", &[1, 2]),
        ("DD_APM_FILTER_TAGS_REJECT", "n:7", &[2]),
        ("DD_APM_FILTER_TAGS_REQUIRE", "a:1", &[1]),
        ("DD_APM_FILTER_TAGS_REQUIRE", "a:1 b", &[]),
        ("DD_APM_FILTER_TAGS_REGEX_REJECT", "a:[0-9]", &[2]),
        ("DD_APM_FILTER_TAGS_REGEX_REQUIRE", "n:^7$", &[1]),
        ("DD_APM_FILTER_TAGS_REGEX_REQUIRE", "n:^8$", &[]),
    ] {
        assert_eq!(passing(configured(&[(variable, value)])), expected, "{variable}={value}");
    }
    let tagged = |reject| configured(&[("DD_ENV", "lab"), ("DD_APM_FILTER_TAGS_REJECT", reject)]);
    assert!(passing(tagged("env:lab")).is_empty(), "a tag of all spans");
    assert_eq!(passing(tagged("env:prod")), [1, 2]);
    let required = |tag| {
        configured(&[("DD_SERVICE", "main"), ("DD_VERSION", "1.2"), ("DD_APM_FILTER_TAGS_REQUIRE", tag)])
    };
    for (tag, count) in
        [("version:1.2", 2), ("version:1", 0), ("language", 2), ("runtime-id", 2), ("build.id", 0)]
    {
        assert_eq!(passing(required(tag)).len(), count, "a tag that a root goes out with: {tag}");
    }
}

#[test]
fn the_lists_of_the_agent_hold_beside_those_of_the_configuration_and_can_be_replaced() {
    let lists = |pattern: &str| Filters::from_lists(&[pattern], [&[], &[]], [&[], &[]]).0;
    let mut bench = configured(&[("DD_APM_IGNORE_RESOURCES", "health")]);
    bench.assembler.set_agent_filters(lists("GET /$"));
    assert!(passing(bench).is_empty());
    let mut bench = configured(&[]);
    bench.assembler.set_agent_filters(lists("health"));
    bench.assembler.set_agent_filters(lists("GET /$"));
    assert_eq!(passing(bench), [1]);
}

#[test]
fn of_a_dropped_trace_nothing_goes_out_before_or_after_its_root() {
    let mut bench = configured(&[("DD_APM_IGNORE_RESOURCES", "s1$")]);
    (2..=400).for_each(|id| bench.push(span(1, id, 1), 0));
    bench.push(span(1, 1, 0), 0);
    assert_eq!(bench.poll(SECOND), 0);
    bench.push(span(1, 500, 1), SECOND);
    let (seen, counters) = bench.flush();
    assert_eq!(seen.len(), 0);
    assert_eq!((counters.filtered_spans, counters.filtered_traces), (401, 2));
}

#[test]
fn a_programs_filter_changes_a_trace_or_drops_it() {
    let mut bench = bench();
    bench.assembler.add_filter(Box::new(|spans: &mut [Span]| {
        for span in spans.iter_mut().filter(|span| span.name == "s3") {
            span.service = Some("elsewhere".into());
            span.tags = tags([("k", "1"), ("k", "2")]);
        }
        spans[0].name != "s9"
    }));
    for span in [span(1, 1, 0), span(1, 2, 1), span(1, 3, 2), span(2, 9, 0)] {
        bench.push(span, 0);
    }
    let (seen, counters) = bench.flush();
    assert_eq!(services(&seen[0]), ["main", "main", "elsewhere"]);
    assert_eq!((seen[0].tags[2]["_dd.top_level"].as_str(), seen[0].tags[2]["k"].as_str()), ("1", "2"));
    assert_eq!((seen.len(), counters.filtered_traces, counters.filtered_spans), (1, 1, 1));
}

#[test]
fn ids_that_a_filter_writes_tear_no_trace_apart_and_send_no_span_that_is_none() {
    let after = |write: fn(&mut [Span])| {
        let mut bench = bench();
        bench.assembler.add_filter(Box::new(move |spans: &mut [Span]| {
            write(spans);
            true
        }));
        [span(7, 2, 1), span(7, 3, 2), span(7, 1, 0)].into_iter().for_each(|span| bench.push(span, 0));
        let mut sent = Vec::new();
        bench.assembler.flush(&mut |trace| {
            sent.extend(trace.spans().iter().map(|span| (span.trace_id, span.span_id)));
        });
        let Counters { invalid, duplicates, spans_out, traces_out, .. } = bench.assembler.counters();
        assert_eq!((spans_out as usize, traces_out), (sent.len(), u64::from(!sent.is_empty())));
        (sent, invalid, duplicates)
    };
    let whole = [(7, 1), (7, 2), (7, 3)];
    for (write, sent, invalid, duplicates) in [
        ((|spans| spans[1].trace_id = 8) as fn(&mut [Span]), &whole[..], 0, 0),
        (|spans| spans.iter_mut().for_each(|span| span.trace_id = 0), &whole, 0, 0),
        (|spans| spans.swap(0, 1), &whole, 0, 0),
        (|spans| spans[1].span_id = 0, &[(7, 1), (7, 3)], 1, 0),
        (|spans| spans[2].span_id = 2, &whole[..2], 0, 1),
        (|spans| spans[2].span_id = 9, &[(7, 1), (7, 2), (7, 9)], 0, 0),
        (|spans| spans.iter_mut().for_each(|span| span.span_id = 0), &[], 3, 0),
    ] {
        assert_eq!(after(write), (sent.to_vec(), invalid, duplicates));
    }
}

#[test]
fn a_service_may_go_by_another_name() {
    let mut bench = configured(&[("DD_SERVICE_MAPPING", "main:shown")]);
    bench.push(span(1, 1, 0), 0);
    bench.push(Span { service: Some("own".into()), ..span(1, 2, 1) }, 0);
    assert_eq!(services(&bench.flush().0[0]), ["shown", "own"]);
}

#[test]
fn partial_flushes_are_as_configured() {
    let parts = |variables: &[(&str, &str)]| {
        let mut bench = configured(variables);
        (2..=700).for_each(|id| bench.push(span(1, id, 1), 0));
        bench.flush().1.partial_flushes
    };
    assert_eq!(parts(&[]), 2);
    assert_eq!(parts(&[("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "100")]), 6);
    assert_eq!(parts(&[("DD_TRACE_PARTIAL_FLUSH_ENABLED", "false")]), 0);
}

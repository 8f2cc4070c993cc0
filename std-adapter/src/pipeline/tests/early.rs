//! Traces that are handed on before they are gathered.

use super::*;
use crate::config::Config;

fn root(trace: u128, resource: &'static str) -> Span {
    let mut root = Span::new(trace, 1, 0, "request", Arc::new(Source::new(1)));
    root.resource = Some(Text::from(resource));
    root
}

fn bench(variables: &[(&str, &str)], rates: &Rates) -> (Bench, Decider) {
    let config = Config::from_vars(variables.iter().copied());
    let assembler = Assembler::configured(Limits::default(), &config).with_rates(rates.clone());
    let decider = assembler.decider(&Source::new(1));
    (Bench { assembler, seen: Vec::new() }, decider)
}

fn early(decider: &Decider, trace: u128, resource: &'static str) -> (i8, u8, Option<String>) {
    let Early { priority, mechanism, rate } = decider.decide(trace, 0, || root(trace, resource));
    (priority, mechanism, rate.map(|rate| rate.to_string()))
}

/// Priority, mechanism and rate of what was handed on last.
fn gathered(bench: &Bench) -> (i8, u8, Option<String>) {
    let tags = &bench.seen.last().expect("a trace").tags[0];
    let (priority, mechanism) = (&tags["_sampling_priority_v1"], tags["_dd.p.dm"].trim_start_matches('-'));
    (priority.parse().unwrap(), mechanism.parse().unwrap(), tags.get("_dd.p.ksr").cloned())
}

#[test]
fn a_rate_that_changes_between_changes_nothing_for_the_trace_and_all_of_its_parts() {
    let rates = Rates::default();
    let (mut bench, decider) = bench(&[("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "2")], &rates);
    for (then, later, said) in [
        (Some(1.0), Some(0.0), (1, 1, Some("1".to_owned()))),
        (Some(0.0), Some(1.0), (0, 1, Some("0".to_owned()))),
        (None, Some(0.0), (1, 0, None)),
    ] {
        let trace = 100 + bench.seen.len() as u128;
        let ask = |rate: Option<f64>| rates.replace(rate.map(|rate| ("service:,env:", rate)));
        ask(then);
        assert_eq!(early(&decider, trace, "GET /"), said);
        ask(later);
        assert_eq!(early(&decider, trace, "GET /"), said);
        for id in [2, 3] {
            bench.push(Span::new(trace, id, 1, "part", Arc::new(Source::new(1))), 0);
        }
        assert_eq!(gathered(&bench), said, "a part before the root");
        bench.push(root(trace, "GET /"), 0);
        bench.poll(SECOND);
        assert_eq!(gathered(&bench), said);
        bench.push(Span::new(trace, 4, 1, "late", Arc::new(Source::new(1))), SECOND);
        bench.poll(60 * SECOND);
        assert_eq!(gathered(&bench), said, "a part after the root");
        assert_eq!(early(&decider, trace, "GET /"), said);

        // Nobody handed this one on; its part decides on it.
        ask(then);
        for id in [2, 3] {
            bench.push(Span::new(trace + 50, id, 1, "part", Arc::new(Source::new(1))), 0);
        }
        assert_eq!(gathered(&bench), said);
        ask(later);
        assert_eq!(early(&decider, trace + 50, "GET /"), said);
        bench.push(root(trace + 50, "GET /"), 0);
        bench.poll(120 * SECOND);
        assert_eq!(gathered(&bench), said);
    }
}

#[test]
fn the_limit_is_asked_once_for_a_trace() {
    let rules = [("DD_TRACE_SAMPLE_RATE", "1"), ("DD_TRACE_RATE_LIMIT", "2")];
    let (mut bench, decider) = bench(&rules, &Rates::default());
    let kept: Vec<i8> = (1..5_u128)
        .map(|trace| {
            let said = early(&decider, trace, "GET /");
            bench.push(root(trace, "GET /"), 0);
            bench.poll(0);
            said.0
        })
        .collect();
    bench.poll(SECOND);
    assert_eq!(kept, [2, 2, -1, -1]);
    let seen: Vec<_> = bench.seen.iter().map(|seen| seen.tags[0]["_sampling_priority_v1"].clone()).collect();
    assert_eq!(seen, ["2", "2", "-1", "-1"]);
}

#[test]
fn what_was_sent_of_a_trace_stands_although_its_program_called_itself_and_filtered_that() {
    let variables = [
        ("DD_TRACE_SAMPLE_RATE", "1"),
        ("DD_TRACE_RATE_LIMIT", "2"),
        ("DD_APM_IGNORE_RESOURCES", "^GET /health$"),
    ];
    let (mut bench, decider) = bench(&variables, &Rates::default());
    assert_eq!(early(&decider, 2, "GET /health").0, 2);
    bench.push(root(2, "GET /health"), 0);
    assert_eq!((bench.poll(SECOND), early(&decider, 1, "GET /").0), (0, 2));
    let mut called = root(7, "GET /health");
    (called.span_id, called.parent_id, called.remote_parent) = (2, 1, true);
    called.extra.get_or_insert_default().remote_trace = Some(1);
    bench.push(called, SECOND);
    assert_eq!(bench.poll(2 * SECOND), 0);
    bench.push(root(1, "GET /"), 2 * SECOND);
    bench.poll(3 * SECOND);
    assert_eq!(gathered(&bench).0, 2);
    assert_eq!(early(&decider, 2, "GET /").0, -1, "what began with a root that was dropped is kept in mind");
}

#[test]
fn parts_whose_roots_are_gone_and_roots_with_a_priority_push_out_no_decision_on_an_open_trace() {
    let rates = Rates::default();
    let (mut bench, decider) = bench(&[], &rates);
    bench.assembler.ask_roots(Box::new(|_, _| Ahead::Unknown));
    rates.replace([("service:,env:", 0.0)]);
    assert_eq!(early(&decider, 1, "GET /").0, 0);
    rates.replace([("service:,env:", 1.0)]);
    let source = Arc::new(Source::new(1));
    for trace in 2..70_000 {
        bench.assembler.push(Span::new(trace, 2, 1, "late", source.clone()), 0, &mut |_| {});
    }
    bench.assembler.flush(&mut |_| {});
    for trace in 100_000..170_000 {
        assert_eq!(early(&decider, trace, "GET /").0, 1);
        let mut root = Span::new(trace, 1, 0, "request", source.clone());
        root.tags.push(("_sampling_priority_v1".into(), Value::Int(2)));
        bench.assembler.push(root, 0, &mut |_| {});
        bench.assembler.flush(&mut |_| {});
    }
    assert_eq!(early(&decider, 1, "GET /").0, 0);
}

#[test]
fn a_rule_sees_what_the_agent_would_get_and_tags_of_the_configuration() {
    let rules = r#"[{"tags": {"team": "bread"}, "resource": "GET /a", "sample_rate": 0},
        {"service": "till", "sample_rate": 0.0}]"#;
    let variables = [
        ("DD_TRACE_SAMPLING_RULES", rules),
        ("DD_TAGS", "team:bread"),
        ("DD_SERVICE", "cash"),
        ("DD_SERVICE_MAPPING", "cash:till"),
    ];
    let (_, mut decider) = bench(&variables[..2], &Rates::default());
    assert_eq!(decider.keys().collect::<Vec<_>>(), ["team"]);
    assert_eq!(early(&decider, 1, "GET /a").0, -1);
    assert_eq!(early(&decider, 2, "GET /b").0, 1);
    let mut said = Source::new(1);
    said.set_tag("team", "rye".into());
    decider.renew(&said);
    assert_eq!(early(&decider, 3, "GET /a").0, 1);
    let (_, renamed) = bench(&variables, &Rates::default());
    assert_eq!(early(&renamed, 2, "GET /b").0, -1);
}

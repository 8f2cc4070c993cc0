//! What the host's sampler decides, and how it says so.

use super::*;
use crate::config::Config;

const KEYS: [&str; 7] = [
    "_sampling_priority_v1",
    "_dd.p.dm",
    "_dd.rule_psr",
    "_dd.limit_psr",
    "_dd.agent_psr",
    "_dd.p.ksr",
    "_dd.span_sampling.mechanism",
];

fn configured(variables: &[(&str, &str)]) -> Bench {
    let config = Config::from_vars(variables.iter().copied());
    assert_eq!(config.warnings, []);
    Bench { assembler: Assembler::configured(Limits::default(), &config), seen: Vec::new() }
}

/// What stands on the first spans of the traces, in the order of their ids.
fn decided(mut bench: Bench, roots: impl IntoIterator<Item = Span>) -> Vec<String> {
    let mut at = 0;
    for root in roots {
        at += 1_000 * MS;
        bench.push(root, 0);
        bench.poll(at);
    }
    let (seen, _) = bench.flush();
    let shown = |seen: &Seen| KEYS.map(|key| seen.tags[0].get(key).map_or("-", String::as_str)).join(" ");
    seen.iter().map(shown).collect()
}

fn root(trace: u128, name: &'static str) -> Span {
    Span { name: name.into(), ..span(trace, 1, 0) }
}

#[test]
fn the_first_rule_for_a_root_holds_and_then_the_rate_and_both_leave_their_marks() {
    let rules = r#"[{"sample_rate":0.5,"name":"HALF*"},{"sample_rate":0,"service":"no*"},
        {"sample_rate":1,"resource":"/?","provenance":"customer"},{"sample_rate":1,"tags":{"n":"7","x":"*"}}]"#;
    let bench =
        configured(&[("DD_TRACE_SAMPLING_RULES", rules), ("DD_TRACE_SAMPLE_RATE", "0.25"), ("DD_ENV", "e")]);
    let with = |trace, tags: Vec<Tag>| Span { tags, ..root(trace, "other") };
    let x = || (Text::from("x"), Value::Float(0.5));
    let roots = [
        root(1, "half"),
        root(10, "half.too"),
        Span { service: Some("nobody".into()), ..root(1, "other") },
        Span { resource: Some("/a".into()), ..root(10, "other") },
        with(10, vec![("n".into(), Value::Int(7)), x()]),
        with(10, vec![("n".into(), Value::Int(77)), x()]),
        with(100, vec![]),
    ];
    // Each is a trace of its own: a decision is final for the parts of one.
    let roots =
        (0u128..).zip(roots).map(|(high, root)| Span { trace_id: high << 64 | root.trace_id, ..root });
    assert_eq!(
        decided(bench, roots),
        [
            "2 -3 0.5 1 - 0.5 -",
            "-1 -3 0.5 - - 0.5 -",
            "-1 -3 0 - - 0 -",
            "2 -11 1 1 - 1 -",
            "2 -3 1 1 - 1 -",
            "-1 -3 0.25 - - 0.25 -",
            "2 -3 0.25 1 - 0.25 -",
        ]
    );
}

#[test]
fn a_rule_matches_a_whole_number_as_it_is_written_and_a_fraction_by_stars_alone() {
    for (pattern, value, priority) in [
        ("7", Value::Int(7), "-1"),
        ("7", Value::Float(7.0), "-1"),
        ("?", Value::Uint(7), "-1"),
        ("0.5", Value::Float(0.5), "1"),
        ("?.?", Value::Float(0.5), "1"),
        ("**", Value::Float(0.5), "-1"),
        ("A*", Value::from("abc"), "-1"),
    ] {
        let rules = format!(r#"[{{"sample_rate":0,"tags":{{"x":"{pattern}"}}}}]"#);
        let bench = configured(&[("DD_TRACE_SAMPLING_RULES", &rules)]);
        let root = Span { tags: vec![("x".into(), value.clone())], ..root(1, "a") };
        let said = decided(bench, [root]).remove(0);
        assert_eq!(said.split(' ').next(), Some(priority), "{pattern} and {value}");
    }
}

#[test]
fn what_is_over_the_limit_is_dropped_by_the_same_rule() {
    let mut bench = configured(&[("DD_TRACE_SAMPLE_RATE", "1"), ("DD_TRACE_RATE_LIMIT", "1")]);
    (1..=2).for_each(|trace| bench.push(root(trace, "a"), 0));
    let (seen, _) = bench.flush();
    let shown: Vec<_> =
        seen.iter().map(|seen| KEYS[..4].iter().map(|key| &seen.tags[0][*key]).collect::<Vec<_>>()).collect();
    assert_eq!(shown, [["2", "-3", "1", "1"], ["-1", "-3", "1", "0.5"]]);
    let unlimited = configured(&[("DD_TRACE_SAMPLE_RATE", "1"), ("DD_TRACE_RATE_LIMIT", "-1")]);
    assert!(
        decided(unlimited, (1..300).map(|id| root(id, "a"))).iter().all(|said| said.starts_with("2 -3 1 1"))
    );
}

#[test]
fn the_agents_rate_holds_where_no_rule_does_and_single_spans_are_judged_by_it() {
    let mut bench = configured(&[
        ("DD_ENV", "lab"),
        ("DD_TRACE_SAMPLING_RULES", r#"[{"sample_rate":0,"name":"ruled"}]"#),
        ("DD_SPAN_SAMPLING_RULES", r#"[{"name":"?"}]"#),
    ]);
    let rates = Rates::default();
    rates.replace([("service:main,env:lab", 0.5)]);
    bench.assembler = bench.assembler.with_rates(rates);
    let other = Span { service: Some("other".into()), ..root(100, "c") };
    assert_eq!(
        decided(bench, [root(1, "a"), root(10, "b"), other, root(1000, "ruled")]),
        ["1 -1 - - 0.5 0.5 -", "0 -1 - - 0.5 0.5 8", "1 -0 - - - - -", "-1 -3 0 - - 0 -"]
    );
}

#[test]
fn what_was_decided_by_hand_or_before_stands() {
    let bench = configured(&[("DD_TRACE_SAMPLE_RATE", "0")]);
    let by_hand = Span { tags: vec![("manual.keep".into(), Value::Bool(true))], ..root(1, "a") };
    let before = Span { tags: vec![("_sampling_priority_v1".into(), Value::Int(1))], ..root(2, "b") };
    assert_eq!(decided(bench, [by_hand, before]), ["2 -4 - - - - -", "1 - - - - - -"]);
}

#[test]
fn all_parts_of_a_trace_are_decided_alike() {
    let mut bench = configured(&[
        ("DD_TRACE_SAMPLING_RULES", r#"[{"sample_rate":0,"name":"root"}]"#),
        ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "2"),
    ]);
    for span in [span(1, 2, 1), span(1, 3, 1), root(1, "root")] {
        bench.push(span, 0);
    }
    let (seen, counters) = bench.flush();
    assert_eq!(counters.partial_flushes, 1);
    let priorities: Vec<_> = seen.iter().map(|seen| seen.tags[0]["_sampling_priority_v1"].as_str()).collect();
    assert_eq!(priorities, ["1", "1"], "the first part went out before the root was known");
}

#[test]
fn single_spans_of_dropped_traces_are_kept_by_rules_of_their_own() {
    let rules = r#"[{"name":"s2","max_per_second":1},{"name":"s3","sample_rate":0},{"service":"ma?n"}]"#;
    let spans = || (1..=4).map(|id| span(1, id, id - 1));
    let run = |rate| {
        let mut bench = configured(&[("DD_SPAN_SAMPLING_RULES", rules), ("DD_TRACE_SAMPLE_RATE", rate)]);
        spans().for_each(|span| bench.push(span, 0));
        spans().for_each(|span| bench.push(Span { trace_id: 2, ..span }, 0));
        bench.flush().0
    };
    let marks = |seen: &Seen| -> Vec<String> {
        let keys = ["mechanism", "rule_rate", "max_per_second"];
        let of = |tags: &BTreeMap<String, String>| {
            let values =
                keys.map(|key| tags.get(&format!("_dd.span_sampling.{key}")).map_or("-", String::as_str));
            values.join(" ")
        };
        seen.tags.iter().map(of).collect()
    };
    let seen = run("0");
    assert_eq!(marks(&seen[0]), ["8 1 -", "8 1 1", "- - -", "8 1 -"]);
    assert_eq!(marks(&seen[1]), ["8 1 -", "- - -", "- - -", "8 1 -"], "one a second");
    assert!(run("1").iter().flat_map(marks).all(|marks| marks == "- - -"));
}

//! Rules for traces and for single spans, rates, limits, decisions by hand.

use serde_json::{Value, json};

use crate::run::{Case, Run, assert_field, assert_sampled, named};

/// No trace is kept by the rules for traces.
const NONE: (&str, &str) = ("DD_TRACE_SAMPLING_RULES", r#"[{"sample_rate":0}]"#);

pub const CASES: &[Case] = &[
    Case {
        name: "what a rule rejects goes on with who rejected it",
        env: &[("DD_TRACE_SAMPLING_RULES", r#"[{"name":"name","sample_rate":0}]"#)],
        run: |run| {
            let headers = run.serve(&[]);
            assert_eq!(headers["x-datadog-sampling-priority"], "-1");
            assert!(headers["x-datadog-tags"].contains("_dd.p.dm=-3"), "{headers:?}");
            assert!(headers["tracestate"].contains("t.dm:-3"), "{headers:?}");
        },
    },
    Case {
        name: "trace_sampling Basic: an exact match by service",
        env: &[(
            "DD_TRACE_SAMPLING_RULES",
            r#"[{"service":"webserver.non-matching","sample_rate":0},{"service":"webserver","sample_rate":1}]"#,
        )],
        run: |run| assert_sampled(&request(run, json!({})), 2, Some("-3"), Some(1.0)),
    },
    Case {
        name: "trace_sampling Basic: service and name have to match",
        env: &[(
            "DD_TRACE_SAMPLING_RULES",
            r#"[{"service":"webserver.non-matching","name":"web.request","sample_rate":0},
                {"service":"webserver","name":"web.request.non-matching","sample_rate":0},
                {"service":"webserver","name":"web.request","sample_rate":1}]"#,
        )],
        run: |run| assert_sampled(&request(run, json!({})), 2, Some("-3"), Some(1.0)),
    },
    Case {
        name: "trace_sampling Basic: dropped by a rule",
        env: &[
            ("DD_TRACE_SAMPLE_RATE", "1"),
            ("DD_TRACE_SAMPLING_RULES", r#"[{"service":"webserver","name":"web.request","sample_rate":0}]"#),
        ],
        run: |run| assert_sampled(&request(run, json!({})), -1, Some("-3"), Some(0.0)),
    },
    Case {
        name: "trace_sampling Globs: stars and question marks, in any case",
        env: &[(
            "DD_TRACE_SAMPLING_RULES",
            r#"[{"service":"webserv?r.non-matching","name":"wEb.req*","sample_rate":0},
                {"service":"webserv?r","name":"web.req*.non-matching","sample_rate":0},
                {"service":"webserv?r","name":"web.req*","sample_rate":1}]"#,
        )],
        run: |run| {
            let span = request(run, json!({ "name": "web.reqUEst", "service": "wEbServer" }));
            assert_sampled(&span, 2, Some("-3"), Some(1.0));
        },
    },
    Case {
        name: "trace_sampling Resource: a glob on the resource",
        env: &[(
            "DD_TRACE_SAMPLING_RULES",
            r#"[{"resource":"/bar.non-matching","sample_rate":0},{"resource":"/?ar","sample_rate":1}]"#,
        )],
        run: |run| assert_sampled(&request(run, json!({ "resource": "/bar" })), 2, Some("-3"), Some(1.0)),
    },
    Case {
        name: "trace_sampling Tags: tags that were set after the start",
        env: &[(
            "DD_TRACE_SAMPLING_RULES",
            r#"[{"tags":{"tag1":"v?r*"},"sample_rate":0},
                {"tags":{"tag1":"val1","tag2":"non-matching"},"sample_rate":0},
                {"tags":{"tag1":"v?l1","tag2":"val*"},"sample_rate":1}]"#,
        )],
        run: |run| {
            let span = run.span(json!({ "name": "web.request", "service": "webserver" }));
            run.on(span, "set_meta", json!({ "key": "tag1", "value": "val1" }));
            run.on(span, "set_meta", json!({ "key": "tag2", "value": "val2" }));
            run.finish(span);
            assert_sampled(&run.only(), 2, Some("-3"), Some(1.0));
        },
    },
    Case {
        name: "trace_sampling Tags: an integer by its digits, another number by a star alone",
        env: &[(
            "DD_TRACE_SAMPLING_RULES",
            r#"[{"tags":{"whole":"20?"},"name":"whole","sample_rate":1},
                {"tags":{"part":"2*"},"name":"part","sample_rate":1},
                {"tags":{"part":"*"},"name":"part","sample_rate":0}]"#,
        )],
        run: |run| {
            for (name, value) in [("whole", json!(200)), ("part", json!(20.5))] {
                let span = run.root(name);
                run.on(span, "set_metric", json!({ "key": name, "value": value }));
                run.finish(span);
            }
            let spans = run.spans();
            assert_sampled(named(&spans, "whole"), 2, Some("-3"), Some(1.0));
            assert_sampled(named(&spans, "part"), -1, Some("-3"), Some(0.0));
        },
    },
    Case {
        name: "sampling_span_tags sst002: by default",
        env: &[],
        run: |run| assert_sampled(&parent_of_two(run, None), 1, Some("-0"), None),
    },
    Case {
        name: "sampling_span_tags sst003: a rate of 1",
        env: &[("DD_TRACE_SAMPLE_RATE", "1")],
        run: |run| assert_sampled(&parent_of_two(run, None), 2, Some("-3"), Some(1.0)),
    },
    Case {
        name: "sampling_span_tags sst004: a rate next to nothing",
        env: &[("DD_TRACE_SAMPLE_RATE", "1e-06")],
        run: |run| assert_sampled(&parent_of_two(run, None), -1, Some("-3"), Some(1e-6)),
    },
    Case {
        name: "sampling_span_tags sst006: a rule wins over a rate",
        env: &[("DD_TRACE_SAMPLE_RATE", "1"), NONE],
        run: |run| assert_sampled(&parent_of_two(run, None), -1, Some("-3"), Some(0.0)),
    },
    Case {
        name: "sampling_span_tags sst007: a child is kept by hand",
        env: &[("DD_TRACE_SAMPLE_RATE", "0")],
        run: |run| assert_sampled(&parent_of_two(run, Some("manual_keep")), 2, Some("-4"), None),
    },
    Case {
        name: "sampling_span_tags sst001: a child is dropped by hand",
        env: &[("DD_TRACE_SAMPLE_RATE", "1")],
        run: |run| assert_sampled(&parent_of_two(run, Some("manual_drop")), -1, Some("-4"), None),
    },
    Case {
        name: "config_consistency RateLimit: one a second",
        env: &[("DD_TRACE_RATE_LIMIT", "1"), ("DD_TRACE_SAMPLE_RATE", "1")],
        run: |run| assert_eq!(priorities(run, 3), [2.0, -1.0, -1.0]),
    },
    Case {
        name: "config_consistency RateLimit: nothing without a rule",
        env: &[("DD_TRACE_RATE_LIMIT", "1")],
        run: |run| assert_eq!(priorities(run, 3), [1.0; 3]),
    },
    Case {
        name: "a decision is final at the first inject: what is sent is what the agent gets",
        env: &[(
            "DD_TRACE_SAMPLING_RULES",
            r#"[{"resource":"early","sample_rate":0},{"resource":"late","sample_rate":1}]"#,
        )],
        run: |run| {
            let span = run.span(json!({ "name": "root", "resource": "early" }));
            assert_eq!(run.inject(span)["x-datadog-sampling-priority"], "-1");
            run.on(span, "set_resource", json!({ "resource": "late" }));
            let child = run.child("child", span);
            assert_eq!(run.inject(child)["x-datadog-sampling-priority"], "-1");
            run.finish(child);
            run.finish(span);
            let spans = run.spans();
            let root = named(&spans, "root");
            assert_eq!(root["resource"], "late");
            assert_sampled(root, -1, Some("-3"), Some(0.0));
        },
    },
    Case {
        name: "a decision by hand is sent, and goes before rules",
        env: &[NONE],
        run: |run| {
            let span = run.root("root");
            run.on(span, "manual_keep", json!({}));
            let headers = run.inject(span);
            assert_eq!(headers["x-datadog-sampling-priority"], "2");
            assert!(headers["x-datadog-tags"].contains("_dd.p.dm=-4"), "{headers:?}");
            run.finish(span);
            assert_sampled(&run.only(), 2, Some("-4"), None);
        },
    },
    Case {
        name: "span_sampling sss001: a span of a dropped trace",
        env: &[("DD_SPAN_SAMPLING_RULES", r#"[{"service":"webserver","name":"web.request"}]"#), NONE],
        run: |run| assert_single(&request(run, json!({})), Some(1.0), None),
    },
    Case {
        name: "span_sampling sss002: globs",
        env: &[("DD_SPAN_SAMPLING_RULES", r#"[{"service":"webse*","name":"web.re?uest"}]"#), NONE],
        run: |run| assert_single(&request(run, json!({})), Some(1.0), None),
    },
    Case {
        name: "span_sampling sss003: no rule matches",
        env: &[("DD_SPAN_SAMPLING_RULES", r#"[{"service":"notmatching","name":"notmatching"}]"#), NONE],
        run: |run| assert_single(&request(run, json!({})), None, None),
    },
    Case {
        name: "span_sampling sss007: the first rule that matches counts",
        env: &[
            ("DD_SPAN_SAMPLING_RULES", r#"[{"name":"web.request","sample_rate":0},{"name":"web.request"}]"#),
            NONE,
        ],
        run: |run| assert_single(&request(run, json!({})), None, None),
    },
    Case {
        name: "span_sampling sss008: two a second",
        env: &[("DD_SPAN_SAMPLING_RULES", r#"[{"name":"web.request","max_per_second":2}]"#), NONE],
        run: |run| {
            for _ in 0..6 {
                run.finish(run.root("web.request"));
            }
            let spans = run.spans();
            let (kept, rest): (Vec<&Value>, Vec<&Value>) =
                spans.iter().partition(|span| !span["metrics"]["_dd.span_sampling.mechanism"].is_null());
            // The second may end between them.
            assert!((2..=4).contains(&kept.len()), "{spans:?}");
            kept.iter().for_each(|span| assert_single(span, Some(1.0), Some(2.0)));
            rest.iter().for_each(|span| assert_single(span, None, None));
        },
    },
    Case {
        name: "span_sampling sss013: a kept trace is not marked span by span",
        env: &[("DD_SPAN_SAMPLING_RULES", r#"[{"name":"web.request"}]"#)],
        run: |run| assert_single(&request(run, json!({})), None, None),
    },
];

/// A span of the usual name and service, unless `plan` says otherwise, as the agent has it.
fn request(run: &Run<'_>, plan: Value) -> Value {
    let mut said = json!({ "name": "web.request", "service": "webserver" });
    for (key, value) in plan.as_object().into_iter().flatten() {
        said[key] = value.clone();
    }
    run.finish(run.span(said));
    run.only()
}

/// The root of a trace of two, whose child nothing is said of the trace by.
fn parent_of_two(run: &Run<'_>, by_hand: Option<&str>) -> Value {
    let parent = run.span(json!({ "name": "parent", "service": "webserver" }));
    let child = run.span(json!({ "name": "child", "service": "webserver", "parent_id": parent }));
    if let Some(how) = by_hand {
        run.on(child, how, json!({}));
    }
    run.finish(child);
    run.finish(parent);
    let spans = run.spans();
    for key in ["_dd.p.dm", "_dd.p.tid"] {
        assert_field(named(&spans, "child"), "meta", key, Value::Null);
    }
    assert_field(named(&spans, "child"), "metrics", "_dd.rule_psr", Value::Null);
    named(&spans, "parent").clone()
}

/// The priorities of some traces, in the order of their starts.
fn priorities(run: &Run<'_>, count: usize) -> Vec<f64> {
    for index in 0..count {
        run.finish(run.root(&format!("s{index}")));
    }
    let spans = run.spans();
    let priority = |index| {
        let span = named(&spans, &format!("s{index}"));
        span["metrics"]["_sampling_priority_v1"].as_f64().expect("a priority")
    };
    (0..count).map(priority).collect()
}

/// What a rule for single spans says of one.
#[track_caller]
fn assert_single(span: &Value, rate: Option<f64>, most: Option<f64>) {
    let told = |key: &str| span["metrics"][key].as_f64();
    assert_eq!(told("_dd.span_sampling.rule_rate"), rate, "{span}");
    assert_eq!(told("_dd.span_sampling.mechanism"), rate.map(|_| 8.0), "{span}");
    assert_eq!(told("_dd.span_sampling.max_per_second"), most, "{span}");
}

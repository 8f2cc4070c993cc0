//! Spans, configuration, partial flushes, links, events.

use std::thread;
use std::time::Duration;

use microspan_tests::process::eventually;
use serde_json::{Value, json};

use crate::run::{Case, Run, assert_field, named};

pub const CASES: &[Case] = &[
    Case {
        name: "tracer: the attributes of a span",
        env: &[],
        run: |run| {
            let plan = json!({ "name": "operation", "service": "my-webserver", "resource": "/endpoint", "type": "web" });
            let root = run.span(plan);
            run.on(root, "set_metric", json!({ "key": "number", "value": 10 }));
            let child = run.child("operation.child", root);
            run.on(child, "set_meta", json!({ "key": "key", "value": "val" }));
            run.finish(child);
            run.finish(root);
            let spans = run.spans();
            let (root, child) = (named(&spans, "operation"), named(&spans, "operation.child"));
            for (field, value) in [("service", "my-webserver"), ("resource", "/endpoint"), ("type", "web")] {
                assert_eq!(root[field], value);
            }
            assert_field(root, "metrics", "number", json!(10.0));
            assert_field(child, "meta", "key", json!("val"));
            assert_eq!((&child["parent_id"], &child["service"]), (&root["span_id"], &json!("my-webserver")));
        },
    },
    Case {
        name: "tracer: a tag is changed and taken away, a resource changed",
        env: &[],
        run: |run| {
            let span = run.span(json!({ "name": "s", "span_tags": [["kept", "1"], ["gone", "2"]] }));
            run.on(span, "remove_meta", json!({ "key": "gone" }));
            run.on(span, "set_metric", json!({ "key": "number", "value": 1.5 }));
            run.on(span, "remove_metric", json!({ "key": "number" }));
            run.on(span, "set_resource", json!({ "resource": "GET /" }));
            run.on(span, "error", json!({ "type": "Kind", "message": "why", "stack": "where" }));
            run.finish(span);
            let span = run.only();
            assert_eq!((&span["resource"], &span["error"]), (&json!("GET /"), &json!(1)));
            for (key, value) in [
                ("kept", json!("1")),
                ("gone", Value::Null),
                ("error.type", json!("Kind")),
                ("error.message", json!("why")),
                ("error.stack", json!("where")),
            ] {
                assert_field(&span, "meta", key, value);
            }
            assert_field(&span, "metrics", "number", Value::Null);
        },
    },
    Case {
        name: "tracer: the current span",
        env: &[],
        run: |run| {
            let current = || run.ask("/trace/span/current", json!({}))["span_id"].as_u64();
            assert_eq!(current(), None);
            let root = run.root("root");
            let child = run.child("child", root);
            assert_eq!(current(), Some(child));
            run.finish(child);
            assert_eq!(current(), Some(root));
            run.finish(root);
            assert_eq!(current(), None);
        },
    },
    Case {
        name: "config_consistency TraceEnabled: off",
        env: &[("DD_TRACE_ENABLED", "false")],
        run: |run| {
            let span = run.root("allowed");
            run.finish(span);
            assert_eq!(run.spans(), [] as [Value; 0]);
        },
    },
    Case {
        name: "config_consistency UnifiedServiceTagging: the version is the main service's",
        env: &[("DD_SERVICE", "version_test"), ("DD_VERSION", "5.2.0"), ("DD_ENV", "dev")],
        run: |run| {
            run.finish(run.root("s1"));
            run.finish(run.span(json!({ "name": "s2", "service": "no dd_service" })));
            let spans = run.spans();
            let (first, second) = (named(&spans, "s1"), named(&spans, "s2"));
            assert_eq!(
                (&first["service"], &second["service"]),
                (&json!("version_test"), &json!("no dd_service"))
            );
            assert_field(first, "meta", "version", json!("5.2.0"));
            assert_field(second, "meta", "version", Value::Null);
            [first, second].iter().for_each(|span| assert_field(span, "meta", "env", json!("dev")));
        },
    },
    Case {
        name: "config_consistency UnifiedServiceTagging: nothing is made up",
        env: &[],
        run: |run| {
            run.finish(run.root("s1"));
            let span = run.only();
            ["env", "version"].iter().for_each(|key| assert_field(&span, "meta", key, Value::Null));
        },
    },
    Case {
        name: "config_consistency TraceAgentURL: a socket, and a URL before host and port",
        env: &[("DD_TRACE_AGENT_URL", "unix:///var/run/datadog/apm.socket"), ("DD_AGENT_HOST", "localhost")],
        run: |run| assert_eq!(config(run, "dd_trace_agent_url"), json!("unix:///var/run/datadog/apm.socket")),
    },
    Case {
        name: "config_consistency RateLimit: 100 by default",
        env: &[("DD_TRACE_SAMPLE_RATE", "1")],
        run: |run| assert_eq!(config(run, "dd_trace_rate_limit"), json!("100")),
    },
    Case {
        name: "config_consistency: what the client is asked for",
        env: &[
            ("DD_SERVICE", "svc"),
            ("DD_TAGS", "key1:val1,key2:val2"),
            ("DD_TRACE_PROPAGATION_STYLE", "b3,tracecontext"),
            ("DD_TRACE_SAMPLE_RATE", "0.5"),
        ],
        run: |run| {
            for (key, value) in [
                ("dd_service", "svc"),
                ("dd_tags", "key1:val1,key2:val2"),
                ("dd_trace_propagation_style", "b3,tracecontext"),
                ("dd_trace_sample_rate", "0.5"),
                ("dd_trace_enabled", "true"),
            ] {
                assert_eq!(config(run, key), value, "{key}");
            }
        },
    },
    Case {
        name: "config_consistency Config_Tags: separated by commas",
        env: &[("DD_TAGS", "key1:value1,key2:value2")],
        run: |run| tags(run, &[("key1", "value1"), ("key2", "value2")]),
    },
    Case {
        name: "config_consistency Config_Tags: separated by blanks",
        env: &[("DD_TAGS", "key1:value1 key2:value2")],
        run: |run| tags(run, &[("key1", "value1"), ("key2", "value2")]),
    },
    Case {
        name: "config_consistency Config_Tags: a comma wins over blanks",
        env: &[("DD_TAGS", "env:test     bKey :bVal dKey: dVal cKey:")],
        run: |run| tags(run, &[("env", "test"), ("bKey", ""), ("dKey", ""), ("dVal", ""), ("cKey", "")]),
    },
    Case {
        name: "config_consistency Config_Tags: values with colons, keys without a value",
        env: &[("DD_TAGS", "a:1,b,c:3:4")],
        run: |run| tags(run, &[("a", "1"), ("b", ""), ("c", "3:4")]),
    },
    Case {
        name: "config_consistency Config_Tags: DD_SERVICE, DD_ENV and DD_VERSION win",
        env: &[
            ("DD_TAGS", "service:foo,env:bar,version:3.14"),
            ("DD_SERVICE", "main"),
            ("DD_ENV", "prod"),
            ("DD_VERSION", "1"),
        ],
        run: |run| {
            run.finish(run.root("s"));
            let span = run.only();
            assert_eq!(span["service"], "main");
            assert_field(&span, "meta", "env", json!("prod"));
            assert_field(&span, "meta", "version", json!("1"));
        },
    },
    Case {
        name: "partial_flushing: one span is enough",
        env: &[("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "1"), ("DD_TRACE_PARTIAL_FLUSH_ENABLED", "true")],
        run: |run| {
            let root = run.root("root");
            run.finish(run.child("child1", root));
            let partial = eventually(Duration::from_secs(10), || match run.stored() {
                none if none.is_empty() => Err("nothing was sent".to_owned()),
                some => Ok(some),
            });
            assert_eq!((partial.len(), partial[0].len()), (1, 1));
            assert_eq!(partial[0][0]["name"], "child1");
            run.finish(root);
            assert_eq!(run.spans().len(), 2);
        },
    },
    Case {
        name: "partial_flushing: under the limit",
        env: &[("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "5"), ("DD_TRACE_PARTIAL_FLUSH_ENABLED", "true")],
        run: whole,
    },
    Case {
        name: "partial_flushing: off",
        env: &[("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "1"), ("DD_TRACE_PARTIAL_FLUSH_ENABLED", "false")],
        run: whole,
    },
];

/// A setting.
fn config(run: &Run<'_>, key: &str) -> Value {
    run.ask("/trace/config", json!({}))["config"][key].clone()
}

/// Each span has these tags.
fn tags(run: &Run<'_>, tags: &[(&str, &str)]) {
    run.finish(run.root("sample_span"));
    let span = run.only();
    for (key, value) in tags {
        assert_field(&span, "meta", key, json!(value));
    }
}

/// Nothing goes out before the root is finished.
fn whole(run: &Run<'_>) {
    let root = run.root("root");
    run.finish(run.child("child1", root));
    thread::sleep(Duration::from_millis(1500));
    assert_eq!(run.stored(), [] as [Vec<Value>; 0]);
    run.finish(root);
    assert_eq!(run.spans().len(), 2);
}

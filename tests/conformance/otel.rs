//! OpenTelemetry's API.

use serde_json::{Value, json};

use crate::run::{Case, Run, assert_field, named};

/// Kinds, by their numbers.
const INTERNAL: u8 = 0;
const CLIENT: u8 = 2;
const PRODUCER: u8 = 3;
const CONSUMER: u8 = 4;

/// Starts a span of OpenTelemetry's.
fn start(run: &Run<'_>, said: Value) -> u64 {
    run.ask("/trace/otel/start_span", said)["span_id"].as_u64().expect("an id")
}

/// Does something to one.
fn on(run: &Run<'_>, span: u64, what: &str, mut said: Value) -> Value {
    said["span_id"] = span.into();
    run.ask(&format!("/trace/otel/{what}"), said)
}

fn end(run: &Run<'_>, span: u64) {
    run.ask("/trace/otel/end_span", json!({ "id": span }));
}

pub const CASES: &[Case] = &[
    Case {
        name: "otel_span_methods: start and end times, kind, attributes at the start",
        env: &[],
        run: |run| {
            let span = start(
                run,
                json!({ "name": "operation", "span_kind": PRODUCER, "timestamp": 12_345, "attributes": { "key": "value" } }),
            );
            run.ask("/trace/otel/end_span", json!({ "id": span, "timestamp": 12_345 + 6_789 }));
            run.ask("/trace/otel/end_span", json!({ "id": span, "timestamp": 99_999 }));
            assert_eq!(on(run, span, "is_recording", json!({}))["is_recording"], false);
            let span = run.only();
            assert_eq!((&span["name"], &span["resource"]), (&json!("producer"), &json!("operation")));
            assert_eq!((&span["start"], &span["duration"]), (&json!(12_345_000), &json!(6_789_000)));
            assert_field(&span, "meta", "key", json!("value"));
        },
    },
    Case {
        name: "otel_span_methods: a service, and attributes of every kind",
        env: &[],
        run: |run| {
            let span = start(run, json!({ "name": "operation", "span_kind": INTERNAL }));
            for set in [
                json!({ "service.name": "new_service" }),
                json!({ "text": "val", "empty": "", "truth": true, "int": 1, "zero": 0, "double": 4.2 }),
                json!({ "texts": ["val1", "val2"], "ints": [10, 20], "truths": [true, false], "doubles": [10.1, 20.2] }),
                json!({ "http.response.status_code": 200 }),
            ] {
                on(run, span, "set_attributes", json!({ "attributes": set }));
            }
            end(run, span);
            let span = run.only();
            assert_eq!((&span["name"], &span["service"]), (&json!("internal"), &json!("new_service")));
            for (key, value) in [
                ("text", "val"),
                ("empty", ""),
                ("truth", "true"),
                ("texts.0", "val1"),
                ("texts.1", "val2"),
                ("truths.0", "true"),
                ("truths.1", "false"),
                ("http.status_code", "200"),
            ] {
                assert_field(&span, "meta", key, json!(value));
            }
            for (key, value) in [
                ("int", 1.0),
                ("zero", 0.0),
                ("double", 4.2),
                ("ints.0", 10.0),
                ("ints.1", 20.0),
                ("doubles.0", 10.1),
                ("doubles.1", 20.2),
            ] {
                assert_field(&span, "metrics", key, json!(value));
            }
        },
    },
    Case {
        name: "otel_span_methods: a child of a span that has ended, which takes nothing more",
        env: &[],
        run: |run| {
            let parent = start(run, json!({ "name": "parent", "span_kind": PRODUCER }));
            assert_eq!(on(run, parent, "is_recording", json!({}))["is_recording"], true);
            end(run, parent);
            on(run, parent, "set_name", json!({ "name": "new_name" }));
            on(run, parent, "set_attributes", json!({ "attributes": { "after_finish": "true" } }));
            let child = start(run, json!({ "name": "child", "span_kind": CONSUMER, "parent_id": parent }));
            end(run, child);
            let spans = run.spans();
            let (parent, child) = (named(&spans, "producer"), named(&spans, "consumer"));
            assert_eq!((&parent["resource"], &child["resource"]), (&json!("parent"), &json!("child")));
            assert_eq!(child["parent_id"], parent["span_id"]);
            assert_field(parent, "meta", "after_finish", Value::Null);
        },
    },
    Case {
        name: "otel_span_methods: an error's description, and a success that nothing undoes",
        env: &[],
        run: |run| {
            let [failed, fine] =
                ["failed", "fine"].map(|name| start(run, json!({ "name": name, "span_kind": INTERNAL })));
            on(run, failed, "set_status", json!({ "code": "ERROR", "description": "error_desc" }));
            on(run, failed, "set_status", json!({ "code": "UNSET", "description": "unset_desc" }));
            on(run, fine, "set_status", json!({ "code": "OK", "description": "ok_desc" }));
            on(run, fine, "set_status", json!({ "code": "ERROR", "description": "error_desc" }));
            [failed, fine].into_iter().for_each(|span| end(run, span));
            let spans = run.spans();
            let of = |resource: &str| {
                spans.iter().find(|span| span["resource"] == resource).unwrap_or_else(|| panic!("{spans:?}"))
            };
            assert_field(of("failed"), "meta", "error.message", json!("error_desc"));
            assert_eq!(of("failed")["error"], 1);
            assert_field(of("fine"), "meta", "error.message", Value::Null);
            assert_ne!(of("fine")["error"], 1);
        },
    },
    Case {
        name: "otel_span_methods: the context is that of what is sent",
        env: &[],
        run: |run| {
            let parent = start(run, json!({ "name": "op1" }));
            end(run, parent);
            let span = start(run, json!({ "name": "op2", "parent_id": parent }));
            end(run, span);
            let [of_parent, context] = [parent, span].map(|span| on(run, span, "span_context", json!({})));
            assert_eq!(context["trace_id"], of_parent["trace_id"]);
            assert_eq!(context["span_id"], format!("{span:016x}"));
            assert_eq!((&context["trace_flags"], &context["remote"]), (&json!("01"), &json!(false)));
            let spans = run.spans();
            let sent = spans.iter().find(|sent| sent["span_id"] == span).expect("it was sent");
            let low = format!("{:016x}", sent["trace_id"].as_u64().expect("an id"));
            assert!(context["trace_id"].as_str().is_some_and(|id| id.ends_with(&low)), "{context} {sent}");
        },
    },
    Case {
        name: "otel_span_methods: a name by what attributes say, set one after the other",
        env: &[],
        run: |run| {
            let span = start(run, json!({ "name": "operation", "span_kind": CLIENT }));
            on(run, span, "set_attributes", json!({ "attributes": { "messaging.system": "Kafka" } }));
            on(run, span, "set_attributes", json!({ "attributes": { "messaging.operation": "Receive" } }));
            end(run, span);
            let span = run.only();
            assert_eq!((&span["name"], &span["resource"]), (&json!("kafka.receive"), &json!("operation")));
        },
    },
    Case {
        name: "otel_span_methods: links to another span and to what headers name",
        env: &[],
        run: |run| {
            let root = start(run, json!({ "name": "root" }));
            end(run, root);
            let headers = json!([
                ["traceparent", "00-12345678901234567890123456789012-1234567890123456-01"],
                ["tracestate", "foo=1,bar=baz"],
            ]);
            let links = json!([
                { "parent_id": root, "attributes": { "foo": "bar", "array": ["a", "b"] } },
                { "http_headers": headers },
            ]);
            let child = start(run, json!({ "name": "child", "parent_id": root, "links": links }));
            end(run, child);
            let spans = run.spans();
            let child = spans.iter().find(|span| span["span_id"] == child).expect("it was sent");
            let links = child["span_links"].as_array().expect("links");
            let to = |id: u64| {
                links.iter().find(|link| link["span_id"] == id).unwrap_or_else(|| panic!("{child}"))
            };
            let (near, far) = (to(root), to(0x1234_5678_9012_3456));
            assert_eq!(near["trace_id"], child["trace_id"]);
            assert_eq!(near["attributes"], json!({ "foo": "bar", "array.0": "a", "array.1": "b" }));
            assert_eq!(far["trace_id"], 0x7890_1234_5678_9012_u64);
            assert_eq!(far["trace_id_high"], 0x1234_5678_9012_3456_u64);
        },
    },
    Case {
        name: "otel_span_methods: the trace state of what a link leads to",
        env: &[],
        run: |run| {
            let headers = json!([
                ["traceparent", "00-12345678901234567890123456789012-1234567890123456-01"],
                ["tracestate", "foo=1,bar=baz"],
            ]);
            end(run, start(run, json!({ "name": "root", "links": [{ "http_headers": headers }] })));
            assert_eq!(run.only()["span_links"][0]["tracestate"], "foo=1,bar=baz");
        },
    },
    Case {
        name: "otel_span_methods: events, at times, and an exception",
        env: &[],
        run: |run| {
            run.ask("/trace/agent/ensure_agent_info", json!({}));
            let span = start(run, json!({ "name": "operation" }));
            on(
                run,
                span,
                "add_event",
                json!({ "name": "second", "timestamp": 1_700_000_000_000_000_u64, "attributes": { "int": 1 } }),
            );
            let exception = json!({ "message": "woof", "attributes": { "exception.type": "Dog", "exception.message": "bark" } });
            on(run, span, "record_exception", exception);
            end(run, span);
            let span = run.only();
            let events = span["span_events"].as_array().unwrap_or_else(|| panic!("{span}"));
            assert_eq!(events[0]["time_unix_nano"], 1_700_000_000_000_000_000_u64);
            assert_eq!((&events[0]["name"], &events[1]["name"]), (&json!("second"), &json!("exception")));
            assert_ne!(span["error"], 1, "an exception is no error by itself");
        },
    },
    Case {
        name: "otel_api_interoperability: spans of both kinds in one another",
        env: &[],
        run: |run| {
            let outer = run.root("outer");
            let middle = start(run, json!({ "name": "middle", "parent_id": outer }));
            let inner = run.child("inner", middle);
            run.finish(inner);
            end(run, middle);
            run.finish(outer);
            let spans = run.spans();
            let parent =
                |id: u64| spans.iter().find(|span| span["span_id"] == id).map(|span| &span["parent_id"]);
            assert_eq!((parent(middle), parent(inner)), (Some(&json!(outer)), Some(&json!(middle))));
            let traces: Vec<_> = spans.iter().map(|span| &span["trace_id"]).collect();
            assert!(traces.windows(2).all(|pair| pair[0] == pair[1]), "{spans:?}");
        },
    },
    Case {
        name: "otel_api_interoperability: baggage of a context, and a flush",
        env: &[],
        run: |run| {
            let span = start(run, json!({ "name": "operation" }));
            assert_eq!(
                on(run, span, "otel_set_baggage", json!({ "key": "foo", "value": "bar" }))["value"],
                "bar"
            );
            end(run, span);
            assert_eq!(run.ask("/trace/otel/flush", json!({ "seconds": 5 }))["success"], true);
            assert_eq!(run.stored().len(), 1);
        },
    },
];

//! Baggage, links and events.

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::run::{Case, Run, assert_field, named};

pub const CASES: &[Case] = &[
    Case {
        name: "headers_baggage D001: by default, beside Datadog's headers",
        env: &[],
        run: |run| {
            let headers = run.serve(&[
                ("x-datadog-trace-id", "123456789"),
                ("x-datadog-parent-id", "987654321"),
                ("baggage", "foo=bar"),
            ]);
            assert_eq!(headers["baggage"], "foo=bar");
            assert_eq!(run.only()["parent_id"], 987_654_321);
        },
    },
    Case {
        name: "headers_baggage D002: baggage alone",
        env: &[("DD_TRACE_PROPAGATION_STYLE", "baggage")],
        run: |run| {
            let headers = run.serve(&[("x-datadog-trace-id", "123456789"), ("baggage", "foo=bar")]);
            assert_eq!(
                headers.into_iter().collect::<Vec<_>>(),
                [("baggage".to_owned(), "foo=bar".to_owned())]
            );
        },
    },
    Case {
        name: "headers_baggage D003, D007: not asked for",
        env: &[("DD_TRACE_PROPAGATION_STYLE", "datadog,tracecontext")],
        run: |run| {
            let span = run.root("span");
            run.on(span, "set_baggage", json!({ "key": "foo", "value": "bar" }));
            assert!(!run.inject(span).contains_key("baggage"));
            assert!(!run.serve(&[("baggage", "foo=bar")]).contains_key("baggage"));
        },
    },
    Case {
        name: "headers_baggage D004: what is encoded",
        env: &[],
        run: |run| {
            let span = run.root("span");
            for (key, value) in
                [("userId", "Amélie"), ("serverNode", "DF 28"), ("\",;\\()/:<=>?@[]{}", "\",;\\")]
            {
                run.on(span, "set_baggage", json!({ "key": key, "value": value }));
            }
            let headers = run.inject(span);
            let mut items: Vec<&str> = headers["baggage"].split(',').collect();
            items.sort_unstable();
            let strange = "%22%2C%3B%5C%28%29%2F%3A%3C%3D%3E%3F%40%5B%5D%7B%7D=%22%2C%3B%5C";
            assert_eq!(items, [strange, "serverNode=DF%2028", "userId=Am%C3%A9lie"]);
        },
    },
    Case {
        name: "headers_baggage D005 to D011: got, changed, taken away",
        env: &[],
        run: |run| {
            let from = run.extract(&[("baggage", "userId=Am%C3%A9lie,serverNode=DF%2028")]);
            let span = run.span(json!({ "name": "span", "parent_id": from }));
            run.on(span, "set_baggage", json!({ "key": "foo", "value": "bar" }));
            let all =
                || run.ask("/trace/span/get_all_baggage", json!({ "span_id": span }))["baggage"].clone();
            assert_eq!(all(), json!({ "userId": "Amélie", "serverNode": "DF 28", "foo": "bar" }));
            let got = run.ask("/trace/span/get_baggage", json!({ "span_id": span, "key": "userId" }));
            assert_eq!(got["baggage"], "Amélie");
            run.on(span, "remove_baggage", json!({ "key": "userId" }));
            assert_eq!(all(), json!({ "serverNode": "DF 28", "foo": "bar" }));
            assert!(!run.inject(span)["baggage"].contains("userId"));
            run.on(span, "remove_all_baggage", json!({}));
            assert_eq!(all(), json!({}));
            assert!(!run.inject(span).contains_key("baggage"));
        },
    },
    Case {
        name: "headers_baggage D012 to D015: malformed",
        env: &[],
        run: |run| {
            for header in ["no-equal-sign,foo=dropped", "=no-key", "no-value=", "foo=dropped,="] {
                assert!(!run.serve(&[("baggage", header)]).contains_key("baggage"), "{header}");
            }
        },
    },
    Case {
        name: "headers_baggage D016, D017: 64 items, 8192 bytes",
        env: &[],
        run: |run| {
            let many = run.root("many");
            for index in 0..66 {
                run.on(many, "set_baggage", json!({ "key": format!("key{index}"), "value": "value" }));
            }
            assert_eq!(run.inject(many)["baggage"].split(',').count(), 64);
            let long = run.root("long");
            for (key, len) in [("key1", 2730), ("key2", 2730), ("key3", 2730), ("key4", 1)] {
                run.on(long, "set_baggage", json!({ "key": key, "value": "a".repeat(len) }));
            }
            let header = &run.inject(long)["baggage"];
            assert!(header.len() <= 8192 && header.split(',').count() == 2, "{header}");
        },
    },
    Case {
        name: "headers_baggage span tags: the keys by default",
        env: &[],
        run: |run| {
            run.serve(&[("baggage", "user.id=doggo,account.id=1,session.id=s,role=admin")]);
            let span = run.only();
            for (key, value) in [("user", json!("doggo")), ("account", json!("1")), ("session", json!("s"))] {
                assert_field(&span, "meta", &format!("baggage.{key}.id"), value);
            }
            assert_field(&span, "meta", "baggage.role", Value::Null);
        },
    },
    Case {
        name: "headers_baggage span tags: all keys",
        env: &[("DD_TRACE_BAGGAGE_TAG_KEYS", "*")],
        run: |run| {
            run.serve(&[("baggage", "user.id=doggo,color=blue")]);
            let span = run.only();
            assert_field(&span, "meta", "baggage.user.id", json!("doggo"));
            assert_field(&span, "meta", "baggage.color", json!("blue"));
        },
    },
    Case {
        name: "span_links: to spans that are open and that are finished, v0.4",
        env: &[("DD_TRACE_API_VERSION", "v0.4")],
        run: |run| {
            let second = links(run);
            let found = second["span_links"].as_array().expect("links").clone();
            assert_eq!(found.len(), 2);
            assert_eq!(found[0]["attributes"], json!({ "foo": "bar", "array.0": "a", "array.1": "b" }));
            assert_eq!(found[1]["attributes"], json!({ "bools.0": "true", "bools.1": "false" }));
            for link in &found {
                assert_eq!(link["trace_id"], second["trace_id"]);
                assert_ne!(link["trace_id_high"], 0);
            }
            assert_eq!(found[0]["span_id"], second["parent_id"]);
        },
    },
    Case {
        name: "span_links: as a tag in v0.5",
        env: &[("DD_TRACE_API_VERSION", "v0.5")],
        run: |run| {
            let second = links(run);
            let text = second["meta"]["_dd.span_links"].as_str().expect("links as a tag");
            let found: Value = serde_json::from_str(text).expect("JSON");
            let low = format!("{:016x}", second["trace_id"].as_u64().expect("an id"));
            assert!(found[0]["trace_id"].as_str().is_some_and(|id| id.len() == 32 && id.ends_with(&low)));
            assert_eq!(found[0]["attributes"]["foo"], "bar");
        },
    },
    Case {
        name: "span_links: from Datadog's headers, with what its tracestate would be",
        env: &[],
        run: |run| {
            let link = link_to(
                run,
                &[
                    ("x-datadog-trace-id", "1234567890"),
                    ("x-datadog-parent-id", "9876543210"),
                    ("x-datadog-sampling-priority", "2"),
                    ("x-datadog-origin", "synthetics"),
                    ("x-datadog-tags", "_dd.p.dm=-4,_dd.p.tid=0000000000000010"),
                ],
            );
            assert_eq!(
                link["tracestate"].as_str().map(|state| state.contains("t.dm:-4")),
                Some(true),
                "{link}"
            );
        },
    },
    Case {
        name: "span_links: from Datadog's headers, ids and flags",
        env: &[],
        run: |run| {
            let link = link_to(
                run,
                &[
                    ("x-datadog-trace-id", "1234567890"),
                    ("x-datadog-parent-id", "9876543210"),
                    ("x-datadog-sampling-priority", "2"),
                    ("x-datadog-tags", "_dd.p.tid=0000000000000010"),
                ],
            );
            for (key, value) in
                [("trace_id", 1_234_567_890), ("trace_id_high", 16), ("span_id", 9_876_543_210_u64)]
            {
                assert_eq!(link[key], value, "{link}");
            }
            assert_eq!(link["flags"], 1_u32 | 1 << 31, "{link}");
        },
    },
    Case {
        name: "span_events: attributes of each kind, v0.4",
        env: &[("DD_TRACE_API_VERSION", "v0.4")],
        run: |run| {
            event(run, 123_450_000);
            let event = &run.only()["span_events"][0];
            assert_eq!(event["name"], "event_name");
            for (key, value) in [
                ("string", json!({ "type": 0, "string_value": "bar" })),
                ("bool", json!({ "type": 1, "bool_value": true })),
                ("int", json!({ "type": 2, "int_value": 1 })),
                ("double", json!({ "type": 3, "double_value": 2.3 })),
            ] {
                assert_eq!(event["attributes"][key], value, "{key}");
            }
        },
    },
    Case {
        name: "span_events: the time that is given, and lists",
        env: &[],
        run: |run| {
            event(run, 123_450_000);
            let event = &run.only()["span_events"][0];
            assert_eq!(event["time_unix_nano"], 123_450_000);
            assert_eq!(event["attributes"]["ints"]["type"], 4);
        },
    },
    Case {
        name: "span_events: a time that is minutes back",
        env: &[],
        run: |run| {
            let time =
                SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_nanos();
            let time = u64::try_from(time).expect("before 2554") - 100_000_000_000;
            event(run, time);
            let told = run.only()["span_events"][0]["time_unix_nano"].as_u64().expect("a time");
            assert!(told.abs_diff(time) < 1_000_000_000, "{told} for {time}");
        },
    },
    Case {
        name: "span_events: as a tag in v0.5",
        env: &[("DD_TRACE_API_VERSION", "v0.5")],
        run: |run| {
            event(run, 123_450_000);
            let span = run.only();
            let text = span["meta"]["events"].as_str().expect("events as a tag");
            let found: Value = serde_json::from_str(text).expect("JSON");
            assert_eq!(found[0]["attributes"]["string"], "bar");
        },
    },
];

/// A span with two links, to its parent and to a sibling that is finished.
fn links(run: &Run<'_>) -> Value {
    let root = run.root("root");
    let first = run.child("first", root);
    run.finish(first);
    let second = run.child("second", root);
    let attributes = json!({ "foo": "bar", "array": ["a", "b"] });
    run.on(second, "add_link", json!({ "parent_id": root, "attributes": attributes }));
    run.on(second, "add_link", json!({ "parent_id": first, "attributes": { "bools": [true, false] } }));
    run.finish(second);
    run.finish(root);
    named(&run.spans(), "second").clone()
}

/// The link of a span that is linked to whoever sent these headers.
fn link_to(run: &Run<'_>, headers: &[(&str, &str)]) -> Value {
    let from = run.extract(headers);
    let span = run.root("root");
    run.on(span, "add_link", json!({ "parent_id": from, "attributes": { "foo": "bar" } }));
    run.finish(span);
    let span = run.only();
    assert_eq!(span["span_links"][0]["attributes"], json!({ "foo": "bar" }));
    span["span_links"][0].clone()
}

/// A span with an event.
fn event(run: &Run<'_>, time: u64) {
    run.ask("/trace/agent/ensure_agent_info", json!({}));
    let span = run.root("test");
    let attributes = json!({ "string": "bar", "bool": true, "int": 1, "double": 2.3, "ints": [5, 6] });
    run.on(span, "add_event", json!({ "name": "event_name", "timestamp": time, "attributes": attributes }));
    run.finish(span);
}

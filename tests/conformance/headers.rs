//! Traces from elsewhere and to elsewhere by Datadog's headers and by those of B3; ids of 128 bits.

use serde_json::{Value, json};

use crate::run::{Case, assert_field};

const DATADOG: (&str, &str) = ("DD_TRACE_PROPAGATION_STYLE", "Datadog");
const SHORT_IDS: (&str, &str) = ("DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED", "false");

pub const CASES: &[Case] = &[
    Case {
        name: "headers_datadog D001, D004: extracted and sent on",
        env: &[],
        run: |run| {
            let headers = run.serve(&[
                ("x-datadog-trace-id", "123456789"),
                ("x-datadog-parent-id", "987654321"),
                ("x-datadog-sampling-priority", "2"),
                ("x-datadog-origin", "synthetics;=web,z"),
                ("x-datadog-tags", "_dd.p.dm=-4"),
            ]);
            let span = run.only();
            assert_eq!((&span["trace_id"], &span["parent_id"]), (&json!(123_456_789), &json!(987_654_321)));
            assert_field(&span, "meta", "_dd.origin", json!("synthetics;=web,z"));
            assert_field(&span, "meta", "_dd.p.dm", json!("-4"));
            assert_field(&span, "metrics", "_sampling_priority_v1", json!(2.0));
            assert_eq!(headers["x-datadog-trace-id"], "123456789");
            assert_eq!(headers["x-datadog-parent-id"], span["span_id"].to_string());
            assert_eq!(headers["x-datadog-sampling-priority"], "2");
            assert_eq!(headers["x-datadog-origin"], "synthetics;=web,z");
            assert!(headers["x-datadog-tags"].contains("_dd.p.dm=-4"));
        },
    },
    Case {
        name: "headers_datadog D002, D005: a trace id of 0 is none",
        env: &[],
        run: |run| {
            let headers = run.serve(&[
                ("x-datadog-trace-id", "0"),
                ("x-datadog-parent-id", "0"),
                ("x-datadog-sampling-priority", "2"),
                ("x-datadog-tags", "_dd.p.dm=-4"),
            ]);
            let span = run.only();
            assert_eq!(span["parent_id"].as_u64().unwrap_or_default(), 0);
            assert_field(&span, "metrics", "_sampling_priority_v1", json!(1.0));
            assert_ne!(headers["x-datadog-trace-id"], "0");
            assert_eq!(headers["x-datadog-sampling-priority"], "1");
            assert!(!headers["x-datadog-tags"].contains("_dd.p.dm=-4"));
        },
    },
    Case {
        name: "headers_datadog D003: a trace of our own",
        env: &[],
        run: |run| {
            let headers = run.serve(&[]);
            let span = run.only();
            assert_eq!(headers["x-datadog-trace-id"], span["trace_id"].to_string());
            assert_eq!(headers["x-datadog-parent-id"], span["span_id"].to_string());
            assert_eq!(headers["x-datadog-sampling-priority"], "1");
        },
    },
    Case {
        name: "128_bit_traceids: 128 bits in Datadog's headers",
        env: &[DATADOG, SHORT_IDS],
        run: |run| {
            let headers = run.serve(&[
                ("x-datadog-trace-id", "1234567890123456789"),
                ("x-datadog-parent-id", "987654321"),
                ("x-datadog-tags", "_dd.p.tid=640cfd8d00000000"),
            ]);
            let span = run.only();
            assert_eq!(span["trace_id"], 1_234_567_890_123_456_789_u64);
            assert_field(&span, "meta", "_dd.p.tid", json!("640cfd8d00000000"));
            assert_eq!(headers["x-datadog-trace-id"], "1234567890123456789");
            assert!(headers["x-datadog-tags"].contains("_dd.p.tid=640cfd8d00000000"));
        },
    },
    Case {
        name: "128_bit_traceids: an upper half that is too long, too short, or no number",
        env: &[DATADOG, SHORT_IDS],
        run: |run| {
            for tid in ["1234567890abcdef1", "1234567890abcde", "1234567890abcdeX"] {
                let headers = run.serve(&[
                    ("x-datadog-trace-id", "1234567890123456789"),
                    ("x-datadog-parent-id", "987654321"),
                    ("x-datadog-tags", &format!("_dd.p.tid={tid}")),
                ]);
                assert_eq!(headers["x-datadog-trace-id"], "1234567890123456789");
                assert!(!headers.get("x-datadog-tags").is_some_and(|tags| tags.contains("_dd.p.tid")));
            }
            let spans = run.spans();
            spans.iter().for_each(|span| assert_field(span, "meta", "_dd.p.tid", Value::Null));
            assert_field(
                &spans[0],
                "meta",
                "_dd.propagation_error",
                json!("malformed_tid 1234567890abcdef1"),
            );
        },
    },
    Case {
        name: "128_bit_traceids: made by default, with the time in front",
        env: &[("DD_TRACE_PROPAGATION_STYLE", "Datadog,b3,b3multi,tracecontext")],
        run: |run| {
            let headers = run.serve(&[]);
            let span = run.only();
            let tid = span["meta"]["_dd.p.tid"].as_str().expect("an upper half");
            assert!(tid.len() == 16 && tid.ends_with("00000000") && !tid.starts_with("00000000"), "{tid}");
            assert!(headers["x-datadog-tags"].contains(&format!("_dd.p.tid={tid}")), "{headers:?}");
            let whole = format!("{tid}{:016x}", span["trace_id"].as_u64().expect("an id"));
            assert!(headers["b3"].starts_with(&format!("{whole}-")), "{headers:?}");
            assert_eq!(headers["x-b3-traceid"], whole);
            assert!(headers["traceparent"].starts_with(&format!("00-{whole}-")), "{headers:?}");
        },
    },
    Case {
        name: "128_bit_traceids: 64 bits when they are asked for",
        env: &[("DD_TRACE_PROPAGATION_STYLE", "Datadog,b3multi,tracecontext"), SHORT_IDS],
        run: |run| {
            let headers = run.serve(&[]);
            let span = run.only();
            assert_field(&span, "meta", "_dd.p.tid", Value::Null);
            let id = format!("{:016x}", span["trace_id"].as_u64().expect("an id"));
            assert!(!headers["x-datadog-tags"].contains("_dd.p.tid"), "{headers:?}");
            assert_eq!(headers["x-b3-traceid"].trim_start_matches("0000000000000000"), id);
            assert!(headers["traceparent"].starts_with(&format!("00-0000000000000000{id}-")), "{headers:?}");
        },
    },
    Case {
        name: "x-datadog-tags: a length of 0 is none",
        env: &[DATADOG, ("DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH", "0")],
        run: |run| {
            assert!(!run.serve(&[]).contains_key("x-datadog-tags"));
            assert_field(&run.only(), "meta", "_dd.propagation_error", json!("disabled"));
        },
    },
    Case {
        name: "headers_b3multi: extracted and sent on",
        env: &[
            ("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "B3MULTI"),
            ("DD_TRACE_PROPAGATION_STYLE_INJECT", "b3multi"),
        ],
        run: |run| {
            let headers = run.serve(&[
                ("x-b3-traceid", "000000000000000000000000075bcd15"),
                ("x-b3-spanid", "000000003ade68b1"),
                ("x-b3-sampled", "1"),
            ]);
            let span = run.only();
            assert_eq!((&span["trace_id"], &span["parent_id"]), (&json!(123_456_789), &json!(987_654_321)));
            assert_field(&span, "metrics", "_sampling_priority_v1", json!(1.0));
            assert!(headers["x-b3-traceid"].ends_with("00000000075bcd15"));
            assert_eq!(headers["x-b3-spanid"], hex(&span["span_id"]));
            assert_eq!(headers["x-b3-sampled"], "1");
            assert!(!headers.contains_key("x-datadog-trace-id"));
        },
    },
    Case {
        name: "headers_b3: one header, and one that names nothing",
        env: &[("DD_TRACE_PROPAGATION_STYLE", "b3")],
        run: |run| {
            let headers = run.serve(&[("b3", "640cfd8d00000000abcdefab12345678-000000003ade68b1-1")]);
            assert!(
                headers["b3"].starts_with("640cfd8d00000000abcdefab12345678-")
                    && headers["b3"].ends_with("-1")
            );
            let headers = run.serve(&[("b3", "0-0-1")]);
            assert!(!headers["b3"].starts_with("0000000000000000-"), "{headers:?}");
        },
    },
    Case {
        name: "baggage as OpenTracing has it goes on where it is asked for",
        env: &[("DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED", "true")],
        run: |run| {
            let headers = run.serve(&[
                ("x-datadog-trace-id", "7"),
                ("x-datadog-parent-id", "9"),
                ("baggage", "a=1,c=2"),
                ("ot-baggage-c", "3"),
            ]);
            assert_eq!((&*headers["ot-baggage-a"], &*headers["ot-baggage-c"]), ("1", "3"), "{headers:?}");
            assert!(headers["baggage"].contains("c=3") && !headers["baggage"].contains("c=2"), "{headers:?}");
        },
    },
    Case {
        name: "baggage as OpenTracing has it stays where it is where it is not asked for",
        env: &[],
        run: |run| {
            let headers = run.serve(&[
                ("x-datadog-trace-id", "7"),
                ("x-datadog-parent-id", "9"),
                ("ot-baggage-c", "3"),
            ]);
            assert!(!headers.keys().any(|name| name.contains("baggage")), "{headers:?}");
        },
    },
];

fn hex(id: &Value) -> String {
    format!("{:016x}", id.as_u64().expect("an id"))
}

//! Traces from elsewhere and to elsewhere by W3C's headers, and by those of several styles.

use serde_json::json;

use crate::run::{Case, Run, assert_field};

const PARENT: &str = "00-12345678901234567890123456789012-1234567890123456-01";
const NOT_SAMPLED: &str = "00-12345678901234567890123456789012-1234567890123456-00";
const W3C: (&str, &str) = ("DD_TRACE_PROPAGATION_STYLE", "tracecontext");
const W3C_DATADOG: (&str, &str) = ("DD_TRACE_PROPAGATION_STYLE", "tracecontext,Datadog");

pub const CASES: &[Case] = &[
    Case {
        name: "headers_tracecontext: a parent that is one",
        env: &[W3C],
        run: |run| {
            for (name, value) in [
                ("traceparent", PARENT.to_owned()),
                ("TrAcEpArEnT", PARENT.to_owned()),
                ("traceparent", format!("\t {PARENT} \t")),
                ("traceparent", format!("cc{}", &PARENT[2..])),
                ("traceparent", format!("cc{}-what-the-future-will-be-like", &PARENT[2..])),
            ] {
                let headers = run.serve(&[(name, &value)]);
                assert!(headers["traceparent"].starts_with(&PARENT[..36]), "{value}: {headers:?}");
                assert!(!headers["traceparent"].starts_with(&PARENT[..52]), "{value}: {headers:?}");
            }
        },
    },
    Case {
        name: "headers_tracecontext: a parent that is none",
        env: &[W3C],
        run: |run| {
            for value in [
                "00-12345678901234567890123456789012-1234567890123456-01.",
                "00-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like",
                "cc-12345678901234567890123456789012-1234567890123456-01.what-the-future-will-be-like",
                "ff-12345678901234567890123456789012-1234567890123456-01",
                ".0-12345678901234567890123456789012-1234567890123456-01",
                "000-12345678901234567890123456789012-1234567890123456-01",
                "0-12345678901234567890123456789012-1234567890123456-01",
                "00-00000000000000000000000000000000-1234567890123456-01",
                "00-1234567890123456789012345678901.-1234567890123456-01",
                "00-123456789012345678901234567890123-1234567890123456-01",
                "00-1234567890123456789012345678901-1234567890123456-01",
                "00-12345678901234567890123456789012-0000000000000000-01",
                "00-12345678901234567890123456789012-123456789012345.-01",
                "00-12345678901234567890123456789012-12345678901234567-01",
                "00-12345678901234567890123456789012-1234567890123456-0.",
                "00-12345678901234567890123456789012-1234567890123456-001",
            ] {
                let headers = run.serve(&[("traceparent", value)]);
                assert!(
                    !headers["traceparent"].contains("2345678901234567890123456789012"),
                    "{value}: {headers:?}"
                );
            }
            let twice = run.serve(&[("traceparent", PARENT), ("traceparent", NOT_SAMPLED)]);
            assert!(!twice["traceparent"].contains("12345678901234567890123456789012"), "{twice:?}");
        },
    },
    Case {
        name: "headers_tracecontext: members of others go on, from several headers as from one",
        env: &[W3C],
        run: |run| {
            let headers = run.serve(&[
                ("traceparent", NOT_SAMPLED),
                ("tracestate", "foo=1,bar=2"),
                ("TraceState", "rojo=1,congo=2"),
                ("tracestate", ""),
                ("tracestate", "baz=3"),
            ]);
            assert!(headers["tracestate"].ends_with("foo=1,bar=2,rojo=1,congo=2,baz=3"), "{headers:?}");
            let headers = run.serve(&[("tracestate", "foo=1")]);
            assert!(!headers["tracestate"].contains("foo"), "{headers:?}");
        },
    },
    Case {
        name: "headers_tracestate_dd: flag and priority",
        env: &[W3C_DATADOG],
        run: |run| {
            for (parent, state, priority, flags) in [
                (PARENT, "", "1", "01"),
                (PARENT, "foo=1,dd=s:-1", "1", "01"),
                (PARENT, "foo=1,dd=s:2", "2", "01"),
                (NOT_SAMPLED, "", "0", "00"),
                (NOT_SAMPLED, "foo=1,dd=s:-1", "-1", "00"),
                (NOT_SAMPLED, "foo=1,dd=s:1", "0", "00"),
            ] {
                let headers = run.serve(&[("traceparent", parent), ("tracestate", state)]);
                assert_eq!(headers["x-datadog-sampling-priority"], priority, "{parent} {state}");
                assert!(headers["traceparent"].ends_with(flags), "{parent} {state}");
                assert!(dd(&headers["tracestate"]).contains(&format!("s:{priority}")), "{parent} {state}");
            }
            for (priority, flags) in [("2", "01"), ("-1", "00")] {
                let headers = run.serve(&[
                    ("x-datadog-trace-id", "7890123456789012"),
                    ("x-datadog-parent-id", "1234567890123456"),
                    ("x-datadog-sampling-priority", priority),
                ]);
                assert!(headers["traceparent"].ends_with(flags), "{priority}");
                assert!(dd(&headers["tracestate"]).contains(&format!("s:{priority}")), "{priority}");
            }
        },
    },
    Case {
        name: "headers_tracestate_dd: origin",
        env: &[W3C_DATADOG],
        run: |run| {
            for (origin, member) in [
                ("synthetics-browser", "o:synthetics-browser"),
                ("synthetics~;=web,z", "o:synthetics__~web_z"),
            ] {
                let headers = run.serve(&[
                    ("x-datadog-trace-id", "7890123456789012"),
                    ("x-datadog-parent-id", "1234567890123456"),
                    ("x-datadog-origin", origin),
                ]);
                assert_eq!(headers["x-datadog-origin"], origin);
                assert!(dd(&headers["tracestate"]).contains(&member.to_owned()), "{headers:?}");
            }
            let headers = run.serve(&[("traceparent", PARENT), ("tracestate", "foo=1,dd=s:-1;o:tracing2.0")]);
            assert_eq!(headers["x-datadog-origin"], "tracing2.0");
        },
    },
    Case {
        name: "headers_tracestate_dd: tags of the trace, into the member and out of it",
        env: &[W3C_DATADOG],
        run: |run| {
            let tags = "_dd.p.dm=-4,_dd.p.usr.id=baz64==,_dd.p.url=http://localhost";
            let headers = run.serve(&[
                ("x-datadog-trace-id", "7890123456789012"),
                ("x-datadog-parent-id", "1234567890123456"),
                ("x-datadog-tags", tags),
            ]);
            assert_eq!(headers["x-datadog-tags"], tags);
            for item in ["t.dm:-4", "t.usr.id:baz64~~", "t.url:http://localhost"] {
                assert!(dd(&headers["tracestate"]).contains(&item.to_owned()), "{item}: {headers:?}");
            }
            let headers = run
                .serve(&[("traceparent", PARENT), ("tracestate", "foo=1,dd=s:2;t.dm:-4;t.usr.id:baz64~~")]);
            for tag in ["_dd.p.dm=-4", "_dd.p.usr.id=baz64=="] {
                assert!(headers["x-datadog-tags"].split(',').any(|told| told == tag), "{tag}: {headers:?}");
            }
        },
    },
    Case {
        name: "headers_tracestate_dd: the mechanism, where flag and priority disagree",
        env: &[W3C_DATADOG],
        run: |run| {
            let kept =
                run.serve(&[("traceparent", PARENT), ("tracestate", "foo=1,dd=s:-1;t.dm:-4;t.usr.id:b")]);
            assert!(kept["x-datadog-tags"].split(',').any(|tag| tag == "_dd.p.dm=-0"), "{kept:?}");
            let gone =
                run.serve(&[("traceparent", NOT_SAMPLED), ("tracestate", "foo=1,dd=s:2;t.dm:-4;t.usr.id:b")]);
            assert!(!gone["x-datadog-tags"].contains("_dd.p.dm"), "{gone:?}");
            assert!(!gone["tracestate"].contains("t.dm"), "{gone:?}");
        },
    },
    Case {
        name: "headers_tracestate_dd: 32 members at most",
        env: &[W3C_DATADOG],
        run: |run| {
            let others = |count: usize| {
                (1..=count).map(|index| format!("k{index}=v{index}")).collect::<Vec<_>>().join(",")
            };
            for (state, last) in [(format!("{},dd=s:-1", others(31)), "k31=v31"), (others(32), "k31=v31")] {
                let headers = run.serve(&[("traceparent", PARENT), ("tracestate", &state)]);
                let members: Vec<&str> = headers["tracestate"].split(',').collect();
                assert!(
                    members.len() == 32 && members[0].starts_with("dd=") && members[31] == last,
                    "{members:?}"
                );
            }
        },
    },
    Case {
        name: "headers_precedence: Datadog first, W3C of the same trace and of another",
        env: &[("DD_TRACE_PROPAGATION_STYLE", "Datadog,tracecontext")],
        run: |run| {
            let ours = [("x-datadog-trace-id", "1"), ("x-datadog-parent-id", "987654321")];
            let same = [
                ours[0],
                ours[1],
                ("x-datadog-tags", "_dd.p.tid=1111111111111111"),
                ("traceparent", "00-11111111111111110000000000000001-000000003ade68b1-01"),
                ("tracestate", "dd=s:2;p:000000003ade68b1,foo=1"),
            ];
            let headers = run.serve(&same);
            assert!(headers["tracestate"].ends_with(",foo=1"), "{headers:?}");
            let other = run.serve(&[ours[0], ours[1], ("traceparent", PARENT), ("tracestate", "foo=1")]);
            assert_eq!(other["x-datadog-trace-id"], "1");
            assert!(!other["tracestate"].contains("foo"), "{other:?}");
            let spans = run.spans();
            let linked = spans.iter().find(|span| !span["span_links"].is_null()).expect("a link");
            let link = &linked["span_links"][0];
            assert_eq!(link["trace_id"], 8_687_463_697_196_027_922_u64);
            assert_eq!(link["attributes"]["reason"], "terminated_context");
            assert_eq!(link["attributes"]["context_headers"], "tracecontext");
        },
    },
    Case {
        name: "headers_precedence: another span of the same trace is the parent, and Datadog's last is told",
        env: &[],
        run: |run| {
            run.serve(&[
                ("x-datadog-trace-id", "1"),
                ("x-datadog-parent-id", "987654321"),
                ("x-datadog-tags", "_dd.p.tid=1111111111111111"),
                ("traceparent", "00-11111111111111110000000000000001-000000003ade68b2-01"),
                ("tracestate", "dd=s:2;p:0123456789abcdef,foo=1"),
            ]);
            let span = run.only();
            assert_eq!(span["parent_id"], 0x3ade_68b2);
            assert_field(&span, "meta", "_dd.parent_id", json!("0123456789abcdef"));
        },
    },
    Case {
        name: "headers_none: nothing is read and nothing written",
        env: &[("DD_TRACE_PROPAGATION_STYLE", "none")],
        run: |run| {
            let headers =
                run.serve(&[("x-datadog-trace-id", "1"), ("x-datadog-parent-id", "2"), ("baggage", "a=b")]);
            assert!(headers.is_empty(), "{headers:?}");
            assert_ne!(run.only()["trace_id"], 1);
        },
    },
    Case {
        name: "extract_behavior Restart: a new trace with a link, and the baggage",
        env: &[("DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT", "restart")],
        run: restarted,
    },
    Case {
        name: "extract_behavior Restart_With_Extract_First",
        env: &[
            ("DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT", "restart"),
            ("DD_TRACE_PROPAGATION_EXTRACT_FIRST", "true"),
        ],
        run: restarted,
    },
    Case {
        name: "extract_behavior Ignore: a new trace without anything",
        env: &[("DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT", "ignore")],
        run: |run| {
            let headers = run.serve(&FROM_ELSEWHERE);
            let span = run.only();
            assert_ne!(span["trace_id"], 1);
            assert!(span["span_links"].is_null() && !headers.contains_key("baggage"), "{span} {headers:?}");
        },
    },
];

const FROM_ELSEWHERE: [(&str, &str); 7] = [
    ("x-datadog-trace-id", "1"),
    ("x-datadog-parent-id", "1"),
    ("x-datadog-sampling-priority", "2"),
    ("x-datadog-tags", "_dd.p.tid=1111111111111111,_dd.p.dm=-4"),
    ("traceparent", "00-11111111111111110000000000000001-0000000000000001-01"),
    ("tracestate", "dd=s:2;t.dm:-4,foo=1"),
    ("baggage", "key1=value1"),
];

fn restarted(run: &Run<'_>) {
    let headers = run.serve(&FROM_ELSEWHERE);
    let span = run.only();
    assert_ne!(span["trace_id"], 1);
    let link = &span["span_links"][0];
    assert_eq!((&link["trace_id"], &link["span_id"]), (&json!(1), &json!(1)));
    assert_eq!(link["trace_id_high"], 0x1111_1111_1111_1111_u64);
    assert_eq!(link["attributes"]["reason"], "propagation_behavior_extract");
    assert_eq!(link["attributes"]["context_headers"], "datadog");
    assert_ne!(headers["x-datadog-trace-id"], "1");
    assert_eq!(headers["baggage"], "key1=value1");
}

/// What Datadog's member says, item by item.
fn dd(state: &str) -> Vec<String> {
    let member = state.split(',').find_map(|member| member.strip_prefix("dd=")).expect("Datadog's member");
    member.split(';').map(str::to_owned).collect()
}

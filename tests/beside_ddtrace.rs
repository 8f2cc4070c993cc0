//! One program, written with us and with Datadog's own tracer for Python: what the agent gets of both, field by field, and
//! what both make of headers.
//!
//! Each difference is listed with its reason. One that is not listed is a failure, and so is one that is no longer there.

#[path = "beside/allowed.rs"]
mod allowed;
#[path = "beside/fields.rs"]
mod fields;
#[path = "beside/headers.rs"]
mod headers;
#[path = "beside/program.rs"]
mod program;

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use headers::{ALL, Request};
use microspan::propagation::Style;
use microspan_std::config::Config;
use microspan_std::local::Builder;
use microspan_tests::official::{self, TestAgent};
use microspan_tests::process::eventually;
use microspan_tests::{built, need};

const PATIENCE: Duration = Duration::from_secs(30);

/// What the environment of both says.
const VARIABLES: [(&str, &str); 8] = [
    ("DD_TRACE_API_VERSION", "v0.4"),
    ("DD_SERVICE", "shop"),
    ("DD_ENV", "test"),
    ("DD_VERSION", "1.2"),
    ("DD_TAGS", "team:bread,tier:1"),
    ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "4"),
    (
        "DD_TRACE_SAMPLING_RULES",
        r#"[{"name":"ruled.in","sample_rate":1},{"name":"ruled.out","sample_rate":0}]"#,
    ),
    ("DD_SPAN_SAMPLING_RULES", r#"[{"name":"ruled.out.single"}]"#),
];

/// The program for Python.
fn python_program() -> PathBuf {
    built::root().join("tests/beside_ddtrace.py")
}

#[test]
fn the_agent_gets_of_our_program_what_it_gets_of_ddtraces() {
    let python = need!(official::ddtrace());
    let agent = need!(TestAgent::start());
    let output = Command::new(python)
        .arg(python_program())
        .arg("trace")
        .envs(VARIABLES)
        .env("DD_TRACE_AGENT_URL", agent.url())
        .env("DD_TRACE_NATIVE_SPAN_EVENTS", "true")
        .env("DD_INSTRUMENTATION_TELEMETRY_ENABLED", "false")
        .env("DD_REMOTE_CONFIGURATION_ENABLED", "false")
        .output()
        .expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs = fields::of_chunks(&agent.chunks());
    agent.clear();

    let variables = VARIABLES.into_iter().chain([("DD_TRACE_AGENT_URL", agent.url())]);
    let local = Builder::new().config(Config::from_vars(variables)).init().expect("it starts");
    // How events are told depends on the agent.
    eventually(PATIENCE, || local.agent_info().ok_or_else(|| "the agent did not say what it is".to_owned()));
    program::run();
    assert!(local.flush(PATIENCE), "{:?}", local.stats());
    let ours = fields::of_chunks(&agent.chunks());

    let wrong = fields::compare(&ours, &theirs, allowed::SPANS);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    agent.assert_no_check_failed();
}

#[test]
fn headers_are_read_and_sent_as_by_ddtrace_and_each_reads_the_others() {
    let python = need!(official::ddtrace());
    let requests = requests();
    let theirs = headers::theirs(&python, &python_program(), &requests);
    let ours = headers::ours(&requests);
    let mut wrong = fields::compare(
        &headers::found(&requests, &ours),
        &headers::found(&requests, &theirs),
        allowed::FOUND,
    );
    wrong.extend(fields::compare(
        &headers::sent(&requests, &ours),
        &headers::sent(&requests, &theirs),
        allowed::SENT,
    ));

    // What one has sent, read by both, in each style by itself.
    let mut crossed = Vec::new();
    for (whose, answers) in [("ours", &ours), ("theirs", &theirs)] {
        for (request, answer) in requests.iter().zip(answers) {
            for style in [[Style::Datadog], [Style::TraceContext], [Style::B3], [Style::B3Multi]] {
                let name = format!("{}, as {whose}, by {}", request.name, style[0].name());
                let extract: &'static [Style] = Vec::from([style[0], Style::Baggage]).leak();
                crossed.push(Request { name, extract, inject: extract, headers: answer.headers.clone() });
            }
        }
    }
    wrong.extend(fields::compare(
        &headers::found(&crossed, &headers::ours(&crossed)),
        &headers::found(&crossed, &headers::theirs(&python, &python_program(), &crossed)),
        allowed::CROSSED,
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_difference_that_is_not_listed_is_told_and_one_that_is_listed_in_vain() {
    let fields = |value: &str| [(("span".to_owned(), "meta.key".to_owned()), value.to_owned())].into();
    let row = |theirs| fields::Allowed { span: "sp*", field: "meta.key", ours: "1", theirs, why: "so" };
    let compare =
        |theirs, allowed: &[fields::Allowed]| fields::compare(&fields("1"), &fields(theirs), allowed);
    assert_eq!(compare("2", &[]), ["span: meta.key: ours `1`, theirs `2`"]);
    assert_eq!(compare("2", &[row("2")]), [""; 0]);
    assert_eq!(compare("1", &[row("2")]), ["no longer so: sp*: meta.key: ours `1`, theirs `2` (so)"]);
    assert_eq!(compare("3", &[row("2")]).len(), 2);
}

/// Requests from elsewhere.
fn requests() -> Vec<Request> {
    const PARENT: &str = "00-12345678901234567890123456789012-1234567890123456-01";
    const DEFAULT: &[Style] = &[Style::Datadog, Style::TraceContext, Style::Baggage];
    let request = |name: &str, extract, headers: &[(&str, &str)]| Request::new(name, extract, &ALL, headers);
    vec![
        request(
            "datadog",
            DEFAULT,
            &[
                ("x-datadog-trace-id", "1234567890123456789"),
                ("x-datadog-parent-id", "987654321"),
                ("x-datadog-sampling-priority", "2"),
                ("x-datadog-origin", "synthetics;=web,z"),
                ("x-datadog-tags", "_dd.p.tid=640cfd8d00000000,_dd.p.dm=-4,_dd.p.usr.id=baz64=="),
                ("baggage", "user.id=ada,city=M%C3%BCnchen"),
            ],
        ),
        request(
            "datadog, rejected",
            DEFAULT,
            &[
                ("x-datadog-trace-id", "7"),
                ("x-datadog-parent-id", "9"),
                ("x-datadog-sampling-priority", "-1"),
                ("x-datadog-tags", "_dd.p.dm=-3"),
            ],
        ),
        request(
            "datadog, no priority",
            DEFAULT,
            &[("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "9")],
        ),
        request(
            "datadog, a bad mechanism",
            DEFAULT,
            &[
                ("x-datadog-trace-id", "7"),
                ("x-datadog-parent-id", "9"),
                ("x-datadog-sampling-priority", "1"),
                ("x-datadog-tags", "_dd.p.dm=4"),
            ],
        ),
        request(
            "w3c",
            DEFAULT,
            &[
                ("traceparent", PARENT),
                ("tracestate", "foo=1,dd=s:2;o:rum;p:00000000000000ab;t.dm:-4;t.usr.id:baz64~~,bar=2"),
            ],
        ),
        request("w3c, no member", DEFAULT, &[("traceparent", PARENT), ("tracestate", "foo=1")]),
        request(
            "w3c, sampled against the member",
            DEFAULT,
            &[("traceparent", PARENT), ("tracestate", "dd=s:-1;t.dm:-4")],
        ),
        request(
            "both, of one trace",
            DEFAULT,
            &[
                ("x-datadog-trace-id", "8687463697196027922"),
                ("x-datadog-parent-id", "9"),
                ("x-datadog-sampling-priority", "1"),
                ("x-datadog-tags", "_dd.p.tid=1234567890123456,_dd.p.dm=-0"),
                ("traceparent", PARENT),
                ("tracestate", "dd=s:1;p:0000000000000009;t.dm:-0,foo=1"),
            ],
        ),
        request("b3", &[Style::B3], &[("b3", "640cfd8d00000000abcdefab12345678-000000003ade68b1-1")]),
        request("b3, debug", &[Style::B3], &[("b3", "000000000000000a-000000000000000b-d")]),
        request(
            "b3multi",
            &[Style::B3Multi],
            &[
                ("x-b3-traceid", "640cfd8d00000000abcdefab12345678"),
                ("x-b3-spanid", "000000003ade68b1"),
                ("x-b3-sampled", "0"),
            ],
        ),
    ]
}

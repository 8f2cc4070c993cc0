//! What Datadog's variables do to the traces of a bridge, and what `microspan config` says of them.

use std::process::Command;

use microspan_tests::bridge::{Bridge, Summary};
use microspan_tests::built;
use microspan_tests::device::{self, SPANS, frame};
use microspan_tests::need;
use microspan_tests::official::TestAgent;
use microspan_tests::standin::Standin;
use serde_json::Value;

const TRACES: usize = 10;

/// What a bridge with these variables makes of a device's traces: roots `turn` with their `number`, and in each a `step`.
fn bridged(agent_url: &str, variables: &[(&str, &str)]) -> Summary {
    let mut bridge = Bridge::start_with(agent_url, &["--stdin"], variables);
    for packet in device::packets(31, TRACES) {
        bridge.process.write(&frame(&packet));
    }
    bridge.process.close_stdin();
    bridge.finish()
}

#[test]
fn traces_that_the_configuration_names_by_their_roots_reach_no_agent_and_are_counted() {
    for (variable, value, filtered) in [
        ("DD_APM_IGNORE_RESOURCES", "^turn$", TRACES),
        ("DD_APM_IGNORE_RESOURCES", "^step$", 0),
        ("DD_APM_FILTER_TAGS_REJECT", "number:3", 1),
        ("DD_APM_FILTER_TAGS_REGEX_REQUIRE", "number:[0-3]", TRACES - 4),
    ] {
        let standin = Standin::start();
        let summary = bridged(standin.url(), &[(variable, value)]);
        let (all, filtered) = (TRACES as u64, filtered as u64);
        assert_eq!(
            (summary.traces_filtered, summary.spans_filtered),
            (filtered, filtered * SPANS),
            "{summary:?}"
        );
        let passed = all - filtered;
        assert_eq!((summary.traces_sent, summary.spans_sent), (passed, passed * SPANS), "{summary:?}");
        assert_eq!((standin.summary().traces, standin.summary().spans), (passed, passed * SPANS));
        assert_eq!((summary.spans_received, summary.spans_dropped_by_host), (all * SPANS, 0), "{summary:?}");
    }
}

#[test]
fn what_replace_rules_hide_is_in_no_request() {
    let agent = need!(TestAgent::start());
    let rules = r#"[{"name":"*","pattern":"^le(f)t$","repl":"gone-$1"},{"name":"resource.name","pattern":"^tu","repl":"?"}]"#;
    let variables = [("DD_APM_REPLACE_TAGS", rules), ("DD_TAGS", "side:left"), ("DD_TRACE_SAMPLE_RATE", "1")];
    let summary = bridged(agent.url(), &variables);
    assert_eq!(summary.spans_sent, TRACES as u64 * SPANS, "{summary:?}");

    let requests = agent.requests();
    let chunks: Vec<_> = requests.iter().flat_map(|request| &request.chunks).collect();
    assert_eq!(chunks.len(), TRACES);
    let mut hidden = 0;
    for span in chunks.iter().copied().flatten() {
        assert!(span.meta.values().all(|value| value != "left"), "{span:?}");
        assert_eq!(span.text("side"), Some("gone-f"));
        hidden += usize::from(span.text("foot") == Some("gone-f"));
        assert_eq!(span.resource, if span.name == "turn" { "?rn" } else { "step" });
    }
    assert_eq!(hidden, TRACES / 2);
    for first in chunks.iter().filter_map(|chunk| chunk.first()) {
        assert_eq!((first.number("_sampling_priority_v1"), first.text("_dd.p.dm")), (Some(2.0), Some("-3")));
        assert_eq!((first.number("_dd.rule_psr"), first.text("_dd.p.ksr")), (Some(1.0), Some("1")));
    }
    agent.assert_no_check_failed();
}

/// What `microspan config` says with these variables alone: on its standard output, and on its standard error.
fn config(arguments: &[&str], variables: &[(&str, &str)]) -> (String, String) {
    let mut command = Command::new(built::microspan());
    command.arg("config").args(arguments).env_clear().envs(variables.iter().copied());
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_config_shows_each_value_where_it_comes_from_and_what_is_not_used() {
    let variables = [
        ("DD_SERVICE", "gateway"),
        ("DD_TRACE_SAMPLE_RATE", "7"),
        ("DD_API_KEY", "secret"),
        ("DD_TAGS", "env:lab"),
        ("DD_TRACE_WRITER_INTERVAL_SECONDS", "0.5"),
    ];
    let (shown, said) = config(&[], &variables);
    let line = |name: &str| {
        let line = shown.lines().find(|line| line.split_whitespace().next() == Some(name));
        line.map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")).unwrap_or_default()
    };
    assert_eq!(line("DD_SERVICE"), "gateway (DD_SERVICE)");
    assert_eq!(line("DD_ENV"), "lab (DD_TAGS)");
    assert_eq!(line("DD_TRACE_SAMPLE_RATE"), "- (default)");
    assert_eq!(line("DD_LOGS_INJECTION"), "true (default)");
    assert_eq!(line("DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED"), "true (default)");
    assert_eq!(line("DD_TRACE_WRITER_INTERVAL_SECONDS"), "0.5 (DD_TRACE_WRITER_INTERVAL_SECONDS)");
    assert_eq!(line("DD_API_KEY"), "is set and not used");
    assert!(!shown.contains("secret"), "{shown}");
    assert_eq!(
        said,
        "microspan: warning: DD_TRACE_SAMPLE_RATE=`7`: not a number from 0 to 1; no rate is used\n"
    );

    let (shown, _) = config(&["--json"], &variables);
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    let service = serde_json::json!({ "value": "gateway", "origin": "DD_SERVICE", "used": true });
    assert_eq!(shown["settings"]["DD_SERVICE"], service);
    assert_eq!(shown["not_used"], serde_json::json!(["DD_API_KEY"]));
}

//! What Datadog's own suite (system-tests, `tests/parametric`) asks of a tracer, asked of ours: its client runs, is driven by
//! HTTP as the suite drives it, and sends to Datadog's test agent.
//!
//! Each case tells where it is from. Those that fail are listed with the reason, and one that no longer fails is to be taken
//! off the list.

#[path = "conformance/beyond.rs"]
mod beyond;
#[path = "conformance/headers.rs"]
mod headers;
#[path = "conformance/otel.rs"]
mod otel;
#[path = "conformance/run.rs"]
mod run;
#[path = "conformance/sampling.rs"]
mod sampling;
#[path = "conformance/tracer.rs"]
mod tracer;
#[path = "conformance/w3c.rs"]
mod w3c;

use std::panic::{AssertUnwindSafe, catch_unwind};

use microspan_tests::need;
use microspan_tests::official::TestAgent;
use run::{Case, Run};
use serde_json::json;

/// Cases that fail, and why.
const FAILING: &[(&str, &str)] = &[
    (
        "span_links: from Datadog's headers, with what its tracestate would be",
        "a link is told ids and priority, and no tracestate",
    ),
    (
        "span_events: the time that is given, and lists",
        "the arena has no tick for a time that is decades back, and a value is no list",
    ),
    (
        "otel_span_methods: a name by what attributes say, set one after the other",
        "the resource is what the agent's mapping makes of `messaging.operation`, not the name",
    ),
    (
        "config_consistency UnifiedServiceTagging: the version is the main service's",
        "the service has a blank, which an agent makes `_`: what is sent has it already",
    ),
];

#[test]
fn the_cases_of_datadogs_own_suite_hold() {
    let agent = need!(TestAgent::start());
    let cases: Vec<&Case> =
        [tracer::CASES, sampling::CASES, headers::CASES, w3c::CASES, beyond::CASES, otel::CASES]
            .into_iter()
            .flatten()
            .collect();
    let mut wrong = Vec::new();
    for (name, _) in FAILING {
        assert!(cases.iter().any(|case| case.name == *name), "there is no case `{name}`");
    }
    for case in &cases {
        let held = catch_unwind(AssertUnwindSafe(|| (case.run)(&Run::start(&agent, case.env))));
        match (held.is_ok(), FAILING.iter().find(|(name, _)| *name == case.name)) {
            (true, None) | (false, Some(_)) => {}
            (false, None) => wrong.push(format!("failed: {}", case.name)),
            (true, Some(_)) => wrong.push(format!("listed as failing, and holds: {}", case.name)),
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    agent.assert_no_check_failed();
}

#[test]
fn what_there_is_not_is_said() {
    let agent = need!(TestAgent::start());
    let run = Run::start(&agent, &[]);
    assert_eq!(run.answer("/trace/otel/end_span", &json!({ "id": 7 })).0, 404);
    assert_eq!(run.answer("/trace/span/finish", &json!({ "span_id": 7 })).0, 404);
    assert_eq!(run.answer("/trace/span/start", &json!({})).0, 422);
    assert_eq!(run.answer("/nowhere", &json!({})).0, 404);
}

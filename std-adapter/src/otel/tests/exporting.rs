//! What the exporter lets pass, against an agent that plays a script.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use rmpv::Value;

use super::super::DatadogSpanExporter;
use crate::agent::Options;
use crate::agent::tests::scripted::{Request, Scripted, Turn};
use crate::config::Config;

const SOON: Duration = Duration::from_secs(5);
const OK: Turn = Turn::Answer(200, "{}");

/// A span whose id is that of its trace, or one more if it has a parent.
fn span(trace: u64, parent: u64, name: &'static str, plan: &'static str) -> SpanData {
    let id = |id: u64| SpanId::from_bytes(id.to_be_bytes());
    let (trace_id, span_id) =
        (TraceId::from_bytes(u128::from(trace).to_be_bytes()), id(trace + parent.min(1)));
    SpanData {
        span_context: SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, TraceState::default()),
        parent_span_id: id(parent),
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: name.into(),
        start_time: SystemTime::UNIX_EPOCH,
        end_time: SystemTime::UNIX_EPOCH,
        attributes: vec![KeyValue::new("plan", plan)],
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: opentelemetry::InstrumentationScope::default(),
    }
}

fn exporter(server: &Scripted, vars: &[(&str, &str)]) -> DatadogSpanExporter {
    let builder = DatadogSpanExporter::builder()
        .agent_url(server.url())
        .options(Options { flush_interval: Some(Duration::from_secs(60)), ..Options::default() });
    builder.build_by(Config::from_vars(vars.iter().copied())).expect("the agent's URL")
}

/// What these requests have under this key, at any depth.
fn found(requests: &[Request], path: &str, key: &str) -> Vec<Value> {
    fn look(value: &Value, key: &str, found: &mut Vec<Value>) {
        for (name, value) in value.as_map().into_iter().flatten() {
            if name.as_str() == Some(key) {
                found.push(value.clone());
            }
            look(value, key, found);
        }
        value.as_array().into_iter().flatten().for_each(|value| look(value, key, found));
    }
    let mut all = Vec::new();
    for request in requests.iter().filter(|request| request.line.contains(path)) {
        look(&rmpv::decode::read_value(&mut &request.body[..]).expect("MessagePack"), key, &mut all);
    }
    all
}

#[test]
fn the_lists_of_the_agent_drop_whole_traces_before_they_are_counted_in_statistics() {
    let info = r#"{"endpoints":["/v0.4/traces","/v0.6/stats"],"client_drop_p0s":true,
        "ignore_resources":["^health$"],"filter_tags":{"reject":["plan:none"]},
        "filter_tags_regex":{"require":["plan:gold|silver|none"]}}"#;
    let server = Scripted::start([Turn::Answer(200, info)].into_iter().chain([OK; 20]).collect());
    let exporter = exporter(&server, &[("DD_TRACE_STATS_COMPUTATION_ENABLED", "true")]);
    // It goes by what the agent said once that has come.
    let before = Instant::now();
    let mut early = 0;
    while exporter.pipeline().filtered_traces == 0 {
        assert!(before.elapsed() < SOON, "the agent is asked before there is a trace");
        early += 1;
        exporter.send(&[span(1_000 + early, 0, "health", "gold")]);
        thread::sleep(Duration::from_millis(2));
    }
    assert!(exporter.flush(SOON).is_ok());
    let behind = server.requests().len();

    exporter.send(&[span(10, 10, "step", "gold"), span(10, 0, "health", "gold")]);
    exporter.send(&[span(20, 0, "none", "none"), span(30, 0, "iron", "iron"), span(40, 0, "gold", "gold")]);
    // Children whose roots come with a later batch.
    exporter.send(&[span(50, 50, "step", "iron"), span(60, 60, "lost step", "silver")]);
    exporter.send(&[span(50, 0, "silver", "silver"), span(60, 0, "health", "silver")]);
    assert_eq!((exporter.pipeline().filtered_traces, exporter.pipeline().filtered_spans), (5, 7));
    assert!(exporter.flush(SOON).is_ok());
    let requests = server.requests().split_off(behind);
    let mut names: Vec<_> = found(&requests, "/v0.4/traces", "resource");
    names.sort_by_key(Value::to_string);
    assert_eq!(names, ["gold", "silver", "step"].map(Value::from));
    let hits: u64 = found(&requests, "/v0.6/stats", "Hits").iter().filter_map(Value::as_u64).sum();
    assert_eq!(hits, 2, "the two roots");
    assert!(exporter.end(SOON).is_ok());
}

#[test]
fn what_waits_for_its_root_goes_out_by_a_flush_and_at_the_end() {
    let server = Scripted::start(vec![OK; 20]);
    let exporter = exporter(&server, &[("DD_APM_FILTER_TAGS_REQUIRE", "plan:gold")]);
    exporter.send(&[span(10, 10, "first", "gold")]);
    assert_eq!(exporter.pipeline().spans_out, 0);
    assert!(exporter.flush(SOON).is_ok());
    assert_eq!(exporter.stats().sent.spans, 1);
    exporter.send(&[span(20, 20, "second", "gold")]);
    assert!(exporter.end(SOON).is_ok());
    assert_eq!(exporter.stats().sent.spans, 2);
}

#[test]
fn the_limit_of_sampling_rules_is_one_of_a_second() {
    let server = Scripted::start(vec![OK; 20]);
    let exporter = exporter(&server, &[("DD_TRACE_SAMPLE_RATE", "1"), ("DD_TRACE_RATE_LIMIT", "1")]);
    exporter.send(&[span(10, 0, "kept", "gold"), span(20, 0, "one too many", "gold")]);
    thread::sleep(Duration::from_millis(1_100));
    exporter.send(&[span(30, 0, "kept", "gold")]);
    assert!(exporter.end(SOON).is_ok());
    let priorities = found(&server.requests(), "/v0.4/traces", "_sampling_priority_v1");
    assert_eq!(priorities.iter().filter_map(Value::as_f64).collect::<Vec<_>>(), [2.0, -1.0, 2.0]);
}

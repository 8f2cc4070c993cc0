//! Programs that are written against OpenTelemetry's API alone, and nested with spans of our own, to an agent.

#[path = "otel_native/contexts.rs"]
mod contexts;
mod support;

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use microspan::{Rule, Sampler};
use microspan_std::local::{Builder, Local};
use microspan_std::otel::{DatadogPropagator, MicrospanTracer, MicrospanTracerProvider};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{
    Event, Link, Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId,
    TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Array, Context, InstrumentationScope, KeyValue, StringValue, Value, global};
use opentelemetry_sdk::Resource;
use support::{Agent, Span};

static RULES: [Rule; 1] = [Rule::new(0.0).name("out")];
static SAMPLER: Sampler = Sampler::new().rules(&RULES);

/// A program that traces itself, and its agent.
struct Program {
    agent: Agent,
    local: Local,
    provider: MicrospanTracerProvider,
}

static PROGRAM: LazyLock<Mutex<Program>> = LazyLock::new(|| {
    let agent = Agent::start();
    let local = Builder::new().config(agent.config()).sampler(&SAMPLER).init().expect("the first tracer");
    Mutex::new(Program { agent, local, provider: MicrospanTracerProvider::new() })
});

fn program() -> MutexGuard<'static, Program> {
    PROGRAM.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Program {
    fn tracer(&self) -> MicrospanTracer {
        self.provider.tracer("bakery")
    }

    fn span(&self, resource: &str) -> Span {
        self.provider.force_flush().expect("an agent that takes everything");
        let found: Vec<Span> =
            self.agent.spans().into_iter().filter(|span| span.resource == resource).collect();
        assert_eq!(found.len(), 1, "of `{resource}`: {found:?}");
        found[0].clone()
    }
}

fn id(context: &SpanContext) -> Option<u64> {
    context.is_valid().then(|| u64::from_be_bytes(context.span_id().to_bytes()))
}

#[test]
fn a_span_is_shown_as_the_exporter_shows_it() {
    let program = program();
    let scope = InstrumentationScope::builder("http").with_version("0.7").build();
    let tracer = program.provider.tracer_with_scope(scope);
    let lists = Array::String(vec![StringValue::from("rye"), StringValue::from("oat")]);
    let mut span = tracer
        .span_builder("shown")
        .with_kind(SpanKind::Server)
        .with_attributes([
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("http.route", "/shown"),
            KeyValue::new("bread", Value::Array(lists)),
            KeyValue::new("slices", 12),
            KeyValue::new("weight", 0.5),
            KeyValue::new("fresh", true),
            KeyValue::new(String::from("made.") + "here", "yes"),
        ])
        .start(&tracer);
    assert!(span.is_recording());
    span.set_attribute(KeyValue::new("service.name", "oven"));
    span.set_attribute(KeyValue::new("span.type", "worker"));
    span.record_error(&std::io::Error::other("the oven is cold"));
    span.set_status(Status::error("no bread"));
    span.set_status(Status::Unset);
    span.end();
    assert!(!span.is_recording() && span.span_context().is_valid());
    let shown = program.span("GET /shown");
    assert_eq!(Some(shown.id), id(span.span_context()));
    assert_eq!(
        (&*shown.name, &*shown.service, &*shown.kind, shown.error),
        ("http.server.request", "oven", "worker", true)
    );
    let trace_id = span.span_context().trace_id().to_string();
    for (key, value) in [
        ("http.method", "GET"),
        ("bread.0", "rye"),
        ("bread.1", "oat"),
        ("fresh", "true"),
        ("made.here", "yes"),
        ("span.kind", "server"),
        ("otel.scope.name", "http"),
        ("otel.scope.version", "0.7"),
        ("otel.status_code", "Error"),
        ("otel.status_description", "no bread"),
        ("otel.trace_id", &trace_id),
        ("error.message", "the oven is cold"),
    ] {
        assert_eq!(shown.meta.get(key).map(String::as_str), Some(value), "{key} of {shown:?}");
    }
    assert_eq!((shown.metrics["slices"], shown.metrics["weight"]), (12.0, 0.5));
    assert!(
        !shown.meta.keys().chain(shown.metrics.keys()).any(|key| key.contains("microspan.")),
        "{shown:?}"
    );
}

#[test]
fn a_span_that_is_well_after_all_is_no_error_and_its_last_name_holds() {
    let program = program();
    let tracer = program.tracer();
    let mut span = tracer.start(String::from("well.first"));
    span.set_status(Status::error("cold"));
    span.set_status(Status::Ok);
    span.set_status(Status::error("too late"));
    span.update_name(String::from("well.second"));
    span.update_name("well.last");
    drop(span);
    let shown = program.span("well.last");
    assert_eq!((shown.error, &*shown.meta["otel.status_code"]), (false, "Ok"), "{shown:?}");
    assert!(!shown.meta.contains_key("error.message"), "{shown:?}");
}

#[test]
fn times_that_are_told_hold_to_the_nanosecond() {
    let program = program();
    let tracer = program.tracer();
    let start = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_000_000_000_123_456_789);
    let attributes = vec![KeyValue::new("slices", 3)];
    let event = Event::new("sliced", start + Duration::from_nanos(5), attributes, 0);
    let mut span =
        tracer.span_builder("times").with_start_time(start).with_events(vec![event]).start(&tracer);
    span.end_with_timestamp(start + Duration::from_nanos(250));
    let shown = program.span("times");
    assert_eq!((shown.start, shown.duration), (1_000_000_000_123_456_789, 250));
    let events = shown.meta.get("events").expect("events as JSON");
    assert!(events.contains("1000000000123456794") && events.contains("sliced"), "{events}");

    let before =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_nanos() as i64;
    let mut boxed = opentelemetry::global::BoxedTracer::new(Box::new(tracer)).start("times.boxed");
    boxed.end();
    let shown = program.span("times.boxed");
    assert!((shown.start - before).abs() < 1_000_000_000 && shown.duration < 100_000_000, "{shown:?}");
}

#[test]
fn a_trace_of_elsewhere_goes_on_with_what_came_with_it() {
    let program = program();
    let tracer = program.tracer();
    let headers = HashMap::from(
        [
            ("x-datadog-trace-id", "7"),
            ("x-datadog-parent-id", "9"),
            ("x-datadog-sampling-priority", "2"),
            ("x-datadog-origin", "rum"),
            ("tracestate", "vendor=1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let caller = DatadogPropagator::new().extract(&headers);
    let mut span = tracer.start_with_context("elsewhere", &caller);
    assert_eq!(span.span_context().trace_id(), TraceId::from(7_u128));
    let (context, mut out) =
        (caller.with_span(tracer.start_with_context("elsewhere.call", &caller)), HashMap::new());
    DatadogPropagator::new().inject_context(&context, &mut out);
    assert_eq!((&*out["x-datadog-trace-id"], &*out["x-datadog-origin"]), ("7", "rum"));
    span.end();
    let shown = program.span("elsewhere");
    assert_eq!((shown.trace, shown.parent), (7, 9));
    assert_eq!(shown.metrics["_sampling_priority_v1"], 2.0);
    assert_eq!(&*shown.meta["_dd.origin"], "rum");

    let ids = (TraceId::from(0x0a_0000_0000_0000_000b_u128), SpanId::from(12_u64));
    let state: TraceState = "vendor=2".parse().expect("a tracestate");
    let remote = SpanContext::new(ids.0, ids.1, TraceFlags::SAMPLED, true, state);
    let to = SpanContext::new(
        TraceId::from(3_u128),
        SpanId::from(4_u64),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    let context = Context::new().with_remote_span_context(remote);
    let _attached = context.attach();
    let links = vec![Link::new(to, vec![KeyValue::new("why", "because")], 0)];
    let mut span = tracer.span_builder("elsewhere.w3c").with_links(links).start(&tracer);
    assert_eq!(span.span_context().trace_state().header(), "vendor=2");
    span.end();
    let shown = program.span("elsewhere.w3c");
    assert_eq!((shown.trace, shown.parent, &*shown.meta["w3c.tracestate"]), (11, 12, "vendor=2"));
    let links = shown.links.map(|links| links.to_string()).expect("links");
    assert!(links.contains("\"because\"") && links.contains("\"span_id\": 4"), "{links}");
}

#[test]
fn what_starts_in_a_trace_that_is_not_recorded_is_not_recorded_either() {
    let program = program();
    let tracer = program.tracer();
    let sent = |program: &Program| {
        program.provider.force_flush().expect("an agent that takes everything");
        program.agent.spans().len()
    };
    let before = sent(&program);
    let out = Context::new().with_span(tracer.start("out"));
    let ids = out.span().span_context().clone();
    assert!(ids.is_valid() && !ids.is_sampled() && !out.span().is_recording());
    assert!(!tracer.start_with_context("within", &out).is_recording());
    {
        let _attached = out.attach();
        assert!(!microspan::trace("within.ours").is_recording());
        assert!(!tracer.start("within.theirs").is_recording());
    }
    assert!(tracer.start("without").is_recording());
    assert_eq!(sent(&program), before + 1);
}

#[test]
fn a_resource_says_of_what_service_its_spans_are() {
    let program = program();
    let resource = Resource::builder_empty()
        .with_service_name("mill")
        .with_attributes([KeyValue::new("service.version", "3"), KeyValue::new("host.name", "stone")])
        .build();
    let provider = MicrospanTracerProvider::with_resource(resource);
    drop(provider.tracer("grinder").start("resourceful"));
    let shown = program.span("resourceful");
    assert_eq!((&*shown.service, &*shown.meta["host.name"]), ("mill", "stone"), "{shown:?}");
}

#[test]
fn the_global_provider_may_be_it_and_after_its_end_nothing_is_recorded() {
    let program = program();
    let provider = MicrospanTracerProvider::new();
    global::set_tracer_provider(provider.clone());
    global::tracer("bakery").in_span("global", |context| {
        context.span().set_attribute(KeyValue::new("bread", "rye"));
    });
    provider.shutdown().expect("an agent that takes everything");
    assert!(provider.shutdown().is_err());
    assert!(!provider.tracer("bakery").start("after").is_recording());
    assert_eq!(&*program.span("global").meta["bread"], "rye");
    assert_eq!(program.local.stats().recorder.spans_dropped(), 0);
}

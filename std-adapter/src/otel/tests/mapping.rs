//! What spans of the SDK become, each made through the public API alone.

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::trace::{
    Event, Link, Span as _, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry::{Array, KeyValue, StringValue, Value as OtelValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};

use super::super::facts::Maker;
use super::super::map;
use crate::model::{Source, Span, Value};

#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().append(&mut batch);
        Ok(())
    }
}

/// One span, with this resource.
fn made(resource: &Resource, make: impl FnOnce(&opentelemetry_sdk::trace::SdkTracer)) -> Span {
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder()
        .with_resource(resource.clone())
        .with_simple_exporter(kept.clone())
        .build();
    make(&provider.tracer("bakery"));
    let data = kept.0.lock().unwrap().pop().expect("a span");
    let mut source = Source::new(1);
    map::source(&mut source, resource);
    map::span(&data, &Maker::of(resource), &Arc::new(source))
}

fn with(kind: SpanKind, attributes: &[(&'static str, &'static str)]) -> Span {
    made(&Resource::builder_empty().build(), |tracer| {
        let attributes = attributes.iter().map(|(key, value)| KeyValue::new(*key, *value));
        drop(tracer.span_builder("its name").with_kind(kind).with_attributes(attributes).start(tracer));
    })
}

fn shown(kind: SpanKind, attributes: &[(&'static str, &'static str)]) -> [String; 3] {
    let span = with(kind, attributes);
    [span.name.to_string(), span.resource.unwrap().to_string(), span.span_type.unwrap().to_string()]
}

fn tag(span: &Span, key: &str) -> Option<String> {
    span.tag(key).map(Value::to_string)
}

#[test]
fn names_resources_and_types_follow_the_semantic_conventions() {
    use SpanKind::{Client, Consumer, Internal, Producer, Server};
    for (kind, attributes, expected) in [
        (Internal, &[][..], ["internal", "its name", "custom"]),
        (Producer, &[], ["producer", "its name", "custom"]),
        (Server, &[], ["server.request", "its name", "web"]),
        (Client, &[], ["client.request", "its name", "http"]),
        (
            Server,
            &[("http.request.method", "GET"), ("http.route", "/bread")],
            ["http.server.request", "GET /bread", "web"],
        ),
        (Client, &[("http.method", "GET"), ("http.route", "/bread")], ["http.client.request", "GET", "http"]),
        (Client, &[("http.request.method", "_OTHER")], ["http.client.request", "HTTP", "http"]),
        (
            Client,
            &[("db.system", "PostgreSQL"), ("db.statement", "SELECT 1")],
            ["postgresql.query", "SELECT 1", "db"],
        ),
        (
            Client,
            &[("db.system", "postgresql"), ("db.query.text", "SELECT 1")],
            ["postgresql.query", "SELECT 1", "sql"],
        ),
        (Client, &[("db.system.name", "redis")], ["redis.query", "its name", "redis"]),
        (Client, &[("db.system", "couchdb")], ["couchdb.query", "its name", "db"]),
        (
            Consumer,
            &[
                ("messaging.system", "kafka"),
                ("messaging.operation", "receive"),
                ("messaging.destination.name", "orders"),
            ],
            ["kafka.receive", "receive orders", "custom"],
        ),
        (
            Server,
            &[("rpc.system", "grpc"), ("rpc.method", "Bake"), ("rpc.service", "Oven")],
            ["grpc.server.request", "Bake Oven", "web"],
        ),
        (Client, &[("rpc.system", "aws-api"), ("rpc.service", "S3")], ["aws.s3.request", "its name", "http"]),
        (Client, &[("rpc.system", "aws-api")], ["aws.client.request", "its name", "http"]),
        (
            Client,
            &[("faas.invoked_provider", "aws"), ("faas.invoked_name", "Bake")],
            ["aws.bake.invoke", "its name", "http"],
        ),
        (Server, &[("faas.trigger", "timer")], ["timer.invoke", "its name", "web"]),
        (
            Server,
            &[("graphql.operation.type", "query"), ("graphql.operation.name", "Breads")],
            ["graphql.server.request", "query Breads", "web"],
        ),
        (Client, &[("network.protocol.name", "MQTT")], ["mqtt.client.request", "its name", "http"]),
        (
            Server,
            &[
                ("operation.name", "Own"),
                ("resource.name", "res"),
                ("span.type", "worker"),
                ("http.method", "GET"),
            ],
            ["Own", "res", "worker"],
        ),
        (
            Server,
            &[
                ("datadog.name", "n"),
                ("datadog.resource", "r"),
                ("datadog.type", "t"),
                ("operation.name", "other"),
            ],
            ["n", "r", "t"],
        ),
    ] {
        assert_eq!(shown(kind, attributes), expected, "{attributes:?}");
    }
}

#[test]
fn attributes_are_tags_numbers_metrics_and_elements_of_arrays_one_each() {
    let array = |array: Array| OtelValue::Array(array);
    let span = made(&Resource::builder_empty().build(), |tracer| {
        drop(
            tracer
                .span_builder("n")
                .with_attributes([
                    KeyValue::new("warm", true),
                    KeyValue::new("slices", 7_i64),
                    KeyValue::new("kg", 0.5),
                    KeyValue::new(
                        "on",
                        array(Array::String(vec![StringValue::from("ham"), StringValue::from("rye")])),
                    ),
                    KeyValue::new("times", array(Array::I64(vec![3, 4]))),
                    KeyValue::new("http.response.status_code", 201_i64),
                    KeyValue::new("url.full", "http://oven/"),
                    KeyValue::new("http.request.header.accept", "bread"),
                    KeyValue::new("http.request.header.referrer", "shop"),
                    KeyValue::new("analytics.event", true),
                    KeyValue::new("sampling.priority", 2_i64),
                    KeyValue::new("datadog.anything", "else"),
                    KeyValue::new("service.name", "oven"),
                ])
                .start(tracer),
        );
    });
    for (key, value) in [
        ("warm", Some("true")),
        ("slices", Some("7")),
        ("kg", Some("0.5")),
        ("on.0", Some("ham")),
        ("on.1", Some("rye")),
        ("times.1", Some("4")),
        ("http.status_code", Some("201")),
        ("http.response.status_code", None),
        ("http.url", Some("http://oven/")),
        ("http.request.headers.accept", Some("bread")),
        ("http.referrer", Some("shop")),
        ("_dd1.sr.eausr", Some("1")),
        ("_sampling_priority_v1", Some("2")),
        ("datadog.anything", None),
        ("service.name", None),
        ("span.kind", Some("internal")),
        ("otel.scope.name", Some("bakery")),
        ("otel.status_code", Some("Unset")),
    ] {
        assert_eq!(tag(&span, key).as_deref(), value, "{key}");
    }
    assert_eq!(span.tag("slices"), Some(&Value::Int(7)), "a metric");
    assert_eq!(span.service.as_deref(), Some("oven"));
    assert_eq!(tag(&span, "otel.trace_id"), Some(format!("{:032x}", span.trace_id)));
}

#[test]
fn who_made_it_says_what_the_span_does_not() {
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "bakery"),
            KeyValue::new("service.version", "1.2"),
            KeyValue::new("deployment.environment.name", "lab"),
            KeyValue::new("host.name", "oven-3"),
        ])
        .build();
    let span = made(&resource, |tracer| drop(tracer.start("n")));
    let source = &span.source;
    assert_eq!((source.service.as_deref(), source.version.as_deref()), (Some("bakery"), Some("1.2")));
    assert_eq!(span.service.as_deref(), Some("bakery"));
    let of_source = |key| crate::model::find(&source.tags, key).map(Value::to_string);
    assert_eq!(of_source("env").as_deref(), Some("lab"));
    assert_eq!(of_source("host.name").as_deref(), Some("oven-3"));
}

#[test]
fn times_links_events_and_parents_stay_what_they_are() {
    let other = SpanContext::new(
        TraceId::from_bytes(0xabc_u128.to_be_bytes()),
        SpanId::from_bytes(7_u64.to_be_bytes()),
        TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    );
    let span = made(&Resource::builder_empty().build(), |tracer| {
        let event = Event::new(
            "toasted",
            UNIX_EPOCH + Duration::from_nanos(5),
            vec![KeyValue::new("side", 2_i64)],
            0,
        );
        let mut span = tracer
            .span_builder("n")
            .with_start_time(UNIX_EPOCH + Duration::from_secs(3))
            .with_links(vec![Link::new(other.clone(), vec![KeyValue::new("why", "warm")], 0)])
            .with_events(vec![event])
            .start(tracer);
        span.end_with_timestamp(UNIX_EPOCH + Duration::from_secs(4));
    });
    assert_eq!((span.start, span.duration), (3_000_000_000, 1_000_000_000));
    assert_eq!(
        (span.links[0].trace_id, span.links[0].span_id, span.links[0].sampled),
        (0xabc, 7, Some(true))
    );
    assert_eq!(span.links[0].attributes, [("why".into(), Value::from("warm"))]);
    assert_eq!((span.events[0].name.as_str(), span.events[0].time), ("toasted", 5));
    assert_eq!(span.events[0].attributes, [("side".into(), Value::Int(2))]);
}

/// A failed span: the tags of its error.
fn failed(make: impl FnOnce(&mut opentelemetry_sdk::trace::Span)) -> (bool, [Option<String>; 4]) {
    let span = made(&Resource::builder_empty().build(), |tracer| make(&mut tracer.start("n")));
    let tags = ["error.type", "error.message", "error.msg", "error.stack"].map(|key| tag(&span, key));
    (span.error, tags)
}

#[test]
fn errors_are_told_by_exceptions_or_else_by_the_status_or_else_by_the_answer() {
    let exception = |kind: &'static str| {
        vec![
            KeyValue::new("exception.type", kind),
            KeyValue::new("exception.message", "empty"),
            KeyValue::new("exception.stacktrace", "at jar"),
        ]
    };
    let some = |text: &str| Some(text.to_owned());
    let told = failed(|span| {
        span.add_event("exception", exception("OutOfHam"));
        span.add_event("exception", exception("OutOfPickles"));
        span.set_status(Status::error("not this"));
    });
    assert_eq!(
        told,
        (true, [some("OutOfPickles"), some("empty"), some("empty"), some("at jar")]),
        "the last holds"
    );
    let told = failed(|span| span.set_status(Status::error("no bread")));
    assert_eq!(told, (true, [None, some("no bread"), some("no bread"), None]));
    let told = failed(|span| {
        span.set_attribute(KeyValue::new("http.status_code", 503_i64));
        span.set_attribute(KeyValue::new("http.status_text", "closed"));
        span.set_status(Status::error(""));
    });
    assert_eq!(told, (true, [None, some("503 closed"), some("503 closed"), None]));
    let told = failed(|span| span.add_event("exception", exception("Caught")));
    assert_eq!(told, (false, [None, None, None, None]), "an exception that was dealt with is an event alone");
    let told = failed(|span| {
        ["error.type", "error.message", "error.stack"]
            .into_iter()
            .for_each(|key| span.set_attribute(KeyValue::new(key, "own")));
        span.add_event("exception", exception("OutOfHam"));
        span.set_status(Status::error(""));
    });
    assert_eq!(told, (true, [some("own"), some("own"), some("own"), some("own")]));
    let told = failed(|span| {
        span.set_attribute(KeyValue::new("datadog.error", 1_i64));
        span.set_attribute(KeyValue::new("datadog.error.msg", "told"));
    });
    assert_eq!(told, (true, [None, some("told"), some("told"), None]));
}

#[test]
fn what_waits_for_another_is_measured() {
    for (kind, measured) in [(SpanKind::Client, true), (SpanKind::Producer, true), (SpanKind::Server, false)]
    {
        assert_eq!(with(kind, &[]).tag("_dd.measured").is_some(), measured);
    }
}

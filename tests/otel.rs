//! A program written against OpenTelemetry's API alone, to Datadog's test agent.

use std::collections::HashMap;
use std::time::Duration;

use microspan_std::otel::{DatadogExportSpanProcessor, DatadogPropagator, DatadogSpanExporter};
use microspan_tests::need;
use microspan_tests::official::TestAgent;
use microspan_tests::process::eventually;
use microspan_tests::span::Span;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;

fn exporter(agent: &TestAgent) -> DatadogSpanExporter {
    let builder =
        DatadogSpanExporter::builder().agent_url(agent.url()).env("lab").version("1.2").tag("team", "bread");
    builder.build().expect("the agent's URL")
}

fn resource() -> Resource {
    Resource::builder_empty().with_service_name("bakery").build()
}

/// Serves a request that came with these headers; gives those of the request it sends.
fn serve(provider: &SdkTracerProvider, headers: &HashMap<String, String>) -> HashMap<String, String> {
    let (tracer, propagator) = (provider.tracer("bakery"), DatadogPropagator::new());
    let caller = propagator.extract(headers);
    let attributes = [("http.request.method", "POST"), ("http.route", "/orders")];
    let request = tracer
        .span_builder("serve")
        .with_kind(SpanKind::Server)
        .with_attributes(attributes.map(|(key, value)| KeyValue::new(key, value)))
        .start_with_context(&tracer, &caller);
    let _active = caller.with_span(request).attach();
    let call = tracer.span_builder("call").with_kind(SpanKind::Client).start(&tracer);
    let mut out = HashMap::new();
    let call = Context::current_with_span(call);
    propagator.inject_context(&call, &mut out);
    call.span().record_error(&std::io::Error::other("the oven is cold"));
    call.span().set_status(Status::error("no bread"));
    out
}

fn stored(agent: &TestAgent, spans: usize) -> Vec<Span> {
    eventually(Duration::from_secs(10), || {
        let stored: Vec<Span> = agent.traces().into_iter().flatten().collect();
        if stored.len() == spans {
            Ok(stored)
        } else {
            Err(format!("{} spans of {spans} stored", stored.len()))
        }
    })
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} in {spans:?}"))
}

#[test]
fn a_trace_that_came_in_datadogs_headers_goes_on_and_reaches_the_agent_whole() {
    let agent = need!(TestAgent::start());
    let processor = DatadogExportSpanProcessor::new(exporter(&agent)).expect("a thread");
    let provider =
        SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource()).build();
    let headers = [
        ("x-datadog-trace-id", "7"),
        ("x-datadog-parent-id", "9"),
        ("x-datadog-sampling-priority", "2"),
        ("x-datadog-origin", "rum"),
        ("x-datadog-tags", "_dd.p.tid=0000000000000abc,_dd.p.dm=-4"),
        ("baggage", "user.id=ada"),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let out = serve(&provider, &headers);
    provider.shutdown().expect("all is sent");

    let spans = stored(&agent, 2);
    let (request, call) = (named(&spans, "http.server.request"), named(&spans, "client.request"));
    assert_eq!((request.trace_id, request.parent_id, &*request.resource), (7, 9, "POST /orders"));
    assert_eq!((call.trace_id, call.parent_id), (7, request.span_id));
    assert_eq!((&*request.service, &*request.kind, &*call.kind), ("bakery", "web", "http"));
    for (key, value) in [
        ("_dd.p.tid", "0000000000000abc"),
        ("_dd.p.dm", "-4"),
        ("_dd.origin", "rum"),
        ("env", "lab"),
        ("version", "1.2"),
        ("team", "bread"),
        ("http.method", "POST"),
    ] {
        assert_eq!(request.text(key), Some(value), "{request:?}");
    }
    assert_eq!((call.error, call.text("error.message")), (1, Some("the oven is cold")));
    assert!(call.start >= request.start && call.end() <= request.end(), "{spans:?}");

    assert_eq!(out["x-datadog-parent-id"], call.span_id.to_string());
    assert_eq!((&*out["x-datadog-origin"], &*out["baggage"]), ("rum", "user.id=ada"));
    assert_eq!(
        DatadogPropagator::new().extract(&out).baggage().get("user.id").map(|user| user.as_str()),
        Some("ada")
    );
    agent.assert_no_check_failed();
}

#[test]
fn the_exporter_alone_serves_under_the_sdks_own_processor() {
    let agent = need!(TestAgent::start());
    let provider =
        SdkTracerProvider::builder().with_batch_exporter(exporter(&agent)).with_resource(resource()).build();
    serve(&provider, &HashMap::new());
    provider.force_flush().expect("all is sent");
    let spans = stored(&agent, 2);
    let (request, call) = (named(&spans, "http.server.request"), named(&spans, "client.request"));
    assert_eq!((request.parent_id, call.parent_id), (0, request.span_id));
    assert_eq!(request.number("_sampling_priority_v1"), Some(1.0));
    provider.shutdown().expect("nothing is left");
    agent.assert_no_check_failed();
}

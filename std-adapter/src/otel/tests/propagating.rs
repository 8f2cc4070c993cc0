//! Contexts in headers, through the public API.

use std::collections::HashMap;

use microspan::propagation::Style;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};

use super::super::DatadogPropagator;
use super::super::travel::{self, Came};

fn headers(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn local(trace: u128, span: u64, flags: TraceFlags) -> SpanContext {
    let (trace, span) = (TraceId::from_bytes(trace.to_be_bytes()), SpanId::from_bytes(span.to_be_bytes()));
    SpanContext::new(trace, span, flags, false, TraceState::default())
}

fn injected(propagator: &DatadogPropagator, context: &Context) -> HashMap<String, String> {
    let mut headers = HashMap::new();
    propagator.inject_context(context, &mut headers);
    headers
}

#[test]
fn a_context_goes_out_in_all_styles_with_its_bits_whole() {
    let context = Context::new()
        .with_baggage([KeyValue::new("user.id", "ada")])
        .with_remote_span_context(local(0xabc << 64 | 7, 9, TraceFlags::SAMPLED));
    let out = injected(&DatadogPropagator::new(), &context);
    assert_eq!(out["x-datadog-trace-id"], "7");
    assert_eq!(out["x-datadog-parent-id"], "9");
    assert_eq!(out["x-datadog-sampling-priority"], "1");
    assert!(out["x-datadog-tags"].contains("_dd.p.tid=0000000000000abc"));
    assert_eq!(out["traceparent"], "00-0000000000000abc0000000000000007-0000000000000009-01");
    assert_eq!(out["baggage"], "user.id=ada");
    let fields: Vec<String> = DatadogPropagator::new().fields().map(str::to_owned).collect();
    assert!(out.keys().all(|name| fields.contains(name)), "{fields:?}");
}

#[test]
fn what_comes_goes_on_with_the_requests_sent_on_its_behalf() {
    let propagator = DatadogPropagator::new();
    let context = propagator.extract(&headers(&[
        ("x-datadog-trace-id", "7"),
        ("x-datadog-parent-id", "9"),
        ("x-datadog-sampling-priority", "2"),
        ("x-datadog-origin", "rum"),
        ("x-datadog-tags", "_dd.p.tid=0000000000000abc,_dd.p.dm=-4"),
        ("tracestate", "other=vendor"),
        ("baggage", "user.id=ada"),
    ]));
    let caller = context.span().span_context().clone();
    assert!(caller.is_remote() && caller.is_sampled());
    assert_eq!(caller.trace_id().to_string(), "0000000000000abc0000000000000007");
    assert_eq!(context.baggage().get("user.id").map(|user| user.as_str()), Some("ada"));

    // A span of this trace calls.
    let context = context.with_remote_span_context(local(0xabc << 64 | 7, 0x11, TraceFlags::SAMPLED));
    let out = injected(&propagator, &context);
    assert_eq!((&*out["x-datadog-parent-id"], &*out["x-datadog-sampling-priority"]), ("17", "2"));
    assert_eq!((&*out["x-datadog-origin"], &*out["baggage"]), ("rum", "user.id=ada"));
    assert!(out["x-datadog-tags"].contains("_dd.p.dm=-4"));

    // One of another trace takes nothing of it along.
    let context = context.with_remote_span_context(local(0x99, 0x12, TraceFlags::default()));
    let out = injected(&propagator, &context);
    assert!(!out.contains_key("x-datadog-origin"));
    assert_eq!(out["x-datadog-sampling-priority"], "0");
}

#[test]
fn a_rejected_trace_is_not_sampled_and_a_span_that_is_sampled_all_the_same_says_so() {
    let propagator = DatadogPropagator::new();
    let rejected =
        [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "9"), ("x-datadog-sampling-priority", "-1")];
    let context = propagator.extract(&headers(&rejected));
    assert!(!context.span().span_context().is_sampled());
    assert_eq!(injected(&propagator, &context)["x-datadog-sampling-priority"], "-1");
    let context = context.with_remote_span_context(local(7, 0x11, TraceFlags::SAMPLED));
    assert_eq!(injected(&propagator, &context)["x-datadog-sampling-priority"], "1");
}

#[test]
fn headers_that_hold_no_context_leave_it_as_it_was() {
    let before = Context::new().with_remote_span_context(local(3, 4, TraceFlags::SAMPLED));
    for bad in [&[("x-datadog-trace-id", "none")][..], &[], &[("traceparent", "00-0-0-0")]] {
        let after = DatadogPropagator::new().extract_with_context(&before, &headers(bad));
        assert_eq!(after.span().span_context(), before.span().span_context());
    }
}

#[test]
fn other_styles_are_read_and_written_by_choice() {
    let propagator = DatadogPropagator::with_styles(&[Style::B3]);
    let context = propagator.extract(&headers(&[("b3", "000000000000000a-000000000000000b-1")]));
    assert_eq!(context.span().span_context().span_id().to_string(), "000000000000000b");
    let out = injected(&propagator, &context);
    assert_eq!(out.keys().collect::<Vec<_>>(), ["b3"]);
}

#[test]
fn a_root_has_what_came_in_the_headers_that_its_trace_came_in() {
    let came = headers(&[
        ("x-datadog-trace-id", "7"),
        ("x-datadog-parent-id", "9"),
        ("x-datadog-origin", "rum"),
        ("traceparent", "00-00000000000000000000000000000008-000000000000000a-01"),
        ("tracestate", "dd=o:synthetics;p:000000000000000b"),
    ]);
    for (propagator, expected) in [
        (DatadogPropagator::with_styles(&[Style::Datadog]), &[("_dd.origin", "rum")][..]),
        (
            DatadogPropagator::with_styles(&[Style::TraceContext]),
            &[("_dd.origin", "synthetics"), ("_dd.parent_id", "000000000000000b")],
        ),
    ] {
        let context = propagator.extract(&came);
        let tags = travel::tags(context.get::<Came>().expect("what came"));
        let tags: Vec<_> = tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(tags, expected);
    }
}

//! Contexts in headers.

use std::fmt::Display;

use microspan::__private::Place;
use microspan::propagation::{Headers, Propagator, Style};
use microspan::{SpanContext as Identity, SpanRef};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};

use super::travel::Came;
use crate::carrier::{self, Incoming, ListHeaders, Outgoing, held};

/// Carries contexts in Datadog's headers, W3C's and B3's, and W3C baggage.
///
/// What came with a trace and belongs to it (the priority, the origin, the tags `_dd.p.*`, other vendors' `tracestate`) goes
/// on with the requests that are sent in its context.
///
/// ```
/// use std::collections::HashMap;
/// use microspan_std::otel::DatadogPropagator;
/// use opentelemetry::propagation::TextMapPropagator;
/// use opentelemetry::trace::TraceContextExt;
///
/// let headers = HashMap::from([
///     ("x-datadog-trace-id".to_owned(), "7".to_owned()),
///     ("x-datadog-parent-id".to_owned(), "9".to_owned()),
/// ]);
/// let context = DatadogPropagator::new().extract(&headers);
/// assert_eq!(context.span().span_context().span_id().to_string(), "0000000000000009");
/// ```
#[doc(alias = "DatadogFormat")]
#[derive(Debug, Clone)]
pub struct DatadogPropagator {
    propagator: Propagator,
    fields: Vec<String>,
}

impl DatadogPropagator {
    /// The headers that the configuration asks for ([`carrier::propagator`]): unless it does, Datadog's, W3C's and baggage.
    pub fn new() -> Self {
        Self::of(carrier::propagator())
    }

    /// These headers.
    pub fn with_styles(styles: &[Style]) -> Self {
        Self::of(Propagator::new().styles(styles))
    }

    fn of(propagator: Propagator) -> Self {
        let fields = propagator.injected().flat_map(fields).map(|field| (*field).to_owned()).collect();
        Self { propagator, fields }
    }
}

impl Default for DatadogPropagator {
    fn default() -> Self {
        Self::new()
    }
}

impl TextMapPropagator for DatadogPropagator {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let span = context.span();
        let span_context = span.span_context();
        let trace_id = u128::from_be_bytes(span_context.trace_id().to_bytes());
        let span_id = u64::from_be_bytes(span_context.span_id().to_bytes());
        let came = context.get::<Came>().map(Came::extract);
        let came = came.filter(|came| came.context.is_some_and(|came| came.trace_id == trace_id));
        let is_sampled = span_context.is_sampled();
        // One in our arena knows what was decided on its trace, and the request that it may be served in.
        let ours = open(trace_id, span_id);
        let outgoing = ours.as_ref().and_then(Outgoing::of);
        let served = ours.as_ref().filter(|_| came.is_none()).and_then(held::incoming);
        // What the caller decided holds, unless it was decided otherwise here.
        let priority = came
            .as_ref()
            .and_then(|came| came.sampling_priority)
            .filter(|priority| (*priority > 0) == is_sampled)
            .unwrap_or(i8::from(is_sampled));
        let identity = Identity { trace_id, span_id, sampling_priority: Some(priority) };
        let identity = outgoing.as_ref().map_or(identity, |outgoing| *outgoing.context());
        let of_served = served.as_deref().map(|incoming| incoming.passing(&self.propagator, trace_id));
        let passing = came.map(|came| came.passing).or(of_served).unwrap_or_default();
        let passing = outgoing.as_ref().map_or(passing, |outgoing| outgoing.passing(passing));
        let baggage = context.baggage().iter().map(|(key, (value, _))| (key.as_str(), value.as_str()));
        let baggage = baggage.chain(outgoing.iter().flat_map(Outgoing::baggage));
        let baggage: Vec<_> = baggage.chain(served.iter().flat_map(|incoming| incoming.items())).collect();
        let passing = passing.baggage_items(&baggage);
        let mut set = |name: &'static str, value: &dyn Display| injector.set(name, value.to_string());
        // The error is that of tags too long to travel, and the rest went along.
        if let Err(error) = carrier::inject(&self.propagator, &identity, &passing, &mut set) {
            match ours {
                Some(span) => _ = span.set_tag("_dd.propagation_error", error.to_string().as_str()),
                None => log::debug!("a trace's tags do not go along: {error}"),
            }
        }
        if carrier::uses_ot_baggage() {
            carrier::set_baggage(passing.baggage(), |name, value| injector.set(name, value.to_owned()));
        }
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let carrier = Carrier(extractor);
        let extracted = self.propagator.extract(&carrier);
        let mut context = context.clone();
        let incoming = Incoming::of(&carrier);
        let of_opentracing =
            incoming.items().into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value.to_owned()));
        let of_header = extracted.passing.baggage();
        let of_header =
            of_header.iter().map(|(key, value)| KeyValue::new(key.to_string(), value.to_string()));
        let baggage: Vec<KeyValue> = of_header.chain(of_opentracing).collect();
        if !baggage.is_empty() {
            context = context.with_baggage(baggage);
        }
        let Some(caller) = extracted.context else { return context };
        let is_sampled = extracted.sampling_priority.is_none_or(|priority| priority > 0);
        let state = carrier.header("tracestate").and_then(|state| state.parse::<TraceState>().ok());
        let span_context = SpanContext::new(
            TraceId::from_bytes(caller.trace_id.to_be_bytes()),
            SpanId::from_bytes(caller.span_id.to_be_bytes()),
            if is_sampled { TraceFlags::SAMPLED } else { TraceFlags::default() },
            true,
            state.unwrap_or_default(),
        );
        context.with_value(Came::new(incoming, self.propagator)).with_remote_span_context(span_context)
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}

/// The span of these ids, if it is one of this program's own tracer and open.
fn open(trace_id: u128, span_id: u64) -> Option<SpanRef> {
    let ids = Identity { trace_id, span_id, sampling_priority: None };
    Place::find(microspan::global()?, &ids)?.span()
}

/// The headers that each style sets.
fn fields(style: Style) -> &'static [&'static str] {
    match style {
        Style::Datadog => &[
            "x-datadog-trace-id",
            "x-datadog-parent-id",
            "x-datadog-sampling-priority",
            "x-datadog-origin",
            "x-datadog-tags",
        ],
        Style::TraceContext => &["traceparent", "tracestate"],
        Style::B3Multi => &["x-b3-traceid", "x-b3-spanid", "x-b3-sampled"],
        Style::B3 => &["b3"],
        Style::Baggage => &["baggage"],
    }
}

struct Carrier<'a>(&'a dyn Extractor);

impl ListHeaders for Carrier<'_> {
    fn list(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.keys().into_iter().filter_map(|name| Some((name, self.0.get(name)?)))
    }
}

impl Headers for Carrier<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }
}

//! Contexts of spans, from one side to the other.

use microspan::SpanContext as Identity;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use crate::otel::map;

/// A context of OpenTelemetry's, as ours.
#[inline]
pub(super) fn identity(context: &SpanContext) -> Identity {
    let (trace_id, span_id) = map::ids(context);
    Identity { trace_id, span_id, sampling_priority: Some(i8::from(context.is_sampled())) }
}

/// One of ours, as OpenTelemetry's.
#[inline]
pub(super) fn context(ids: Identity, is_recorded: bool, state: TraceState) -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes(ids.trace_id.to_be_bytes()),
        SpanId::from_bytes(ids.span_id.to_be_bytes()),
        if is_recorded { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED },
        false,
        state,
    )
}

//! One span.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, SpanFlags, Status};

use super::attributes::{attribute, bounded, is_internal, of, text};
use crate::model::{self, Value};

/// The flag of a trace that is kept.
const SAMPLED: u32 = 1;

const KIND: &str = "span.kind";
const TRACE_STATE: &str = "w3c.tracestate";
const STATUS: &str = "otel.status_code";
const TYPE: &str = "error.type";
const MESSAGE: &str = "error.message";
const STACK: &str = "error.stack";
const EXCEPTION: &str = "exception";

/// A span of a trace that is kept, or one of those that are kept of another.
pub(super) fn span(span: &model::Span, is_kept: bool) -> Span {
    let kind = kind(span);
    let exception = exception(span);
    // What has a place of its own is not said again.
    let is_told = |key: &str| match key {
        KIND => kind.is_some(),
        TRACE_STATE => true,
        STATUS => is_ok(span),
        MESSAGE => span.error,
        STACK => exception.is_some(),
        key => is_internal(key),
    };
    let mut attributes = own(span);
    // What the span says itself by such a key it says on purpose.
    attributes.retain(|attribute| span.tag(&attribute.key).is_none());
    let tags = span.tags.iter().filter(|(key, _)| !is_told(key));
    attributes.extend(tags.map(|(key, value)| attribute(key, value)));
    let (attributes, dropped_attributes_count) = bounded(attributes);
    let (events, dropped_events_count) = bounded(span.events.iter().map(event).chain(exception).collect());
    let (links, dropped_links_count) = bounded(span.links.iter().map(link).collect());
    let parent = (span.parent_id != 0).then(|| span.parent_id.to_be_bytes().to_vec());
    Span {
        trace_id: span.trace_id.to_be_bytes().to_vec(),
        span_id: span.span_id.to_be_bytes().to_vec(),
        trace_state: told(span, TRACE_STATE).unwrap_or_default(),
        parent_span_id: parent.unwrap_or_default(),
        flags: flags(span, is_kept),
        name: span.resource.as_ref().unwrap_or(&span.name).to_string(),
        kind: kind.unwrap_or_else(|| kind_by_type(span)).into(),
        start_time_unix_nano: time(span.start),
        end_time_unix_nano: time(end(span)),
        attributes,
        dropped_attributes_count,
        events,
        dropped_events_count,
        links,
        dropped_links_count,
        status: status(span),
    }
}

/// What a span says beside its tags.
fn own(span: &model::Span) -> Vec<KeyValue> {
    let texts = [
        ("operation.name", Some(&span.name)),
        ("resource.name", span.resource.as_ref()),
        ("span.type", span.span_type.as_ref()),
    ];
    let mut all: Vec<_> =
        texts.into_iter().filter_map(|(key, value)| Some(text(key, value?.to_string()))).collect();
    let error = span.clock_error.map(|error| Value::Uint(error.get()));
    all.extend(error.map(|error| attribute("microspan.clock_error_ns", &error)));
    all
}

fn told(span: &model::Span, key: &str) -> Option<String> {
    span.tag(key).map(Value::to_string)
}

/// The kind that the span says; `None`: none, or no kind.
fn kind(span: &model::Span) -> Option<SpanKind> {
    match told(span, KIND)?.to_ascii_lowercase().as_str() {
        "internal" => Some(SpanKind::Internal),
        "server" => Some(SpanKind::Server),
        "client" => Some(SpanKind::Client),
        "producer" => Some(SpanKind::Producer),
        "consumer" => Some(SpanKind::Consumer),
        _ => None,
    }
}

fn kind_by_type(span: &model::Span) -> SpanKind {
    if span.span_type.as_deref() == Some("web") { SpanKind::Server } else { SpanKind::Internal }
}

fn flags(span: &model::Span, is_kept: bool) -> u32 {
    let remote = if span.remote_parent { SpanFlags::ContextIsRemoteMask as u32 } else { 0 };
    (if is_kept { SAMPLED } else { 0 }) | SpanFlags::ContextHasIsRemoteMask as u32 | remote
}

fn is_ok(span: &model::Span) -> bool {
    !span.error && told(span, STATUS).is_some_and(|status| status.eq_ignore_ascii_case("ok"))
}

/// `None`: nobody said how it went.
fn status(span: &model::Span) -> Option<Status> {
    if span.error {
        let message = told(span, MESSAGE).unwrap_or_default();
        Some(Status { message, code: StatusCode::Error.into() })
    } else {
        is_ok(span).then(|| Status { message: String::new(), code: StatusCode::Ok.into() })
    }
}

/// What an error says of itself, as OpenTelemetry has it, unless the span has that already.
fn exception(span: &model::Span) -> Option<Event> {
    if !span.error || span.events.iter().any(|event| event.name == EXCEPTION) {
        return None;
    }
    let said = [("exception.type", TYPE), ("exception.message", MESSAGE), ("exception.stacktrace", STACK)];
    let said = said.into_iter().filter_map(|(key, tag)| Some(text(key, told(span, tag)?)));
    let attributes: Vec<_> = said.collect();
    (!attributes.is_empty()).then(|| Event {
        time_unix_nano: time(end(span)),
        name: EXCEPTION.to_owned(),
        attributes,
        dropped_attributes_count: 0,
    })
}

fn event(event: &model::Event) -> Event {
    let (attributes, dropped_attributes_count) = of(&event.attributes);
    let name = event.name.to_string();
    Event { time_unix_nano: time(event.time), name, attributes, dropped_attributes_count }
}

fn link(link: &model::Link) -> Link {
    let (attributes, dropped_attributes_count) = of(&link.attributes);
    Link {
        trace_id: link.trace_id.to_be_bytes().to_vec(),
        span_id: link.span_id.to_be_bytes().to_vec(),
        trace_state: link.tracestate.as_deref().unwrap_or_default().to_owned(),
        attributes,
        dropped_attributes_count,
        flags: if link.sampled == Some(true) { SAMPLED } else { 0 },
    }
}

fn end(span: &model::Span) -> i64 {
    span.start.saturating_add(span.duration)
}

/// There is no time before the epoch there.
fn time(nanoseconds: i64) -> u64 {
    u64::try_from(nanoseconds).unwrap_or_default()
}

//! A finished span of OpenTelemetry as one of ours, whoever made it: the SDK or the native tracer.
//!
//! What `datadog.*` attributes say wins over what follows from others, and they are no tags themselves. Resource attributes
//! are asked before the span's own, and are tags of each span.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanContext, SpanKind, Status};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

use super::facts::{Facts, Maker, Said, kind};
use super::{attributes, errors, kind as span_type, name, resource};
use crate::model::{Event, Link, Source, Span, Tag, Text, Value};

/// The span of the SDK. Its source has the resource's attributes already ([`source`]).
pub(super) fn span(data: &SpanData, maker: &Maker, source: &Arc<Source>) -> Span {
    let (trace_id, span_id) = ids(&data.span_context);
    let parent_id = u64::from_be_bytes(data.parent_span_id.to_bytes());
    let mut span = Span::new(trace_id, span_id, parent_id, "", source.clone());
    span.remote_parent = data.parent_span_is_remote;
    span.start = nanoseconds(data.start_time);
    span.duration = nanoseconds(data.end_time).saturating_sub(span.start);
    for attribute in &data.attributes {
        attributes::convert(&mut span.tags, attribute.key.as_str(), &attribute.value);
    }
    span.events = data.events.iter().map(event).collect();
    span.links = data.links.iter().map(link).collect();
    let said = Said {
        name: Text::new(&data.name),
        kind: data.span_kind.clone(),
        status: data.status.clone(),
        scope: data.instrumentation_scope.name(),
        scope_version: data.instrumentation_scope.version(),
        trace_id: Text::new(&data.span_context.trace_id().to_string()),
        state: Text::new(&data.span_context.trace_state().header()),
        maker,
    };
    tell(&mut span, &said);
    span
}

/// Names a span that has its attributes as tags, and turns these into what they become.
pub(super) fn tell(span: &mut Span, said: &Said<'_>) {
    let facts = Facts { tags: &span.tags, events: &span.events, said };
    let name = name::name(&facts);
    let resource = resource::resource(&facts);
    let span_type = span_type::span_type(&facts);
    // Its own name of the service, or that of who made it: not its parent's.
    let service = facts.any(&["datadog.service"]).or_else(|| facts.own(&["service.name"]));
    let service = service.map(|service| Text::new(&service)).or_else(|| span.source.service.clone());
    let (error, errors) = errors::error(&facts, span.error);
    let told = [
        ("span.kind", "datadog.span.kind"),
        ("env", "datadog.env"),
        ("version", "datadog.version"),
        ("http.status_code", "datadog.http_status_code"),
    ];
    let told = told.map(|(key, told)| (key, facts.any(&[told]).map(|told| Text::new(&told))));
    attributes::settle(&mut span.tags);
    span.tags.extend(errors);
    let kind = Text::from(kind(&said.kind));
    let mut text = |key: &'static str, value: Text| span.tags.push((Text::from(key), Value::Str(value)));
    text("span.kind", kind);
    for (key, told) in told {
        if let Some(told) = told {
            text(key, told);
        }
    }
    say_what_it_was(said, &mut span.tags);
    (span.name, span.resource, span.span_type) = (name, Some(resource), Some(span_type));
    (span.service, span.error) = (service, error);
}

/// Adds what OpenTelemetry says of a span beside its attributes.
fn say_what_it_was(said: &Said<'_>, tags: &mut Vec<Tag>) {
    let mut text = |key: &'static str, value: Text| tags.push((Text::from(key), Value::Str(value)));
    text("otel.trace_id", said.trace_id.clone());
    if !said.scope.is_empty() {
        text("otel.scope.name", Text::new(said.scope));
    }
    if let Some(version) = said.scope_version {
        text("otel.scope.version", Text::new(version));
    }
    match &said.status {
        Status::Unset => text("otel.status_code", Text::from("Unset")),
        Status::Ok => text("otel.status_code", Text::from("Ok")),
        Status::Error { description } => {
            text("otel.status_code", Text::from("Error"));
            if !description.is_empty() {
                text("otel.status_description", Text::new(description));
            }
        }
    }
    if !said.state.is_empty() {
        text("w3c.tracestate", said.state.clone());
    }
    if matches!(said.kind, SpanKind::Client | SpanKind::Producer) {
        tags.push((Text::from("_dd.measured"), Value::Int(1)));
    }
}

/// Adds what a resource says to the source of its spans. What is said already stays.
pub(super) fn source(source: &mut Source, resource: &Resource) {
    for (key, value) in resource {
        let text = || Text::new(&value.as_str());
        match key.as_str() {
            "service.name" => source.service = source.service.take().or_else(|| Some(text())),
            "service.version" => source.version = source.version.take().or_else(|| Some(text())),
            "deployment.environment.name" | "deployment.environment" => keep(source, "env", text()),
            _ => {}
        }
        let mut tags = Vec::new();
        attributes::convert(&mut tags, key.as_str(), value);
        attributes::settle(&mut tags);
        for (key, value) in tags {
            if crate::model::find(&source.tags, &key).is_none() {
                source.tags.push((key, value));
            }
        }
    }
}

fn keep(source: &mut Source, key: &'static str, value: Text) {
    if crate::model::find(&source.tags, key).is_none() {
        source.tags.push((Text::from(key), Value::Str(value)));
    }
}

fn event(event: &opentelemetry::trace::Event) -> Event {
    let mut attributes = Vec::new();
    for attribute in &event.attributes {
        attributes::convert(&mut attributes, attribute.key.as_str(), &attribute.value);
    }
    Event { name: Text::new(&event.name), time: nanoseconds(event.timestamp), attributes }
}

fn link(link: &opentelemetry::trace::Link) -> Link {
    let (trace_id, span_id) = ids(&link.span_context);
    let mut to = Link::new(trace_id, span_id);
    to.sampled = Some(link.span_context.is_sampled());
    for attribute in &link.attributes {
        attributes::convert(&mut to.attributes, attribute.key.as_str(), &attribute.value);
    }
    to
}

/// The ids of a trace and a span.
pub(super) fn ids(context: &SpanContext) -> (u128, u64) {
    let (trace, span) = (context.trace_id().to_bytes(), context.span_id().to_bytes());
    (u128::from_be_bytes(trace), u64::from_be_bytes(span))
}

/// Nanoseconds since the Unix epoch.
pub(super) fn nanoseconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |before| -before),
    }
}

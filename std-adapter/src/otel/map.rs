//! A finished span of the OpenTelemetry SDK as one of ours.
//!
//! What `datadog.*` attributes say wins over what follows from others, and they are no tags themselves. Resource attributes
//! are asked before the span's own, and are tags of each span.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

use super::facts::{Facts, kind};
use super::{attributes, errors, kind as span_type, name, resource};
use crate::model::{Event, Link, Source, Span, Tag, Text, Value};

/// The span. Its source has the resource's attributes already ([`source`]).
pub(super) fn span(data: &SpanData, resource_of: &Resource, source: &Arc<Source>) -> Span {
    let facts = Facts { span: data, resource: resource_of };
    let context = &data.span_context;
    let trace_id = u128::from_be_bytes(context.trace_id().to_bytes());
    let id = |id: opentelemetry::SpanId| u64::from_be_bytes(id.to_bytes());
    let mut span = Span::new(
        trace_id,
        id(context.span_id()),
        id(data.parent_span_id),
        name::name(&facts),
        source.clone(),
    );
    span.remote_parent = data.parent_span_is_remote;
    // Its own name of the service, or that of who made it: not its parent's.
    let service = facts.any(&["datadog.service"]).or_else(|| facts.own(&["service.name"]));
    span.service = service.map(|service| Text::new(&service)).or_else(|| source.service.clone());
    span.resource = Some(Text::new(&resource::resource(&facts)));
    span.span_type = Some(span_type::span_type(&facts));
    span.start = nanoseconds(data.start_time);
    span.duration = nanoseconds(data.end_time).saturating_sub(span.start);
    for attribute in &data.attributes {
        attributes::add(&mut span.tags, &attribute.key, &attribute.value);
    }
    span.error = errors::error(&facts, &mut span.tags);
    say_what_it_was(&facts, &mut span.tags);
    span.events = data.events.iter().map(event).collect();
    span.links = data.links.iter().map(link).collect();
    span
}

/// Adds what OpenTelemetry says of a span beside its attributes.
fn say_what_it_was(facts: &Facts<'_>, tags: &mut Vec<Tag>) {
    let data = facts.span;
    let mut text =
        |key: &'static str, value: &str| tags.push((Text::from(key), Value::Str(Text::new(value))));
    match facts.any(&["datadog.span.kind"]) {
        Some(told) => text("span.kind", &told),
        None => text("span.kind", kind(&data.span_kind)),
    }
    text("otel.trace_id", &data.span_context.trace_id().to_string());
    let scope = &data.instrumentation_scope;
    if !scope.name().is_empty() {
        text("otel.scope.name", scope.name());
    }
    if let Some(version) = scope.version() {
        text("otel.scope.version", version);
    }
    match &data.status {
        Status::Unset => text("otel.status_code", "Unset"),
        Status::Ok => text("otel.status_code", "Ok"),
        Status::Error { description } => {
            text("otel.status_code", "Error");
            if !description.is_empty() {
                text("otel.status_description", description);
            }
        }
    }
    let state = data.span_context.trace_state().header();
    if !state.is_empty() {
        text("w3c.tracestate", &state);
    }
    for (key, told) in [("env", "datadog.env"), ("version", "datadog.version")] {
        if let Some(told) = facts.any(&[told]) {
            text(key, &told);
        }
    }
    if let Some(code) = facts.any(&["datadog.http_status_code"]) {
        text("http.status_code", &code);
    }
    if matches!(data.span_kind, SpanKind::Client | SpanKind::Producer) {
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
        attributes::add(&mut tags, key, value);
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
        attributes::convert(&mut attributes, Text::new(attribute.key.as_str()), &attribute.value);
    }
    Event { name: Text::new(&event.name), time: nanoseconds(event.timestamp), attributes }
}

fn link(link: &opentelemetry::trace::Link) -> Link {
    let context = &link.span_context;
    let mut to = Link::new(
        u128::from_be_bytes(context.trace_id().to_bytes()),
        u64::from_be_bytes(context.span_id().to_bytes()),
    );
    to.sampled = Some(context.is_sampled());
    let state = context.trace_state().header();
    to.tracestate = (!state.is_empty()).then(|| Text::from(state));
    for attribute in &link.attributes {
        attributes::convert(&mut to.attributes, Text::new(attribute.key.as_str()), &attribute.value);
    }
    to
}

/// Nanoseconds since the Unix epoch.
fn nanoseconds(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |before| -before),
    }
}

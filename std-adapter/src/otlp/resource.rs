//! Who made spans: a resource for each service.

use std::collections::HashMap;

use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};

use super::attributes::{attribute, bounded, is_internal, text};
use super::span;
use crate::model::{Span, Text, Value};
use crate::pipeline::Trace;

const NAME: &str = "microspan";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is kept of a trace, by service. A span for which tags of all spans do not hold has a resource without them.
pub(super) fn resource_spans(trace: &Trace) -> Vec<ResourceSpans> {
    let is_kept = trace.is_kept();
    let mut places = HashMap::new();
    let mut all: Vec<ResourceSpans> = Vec::new();
    for of in trace.kept_spans() {
        let place = *places.entry((&of.service, removed(of))).or_insert(all.len());
        if place == all.len() {
            all.push(empty(trace, of));
        }
        let scope = all.get_mut(place).and_then(|resource| resource.scope_spans.first_mut());
        if let Some(scope) = scope {
            scope.spans.push(span::span(of, is_kept));
        }
    }
    all
}

fn removed(span: &Span) -> &[Text] {
    span.extra.as_ref().map_or(&[], |extra| extra.removed.as_slice())
}

/// The resource of this span and of others like it, and no span yet.
fn empty(trace: &Trace, span: &Span) -> ResourceSpans {
    let (attributes, dropped_attributes_count) = bounded(attributes(trace, span));
    let resource = Resource { attributes, dropped_attributes_count, ..Resource::default() };
    let scope = InstrumentationScope {
        name: NAME.to_owned(),
        version: VERSION.to_owned(),
        ..InstrumentationScope::default()
    };
    let scope_spans = vec![ScopeSpans { scope: Some(scope), ..ScopeSpans::default() }];
    ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() }
}

fn attributes(trace: &Trace, span: &Span) -> Vec<KeyValue> {
    let about = trace.about();
    let version = trace.version_of(span).filter(|_| !span.is_removed("version"));
    let device = about.device.filter(|_| !span.is_removed("device.name"));
    let build_id = about.build_id.filter(|_| !span.is_removed("build.id"));
    let told = [
        (SERVICE, span.service.as_deref()),
        ("service.version", version.map(Text::as_str)),
        ("service.instance.id", Some(about.runtime_id)),
        ("host.name", device.map(Text::as_str)),
        ("device.name", device.map(Text::as_str)),
        ("build.id", build_id.map(Text::as_str)),
        ("telemetry.sdk.name", Some(NAME)),
        ("telemetry.sdk.language", Some(about.language)),
        ("telemetry.sdk.version", Some(VERSION)),
    ];
    let mut all: Vec<_> = told.into_iter().filter_map(|(key, value)| Some(text(key, value?))).collect();
    all.extend(about.process_id.map(|id| attribute("process.pid", &Value::Uint(id.into()))));
    for (key, value) in about.tags.iter().filter(|(key, _)| !span.is_removed(key) && !is_internal(key)) {
        let attribute = match key.as_str() {
            "env" => text("deployment.environment.name", value.to_string()),
            "version" => text("service.version", value.to_string()),
            SERVICE => continue,
            key => attribute(key, value),
        };
        // What is said by a tag is said on purpose.
        match all.iter_mut().find(|known| known.key == attribute.key) {
            Some(known) => *known = attribute,
            None => all.push(attribute),
        }
    }
    all
}

/// Each span has its own: a tag says nothing of it.
const SERVICE: &str = "service.name";

//! What is known of a span: its own attributes, and those of who made it.

use std::borrow::Cow;

use opentelemetry::trace::SpanKind;
use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

/// A span and its resource, to look things up in.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) span: &'a SpanData,
    pub(super) resource: &'a Resource,
}

impl<'a> Facts<'a> {
    /// The text of the first of these attributes that is not empty; the resource is asked before the span.
    pub(super) fn any(&self, keys: &[&'static str]) -> Option<Cow<'a, str>> {
        keys.iter().find_map(|key| text(self.of_resource(key)?)).or_else(|| self.own(keys))
    }

    /// The same of the span's own attributes alone.
    pub(super) fn own(&self, keys: &[&'static str]) -> Option<Cow<'a, str>> {
        keys.iter().find_map(|key| text(self.own_value(key)?))
    }

    /// The value of the span's own attribute; of two with one key the later.
    pub(super) fn own_value(&self, key: &str) -> Option<&'a Value> {
        let is = |attribute: &&KeyValue| attribute.key.as_str() == key;
        self.span.attributes.iter().rev().find(is).map(|attribute| &attribute.value)
    }

    fn of_resource(&self, key: &'static str) -> Option<&'a Value> {
        self.resource.get_ref(&Key::from_static_str(key))
    }

    pub(super) fn is_server(&self) -> bool {
        self.span.span_kind == SpanKind::Server
    }

    pub(super) fn is_client(&self) -> bool {
        self.span.span_kind == SpanKind::Client
    }
}

fn text(value: &Value) -> Option<Cow<'_, str>> {
    Some(value.as_str()).filter(|text| !text.is_empty())
}

/// The name of a kind, in lower case.
pub(super) fn kind(kind: &SpanKind) -> &'static str {
    match kind {
        SpanKind::Client => "client",
        SpanKind::Server => "server",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
        SpanKind::Internal => "internal",
    }
}

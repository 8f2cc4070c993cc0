//! What is known of a span: its own attributes, and those of who made it.

use std::borrow::Cow;

use opentelemetry::Value as OtelValue;
use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::Resource;

use super::attributes;
use crate::model::{Event, Tag, Text, Value};

/// What OpenTelemetry says of a span beside its times, attributes, events and links.
pub(super) struct Said<'a> {
    pub(super) name: Text,
    pub(super) kind: SpanKind,
    pub(super) status: Status,
    pub(super) scope: &'a str,
    pub(super) scope_version: Option<&'a str>,
    /// The trace, in hex digits.
    pub(super) trace_id: Text,
    /// The header `tracestate`.
    pub(super) state: Text,
    pub(super) maker: &'a Maker,
}

/// The attributes of who made a span that say something of the span.
#[derive(Debug, Clone, Default)]
pub(super) struct Maker(Vec<Tag>);

/// How the keys begin that anybody asks a resource for: it has many others.
const ASKED: [&str; 11] = [
    "datadog.",
    "db.",
    "faas.",
    "graphql.",
    "http.",
    "messaging.",
    "network.",
    "operation.name",
    "resource.name",
    "rpc.",
    "span.type",
];

impl Maker {
    pub(super) fn of(resource: &Resource) -> Self {
        let mut told = Vec::new();
        for (key, value) in resource {
            if ASKED.iter().any(|asked| key.as_str().starts_with(asked)) {
                let whole = matches!(value, OtelValue::Array(_)).then(|| value.as_str().into_owned().into());
                attributes::convert(&mut told, key.as_str(), whole.as_ref().unwrap_or(value));
            }
        }
        Self(told)
    }
}

/// A span, whose attributes are tags as they were set, to look things up in.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) tags: &'a [Tag],
    pub(super) events: &'a [Event],
    pub(super) said: &'a Said<'a>,
}

impl<'a> Facts<'a> {
    /// The text of the first of these attributes that is not empty; the resource is asked before the span.
    pub(super) fn any(&self, keys: &[&'static str]) -> Option<Cow<'a, str>> {
        let maker = &self.said.maker.0;
        let of_maker = || keys.iter().find_map(|key| text(crate::model::find(maker, key)?));
        if maker.is_empty() { self.own(keys) } else { of_maker().or_else(|| self.own(keys)) }
    }

    /// The same of the span's own attributes alone; of two with one key the later.
    pub(super) fn own(&self, keys: &[&'static str]) -> Option<Cow<'a, str>> {
        if self.tags.is_empty() {
            return None;
        }
        keys.iter().find_map(|key| text(crate::model::find(self.tags, key)?))
    }

    pub(super) fn is_server(&self) -> bool {
        self.said.kind == SpanKind::Server
    }

    pub(super) fn is_client(&self) -> bool {
        self.said.kind == SpanKind::Client
    }
}

fn text(value: &Value) -> Option<Cow<'_, str>> {
    let text = match value {
        Value::Str(text) => Cow::Borrowed(text.as_str()),
        other => Cow::Owned(other.to_string()),
    };
    Some(text).filter(|text| !text.is_empty())
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

//! Attributes to tags.

use opentelemetry::{Array, Key, Value};

use crate::model::{Tag, Text, Value as TagValue};

/// The attributes whose tags have another key.
const RENAMED: [(&str, &str); 10] = [
    ("client.address", "http.client_ip"),
    ("http.request.body.size", "http.request.content_length"),
    ("http.request.header.referrer", "http.referrer"),
    ("http.request.method", "http.method"),
    ("http.response.body.size", "http.response.content_length"),
    ("http.response.status_code", "http.status_code"),
    ("network.protocol.version", "http.version"),
    ("server.address", "http.server_name"),
    ("url.full", "http.url"),
    ("user_agent.original", "http.useragent"),
];

/// What is said by a field of the span and is no tag.
const FIELDS: [&str; 4] = ["operation.name", "resource.name", "service.name", "span.type"];

/// Adds the tags that an attribute of a span, or of who made it, becomes.
pub(super) fn add(tags: &mut Vec<Tag>, key: &Key, value: &Value) {
    let name = key.as_str();
    if FIELDS.contains(&name) || name.starts_with("datadog.") {
        return;
    }
    match (name, value) {
        ("analytics.event", Value::Bool(is)) => {
            return tags.push((Text::from("_dd1.sr.eausr"), TagValue::Float(f64::from(u8::from(*is)))));
        }
        ("sampling.priority", Value::I64(_) | Value::F64(_)) => {
            return convert(tags, Text::from("_sampling_priority_v1"), value);
        }
        _ => {}
    }
    let renamed = RENAMED.iter().find(|(from, _)| *from == name).map(|(_, to)| Text::from(*to));
    let header =
        || name.strip_prefix("http.request.header.").map(|rest| format!("http.request.headers.{rest}"));
    let key = renamed.or_else(|| header().map(Text::from)).unwrap_or_else(|| Text::new(name));
    convert(tags, key, value);
}

/// Adds a value as it is; of an array each element, with its index behind the key.
pub(super) fn convert(tags: &mut Vec<Tag>, key: Text, value: &Value) {
    match value {
        Value::Bool(value) => tags.push((key, TagValue::Bool(*value))),
        Value::I64(value) => tags.push((key, TagValue::Int(*value))),
        Value::F64(value) => tags.push((key, TagValue::Float(*value))),
        Value::String(value) => tags.push((key, TagValue::Str(Text::new(value.as_str())))),
        Value::Array(array) => each(tags, &key, array),
        _ => tags.push((key, TagValue::Str(Text::new(&value.as_str())))),
    }
}

fn each(tags: &mut Vec<Tag>, key: &Text, array: &Array) {
    let mut values: Vec<TagValue> = Vec::new();
    match array {
        Array::Bool(array) => values.extend(array.iter().map(|value| TagValue::Bool(*value))),
        Array::I64(array) => values.extend(array.iter().map(|value| TagValue::Int(*value))),
        Array::F64(array) => values.extend(array.iter().map(|value| TagValue::Float(*value))),
        Array::String(array) => {
            values.extend(array.iter().map(|value| TagValue::Str(Text::new(value.as_str()))));
        }
        _ => values.push(TagValue::Str(Text::new(&Value::Array(array.clone()).as_str()))),
    }
    tags.extend(
        values.into_iter().enumerate().map(|(index, value)| (Text::from(format!("{key}.{index}")), value)),
    );
}

//! Attributes to tags.

use opentelemetry::{Array, Value};

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

/// Turns attributes of a span, or of who made it, into the tags that they become.
pub(super) fn settle(attributes: &mut Vec<Tag>) {
    attributes.retain_mut(|(key, value)| {
        if FIELDS.contains(&key.as_str()) || key.starts_with("datadog.") {
            return false;
        }
        match (key.as_str(), &value) {
            ("analytics.event", TagValue::Bool(is)) => {
                *value = TagValue::Float(f64::from(u8::from(*is)));
                *key = Text::from("_dd1.sr.eausr");
            }
            ("sampling.priority", TagValue::Int(_) | TagValue::Uint(_) | TagValue::Float(_)) => {
                *key = Text::from("_sampling_priority_v1");
            }
            _ => rename(key),
        }
        // As text, like every tracer of Datadog's.
        if *key == "http.status_code" && !matches!(value, TagValue::Str(_)) {
            *value = TagValue::Str(Text::new(&value.to_string()));
        }
        true
    });
}

fn rename(key: &mut Text) {
    if let Some((_, to)) = RENAMED.iter().find(|(from, _)| *from == key.as_str()) {
        *key = Text::from(*to);
    } else if let Some(rest) = key.strip_prefix("http.request.header.") {
        *key = Text::from(format!("http.request.headers.{rest}"));
    }
}

/// Adds a value as it is; of an array each element, with its index behind the key.
pub(super) fn convert(tags: &mut Vec<Tag>, key: &str, value: &Value) {
    let mut one = |value| tags.push((Text::new(key), value));
    match value {
        Value::Bool(value) => one(TagValue::Bool(*value)),
        Value::I64(value) => one(TagValue::Int(*value)),
        Value::F64(value) => one(TagValue::Float(*value)),
        Value::String(value) => one(TagValue::Str(Text::new(value.as_str()))),
        Value::Array(array) => each(array, |index, value| {
            convert(tags, &format!("{key}.{index}"), &value);
        }),
        _ => one(TagValue::Str(Text::new(&value.as_str()))),
    }
}

/// The elements of an array, each with its index.
pub(super) fn each(array: &Array, mut add: impl FnMut(usize, Value)) {
    match array {
        Array::Bool(array) => array.iter().enumerate().for_each(|(at, value)| add(at, (*value).into())),
        Array::I64(array) => array.iter().enumerate().for_each(|(at, value)| add(at, (*value).into())),
        Array::F64(array) => array.iter().enumerate().for_each(|(at, value)| add(at, (*value).into())),
        Array::String(array) => {
            array.iter().enumerate().for_each(|(at, value)| add(at, value.clone().into()))
        }
        _ => add(0, array.to_string().into()),
    }
}

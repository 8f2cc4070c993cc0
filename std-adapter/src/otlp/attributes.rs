//! Attributes, and how many there may be.

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};

use crate::model::{Tag, Value};

/// How many attributes a span, an event, a link or a resource has at most, and how many events and links a span:
/// OpenTelemetry's own limit.
const MOST: usize = 128;

/// The first of them, and how many more there are.
pub(super) fn bounded<T>(mut all: Vec<T>) -> (Vec<T>, u32) {
    let more = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    (all, u32::try_from(more).unwrap_or(u32::MAX))
}

/// Attributes of these tags.
pub(super) fn of(tags: &[Tag]) -> (Vec<KeyValue>, u32) {
    bounded(tags.iter().map(|(key, value)| attribute(key, value)).collect())
}

pub(super) fn attribute(key: &str, value: &Value) -> KeyValue {
    let value = match value {
        Value::Bool(value) => any_value::Value::BoolValue(*value),
        Value::Int(value) => any_value::Value::IntValue(*value),
        Value::Uint(value) => match i64::try_from(*value) {
            Ok(value) => any_value::Value::IntValue(value),
            Err(_) => any_value::Value::StringValue(value.to_string()),
        },
        Value::Float(value) => any_value::Value::DoubleValue(*value),
        Value::Str(text) => any_value::Value::StringValue(text.to_string()),
    };
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

pub(super) fn text(key: &str, value: impl Into<String>) -> KeyValue {
    let value = Some(any_value::Value::StringValue(value.into()));
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value }), ..KeyValue::default() }
}

/// Whether a key is a mark of Datadog's own.
pub(super) fn is_internal(key: &str) -> bool {
    key.starts_with("_dd.") || key == "_sampling_priority_v1"
}

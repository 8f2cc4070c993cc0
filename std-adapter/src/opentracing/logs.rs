//! The standard fields of logs, and what becomes of logs.
//!
//! A log is an event of its span, which is called what its field `event` says, or else `log`; its other fields are attributes. A log
//! of the event `error` marks the span as failed besides, and says how: `error.kind`, or else `error.object` or `error`, is its `error.type`,
//! `message`, or else `error.object`, its `error.message`, and `stack` its `error.stack`. A log of another event sets those of them
//! that speak of an error by their names.

use std::borrow::Cow;

use microspan::{SpanRef, Value};

use super::TEXTS;

/// The kind of an error.
pub const ERROR_KIND: &str = "error.kind";
/// The error.
pub const ERROR_OBJECT: &str = "error.object";
/// What happened: `error` if it failed.
pub const EVENT: &str = "event";
/// What is said of it.
pub const MESSAGE: &str = "message";
/// Where it happened.
pub const STACK: &str = "stack";

/// An older name of [`ERROR_OBJECT`].
const ERROR: &str = "error";

/// The most fields of a log; those beyond are left out.
const MOST: usize = 255;

/// Adds a log to a span, as of a tick.
pub(super) fn add(span: &SpanRef, fields: Vec<(Cow<'static, str>, Value<'_>)>, ticks: Option<u64>) {
    let keyed = fields.into_iter().filter_map(|(key, value)| Some((TEXTS.keep(key)?, value)));
    let mut fields: Vec<(&'static str, Value<'_>)> = keyed.take(MOST).collect();
    let field = |name: &str| fields.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let event = field(EVENT).and_then(text);
    let is_error = event == Some("error");
    if is_error {
        span.error(true);
    }
    let object = field(ERROR_OBJECT).or(field(ERROR));
    let message = field(MESSAGE).filter(|_| is_error || object.is_some() || field(ERROR_KIND).is_some());
    let said = [
        ("error.type", field(ERROR_KIND).or(object)),
        ("error.message", message.or(object)),
        ("error.stack", field(STACK)),
    ];
    for (key, value) in said {
        if let Some(value) = value {
            span.set_tag(key, value);
        }
    }
    let name = event.and_then(|event| TEXTS.get(event)).unwrap_or("log");
    fields.retain(|(key, value)| *key != EVENT || text(*value) != Some(name));
    match ticks {
        Some(ticks) => _ = span.add_event_at(name, ticks, &fields),
        None => _ = span.add_event(name, &fields),
    }
}

fn text(value: Value<'_>) -> Option<&str> {
    match value {
        Value::Static(text) | Value::Str(text) => Some(text),
        _ => None,
    }
}

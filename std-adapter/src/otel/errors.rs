//! Whether a span failed, and how.

use opentelemetry::trace::Status;

use super::facts::Facts;
use crate::model::{Event, Tag, Text, Value, find};

/// The tags of an error, and the attributes of the event `exception` that tell them.
const TOLD: [(&str, &str, &str); 3] = [
    ("error.message", "exception.message", "datadog.error.msg"),
    ("error.type", "exception.type", "datadog.error.type"),
    ("error.stack", "exception.stacktrace", "datadog.error.stack"),
];

/// Whether it failed, and the tags that say how beside its attributes. What fails by other means than its status has `failed`.
pub(super) fn error(facts: &Facts<'_>, failed: bool) -> (bool, Vec<Tag>) {
    let mut tags = Vec::new();
    let exceptions = || facts.events.iter().filter(|event| event.name == "exception");
    if exceptions().next().is_some() {
        tags.push((Text::from("_dd.span_events.has_exception"), Value::from("true")));
    }
    let failed = match facts.any(&["datadog.error"]) {
        Some(told) => told == "1" || told == "true",
        None => failed || matches!(facts.said.status, Status::Error { .. }),
    };
    if failed && !TOLD.iter().all(|(tag, ..)| facts.own(&[*tag]).is_some()) {
        // All are visited: of several exceptions the last holds.
        exceptions().for_each(|event| add(event, &mut tags));
        if find(&tags, "error.message").or_else(|| find(facts.tags, "error.message")).is_none()
            && let Some(message) = described(facts)
        {
            tags.push((Text::from("error.message"), Value::Str(Text::from(message))));
        }
    }
    for (tag, _, told) in TOLD {
        if let Some(told) = facts.any(&[told]) {
            tags.push((Text::from(tag), Value::Str(Text::new(&told))));
        }
    }
    let message = || find(&tags, "error.message").or_else(|| find(facts.tags, "error.message")).cloned();
    if failed && let Some(message) = message() {
        tags.push((Text::from("error.msg"), message));
    }
    (failed, tags)
}

fn add(exception: &Event, tags: &mut Vec<Tag>) {
    for (tag, attribute, _) in TOLD {
        if let Some(told) = find(&exception.attributes, attribute) {
            tags.push((Text::from(tag), Value::Str(Text::new(&told.to_string()))));
        }
    }
}

/// What the status says of an error, or else the code of the answer.
fn described(facts: &Facts<'_>) -> Option<String> {
    if let Status::Error { description } = &facts.said.status
        && !description.is_empty()
    {
        return Some(description.to_string());
    }
    let code = facts.any(&["http.response.status_code", "http.status_code"])?;
    Some(match facts.any(&["http.status_text"]) {
        Some(text) => format!("{code} {text}"),
        None => code.into_owned(),
    })
}

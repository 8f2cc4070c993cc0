//! Whether a span failed, and how.

use opentelemetry::trace::{Event, Status};

use super::facts::Facts;
use crate::model::{Tag, Text, Value};

/// The tags of an error, and the attributes of the event `exception` that tell them.
const TOLD: [(&str, &str, &str); 3] = [
    ("error.message", "exception.message", "datadog.error.msg"),
    ("error.type", "exception.type", "datadog.error.type"),
    ("error.stack", "exception.stacktrace", "datadog.error.stack"),
];

/// Whether it failed; adds the tags that say how.
pub(super) fn error(facts: &Facts<'_>, tags: &mut Vec<Tag>) -> bool {
    let exceptions = || facts.span.events.iter().filter(|event| event.name == "exception");
    if exceptions().next().is_some() {
        tags.push((Text::from("_dd.span_events.has_exception"), Value::from("true")));
    }
    let status = &facts.span.status;
    let failed = match facts.any(&["datadog.error"]) {
        Some(told) => told == "1" || told == "true",
        None => matches!(status, Status::Error { .. }),
    };
    if failed && !TOLD.iter().all(|(tag, ..)| facts.own(&[*tag]).is_some()) {
        // All are visited: of several exceptions the last holds.
        exceptions().for_each(|event| add(event, tags));
        if crate::model::find(tags, "error.message").is_none()
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
    if failed && let Some(message) = crate::model::find(tags, "error.message").cloned() {
        tags.push((Text::from("error.msg"), message));
    }
    failed
}

fn add(exception: &Event, tags: &mut Vec<Tag>) {
    for (tag, attribute, _) in TOLD {
        if let Some(told) = exception.attributes.iter().rev().find(|told| told.key.as_str() == attribute) {
            tags.push((Text::from(tag), Value::Str(Text::new(&told.value.as_str()))));
        }
    }
}

/// What the status says of an error, or else the code of the answer.
fn described(facts: &Facts<'_>) -> Option<String> {
    if let Status::Error { description } = &facts.span.status
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

//! Events and links as JSON text, for an agent or a format that does not take them otherwise: as many as have room in a tag, beyond which
//! the agent would cut the text anywhere.

use std::fmt::Write;

use super::beyond::can_be_sent;
use crate::model::normal::VALUE;
use crate::model::{Event, Link, Value};

/// An array.
pub(super) struct Json {
    pub(super) text: String,
    /// How many elements had no room.
    pub(super) left_out: usize,
}

/// An array of these elements, each of which is an object that `write` writes.
fn array<T>(elements: &[T], write: impl Fn(&mut String, &T)) -> Json {
    let mut text = String::from("[");
    let mut left_out = 0;
    for (place, element) in elements.iter().enumerate() {
        let before = text.len();
        text.push_str(if place == 0 { "" } else { "," });
        write(&mut text, element);
        if text.len() >= VALUE {
            text.truncate(before);
            left_out = elements.len() - place;
            break;
        }
    }
    text.push(']');
    Json { text, left_out }
}

/// An array of objects with `name`, `time_unix_nano` and, if there are any, `attributes`.
pub(super) fn events(events: &[Event]) -> Json {
    array(events, |json, event| {
        json.push_str("{\"name\":");
        string(json, &event.name);
        // Writing to a String cannot fail.
        let _ = write!(json, ",\"time_unix_nano\":{}", event.time.max(0));
        let attributes = event.attributes.iter().filter(|(_, value)| can_be_sent(value));
        for (place, (key, attribute)) in attributes.enumerate() {
            json.push_str(if place == 0 { ",\"attributes\":{" } else { "," });
            string(json, key);
            json.push(':');
            value(json, attribute);
        }
        json.push_str(if event.attributes.iter().any(|(_, value)| can_be_sent(value)) { "}}" } else { "}" });
    })
}

/// An array of objects with `trace_id`, `span_id` and, if they are there, `attributes`, `tracestate` and `flags`.
pub(super) fn links(links: &[Link]) -> Json {
    array(links, |json, link| {
        json.push('{');
        // Writing to a String cannot fail.
        let _ = write!(json, "\"trace_id\":\"{:032x}\",\"span_id\":\"{:016x}\"", link.trace_id, link.span_id);
        for (place, (key, attribute)) in link.attributes.iter().enumerate() {
            json.push_str(if place == 0 { ",\"attributes\":{" } else { "," });
            string(json, key);
            json.push(':');
            string(json, &attribute.to_string());
        }
        json.push_str(if link.attributes.is_empty() { "" } else { "}" });
        if let Some(state) = &link.tracestate {
            json.push_str(",\"tracestate\":");
            string(json, state);
        }
        if let Some(sampled) = link.sampled {
            let _ = write!(json, ",\"flags\":{}", u8::from(sampled));
        }
        json.push('}');
    })
}

fn value(json: &mut String, value: &Value) {
    match value {
        Value::Str(text) => string(json, text),
        // A whole number stays recognisable as a float.
        Value::Float(value) => {
            let _ = write!(json, "{value:?}");
        }
        value => {
            let _ = write!(json, "{value}");
        }
    }
}

fn string(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
}

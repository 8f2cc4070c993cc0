//! Events and links as JSON text, for an agent or a format that does not take them otherwise.

use std::fmt::Write;

use super::beyond::can_be_sent;
use crate::model::{Event, Link, Value};

/// An array of objects with `name`, `time_unix_nano` and, if there are any, `attributes`.
pub(super) fn events(events: &[Event]) -> String {
    let mut json = String::from("[");
    for (place, event) in events.iter().enumerate() {
        json.push_str(if place == 0 { "{\"name\":" } else { ",{\"name\":" });
        string(&mut json, &event.name);
        // Writing to a String cannot fail.
        let _ = write!(json, ",\"time_unix_nano\":{}", event.time.max(0));
        let attributes = event.attributes.iter().filter(|(_, value)| can_be_sent(value));
        for (place, (key, attribute)) in attributes.enumerate() {
            json.push_str(if place == 0 { ",\"attributes\":{" } else { "," });
            string(&mut json, key);
            json.push(':');
            value(&mut json, attribute);
        }
        json.push_str(if event.attributes.iter().any(|(_, value)| can_be_sent(value)) { "}}" } else { "}" });
    }
    json.push(']');
    json
}

/// An array of objects with `trace_id`, `span_id` and, if they are there, `attributes`, `tracestate` and `flags`.
pub(super) fn links(links: &[Link]) -> String {
    let mut json = String::from("[");
    for (place, link) in links.iter().enumerate() {
        json.push_str(if place == 0 { "{" } else { ",{" });
        // Writing to a String cannot fail.
        let _ = write!(json, "\"trace_id\":\"{:032x}\",\"span_id\":\"{:016x}\"", link.trace_id, link.span_id);
        for (place, (key, attribute)) in link.attributes.iter().enumerate() {
            json.push_str(if place == 0 { ",\"attributes\":{" } else { "," });
            string(&mut json, key);
            json.push(':');
            string(&mut json, &attribute.to_string());
        }
        json.push_str(if link.attributes.is_empty() { "" } else { "}" });
        if let Some(state) = &link.tracestate {
            json.push_str(",\"tracestate\":");
            string(&mut json, state);
        }
        if let Some(sampled) = link.sampled {
            let _ = write!(json, ",\"flags\":{}", u8::from(sampled));
        }
        json.push('}');
    }
    json.push(']');
    json
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

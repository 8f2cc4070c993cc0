//! Events as JSON text, for an agent that does not take them otherwise.

use std::fmt::Write;

use super::beyond::can_be_sent;
use crate::model::{Event, Value};

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

//! Spans as fields that can be compared: what differs from run to run is told by what it stands for.

use std::collections::BTreeMap;

use serde_json::Value;

/// What is said, by the span's name and the field.
pub type Fields = BTreeMap<(String, String), String>;

/// A difference that is as it should be.
pub struct Allowed {
    /// The span's name, or what it begins with and a star.
    pub span: &'static str,
    /// The field.
    pub field: &'static str,
    /// What is said here; `-`: nothing.
    pub ours: &'static str,
    /// What is said there.
    pub theirs: &'static str,
    /// Why.
    pub why: &'static str,
}

impl Allowed {
    fn is_for(&self, span: &str, field: &str, ours: &str, theirs: &str) -> bool {
        let matches = |pattern: &str, text: &str| {
            pattern.strip_suffix('*').map_or(pattern == text, |start| text.starts_with(start))
        };
        [(self.span, span), (self.field, field), (self.ours, ours), (self.theirs, theirs)]
            .into_iter()
            .all(|(pattern, text)| matches(pattern, text))
    }
}

/// The fields of all spans of some chunks.
pub fn of_chunks(chunks: &[Vec<Value>]) -> Fields {
    let spans: Vec<&Value> = chunks.iter().flatten().collect();
    // Ids of spans and of traces, by what has them.
    let span_of = |id: &Value| match spans.iter().find(|span| span["span_id"] == *id) {
        Some(span) => text(&span["name"]),
        None => text(id),
    };
    let trace_of = |id: &Value| {
        let is_root = |span: &&&Value| span["trace_id"] == *id && is_none(&span["parent_id"]);
        spans.iter().find(is_root).map_or_else(|| text(id), |root| format!("that of {}", text(&root["name"])))
    };
    let mut fields = Fields::new();
    for chunk in chunks {
        let names: Vec<String> = chunk.iter().map(|span| text(&span["name"])).collect();
        for (index, span) in chunk.iter().enumerate() {
            let is_own = trace_of(&span["trace_id"]).starts_with("that");
            let mut put = |field: String, value: String| {
                let known = fields.insert((names[index].clone(), field.clone()), value);
                assert_eq!(known, None, "two spans named {}, or a chunk twice: {field}", names[index]);
            };
            if index == 0 {
                put("chunk".to_owned(), names.join(" "));
            }
            for field in ["service", "resource", "type", "error"] {
                put(field.to_owned(), text(&span[field]));
            }
            put("trace".to_owned(), trace_of(&span["trace_id"]));
            put("parent".to_owned(), span_of(&span["parent_id"]));
            for map in ["meta", "metrics"] {
                for (key, value) in span[map].as_object().into_iter().flatten() {
                    let value = match key.as_str() {
                        "runtime-id" => "an id".to_owned(),
                        "process_id" => "a number".to_owned(),
                        "_dd.p.tid" if is_own => "its own".to_owned(),
                        _ => text(value),
                    };
                    put(format!("{map}.{key}"), value);
                }
            }
            for (number, link) in span["span_links"].as_array().into_iter().flatten().enumerate() {
                let is_own = trace_of(&link["trace_id"]).starts_with("that");
                for (key, value) in link.as_object().into_iter().flatten() {
                    let value = match key.as_str() {
                        "trace_id" => trace_of(value),
                        "span_id" => span_of(value),
                        "trace_id_high" if is_own => "its own".to_owned(),
                        _ => text(value),
                    };
                    put(format!("link {number}.{key}"), value);
                }
            }
            for (number, event) in span["span_events"].as_array().into_iter().flatten().enumerate() {
                let at = |value: &Value| value.as_i64().unwrap_or_default();
                let (time, start) = (at(&event["time_unix_nano"]), at(&span["start"]));
                assert!((start..=start + at(&span["duration"])).contains(&time), "{span}");
                put(format!("event {number}.name"), text(&event["name"]));
                put(format!("event {number}.attributes"), text(&event["attributes"]));
            }
        }
    }
    fields
}

/// What differs without being allowed to, and what is allowed in vain.
pub fn compare(ours: &Fields, theirs: &Fields, allowed: &[Allowed]) -> Vec<String> {
    let nothing = "-".to_owned();
    let keys: std::collections::BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    let mut used = vec![false; allowed.len()];
    let mut wrong = Vec::new();
    for key in keys {
        let (our, their) = (ours.get(key).unwrap_or(&nothing), theirs.get(key).unwrap_or(&nothing));
        if our == their {
            continue;
        }
        let (span, field) = key;
        let mut rows = allowed.iter().enumerate().filter(|(_, row)| row.is_for(span, field, our, their));
        match rows.next() {
            Some((index, _)) => used[index] = true,
            None => wrong.push(format!("{span}: {field}: ours `{our}`, theirs `{their}`")),
        }
    }
    for (row, used) in allowed.iter().zip(used) {
        if !used {
            let Allowed { span, field, ours, theirs, why } = row;
            wrong.push(format!("no longer so: {span}: {field}: ours `{ours}`, theirs `{theirs}` ({why})"));
        }
    }
    wrong
}

/// A value as it is written, an absent one and one of 0 as nothing.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            // As floats, but for ids, which a float does not hold.
            Some(float) if float.fract() != 0.0 || float.abs() < 9e15 => format!("{float}"),
            _ => number.to_string(),
        },
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

fn is_none(id: &Value) -> bool {
    id.as_u64().unwrap_or_default() == 0
}

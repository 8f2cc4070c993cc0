//! What a request says, and what refuses it.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::texts::Texts;

/// An answer that is no success.
pub struct Refusal {
    pub status: StatusCode,
    pub json: String,
}

impl Refusal {
    pub fn because(status: StatusCode, why: &str) -> Self {
        Self { status, json: json!({ "error": why }).to_string() }
    }
}

/// The body of a request, an object.
pub struct Ask(Value);

impl Ask {
    /// An empty body says nothing, and is no mistake: questions have none.
    pub fn of(body: &[u8]) -> Result<Self, Refusal> {
        if body.is_empty() {
            return Ok(Self(Value::Null));
        }
        let wrong = |error| Refusal::because(StatusCode::BAD_REQUEST, &format!("no JSON: {error}"));
        serde_json::from_slice(body).map(Self).map_err(wrong)
    }

    /// An id, as a number, in decimal, or in hexadecimal after `0x`; `None`: there is none, or it is 0.
    pub fn id(&self, key: &str) -> Option<u64> {
        let id = match &self.0[key] {
            Value::String(text) => match text.strip_prefix("0x") {
                Some(digits) => u64::from_str_radix(digits, 16).ok(),
                None => text.parse().ok(),
            },
            number => number.as_u64(),
        };
        id.filter(|&id| id != 0)
    }

    /// A text that has to be there.
    pub fn text(&self, key: &str) -> Result<&str, Refusal> {
        self.maybe(key)
            .ok_or_else(|| Refusal::because(StatusCode::UNPROCESSABLE_ENTITY, &format!("`{key}` is missing")))
    }

    /// A text that is not empty.
    pub fn maybe(&self, key: &str) -> Option<&str> {
        self.0[key].as_str().filter(|text| !text.is_empty())
    }

    /// Whatever it is.
    pub fn value(&self, key: &str) -> &Value {
        &self.0[key]
    }

    /// Pairs of texts: `[["key", "value"], ..]`.
    pub fn pairs(&self, key: &str) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0[key].as_array().into_iter().flatten();
        pairs.filter_map(|pair| Some((pair[0].as_str()?, pair[1].as_str()?)))
    }

    /// Attributes, with the items of a list by their numbers (`key.0`), as Datadog's links have them.
    pub fn attributes<'a>(
        &'a self,
        texts: &mut Texts,
    ) -> Result<Vec<(&'static str, microspan::Value<'a>)>, Refusal> {
        let mut found = Vec::new();
        for (key, value) in self.0["attributes"].as_object().into_iter().flatten() {
            flatten(key, value, texts, &mut found)?;
        }
        Ok(found)
    }
}

fn flatten<'a>(
    key: &str,
    value: &'a Value,
    texts: &mut Texts,
    found: &mut Vec<(&'static str, microspan::Value<'a>)>,
) -> Result<(), Refusal> {
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| flatten(&format!("{key}.{index}"), item, texts, found)),
        value => {
            if let Some(value) = scalar(value) {
                found.push((texts.keep(key)?, value));
            }
            Ok(())
        }
    }
}

/// A value that a tag can hold; `None`: it is a list or an object, or nothing.
pub fn scalar(value: &Value) -> Option<microspan::Value<'_>> {
    Some(match value {
        Value::Bool(value) => (*value).into(),
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => number.into(),
            (None, Some(number)) => number.into(),
            _ => number.as_f64()?.into(),
        },
        _ => return None,
    })
}

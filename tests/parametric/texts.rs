//! Strings that live for ever: names and keys are `&'static str`, and the suite makes them up as it goes.

use std::collections::HashSet;

use axum::http::StatusCode;

use crate::ask::Refusal;

/// The most bytes that are kept: a test has some hundreds.
const MOST_BYTES: usize = 16 << 20;

/// What is kept.
#[derive(Default)]
pub struct Texts {
    known: HashSet<&'static str>,
    bytes: usize,
}

impl Texts {
    /// The same text, for ever.
    pub fn keep(&mut self, text: &str) -> Result<&'static str, Refusal> {
        if let Some(known) = self.known.get(text) {
            return Ok(known);
        }
        if self.bytes + text.len() > MOST_BYTES {
            return Err(Refusal::because(StatusCode::INSUFFICIENT_STORAGE, "too many names and keys"));
        }
        self.bytes += text.len();
        let kept: &'static str = Box::leak(Box::from(text));
        self.known.insert(kept);
        Ok(kept)
    }
}

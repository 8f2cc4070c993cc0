//! What travels with a trace, as tags.

use microspan::propagation::{Extracted, Propagator};

use crate::carrier::Incoming;

/// What came with a context, and who reads it.
#[derive(Debug, Clone)]
pub(super) struct Came {
    headers: Incoming,
    propagator: Propagator,
}

impl Came {
    pub(super) fn new(headers: Incoming, propagator: Propagator) -> Self {
        Self { headers, propagator }
    }

    pub(super) fn extract(&self) -> Extracted<'_> {
        self.propagator.extract(&self.headers)
    }
}

/// The tags that the root here gets: where the trace comes from, and what travels with it.
pub(super) fn tags(came: &Came) -> Vec<(String, String)> {
    let extracted = came.extract();
    let mut tags = Vec::new();
    let mut add = |key: &str, value: String| tags.push((key.to_owned(), value));
    if let Some(origin) = extracted.passing.origin() {
        add("_dd.origin", origin.to_string());
    }
    if let Some(last) = extracted.last_datadog_span {
        add("_dd.parent_id", format!("{last:016x}"));
    }
    if let Some(error) = &extracted.error {
        add("_dd.propagation_error", error.to_string());
    }
    for (key, value) in extracted.passing.tags() {
        add(&format!("_dd.p.{key}"), value.to_string());
    }
    tags
}

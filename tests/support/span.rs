//! Spans as an agent stores them.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The spans of one trace in one payload.
pub type Chunk = Vec<Span>;

/// A span of `/v0.4/traces`. A field that this does not name is a failure: nothing is sent that nobody looked at.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// What did it.
    pub service: String,
    /// What was done.
    pub name: String,
    /// What it was done to.
    pub resource: String,
    /// The low half of the trace id.
    pub trace_id: u64,
    /// Its own id.
    pub span_id: u64,
    /// The span it is part of; 0: none.
    #[serde(default)]
    pub parent_id: u64,
    /// Nanoseconds since the Unix epoch.
    pub start: i64,
    /// Nanoseconds.
    pub duration: i64,
    /// 1: it failed.
    #[serde(default)]
    pub error: i32,
    /// Tags that are text.
    #[serde(default)]
    pub meta: BTreeMap<String, String>,
    /// Tags that are numbers.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
    /// What it leads to beside its parent.
    #[serde(default)]
    pub span_links: Vec<serde_json::Value>,
    /// What happened in it.
    #[serde(default)]
    pub span_events: Vec<serde_json::Value>,
    /// The kind of span: `web`, ...
    #[serde(default, rename = "type")]
    pub kind: String,
}

impl Span {
    /// A tag that is text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.meta.get(key).map(String::as_str)
    }

    /// A tag that is a number.
    pub fn number(&self, key: &str) -> Option<f64> {
        self.metrics.get(key).copied()
    }

    /// When it ended, in nanoseconds since the Unix epoch.
    pub fn end(&self) -> i64 {
        self.start + self.duration
    }
}

/// The time, in nanoseconds since the Unix epoch.
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

//! What came with a trace from elsewhere, as it lies in a context.

use microspan::propagation::{Headers, Propagator};
use opentelemetry::propagation::Extractor;

/// The headers that hold a context, besides those of B3, out of which nothing but ids comes.
const KEPT: [&str; 8] = [
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-origin",
    "x-datadog-tags",
    "traceparent",
    "tracestate",
    "baggage",
];

/// The headers of the request that is served, for those of the requests that are sent on its behalf.
#[derive(Debug, Clone, Default)]
pub(super) struct Incoming(Vec<(&'static str, String)>);

impl Incoming {
    pub(super) fn of(carrier: &dyn Extractor) -> Self {
        Self(KEPT.iter().filter_map(|name| Some((*name, carrier.get(name)?.to_owned()))).collect())
    }

    /// The tags that the root here gets: where the trace comes from, and what travels with it.
    pub(super) fn tags(&self, propagator: &Propagator) -> Vec<(String, String)> {
        let extracted = propagator.extract(self);
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
}

impl Headers for Incoming {
    fn header(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

//! What came with a trace from elsewhere, kept for the requests that are sent on its behalf.

use microspan::propagation::Headers;

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

/// The headers of the request that is served.
#[derive(Debug, Clone, Default)]
pub(crate) struct Incoming(Vec<(&'static str, String)>);

impl Incoming {
    pub(crate) fn of(headers: &impl Headers) -> Self {
        Self(KEPT.iter().filter_map(|name| Some((*name, headers.header(name)?.to_owned()))).collect())
    }
}

impl Headers for Incoming {
    fn header(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

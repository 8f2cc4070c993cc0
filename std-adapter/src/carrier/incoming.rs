//! What came with a trace from elsewhere, kept for the requests that are sent on its behalf.

use microspan::propagation::{Headers, Passing, Propagator};

use super::{ListHeaders, ot_baggage, uses_ot_baggage};

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
pub(crate) struct Incoming {
    kept: Vec<(&'static str, String)>,
    /// Items of OpenTracing's baggage, where they are asked for.
    items: Vec<(String, String)>,
}

impl Incoming {
    pub(crate) fn of(headers: &impl ListHeaders) -> Self {
        let kept = KEPT.iter().filter_map(|name| Some((*name, headers.header(name)?.to_owned()))).collect();
        let items = if uses_ot_baggage() {
            let items = ot_baggage(headers.list());
            items.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
        } else {
            Vec::new()
        };
        Self { kept, items }
    }

    /// What goes on with a trace.
    pub(crate) fn passing(&self, propagator: &Propagator, trace_id: u128) -> Passing<'_> {
        let extracted = propagator.extract(self);
        // Another style may name another trace.
        let is_its = extracted.context.is_none_or(|caller| caller.trace_id == trace_id);
        if is_its { extracted.passing } else { Passing::default() }
    }

    /// The items of OpenTracing's baggage.
    pub(crate) fn items(&self) -> Vec<(&str, &str)> {
        self.items.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }
}

impl Headers for Incoming {
    fn header(&self, name: &str) -> Option<&str> {
        self.kept.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

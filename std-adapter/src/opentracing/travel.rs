//! Contexts into carriers, and out of them.

use std::collections::BTreeMap;
use std::fmt::Display;

use microspan::propagation::{Behavior, Extracted, Headers, Passing, Propagator, Style};

use super::binary;
use super::carrier::{ExtractCarrier, Format, Held, InjectCarrier, Room};
use super::context::SpanContext;
use super::error::PropagationError;
use crate::carrier::{self, Incoming, ListHeaders, Outgoing, held, ot_baggage, propagator, set_baggage};

pub(super) fn inject(
    context: &SpanContext,
    format: Format,
    carrier: &mut impl InjectCarrier,
) -> Result<(), PropagationError> {
    match (format, carrier.room()) {
        (Format::TextMap | Format::HttpHeaders, Room::Pairs(map)) => {
            pairs(context).iter().for_each(|(key, value)| map.set(key, value));
        }
        (Format::Binary, Room::Bytes(bytes)) => binary::write(bytes, &pairs(context)),
        _ => return Err(refused(format)),
    }
    Ok(())
}

/// The pairs that carry a context.
fn pairs(context: &SpanContext) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let propagator = propagator();
    // Its trace is decided on with the first request that is sent for it.
    let span = context.open();
    let outgoing = span.as_ref().and_then(Outgoing::of);
    let nothing = microspan::SpanContext { trace_id: 0, span_id: 0, sampling_priority: None };
    let identity = outgoing.as_ref().map(|outgoing| *outgoing.context()).or_else(|| context.identity());
    let identity = identity.unwrap_or(nothing);
    // It came in a carrier, or with the request that is being served by other means.
    let served = span.as_ref().filter(|_| context.incoming().is_none()).and_then(held::incoming);
    let came = context.incoming().or(served.as_deref());
    let passing =
        came.map_or_else(Passing::default, |incoming| incoming.passing(&propagator, identity.trace_id));
    let passing = outgoing.as_ref().map_or(passing, |outgoing| outgoing.passing(passing));
    let baggage = context.baggage().iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let baggage: Vec<_> = baggage.chain(served.iter().flat_map(|incoming| incoming.items())).collect();
    let passing = passing.baggage_items(&baggage);
    let mut set = |name: &'static str, value: &dyn Display| pairs.push((name.to_owned(), value.to_string()));
    if let Err(error) = carrier::inject(&propagator, &identity, &passing, &mut set)
        && let Some(span) = span
    {
        span.set_tag("_dd.propagation_error", error.to_string().as_str());
    }
    set_baggage(passing.baggage(), |name, value| pairs.push((name.to_owned(), value.to_owned())));
    pairs
}

pub(super) fn extract(
    format: Format,
    carrier: &(impl ExtractCarrier + ?Sized),
) -> Result<Option<SpanContext>, PropagationError> {
    let pairs = match (format, carrier.holds()) {
        (Format::TextMap | Format::HttpHeaders, Held::Pairs(pairs)) => pairs,
        (Format::Binary, Held::Bytes([])) => return Ok(None),
        (Format::Binary, Held::Bytes(bytes)) => {
            binary::read(bytes).ok_or(PropagationError::SpanContextCorrupted("its bytes are no context"))?
        }
        _ => return Err(refused(format)),
    };
    let came = propagator().extract(pairs.as_slice());
    let baggage = baggage(&came, &pairs);
    if came.context.is_none() && came.links.is_empty() {
        if is_corrupted(&pairs) {
            return Err(PropagationError::SpanContextCorrupted("its ids cannot be read"));
        }
        if baggage.is_empty() {
            return Ok(None);
        }
    }
    let incoming = Incoming::of(&Pairs(&pairs));
    Ok(Some(SpanContext::elsewhere(came.context, baggage, incoming)))
}

/// W3C's baggage, and OpenTracing's besides: of a key that both have, whatever its case, the former holds.
fn baggage(came: &Extracted<'_>, pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let items = came.passing.baggage();
    let mut baggage: BTreeMap<String, String> =
        items.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    for (key, value) in ot_baggage(pairs.iter().copied()) {
        if !baggage.keys().any(|known| known.eq_ignore_ascii_case(key)) {
            baggage.insert(key.to_owned(), value.to_owned());
        }
    }
    baggage
}

/// Whether there are ids, of which none can be read by those who write such.
fn is_corrupted(pairs: &[(&str, &str)]) -> bool {
    const ALL: Propagator =
        Propagator::new().styles(&[Style::Datadog, Style::TraceContext]).behavior(Behavior::Continue);
    ["x-datadog-trace-id", "traceparent"].iter().any(|name| pairs.header(name).is_some())
        && ALL.extract(pairs).context.is_none()
}

fn refused(format: Format) -> PropagationError {
    let needed = match format {
        Format::TextMap | Format::HttpHeaders => "pairs of texts",
        Format::Binary => "bytes",
        Format::Other(name) => return PropagationError::UnsupportedFormat(name.to_owned()),
    };
    PropagationError::InvalidCarrier { format: format.name(), needed }
}

/// Pairs as headers.
struct Pairs<'c>(&'c [(&'c str, &'c str)]);

impl Headers for Pairs<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.0.header(name)
    }
}

impl ListHeaders for Pairs<'_> {
    fn list(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().copied()
    }
}

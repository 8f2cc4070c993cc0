//! To which trace the last spans of a session belonged: where links lead.

use microspan::wire::Span;

/// How many spans are remembered. A device does not tell the trace of a link only when the linked span went out
/// before and its slot is in use again, which is soon after.
const SPANS: usize = 4096;

/// The traces of the last spans, each in the place that the low bits of its counter say: a span is forgotten when
/// another of that place comes, and counters grow with the order of starts.
#[derive(Debug, Default)]
pub(super) struct Traces {
    /// Counters of spans and of their traces. Empty until a span comes.
    places: Vec<(u64, u64)>,
}

impl Traces {
    pub(super) fn note(&mut self, span: &Span<'_>) {
        if self.places.is_empty() {
            // No span has this counter.
            self.places = vec![(u64::MAX, 0); SPANS];
        }
        if let Some(place) = self.places.get_mut(place(span.counter)) {
            *place = (span.counter, span.trace);
        }
    }

    /// The counter of the trace of a span, if it is told or remembered.
    pub(super) fn find(&self, span: u64, told: Option<u64>) -> Option<u64> {
        let known = self.places.get(place(span)).filter(|(counter, _)| *counter == span);
        told.or(known.map(|(_, trace)| *trace))
    }
}

fn place(counter: u64) -> usize {
    counter as usize % SPANS
}

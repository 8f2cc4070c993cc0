//! Deciding on a trace when the first request is sent for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use microspan::{SpanRef, Tracer};

use super::said::Said;
use super::spans::convert;
use super::{fork, nanoseconds};
use crate::carrier::{Decide, Decided};
use crate::model::{Source, Span, Text};
use crate::pipeline::{Decider, Early};

/// What decides on the traces of this tracer.
pub(super) fn by(
    tracer: &'static Tracer,
    said: Said,
    source: Arc<Source>,
    decider: Decider,
    started: Instant,
) -> Box<Decide> {
    let state = Mutex::new((said, decider));
    Box::new(move |root, trace_id| {
        // In a child of `fork` a thread that stayed behind may hold the lock, and nobody sends what is decided.
        if !root.is_of(tracer) || fork::has_happened() {
            return None;
        }
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let (said, decider) = &mut *state;
        if let Some(said) = said.news() {
            decider.renew(said);
        }
        let now = nanoseconds(started.elapsed());
        let look = || seen(root, trace_id, source.clone(), decider.keys());
        let Early { priority, mechanism, rate } = decider.decide(trace_id, now, look);
        Some(Decided { priority, mechanism, rate })
    })
}

/// A root as rules see it: what it is so far.
fn seen<'k>(
    root: &SpanRef,
    trace_id: u128,
    source: Arc<Source>,
    keys: impl Iterator<Item = &'k str>,
) -> Span {
    let read = |key: &str| root.with_tag(key, |value| convert(value, false)).flatten();
    let text = |key| read(key).map(|value| Text::new(&value.to_string()));
    let mut span = Span::new(trace_id, 1, 0, root.name().unwrap_or_default(), source);
    span.name = text("operation.name").unwrap_or(span.name);
    (span.service, span.resource) = (text("service.name"), text("resource.name"));
    span.tags = keys.filter_map(|key| Some((Text::new(key), read(key)?))).collect();
    span
}

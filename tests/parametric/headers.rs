//! Traces from elsewhere and to elsewhere.

use std::fmt::Display;
use std::sync::Arc;

use microspan::Span;
use microspan::propagation::Passing;
use microspan_std::carrier::{
    Outgoing, ot_baggage, propagator, set_ot_baggage, show_baggage, uses_ot_baggage,
};
use serde_json::json;

use crate::ask::{Ask, Refusal};
use crate::held::{Held, Known};

/// The first id of what was extracted without a span: baggage alone, or a trace that is only linked to.
const UNNAMED: u64 = 1 << 63;

/// Reads headers: the id by which a span can be started in what they name, if they name anything.
pub fn extract(held: &mut Held, ask: &Ask) -> Result<String, Refusal> {
    let came = joined(ask.pairs("http_headers"));
    let extracted = propagator().extract(came.as_slice());
    let mut baggage: Vec<(String, String)> = Vec::new();
    if uses_ot_baggage() {
        let items = ot_baggage(came.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        baggage.extend(items.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
    for (key, value) in extracted.passing.baggage().iter() {
        let key = key.to_string();
        if baggage.iter().all(|(known, _)| *known != key) {
            baggage.push((key, value.to_string()));
        }
    }
    let context = extracted.context;
    let says_nothing = context.is_none() && extracted.sampling_priority.is_none();
    if says_nothing && baggage.is_empty() && extracted.links.is_empty() {
        return Ok(r#"{"span_id":null}"#.to_owned());
    }
    let named = context.map(|context| context.span_id).filter(|&id| id != 0);
    let id = named.unwrap_or_else(|| (UNNAMED..).find(|id| held.known(*id).is_none()).unwrap_or(UNNAMED));
    held.know(id, Known { context, came: Arc::new(came), baggage })?;
    Ok(json!({ "span_id": id }).to_string())
}

/// Headers of one name as one, with commas between, as HTTP has it.
fn joined<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    let mut joined: Vec<(String, String)> = Vec::new();
    for (name, value) in headers {
        match joined.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, before)) if before.is_empty() => value.clone_into(before),
            Some((_, before)) if !value.is_empty() => *before = format!("{before},{value}"),
            Some(_) => {}
            None => joined.push((name.to_owned(), value.to_owned())),
        }
    }
    joined
}

impl Known {
    /// Continues its trace in a root.
    pub fn continue_in(&self, root: &Span) {
        let extracted = propagator().extract(self.came.as_slice());
        // Of a span of this program that is finished its context alone is known, and what its trace once came with.
        if let Some(context) = self.context.filter(|_| extracted.context != self.context) {
            root.continue_from(&context);
        } else {
            extracted.continue_in(root);
        }
        show_baggage(root, self.baggage.iter().map(|(key, value)| (key, value)));
    }
}

/// Writes the headers of a request on behalf of a span.
pub fn inject(held: &mut Held, ask: &Ask) -> Result<String, Refusal> {
    let Some((open, _)) = held.asked(ask)? else { return Ok(r#"{"http_headers":[]}"#.to_owned()) };
    let mut headers: Vec<(String, String)> = Vec::new();
    // When the root is finished its context is not told any more, and the trace is what it was.
    let outgoing = Outgoing::of(&open.span);
    if let Some(context) = outgoing.as_ref().map(|outgoing| *outgoing.context()).or(open.known.context) {
        // Items may have been taken away, so baggage is told from the list that is kept.
        let came: Vec<&(String, String)> =
            open.known.came.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("baggage")).collect();
        let came: Vec<(&str, &str)> =
            came.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let extracted = propagator().extract(came.as_slice());
        let is_ours = extracted.context.is_some_and(|caller| caller.trace_id == context.trace_id);
        let passing = if is_ours { extracted.passing } else { Passing::default() };
        let baggage: Vec<(&str, &str)> =
            open.known.baggage.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let mut set = |name: &'static str, value: &dyn Display| {
            headers.push((name.to_owned(), value.to_string()));
        };
        let passing = outgoing.as_ref().map_or(passing, |outgoing| outgoing.passing(passing));
        if let Err(error) = propagator().inject(&context, &passing.baggage_items(&baggage), &mut set) {
            open.span.set_tag("_dd.propagation_error", error.to_string().as_str());
        }
        if uses_ot_baggage() {
            set_ot_baggage(baggage, |name, value| headers.push((name.to_owned(), value.to_owned())));
        }
    }
    Ok(json!({ "http_headers": headers }).to_string())
}

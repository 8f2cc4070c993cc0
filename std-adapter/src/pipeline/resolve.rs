//! Completing a trace: what a span cannot know alone.
//!
//! The root comes first, duplicates go, services are inherited along the parents, each span learns whether it is
//! top-level (it enters a service), and everything is cut to the length the agent takes.

use std::collections::HashSet;

use super::baggage;
use crate::config::BaggageKeys;
use crate::model::{Span, Tag, Text, Value};

/// The agent's limits, in bytes.
pub(super) const SERVICE: usize = 100;
const NAME: usize = 100;
pub(super) const RESOURCE: usize = 5_000;
const TYPE: usize = 100;
const KEY: usize = 200;
pub(super) const VALUE: usize = 25_000;

/// What the agent calls a span without a name.
const UNNAMED: &str = "unnamed_operation";

/// A tag that gives its span another name.
const OPERATION: &str = "operation.name";

/// A tag that the agent takes away if it is no status.
const STATUS: &str = "http.status_code";

/// A tag that says the span's version, too.
const SERVICE_VERSION: &str = "service.version";
const VERSION: &str = "version";

/// A tag that is a number for Datadog, however it was set: 1 where the span is to have statistics of its own.
const MEASURED: &str = "_dd.measured";

/// Up to this many tags, comparing them pairwise is faster than hashing.
const FEW_TAGS: usize = 16;

/// Scratch memory, kept from trace to trace.
#[derive(Default)]
pub(super) struct Resolver {
    /// Span ids and where they lie in the trace, sorted: for traces of the usual size faster than a hash map, and
    /// nobody can choose ids that make it slow.
    places: Vec<(u64, usize)>,
    /// The spans on the way up to the next named service.
    path: Vec<usize>,
}

impl Resolver {
    /// Completes `spans`. Tells how many duplicates were dropped.
    pub(super) fn resolve(&mut self, spans: &mut Vec<Span>, service: &Text, shown: &BaggageKeys) -> u64 {
        if let Some(root) = spans.iter().position(Span::is_local_root) {
            spans[..=root].rotate_right(1);
        }
        let duplicates = self.drop_duplicates(spans);
        baggage::show(spans, shown);
        self.complete(spans, service);
        duplicates
    }

    /// The same of spans that somebody changed since.
    pub(super) fn resolve_again(&mut self, spans: &mut [Span], service: &Text) {
        self.note_places(spans);
        self.complete(spans, service);
    }

    fn complete(&mut self, spans: &mut [Span], service: &Text) {
        spans.iter_mut().for_each(fit);
        for at in 0..spans.len() {
            self.inherit_service(spans, at, service);
        }
    }

    /// Fills `top_level` with one mark for each of the spans that were resolved last.
    pub(super) fn mark(&self, spans: &[Span], top_level: &mut Vec<bool>) {
        top_level.clear();
        top_level.extend(spans.iter().map(|span| {
            span.is_local_root()
                || self.place(span.parent_id).is_some_and(|at| spans[at].service != span.service)
        }));
    }

    /// Keeps the first span of each id, and notes where it lies.
    fn drop_duplicates(&mut self, spans: &mut Vec<Span>) -> u64 {
        self.note_places(spans);
        let twice: HashSet<usize> =
            self.places.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[1].1).collect();
        if twice.is_empty() {
            return 0;
        }
        let mut place = 0;
        spans.retain(|_| {
            place += 1;
            !twice.contains(&(place - 1))
        });
        self.note_places(spans);
        twice.len() as u64
    }

    fn note_places(&mut self, spans: &[Span]) {
        self.places.clear();
        self.places.extend(spans.iter().enumerate().map(|(at, span)| (span.span_id, at)));
        self.places.sort_unstable();
    }

    /// Where the span with this id lies.
    fn place(&self, id: u64) -> Option<usize> {
        let found = self.places.binary_search_by_key(&id, |&(id, _)| id).ok()?;
        Some(self.places[found].1)
    }

    /// Gives the span at `at`, and all on its way up, the nearest service above. Each span is passed once: the ones
    /// behind have their service already.
    fn inherit_service(&mut self, spans: &mut [Span], at: usize, fallback: &Text) {
        self.path.clear();
        let mut here = at;
        let service = loop {
            if let Some(service) = &spans[here].service {
                break service.clone();
            }
            self.path.push(here);
            match self.place(spans[here].parent_id) {
                // A longer path than there are spans is a circle of spans that name each other as parents.
                Some(parent) if self.path.len() <= spans.len() => here = parent,
                _ => break fallback.clone(),
            }
        };
        for &at in &self.path {
            spans[at].service = Some(service.clone());
        }
    }
}

/// Makes one span acceptable to the agent.
pub(super) fn fit(span: &mut Span) {
    // Where time would end before the span does, the agent leaves no duration.
    span.duration = span.duration.max(0);
    if span.start.checked_add(span.duration).is_none() {
        span.duration = 0;
    }
    let Span { name, tags, .. } = span;
    let mut version = None;
    tags.retain_mut(|(key, value)| match key.as_str() {
        STATUS => is_status(value),
        OPERATION => {
            *name = match value {
                Value::Str(text) => text.clone(),
                other => Text::new(&other.to_string()),
            };
            false
        }
        // Of the two the later holds.
        SERVICE_VERSION => {
            version = Some(value.to_string());
            true
        }
        VERSION => {
            version = None;
            true
        }
        MEASURED => {
            *value = Value::Int(is_yes(value).into());
            true
        }
        _ => true,
    });
    tags.extend(version.map(|version| (Text::from(VERSION), Value::Str(Text::from(version)))));
    span.name.truncate(NAME);
    if span.name.is_empty() {
        span.name = Text::from(UNNAMED);
    }
    span.service.as_mut().into_iter().for_each(|text| text.truncate(SERVICE));
    span.resource.as_mut().into_iter().for_each(|text| text.truncate(RESOURCE));
    span.span_type.as_mut().into_iter().for_each(|text| text.truncate(TYPE));
    // Empty means "not set", here as for the agent.
    span.service.take_if(|text| text.is_empty());
    span.resource.take_if(|text| text.is_empty());
    span.span_type.take_if(|text| text.is_empty());
    tidy(&mut span.tags);
    for link in &mut span.links {
        tidy(&mut link.attributes);
    }
    for event in &mut span.events {
        event.name.truncate(NAME);
        tidy(&mut event.attributes);
    }
}

/// Whether a status of HTTP may be one. As a number the agent takes any.
fn is_status(value: &Value) -> bool {
    match value {
        Value::Str(text) => text.parse::<i64>().is_ok_and(|status| (100..600).contains(&status)),
        _ => true,
    }
}

/// Whether a value says yes, as a number, a truth or a word.
fn is_yes(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::Int(value) => *value != 0,
        Value::Uint(value) => *value != 0,
        Value::Float(value) => *value != 0.0,
        Value::Str(text) => !matches!(text.as_str(), "" | "0" | "false"),
    }
}

/// Cuts keys and values to length; of equal keys keeps the last.
pub(super) fn tidy(tags: &mut Vec<Tag>) {
    for (key, value) in tags.iter_mut() {
        key.truncate(KEY);
        if let Value::Str(text) = value {
            text.truncate(VALUE);
        }
    }
    if tags.len() <= FEW_TAGS {
        let mut at = 0;
        while at < tags.len() {
            if tags[at + 1..].iter().any(|(key, _)| *key == tags[at].0) {
                tags.remove(at);
            } else {
                at += 1;
            }
        }
    } else {
        let mut seen = HashSet::new();
        tags.reverse();
        tags.retain(|(key, _)| seen.insert(key.clone()));
        tags.reverse();
    }
}

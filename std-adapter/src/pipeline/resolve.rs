//! Completing a trace: what a span cannot know alone.
//!
//! The root comes first, duplicates go, services are inherited along the parents, each span learns whether it is
//! top-level (it enters a service), and everything is cut to the length the agent takes, and says so.

use std::collections::HashSet;

use super::baggage;
use super::places::Places;
use crate::config::BaggageKeys;
use crate::model::normal::{NAME, SERVICE, UNNAMED, VALUE, is_status};
use crate::model::{Span, Tag, Text, Value};

/// The agent's limits, in bytes.
pub(super) const RESOURCE: usize = 5_000;
const TYPE: usize = 100;
const KEY: usize = 200;

/// A tag that gives its span another name.
const OPERATION: &[u8] = b"operation.name";

/// A tag that the agent takes away if it is no status.
const STATUS: &[u8] = b"http.status_code";

/// A tag that says the span's version, too.
const SERVICE_VERSION: &[u8] = b"service.version";
const VERSION: &str = "version";

/// A tag that is a number for Datadog, however it was set: 1 where the span is to have statistics of its own.
const MEASURED: &[u8] = b"_dd.measured";

/// Up to this many tags, comparing them pairwise is faster than hashing.
const FEW_TAGS: usize = 16;

/// Scratch memory, kept from trace to trace.
#[derive(Default)]
pub(super) struct Resolver {
    places: Places,
    /// Where the parent of each span lies.
    parents: Vec<Option<usize>>,
    /// The spans on the way up to the next named service.
    path: Vec<usize>,
}

impl Resolver {
    /// Completes `spans`. Tells how many duplicates were dropped.
    pub(super) fn resolve(&mut self, spans: &mut Vec<Span>, service: &Text, shown: &BaggageKeys) -> u64 {
        let duplicates = self.order(spans);
        baggage::show(spans, shown);
        self.complete(spans, service);
        duplicates
    }

    /// The same of spans of this trace that somebody changed since: they go out as of no other, and as of no id that is none.
    /// Tells how many had none, and how many duplicates there were.
    pub(super) fn resolve_again(
        &mut self,
        spans: &mut Vec<Span>,
        trace_id: u128,
        service: &Text,
    ) -> (u64, u64) {
        let all = spans.len();
        spans.retain(|span| span.span_id != 0);
        let invalid = all - spans.len();
        spans.iter_mut().for_each(|span| span.trace_id = trace_id);
        let duplicates = self.order(spans);
        self.complete(spans, service);
        (invalid as u64, duplicates)
    }

    /// Puts the root first, and keeps the first span of each id; tells how many others there were.
    fn order(&mut self, spans: &mut Vec<Span>) -> u64 {
        if let Some(root) = spans.iter().position(Span::is_local_root) {
            spans[..=root].rotate_right(1);
        }
        self.drop_duplicates(spans)
    }

    fn complete(&mut self, spans: &mut [Span], service: &Text) {
        self.parents.clear();
        self.parents.extend(spans.iter().map(|span| self.places.find(span.parent_id)));
        spans.iter_mut().for_each(fit);
        for at in 0..spans.len() {
            if spans[at].service.is_none() {
                match self.parents[at].and_then(|parent| spans[parent].service.clone()) {
                    None => self.inherit_service(spans, at, service),
                    inherited => spans[at].service = inherited,
                }
            }
        }
    }

    /// Fills `top_level` with one mark for each of the spans that were resolved last.
    pub(super) fn mark(&self, spans: &[Span], top_level: &mut Vec<bool>) {
        top_level.clear();
        top_level.extend(spans.iter().zip(&self.parents).map(|(span, parent)| {
            span.is_local_root() || parent.is_some_and(|parent| spans[parent].service != span.service)
        }));
    }

    /// Keeps the first span of each id, and notes where it lies.
    fn drop_duplicates(&mut self, spans: &mut Vec<Span>) -> u64 {
        let all = spans.len();
        self.places.clear(all);
        if spans.iter().enumerate().all(|(place, span)| self.places.insert(span.span_id, place)) {
            return 0;
        }
        self.places.clear(all);
        let mut place = 0;
        spans.retain(|span| {
            let is_first = self.places.insert(span.span_id, place);
            place += usize::from(is_first);
            is_first
        });
        (all - spans.len()) as u64
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
            match self.parents[here] {
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
    let mut seen = Seen::of(&span.tags);
    if seen.is_special {
        take_special(span);
        seen = Seen::of(&span.tags);
    }
    // Empty means "not set", here as for the agent.
    span.service.take_if(|text| text.is_empty());
    span.resource.take_if(|text| text.is_empty());
    span.span_type.take_if(|text| text.is_empty());
    // A name stands for the resource as well, which may be longer.
    if span.name.len() > NAME && span.resource.is_none() {
        span.resource = Some(span.name.clone());
    }
    span.name.truncate(NAME);
    if span.name.is_empty() {
        span.name = Text::from(UNNAMED);
    }
    span.service.as_mut().into_iter().for_each(|text| text.truncate(SERVICE));
    span.resource.as_mut().into_iter().for_each(|text| text.truncate(RESOURCE));
    span.span_type.as_mut().into_iter().for_each(|text| text.truncate(TYPE));
    seen.tidy(&mut span.tags);
    for link in &mut span.links {
        tidy(&mut link.attributes);
    }
    for event in &mut span.events {
        event.name.truncate(NAME);
        tidy(&mut event.attributes);
    }
}

/// Does what some tags ask for, and takes those away that do not go out.
fn take_special(span: &mut Span) {
    let Span { name, tags, .. } = span;
    let mut version = None;
    tags.retain_mut(|(key, value)| match key.as_bytes() {
        STATUS => may_be_status(value),
        OPERATION => {
            *name = match value {
                Value::Str(text) => text.clone(),
                other => Text::new(&other.to_string()),
            };
            false
        }
        SERVICE_VERSION => {
            version = Some(value.to_string());
            true
        }
        MEASURED => {
            *value = Value::Int(is_yes(value).into());
            true
        }
        other => {
            // Of the two the later holds.
            if other == VERSION.as_bytes() {
                version = None;
            }
            true
        }
    });
    tags.extend(version.map(|version| (Text::from(VERSION), Value::Str(Text::from(version)))));
}

/// Whether a value may be a status of HTTP. As a number the agent takes any.
fn may_be_status(value: &Value) -> bool {
    match value {
        Value::Str(text) => is_status(text),
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
    Seen::of(tags).tidy(tags);
}

/// What is seen of tags at a glance, in one look at each.
struct Seen {
    /// One of them asks for something.
    is_special: bool,
    /// A key or a value may be too long.
    is_long: bool,
    /// Two keys may be the same.
    is_twice: bool,
}

impl Seen {
    fn of(tags: &[Tag]) -> Self {
        let mut seen = Self { is_special: false, is_long: false, is_twice: false };
        let mut keys = 0;
        for (key, value) in tags {
            let key = key.as_bytes();
            seen.is_special |= matches!(key, STATUS | OPERATION | SERVICE_VERSION | MEASURED);
            seen.is_long |= key.len() > KEY || matches!(value, Value::Str(text) if text.len() > VALUE);
            let known = keys;
            keys |= look(key);
            seen.is_twice |= known == keys;
        }
        seen
    }

    /// Cuts what is over a limit, and leaves the last of those that have one key.
    fn tidy(mut self, tags: &mut Vec<Tag>) {
        if self.is_long {
            cut(tags);
            self = Self::of(tags);
        }
        if self.is_twice {
            keep_last(tags);
        }
    }
}

#[cold]
fn cut(tags: &mut [Tag]) {
    for (key, value) in tags {
        key.truncate(KEY);
        if let Value::Str(text) = value {
            text.truncate(VALUE);
        }
    }
}

/// Keeps the last of equal keys.
fn keep_last(tags: &mut Vec<Tag>) {
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

/// What is seen of a key at a glance, its length and three of its bytes, as one bit: that of another key is mostly another.
#[inline]
fn look(key: &[u8]) -> u64 {
    let byte = |at: usize| key.get(at).map_or(0, |byte| usize::from(*byte));
    let ends = 13 * byte(0) + 7 * byte(key.len().wrapping_sub(1));
    1 << ((23 * key.len() + ends + 3 * byte(key.len() / 2)) % 64)
}

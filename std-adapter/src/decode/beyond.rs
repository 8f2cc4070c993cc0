//! What stands among the tags of a span: tags, those of them that name its fields, and events, links, baggage, a parent
//! elsewhere, keys that are removed.

use microspan::SpanContext;
use microspan::wire::{Span as WireSpan, TagValue};

use super::Counters;
use super::session::Session;
use super::stack::{is_address, set_stack};
use crate::model::{Event, Link, Span, Tag, Text, Value};

/// The metric that carries a sampling priority.
const PRIORITY: &str = "_sampling_priority_v1";

impl Session {
    pub(super) fn set_tags(&mut self, span: &mut Span, wire: &WireSpan<'_>, counters: &mut Counters) {
        let count = wire.tags.size_hint().0;
        if count == 0 {
            return;
        }
        span.tags = self.spare.pop().unwrap_or_default();
        span.tags.reserve_exact(count);
        let mut has_crashed = false;
        // On the wire the newest comes first.
        for tag in wire.tags {
            let key = self.names.text(tag.key);
            match self.names.value(tag.value) {
                Some(_) if span.is_removed(&key) => {}
                Some(value) => match meaning(&key) {
                    Meaning::Tag => span.tags.push((key, value)),
                    Meaning::Address => {
                        has_crashed = true;
                        span.tags.push((key, value));
                    }
                    Meaning::Field(field) => drop(field(span).get_or_insert_with(|| text_of(value))),
                },
                None => self.set_other(span, wire, key, tag.value, counters),
            }
        }
        span.tags.reverse();
        span.events.reverse();
        span.links.reverse();
        if has_crashed {
            set_stack(span, &self.names);
        }
    }

    /// What stands among the tags and is none.
    #[inline(never)]
    fn set_other(
        &self,
        span: &mut Span,
        wire: &WireSpan<'_>,
        key: Text,
        value: TagValue<'_>,
        counters: &mut Counters,
    ) {
        match value {
            TagValue::Removed => {
                let is_set = matches!(meaning(&key), Meaning::Field(field) if field(span).is_some());
                if !is_set && span.tag(&key).is_none() && !span.is_removed(&key) {
                    span.extra_mut().removed.push(key);
                }
            }
            TagValue::Event(event) => span.events.push(Event {
                name: key,
                time: self.at(wire.start, span.start, event.time),
                attributes: self.names.attributes(event.attributes),
            }),
            TagValue::Link(link) => {
                let attributes = self.names.attributes(link.attributes);
                self.link(span, link.counter, link.trace, attributes, counters);
            }
            TagValue::RemoteLink(context, attributes) => {
                self.remote_link(span, &context, self.names.attributes(attributes));
            }
            TagValue::RemoteParent(context) => self.remote_parent(span, &context),
            TagValue::Baggage(value) => span.extra_mut().baggage.push((key, self.names.text(value))),
            TagValue::Unknown(_) => counters.unknown_tags += 1,
            _ => {}
        }
    }

    /// So many ticks after the start of a span, in nanoseconds since the Unix epoch.
    fn at(&self, first: u64, start: i64, ticks: i64) -> i64 {
        if let Some(unix) = first.checked_add_signed(ticks).and_then(|tick| self.clock.peek(tick)) {
            return unix;
        }
        let distance = self.clock.duration(ticks.unsigned_abs());
        if ticks < 0 { start.saturating_sub(distance) } else { start.saturating_add(distance) }
    }

    /// Adds a link to a span of this session.
    pub(super) fn link(
        &self,
        span: &mut Span,
        counter: u64,
        trace: Option<u64>,
        attributes: Vec<Tag>,
        counters: &mut Counters,
    ) {
        match self.traces.find(counter, trace) {
            Some(trace) => {
                let (trace_id, span_id) = (self.key.trace_id(trace), self.key.span_id(counter));
                span.links.push(Link { attributes, ..Link::new(trace_id, span_id) });
            }
            None => {
                counters.unresolved_links += 1;
                span.tags.push((Text::from("microspan.link_unresolved"), Value::Bool(true)));
            }
        }
    }

    fn remote_link(&self, span: &mut Span, context: &SpanContext, attributes: Vec<Tag>) {
        if context.is_valid() {
            let sampled = context.sampling_priority.map(|priority| priority > 0);
            span.links.push(Link { sampled, attributes, ..Link::new(context.trace_id, context.span_id) });
        }
    }

    fn remote_parent(&self, span: &mut Span, context: &SpanContext) {
        let is_told = span.extra.as_ref().is_some_and(|extra| extra.remote_trace.is_some());
        if span.parent_id != 0 || is_told || !context.names_a_trace() {
            return;
        }
        span.parent_id = context.span_id;
        span.remote_parent = context.span_id != 0;
        span.extra_mut().remote_trace = Some(context.trace_id);
        if let Some(priority) = context.sampling_priority {
            span.tags.push((Text::from(PRIORITY), Value::Int(priority.into())));
        }
    }
}

/// What a tag is by its key.
enum Meaning {
    Tag,
    /// Where a crash was.
    Address,
    /// No tag, but this field of its span.
    Field(fn(&mut Span) -> &mut Option<Text>),
}

#[inline(always)]
fn meaning(key: &Text) -> Meaning {
    match key.as_bytes() {
        b"service.name" => Meaning::Field(|span| &mut span.service),
        b"resource.name" => Meaning::Field(|span| &mut span.resource),
        b"span.type" => Meaning::Field(|span| &mut span.span_type),
        key if is_address(key) => Meaning::Address,
        _ => Meaning::Tag,
    }
}

fn text_of(value: Value) -> Text {
    match value {
        Value::Str(text) => text,
        other => Text::new(&other.to_string()),
    }
}

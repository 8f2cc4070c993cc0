//! What stands among the tags of a span: tags, those of them that name its fields, and events, links, baggage, a parent
//! elsewhere, keys that are removed.

use microspan::SpanContext;
use microspan::wire::{Span as WireSpan, TagValue};

use super::Counters;
use super::session::Session;
use crate::model::{Event, Link, Span, Tag, Text, Value};

/// The metric that carries a sampling priority.
const PRIORITY: &str = "_sampling_priority_v1";

impl Session {
    pub(super) fn set_tags(&self, span: &mut Span, wire: &WireSpan<'_>, counters: &mut Counters) {
        span.tags.reserve_exact(wire.tags.size_hint().0);
        // On the wire the newest comes first.
        for tag in wire.tags {
            let key = self.names.text(tag.key);
            match tag.value {
                TagValue::Removed => {
                    if span.tag(&key).is_none() && !span.is_removed(&key) {
                        span.extra_mut().removed.push(key);
                    }
                }
                TagValue::Event(event) => span.events.push(Event {
                    name: key,
                    time: self.at(span.start, event.time),
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
                value => match self.names.value(value) {
                    Some(value) if !span.is_removed(&key) => span.tags.push((key, value)),
                    _ => {}
                },
            }
        }
        span.tags.reverse();
        span.events.reverse();
        span.links.reverse();
        set_fields(span);
    }

    /// So many ticks after a time, in nanoseconds since the Unix epoch.
    fn at(&self, start: i64, ticks: i64) -> i64 {
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

/// Takes the tags that name fields of the span out of the others.
fn set_fields(span: &mut Span) {
    for (field, key) in [
        (&mut span.service, "service.name"),
        (&mut span.resource, "resource.name"),
        (&mut span.span_type, "span.type"),
    ] {
        while let Some(at) = span.tags.iter().position(|(k, _)| k == key) {
            let (_, value): Tag = span.tags.remove(at);
            *field = Some(match value {
                Value::Str(text) => text,
                other => Text::new(&other.to_string()),
            });
        }
    }
}

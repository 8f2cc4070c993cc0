//! From a span in the arena to the one that goes through the pipeline.

use std::sync::Arc;

use microspan::__private::timed_trace_id;
use microspan::{Held, Said, Session, SpanContext, Taken, Value as Recorded};

use super::time::Time;
use crate::model::normal::CUT;
use crate::model::{Event, Link, Source, Span, Tag, Text, Value, widened};

/// The metric that carries a sampling priority.
pub(super) const PRIORITY: &str = "_sampling_priority_v1";

/// What all spans of this process have in common.
pub(super) struct Converter {
    session: Session,
    /// What stands above the ids of traces that began here.
    seconds: u32,
    pub(super) source: Arc<Source>,
    pub(super) time: Time,
    /// The counter of the trace that was seen last, and its id: spans come in runs.
    latest: (u64, u128),
    #[cfg(feature = "opentelemetry")]
    otel: crate::otel::Finisher,
}

impl Converter {
    pub(super) fn new(session: Session, seconds: u32, source: Arc<Source>, time: Time) -> Self {
        Self {
            session,
            seconds,
            source,
            time,
            latest: (u64::MAX, 0),
            #[cfg(feature = "opentelemetry")]
            otel: crate::otel::Finisher::new(),
        }
    }

    fn trace_id(&self, root: u64) -> u128 {
        timed_trace_id(self.session, root, self.seconds)
    }

    /// The span as the pipeline takes it, with its tags in the list that is given.
    #[inline]
    pub(super) fn span(&mut self, taken: &Taken<'_>, tags: Vec<Tag>) -> Span {
        let trace = taken.trace();
        if self.latest.0 != trace {
            self.latest = (trace, self.trace_id(trace));
        }
        let trace_id = self.latest.1;
        // The root's is the low half of its trace's.
        let id = |of| if of == trace { trace_id as u64 } else { self.session.span_id(of) };
        let (own, parent) = (id(taken.counter()), taken.parent().map_or(0, id));
        let mut span = Span::new(trace_id, own, parent, taken.name(), self.source.clone());
        span.start = self.time.unix(taken.start());
        span.duration = self.time.duration(taken.duration());
        span.error = taken.error();
        span.tags = tags;
        taken.tags(|key, held| self.hang(&mut span, key, held));
        span.tags.reverse();
        span.events.reverse();
        span.links.reverse();
        if taken.lost_tags() {
            span.tags.push((Text::from("microspan.lost_tags"), Value::Bool(true)));
        }
        #[cfg(feature = "opentelemetry")]
        self.otel.finish(&mut span);
        span
    }

    /// Takes a tag or what else hangs on a span; of two tags with one key the newer comes first.
    fn hang(&self, span: &mut Span, key: &'static str, held: Held<'_>) {
        match held {
            Held::Value(value) => tag(span, key, convert(value, false)),
            Held::Cut(value) => tag(span, key, convert(value, true)),
            Held::Removed if span.tag(key).is_none() && !span.is_removed(key) => {
                span.extra_mut().removed.push(Text::from(key));
            }
            Held::Event(tick, said) => {
                let event =
                    Event { name: Text::from(key), time: self.time.unix(tick), attributes: attributes(said) };
                span.events.push(event);
            }
            Held::Link { counter, trace: Some(trace), attributes: said } => {
                let (trace_id, span_id) = (self.trace_id(trace), self.session.span_id(counter));
                span.links.push(Link { attributes: attributes(said), ..Link::new(trace_id, span_id) });
            }
            Held::Link { .. } => {
                span.tags.push((Text::from("microspan.link_unresolved"), Value::Bool(true)));
            }
            Held::RemoteLink(context, said) if context.is_valid() => {
                let sampled = context.sampling_priority.map(|priority| priority > 0);
                let link = Link::new(context.trace_id, context.span_id);
                span.links.push(Link { sampled, attributes: attributes(said), ..link });
            }
            Held::RemoteParent(context) => remote_parent(span, &context),
            Held::Baggage(text) => span.extra_mut().baggage.push((Text::from(key), Text::new(text))),
            _ => {}
        }
    }
}

fn tag(span: &mut Span, key: &'static str, value: Option<Value>) {
    let Some(value) = value else { return };
    let field = match key {
        "service.name" => &mut span.service,
        "resource.name" => &mut span.resource,
        "span.type" => &mut span.span_type,
        _ if span.is_removed(key) => return,
        _ => return span.tags.push((Text::from(key), value)),
    };
    if field.is_none() {
        *field = Some(match value {
            Value::Str(text) => text,
            other => Text::new(&other.to_string()),
        });
    }
}

fn remote_parent(span: &mut Span, context: &SpanContext) {
    let is_told = span.extra.as_ref().is_some_and(|extra| extra.remote_trace.is_some());
    if span.parent_id == 0 && !is_told && context.names_a_trace() {
        span.parent_id = context.span_id;
        span.remote_parent = context.span_id != 0;
        span.extra_mut().remote_trace = Some(context.trace_id);
        if let Some(priority) = context.sampling_priority {
            span.tags.push((Text::from(PRIORITY), Value::Int(priority.into())));
        }
    }
}

fn attributes(said: &Said<'_>) -> Vec<Tag> {
    let mut attributes: Vec<Tag> = Vec::new();
    said.each(|key, value, cut| {
        if let Some(value) = convert(value, cut)
            && attributes.iter().all(|(known, _)| *known != key)
        {
            attributes.push((Text::from(key), value));
        }
    });
    attributes
}

/// A value; `None`: of a kind that this version does not know.
pub(super) fn convert(value: Recorded<'_>, cut: bool) -> Option<Value> {
    Some(match value {
        Recorded::Bool(value) => Value::Bool(value),
        Recorded::U64(value) => Value::Uint(value),
        Recorded::I64(value) => Value::Int(value),
        Recorded::F32(value) => Value::Float(widened(value)),
        Recorded::F64(value) => Value::Float(value),
        Recorded::Static(text) => Value::Str(Text::from(text)),
        Recorded::Str(text) if cut => Value::Str(Text::from(format!("{text}{CUT}"))),
        Recorded::Str(text) => Value::Str(Text::new(text)),
        _ => return None,
    })
}

//! Starting a span.

use std::borrow::Cow;
use std::time::SystemTime;

use microspan::{Static, Value};

use super::TEXTS;
use super::context::{HasContext, Kind, Reference, SpanContext};
use super::scope::Scope;
use super::span::Span;
use super::time::ticks;
use super::tracer::Tracer;
use super::{stack, tags};
use crate::interned::LONGEST;

/// What a span is called whose name is one too many.
const UNNAMED: &str = "opentracing.span";

/// A span that is to be started: see [`Tracer::build_span`].
///
/// Its parent is that of [`child_of`](Self::child_of), or else the first of the [references](Self::reference), or else what is active
/// where it is started. References that are not its parent are links, and so are all that it follows from.
#[derive(Debug)]
#[must_use = "a span starts when `start` or `start_active` is called"]
pub struct SpanBuilder<'t> {
    tracer: &'t Tracer,
    name: Cow<'static, str>,
    child_of: Option<SpanContext>,
    references: Vec<Reference>,
    tags: Vec<(Cow<'static, str>, Value<'t>)>,
    start_time: Option<SystemTime>,
    ignores_active_span: bool,
    finishes_on_close: bool,
}

impl<'t> SpanBuilder<'t> {
    pub(super) fn new(tracer: &'t Tracer, name: Cow<'static, str>) -> Self {
        Self {
            tracer,
            name,
            child_of: None,
            references: Vec::new(),
            tags: Vec::new(),
            start_time: None,
            ignores_active_span: false,
            finishes_on_close: true,
        }
    }

    /// Its parent: a span, a context, or what was extracted, which may be none.
    pub fn child_of(mut self, parent: impl HasContext) -> Self {
        self.child_of = parent.span_context();
        self
    }

    /// A span that caused it and does not wait for it.
    pub fn follows_from(self, other: impl HasContext) -> Self {
        self.reference(Reference::follows_from(other))
    }

    /// A span that it has to do with.
    pub fn reference(mut self, reference: Reference) -> Self {
        self.references.push(reference);
        self
    }

    /// A tag, as [`Span::set_tag`].
    pub fn tag(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Value<'t>>) -> Self {
        self.tags.push((key.into(), value.into()));
        self
    }

    /// When it started, within the last half hour; otherwise it starts when it is started.
    pub fn start_time(mut self, time: SystemTime) -> Self {
        self.start_time = Some(time);
        self
    }

    /// Without another parent it begins a trace of its own, whatever is active.
    pub fn ignore_active_span(mut self) -> Self {
        self.ignores_active_span = true;
        self
    }

    /// Whether it is finished when the scope of [`start_active`](Self::start_active) closes, as it is unless this says otherwise.
    pub fn finish_on_close(mut self, finishes: bool) -> Self {
        self.finishes_on_close = finishes;
        self
    }

    /// Starts it, and has it be active.
    pub fn start_active(self) -> Scope {
        let (tracer, finishes) = (self.tracer, self.finishes_on_close);
        tracer.scope_manager().activate(&self.start(), finishes)
    }

    /// Starts it.
    pub fn start(self) -> Span {
        let tracer = self.tracer;
        if !tracer.records() {
            return Span::none(tracer);
        }
        stack::settle();
        let kept = TEXTS.keep(self.name.clone());
        let mut builder = microspan::span(kept.unwrap_or(UNNAMED));
        if let Some(service) = tracer.service() {
            builder = builder.service(service);
        }
        if let (Some(time), Some(tracer)) = (self.start_time, microspan::global()) {
            builder = builder.start_time(ticks(tracer, time));
        }
        let first = self.references.iter().position(|reference| reference.context.is_some());
        let explicit = self.child_of.clone();
        let first = first.filter(|_| explicit.is_none());
        let explicit = explicit.or_else(|| self.references.get(first?)?.context.clone());
        let span = match explicit {
            Some(parent) => {
                let started = parent.start(builder);
                Span::started(tracer, started, Some(&parent))
            }
            None if self.ignores_active_span => Span::started(tracer, builder.root().start().detach(), None),
            None => {
                let started = builder.start().detach();
                // What belongs to its trace comes from the active span of that.
                let trace = started.context().map(|context| context.trace_id);
                let active = tracer.scope_manager().active().map(|active| active.span().context());
                let parent = active.filter(|active| trace.is_none() || active.trace_id() == trace);
                Span::started(tracer, started, parent.as_ref())
            }
        };
        if let Some(recorded) = span.open() {
            if kept.is_none() || self.name.len() > LONGEST {
                recorded.set_tag(tags::RESOURCE_NAME, &*self.name);
            }
            for (key, value) in tracer.tags() {
                recorded.set_tag(key, value.as_str());
            }
            for (place, reference) in self.references.iter().enumerate() {
                link(&recorded, reference, Some(place) == first);
            }
        }
        for (key, value) in self.tags {
            span.set_tag(key, value);
        }
        span
    }
}

/// Links a span to what it refers to, if that says more than that it is its parent.
fn link(span: &microspan::SpanRef, reference: &Reference, is_parent: bool) {
    let reason = match reference.kind {
        Kind::FollowsFrom => "follows_from",
        Kind::ChildOf if is_parent => return,
        Kind::ChildOf => "child_of",
    };
    let attributes = [("reason", Static(reason).into())];
    let Some(context) = &reference.context else { return };
    match (context.open(), context.identity()) {
        (Some(other), _) => _ = span.add_link(&other, &attributes),
        (None, Some(identity)) => _ = span.add_remote_link(&identity, &attributes),
        (None, None) => {}
    }
}

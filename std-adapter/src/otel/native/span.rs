//! What is said of a span while it is open, and its end.

use std::borrow::Cow;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use microspan::__private::Place;
use microspan::{Detached, Static, Value};
use opentelemetry::KeyValue;
use opentelemetry::trace::{Event, Span, SpanBuilder, SpanContext, Status, TraceState};

use super::cells;
use super::ids::{context, identity};
use super::values::{self, LOST};
use crate::interned::Interned;
use crate::otel::map;

/// The names of events that were made at run time.
static EVENTS: Interned<256> = Interned::new();

/// What an event is called whose name there is no room for.
const NAMELESS: &str = "event";

/// A time that was told lies so near to now that it is now.
const NOW: Duration = Duration::from_micros(50);

/// A span in the program's arena: see [`MicrospanTracerProvider`](super::MicrospanTracerProvider).
#[derive(Debug)]
pub struct MicrospanSpan {
    /// `None`: it has ended.
    span: Option<Detached>,
    /// Reckoned when it is asked for, or at the end.
    context: OnceLock<SpanContext>,
    status: u64,
}

impl MicrospanSpan {
    /// One that begins.
    #[inline]
    pub(super) fn new(span: Detached) -> Self {
        Self { span: Some(span), context: OnceLock::new(), status: cells::UNSET }
    }

    /// Takes over the state of the trace from whoever caused it.
    pub(super) fn take_state(&self, state: &TraceState) {
        if *state == TraceState::NONE {
            return;
        }
        if let Some(span) = self.open() {
            span.set_tag(cells::STATE, state.header().as_str());
        }
        self.context.get_or_init(|| self.reckon(state.clone()));
    }

    /// One that is not recorded: what it names is whoever caused it.
    #[cold]
    pub(super) fn none(caller: &SpanContext) -> Self {
        Self { span: None, context: OnceLock::from(caller.clone()), status: cells::UNSET }
    }

    /// One whose trace is not recorded, or that was dropped.
    pub(super) fn out(span: Detached, caller: &SpanContext) -> Self {
        if Place::of(&span).is_none() {
            return Self::none(caller);
        }
        let made = Self::new(span);
        made.take_state(caller.trace_state());
        made
    }

    #[cold]
    #[inline(never)]
    pub(super) fn begin_with(&mut self, builder: SpanBuilder) {
        self.set_attributes(builder.attributes.into_iter().flatten());
        for Event { name, timestamp, attributes, .. } in builder.events.into_iter().flatten() {
            self.add_event_with_timestamp(name, timestamp, attributes);
        }
        for link in builder.links.into_iter().flatten() {
            self.add_link(link.span_context, link.attributes);
        }
    }

    fn reckon(&self, state: TraceState) -> SpanContext {
        let place = self.span.as_ref().and_then(|span| Place::of(span));
        match place.and_then(Place::context) {
            Some(ids) => context(ids, self.is_recording(), state),
            None => SpanContext::NONE,
        }
    }

    /// The span, while it is recorded.
    #[inline]
    fn open(&self) -> Option<&Detached> {
        self.span.as_ref().filter(|span| span.is_recording())
    }

    #[inline]
    fn finish(&mut self) {
        if self.span.is_some() {
            self.span_context();
            self.span = None;
        }
    }

    fn event(&self, name: Cow<'static, str>, time: Option<SystemTime>, attributes: Vec<KeyValue>) {
        let Some(span) = self.open() else { return };
        let time = time.map(|time| (cells::TIME, map::nanoseconds(time).into()));
        let name = EVENTS.keep(name).unwrap_or(NAMELESS);
        values::with_list(attributes, time, |attributes| {
            span.add_event(name, attributes);
        });
    }
}

/// A time, unless it is now.
fn told(time: SystemTime) -> Option<SystemTime> {
    let now = SystemTime::now();
    let gap = now.duration_since(time).unwrap_or_else(|later| later.duration());
    (gap > NOW).then_some(time)
}

impl Span for MicrospanSpan {
    fn add_event<T: Into<Cow<'static, str>>>(&mut self, name: T, attributes: Vec<KeyValue>) {
        self.event(name.into(), None, attributes);
    }

    fn add_event_with_timestamp<T: Into<Cow<'static, str>>>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) {
        self.event(name.into(), told(timestamp), attributes);
    }

    fn span_context(&self) -> &SpanContext {
        self.context.get_or_init(|| self.reckon(TraceState::NONE))
    }

    fn is_recording(&self) -> bool {
        self.open().is_some()
    }

    #[inline]
    fn set_attribute(&mut self, attribute: KeyValue) {
        let Some(span) = self.open() else { return };
        let set = |key, value: Value<'_>| {
            span.set_tag(key, value);
        };
        if !values::each(&attribute, set) && !values::flat(attribute).iter().all(|one| values::each(one, set))
        {
            span.set_tag(LOST, true);
        }
    }

    fn set_status(&mut self, status: Status) {
        let (rank, description) = match &status {
            Status::Unset => (cells::UNSET, ""),
            Status::Error { description } => (cells::ERROR, &**description),
            Status::Ok => (cells::OK, ""),
        };
        // One that is better known stays.
        if rank < self.status || rank == cells::UNSET {
            return;
        }
        self.status = rank;
        let Some(span) = self.open() else { return };
        span.set_tag(cells::STATUS, rank).error(rank == cells::ERROR);
        if rank == cells::ERROR {
            span.set_tag(cells::DESCRIPTION, description);
        }
    }

    fn update_name<T: Into<Cow<'static, str>>>(&mut self, name: T) {
        let Some(span) = self.open() else { return };
        match name.into() {
            Cow::Borrowed(name) => span.set_tag(cells::NAME, Static(name)),
            Cow::Owned(name) => span.set_tag(cells::NAME, name.as_str()),
        };
    }

    fn add_link(&mut self, to: SpanContext, attributes: Vec<KeyValue>) {
        let Some(span) = self.open() else { return };
        let state = to.trace_state().header();
        let state = (!state.is_empty()).then_some((cells::STATE, state.as_str().into()));
        values::with_list(attributes, state, |attributes| {
            span.add_remote_link(&identity(&to), attributes);
        });
    }

    #[inline]
    fn end(&mut self) {
        self.finish();
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        if let Some(span) = self.open()
            && let Some(time) = told(timestamp)
        {
            span.set_tag(cells::END, map::nanoseconds(time));
        }
        self.finish();
    }
}

//! Starting spans: whose children they are, and what they begin with.

use std::borrow::Cow;
use std::sync::Arc;

use microspan::__private::Place;
use microspan::Detached;
use microspan::propagation::Propagator;
use opentelemetry::Context;
use opentelemetry::trace::{SpanBuilder, SpanContext, TraceContextExt, TraceState, Tracer};

use super::ids::identity;
use super::interned::Interned;
use super::provider::Shared;
use super::span::MicrospanSpan;
use super::{cells, watch};
use crate::carrier::Incoming;
use crate::otel::map;

/// The names that were made at run time.
static NAMES: Interned<1024> = Interned::new();

/// What a span is called in the arena whose name there is no room for.
const NAMELESS: &str = "otel";

/// Starts spans in the program's arena: see [`MicrospanTracerProvider`](super::MicrospanTracerProvider).
#[derive(Debug, Clone)]
pub struct MicrospanTracer {
    pub(super) scope: usize,
    pub(super) shared: Arc<Shared>,
}

/// Whose child a span becomes.
enum Parent {
    /// Of what is current.
    Current,
    /// Of another open span.
    At(Place),
    /// Of a span that is not in the arena: of another process, or ended.
    Elsewhere,
    Nobodys,
}

impl Parent {
    #[inline]
    fn of(context: &SpanContext) -> Self {
        let (top, ids) = (watch::top(), identity(context));
        if !context.is_valid() {
            // A context without a span, where the current one has one, was made to begin a trace.
            return if top.id == 0 { Self::Current } else { Self::Nobodys };
        }
        if top.id == ids.span_id {
            // Ours may be inside of it.
            return if top.place.is_some_and(Place::is_open) { Self::Current } else { Self::Elsewhere };
        }
        let place = microspan::global().and_then(|tracer| Place::find(tracer, &ids));
        place.map_or(Self::Elsewhere, Self::At)
    }
}

impl Tracer for MicrospanTracer {
    type Span = MicrospanSpan;

    #[inline]
    fn build_with_context(&self, builder: SpanBuilder, context: &Context) -> MicrospanSpan {
        let caller = context.span();
        let caller = caller.span_context();
        if self.shared.is_shut() || context.is_telemetry_suppressed() {
            return MicrospanSpan::none(caller);
        }
        let (name, is_known) = name(&builder.name);
        let plan = microspan::span(name);
        let parent = Parent::of(caller);
        let started = match parent {
            Parent::Current => plan.start().detach(),
            Parent::At(place) => {
                let before = place.enter();
                let started = plan.start().detach();
                before.enter();
                started
            }
            Parent::Elsewhere | Parent::Nobodys => plan.root().start().detach(),
        };
        if !started.is_recording() {
            return MicrospanSpan::out(started, caller);
        }
        started.set_tag(cells::MARK, cells::mark(self.scope, builder.span_kind.as_ref()));
        if matches!(parent, Parent::Elsewhere) {
            continue_from(&started, caller, context);
        }
        if !is_known {
            started.set_tag(cells::NAME, &*builder.name);
        }
        if let Some(time) = builder.start_time {
            started.set_tag(cells::START, map::nanoseconds(time));
        }
        let state = caller.trace_state();
        let mut span =
            MicrospanSpan::new(started, if *state == TraceState::NONE { None } else { Some(state.clone()) });
        if builder.attributes.is_some() || builder.events.is_some() || builder.links.is_some() {
            span.begin_with(builder);
        }
        span
    }
}

/// A name that lives for ever, and whether it is the one that was given.
#[inline]
fn name(name: &Cow<'static, str>) -> (&'static str, bool) {
    match name {
        Cow::Borrowed(name) => (name, true),
        Cow::Owned(name) => NAMES.get(name).map_or((NAMELESS, false), |name| (name, true)),
    }
}

/// Takes over the trace of a span elsewhere, and what came with it.
#[cold]
fn continue_from(span: &Detached, caller: &SpanContext, context: &Context) {
    let propagator = Propagator::new();
    let ids = identity(caller);
    let came = context.get::<Incoming>().filter(|_| caller.is_remote());
    let came = came.map(|incoming| propagator.extract(incoming));
    match came.filter(|came| came.context.is_some_and(|came| came.trace_id == ids.trace_id)) {
        Some(came) => came.continue_in(span),
        // What is decided of a trace of this process is decided where its root is.
        None if caller.is_remote() => {
            span.continue_from(&ids);
        }
        None => {
            span.continue_from(&microspan::SpanContext { sampling_priority: None, ..ids });
        }
    }
}

//! Starting spans: whose children they are, and what they begin with.

use std::borrow::Cow;
use std::sync::Arc;

use microspan::__private::{Place, start_beside};
use microspan::Detached;
use opentelemetry::Context;
use opentelemetry::trace::{SpanBuilder, SpanContext, TraceContextExt, Tracer};

use super::ids::identity;
use super::provider::Shared;
use super::span::MicrospanSpan;
use super::{cells, names, watch};
use crate::otel::map;
use crate::otel::travel::Came;

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
    fn start<T: Into<Cow<'static, str>>>(&self, name: T) -> MicrospanSpan {
        let name = name.into();
        if !self.shared.is_shut()
            && watch::is_plain()
            && let Some(name) = names::get(&name, cells::mark(self.scope, None))
        {
            let started = start_beside(name);
            if started.is_recording() {
                return MicrospanSpan::new(started);
            }
            return MicrospanSpan::out(started, &SpanContext::NONE);
        }
        Context::map_current(|context| self.build_with_context(SpanBuilder::from_name(name), context))
    }

    fn build_with_context(&self, builder: SpanBuilder, context: &Context) -> MicrospanSpan {
        let caller = context.span();
        let caller = caller.span_context();
        if self.shared.is_shut() || context.is_telemetry_suppressed() {
            return MicrospanSpan::none(caller);
        }
        let mark = cells::mark(self.scope, builder.span_kind.as_ref());
        let known = names::get(&builder.name, mark);
        let plan = microspan::span(known.unwrap_or(NAMELESS));
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
        if known.is_none() {
            started.set_tag(cells::MARK, mark).set_tag(cells::NAME, &*builder.name);
        }
        if matches!(parent, Parent::Elsewhere) {
            continue_from(&started, caller, context);
        }
        if let Some(time) = builder.start_time {
            started.set_tag(cells::START, map::nanoseconds(time));
        }
        let mut span = MicrospanSpan::new(started);
        span.take_state(caller.trace_state());
        if builder.attributes.is_some() || builder.events.is_some() || builder.links.is_some() {
            span.begin_with(builder);
        }
        span
    }
}

/// Takes over the trace of a span elsewhere, and what came with it.
#[cold]
fn continue_from(span: &Detached, caller: &SpanContext, context: &Context) {
    let ids = identity(caller);
    let came = context.get::<Came>().filter(|_| caller.is_remote()).map(Came::extract);
    match came.filter(|came| came.context.is_some_and(|came| came.trace_id == ids.trace_id)) {
        Some(came) => came.continue_in(span),
        // What is decided of a trace of this process is decided where its root is; of a root that was not recorded nothing is known.
        None if caller.is_sampled() && !caller.is_remote() => {
            span.continue_from(&microspan::SpanContext { sampling_priority: None, ..ids });
        }
        None => {
            span.continue_from(&ids);
        }
    }
}

//! The spans and events of `tracing` as spans of microspan: a layer of `tracing_subscriber`.
//!
//! ```
//! use microspan_std::layer::MicrospanLayer;
//! use tracing_subscriber::layer::SubscriberExt;
//!
//! let subscriber = tracing_subscriber::registry().with(MicrospanLayer::new()); // and `.init()`
//! # let _ = subscriber;
//! ```
//!
//! They are recorded by the tracer of the program ([`microspan::set_global`]), beside those that it records itself: each nests in
//! whatever is current, whoever started it. What a filter keeps from the layer is not recorded.
//!
//! | of `tracing` | becomes |
//! | --- | --- |
//! | a span, its metadata's name | a span of that name |
//! | a field | a tag; what it is to be shown by `Debug` or `Display` is text |
//! | `otel.name`, `dd.resource`, `resource.name` | the resource |
//! | `dd.service`, `service.name` | the service |
//! | `dd.type`, `span.type` | the type |
//! | `otel.kind` | the tag `span.kind`, in lower case |
//! | `otel.status_code` = `ERROR`, a field that holds an error | an error of the span, with its message |
//! | an event in a span | an event of the span, with its fields |
//! | an event of level `ERROR` in a span | an error of the span besides |
//! | `follows_from` | a link |
//! | entered and left | the current span, and the metrics `busy_ns` and `idle_ns` |
//!
//! Lines that `tracing_subscriber` writes say which of our spans they belong to by [`Correlated`].

mod correlated;
mod fields;
mod held;

use std::time::Instant;

use microspan::{SpanBuilder, Static};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

pub use correlated::Correlated;

use fields::{EventFields, SpanFields};
use held::Held;

/// Records what `tracing` says: see the [module](self).
#[derive(Debug, Clone, Copy)]
pub struct MicrospanLayer {
    counts_time: bool,
}

impl MicrospanLayer {
    /// A layer that records spans, events, and how long spans were entered.
    pub fn new() -> Self {
        Self { counts_time: true }
    }

    /// The same without `busy_ns` and `idle_ns`, which take two looks at the clock whenever a span is entered.
    #[must_use]
    pub fn without_busy_time(mut self) -> Self {
        self.counts_time = false;
        self
    }

    fn now(&self) -> Option<Instant> {
        self.counts_time.then(Instant::now)
    }
}

impl Default for MicrospanLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for MicrospanLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let begin = |builder: SpanBuilder<'_>| {
            let started = builder.start();
            if started.is_recording() {
                attributes.record(&mut SpanFields(&started));
            }
            Held::new(started.detach(), self.now())
        };
        let builder = microspan::span(attributes.metadata().name());
        let held = if attributes.is_contextual() {
            begin(builder)
        } else {
            within(span.parent(), || begin(builder)).unwrap_or_else(|| begin(builder.root()))
        };
        span.extensions_mut().insert(held);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id).and_then(|span| of(&span)) {
            values.record(&mut SpanFields(&span));
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        let of = |id| context.span(id).and_then(|span| of(&span));
        if let (Some(span), Some(cause)) = (of(id), of(follows)) {
            span.add_link(&cause, &[("reason", Static("follows_from").into())]);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(span) = span_of(event, |id| of(&context.span(id)?)) else { return };
        let metadata = event.metadata();
        let fields = EventFields::of(event);
        // The name that the macro gives says where it is.
        let given = Some(metadata.name()).filter(|name| !name.starts_with("event "));
        fields.add_to(&span, given.unwrap_or(metadata.target()), metadata);
        if *metadata.level() == Level::ERROR {
            span.set_error_info(metadata.target(), fields.message());
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(held) = span.extensions_mut().get_mut::<Held>()
        {
            held.enter(id, self.now());
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        held::leave(id);
        if let Some(span) = context.span(id)
            && let Some(held) = span.extensions_mut().get_mut::<Held>()
        {
            held.pause(self.now());
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Some(span) = context.span(&id)
            && let Some(held) = span.extensions_mut().remove::<Held>()
        {
            held.close(self.now());
        }
    }
}

/// Runs `body` in a span of `tracing`, or in the nearest around it that has a place: not one that a filter hides, nor one that
/// was dropped. `None`: there is none.
fn within<'a, S: LookupSpan<'a>, R>(span: Option<SpanRef<'a, S>>, body: impl FnOnce() -> R) -> Option<R> {
    let mut next = span;
    while let Some(span) = next {
        if let Some(held) = span.extensions().get::<Held>().filter(|held| held.has_place()) {
            return Some(held.within(body));
        }
        next = span.parent();
    }
    None
}

/// The span that an event is in.
fn span_of(
    event: &Event<'_>,
    find: impl FnOnce(&Id) -> Option<microspan::SpanRef>,
) -> Option<microspan::SpanRef> {
    match (event.parent(), event.is_root()) {
        (Some(parent), _) => find(parent),
        (None, true) => None,
        // That of microspan may be inside of it.
        (None, false) => microspan::current_span(),
    }
}

/// Our span of one of `tracing`, if it is recorded.
fn of<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>) -> Option<microspan::SpanRef> {
    span.extensions().get::<Held>()?.span()
}

//! A span, as many handles as one likes.

use std::any::type_name;
use std::borrow::Cow;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::SystemTime;

use microspan::__private::{self, span_id};
use microspan::{Detached, MAX_STR, SpanBuilder, SpanRef, Value};

use super::TEXTS;
use super::context::{Place, SpanContext};
use super::time::ticks;
use super::tracer::Tracer;
use super::{logs, tags};
use crate::interned::Interned;

/// A span. Handles of it may be cloned, and used by any thread.
///
/// It is finished by [`finish`](Self::finish), or when its last handle is dropped. What is done to it afterwards does nothing. One
/// that a panic unwinds through is marked as failed, if the program is traced by [`init`](crate::init).
///
/// ```
/// use microspan_std::opentracing::global_tracer;
/// let order = global_tracer().start_span("order");
/// order.set_tag("bread", "rye").log_kv([("event", "sliced"), ("knife", "long")]);
/// let same = order.clone();
/// std::thread::spawn(move || same.set_tag("slices", 2).finish());
/// ```
#[derive(Debug, Clone)]
pub struct Span(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tracer: Tracer,
    recorded: Arc<Recorded>,
    context: Mutex<SpanContext>,
}

/// What is recorded of a span.
#[derive(Debug)]
pub(super) struct Recorded {
    /// `None`: it is not for us to finish it, or it is finished.
    guard: Mutex<Option<Detached>>,
    /// `None`: nothing is recorded.
    named: Option<SpanRef>,
    is_finished: AtomicBool,
}

impl Recorded {
    fn guard(&self) -> MutexGuard<'_, Option<Detached>> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn named(&self) -> Option<SpanRef> {
        self.named
    }

    fn finish(&self, at: Option<SystemTime>) {
        let guard = self.guard().take();
        if let Some(guard) = guard {
            match (at, microspan::global()) {
                (Some(at), Some(tracer)) => guard.finish_at(ticks(tracer, at)),
                _ => drop(guard),
            }
            self.is_finished.store(true, Ordering::Release);
        }
    }

    /// Starts a span in this one, which is open and of a trace that is not recorded; `None`: it is not that.
    pub(super) fn start_unrecorded(&self, builder: SpanBuilder<'_>) -> Option<Detached> {
        let guard = self.guard();
        let guard = guard.as_ref().filter(|guard| !guard.is_recording())?;
        guard.enter(|| microspan::current_span().is_none().then(|| builder.start().detach()))
    }
}

impl Span {
    /// One that was started, as the child of `parent`.
    pub(super) fn started(tracer: &Tracer, guard: Detached, parent: Option<&SpanContext>) -> Self {
        let identity = guard.context().or_else(|| {
            let parent = parent.and_then(SpanContext::identity);
            match span_id(&guard) {
                // The root of its trace is finished, and its id is known from the parent alone.
                Some(span_id) => Some(microspan::SpanContext { span_id, ..parent? }),
                None => unrecorded(&guard, parent),
            }
        });
        let named = guard.as_ref();
        let recorded =
            Recorded { guard: Mutex::new(Some(guard)), named, is_finished: AtomicBool::new(false) };
        let recorded = Arc::new(recorded);
        let mut context = SpanContext::new(identity, Place::Ours(Arc::downgrade(&recorded)));
        if let Some(parent) = parent {
            context = context.within(parent);
        }
        if let Some(span) = &named {
            context = context.with_baggage_of(span);
        }
        Self(Arc::new(Inner { tracer: tracer.clone(), recorded, context: Mutex::new(context) }))
    }

    /// One that was started by other means, and is finished by them.
    pub(super) fn beside(tracer: &Tracer, span: SpanRef) -> Self {
        let context = SpanContext::new(span.context(), Place::Beside(span)).with_baggage_of(&span);
        Self::unowned(tracer, Some(span), context)
    }

    /// One of which nothing is recorded.
    pub(super) fn none(tracer: &Tracer) -> Self {
        Self::unowned(tracer, None, SpanContext::default())
    }

    fn unowned(tracer: &Tracer, named: Option<SpanRef>, context: SpanContext) -> Self {
        let recorded = Recorded { guard: Mutex::new(None), named, is_finished: AtomicBool::new(false) };
        Self(Arc::new(Inner {
            tracer: tracer.clone(),
            recorded: Arc::new(recorded),
            context: Mutex::new(context),
        }))
    }

    /// The tracer that started it.
    pub fn tracer(&self) -> &Tracer {
        &self.0.tracer
    }

    /// Starts a span as its child.
    pub fn start_child_span(&self, operation_name: impl Into<Cow<'static, str>>) -> Self {
        self.0.tracer.build_span(operation_name).child_of(self).start()
    }

    /// What names it to others, with the baggage that it has now.
    pub fn context(&self) -> SpanContext {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, SpanContext> {
        self.0.context.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The span, if it is recorded and open.
    pub(super) fn open(&self) -> Option<SpanRef> {
        self.0.recorded.named.filter(SpanRef::is_open)
    }

    /// What is current in it; `None`: it is finished, or not for us to enter.
    pub(super) fn place(&self) -> Option<__private::Place> {
        self.0.recorded.guard().as_ref().and_then(|span| __private::Place::of(span))
    }

    /// Gives it another name.
    pub fn set_operation_name(&self, name: impl AsRef<str>) -> &Self {
        if let Some(span) = self.open() {
            span.set_tag("operation.name", name.as_ref());
        }
        self
    }

    /// Sets a tag; of two with one key the later holds. What becomes of the standard ones stands at [`tags`]. A text of
    /// more than 255 bytes [allocates](crate::local).
    pub fn set_tag<'v>(&self, key: impl Into<Cow<'static, str>>, value: impl Into<Value<'v>>) -> &Self {
        if let Some(span) = self.open()
            && let Some(key) = TEXTS.keep(key.into())
        {
            tags::set(&span, key, value.into());
        }
        self
    }

    /// Says what happens now: see [`logs`].
    pub fn log_kv<'v, K, V>(&self, fields: impl IntoIterator<Item = (K, V)>) -> &Self
    where
        K: Into<Cow<'static, str>>,
        V: Into<Value<'v>>,
    {
        self.log(fields, None)
    }

    /// Says what happened at a time that is past: see [`logs`].
    pub fn log_kv_at<'v, K, V>(&self, fields: impl IntoIterator<Item = (K, V)>, time: SystemTime) -> &Self
    where
        K: Into<Cow<'static, str>>,
        V: Into<Value<'v>>,
    {
        self.log(fields, Some(time))
    }

    /// The same as [`log_kv`](Self::log_kv) with a field `event`.
    pub fn log_event<'v, K, V>(&self, event: &'v str, fields: impl IntoIterator<Item = (K, V)>) -> &Self
    where
        K: Into<Cow<'static, str>>,
        V: Into<Value<'v>>,
    {
        let fields = fields.into_iter().map(|(key, value)| (key.into(), value.into()));
        let event = (Cow::Borrowed(logs::EVENT), Value::from(event));
        self.log(std::iter::once(event).chain(fields), None)
    }

    fn log<'v, K, V>(&self, fields: impl IntoIterator<Item = (K, V)>, time: Option<SystemTime>) -> &Self
    where
        K: Into<Cow<'static, str>>,
        V: Into<Value<'v>>,
    {
        if let (Some(span), Some(tracer)) = (self.open(), microspan::global()) {
            let fields = fields.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
            logs::add(&span, fields, time.map(|time| ticks(tracer, time)));
        }
        self
    }

    /// Sets an item of baggage, which goes to the spans that are started in this one from now on, here and elsewhere.
    pub fn set_baggage_item(&self, key: &str, value: &str) -> &Self {
        if self.0.tracer.records() && !self.is_finished() {
            if let Some(span) = self.open() {
                set_baggage(&span, key, value);
            }
            let mut context = self.locked();
            *context = context.with_baggage_item(key, value);
        }
        self
    }

    /// An item of its baggage, be it its own, inherited, or come from elsewhere.
    pub fn get_baggage_item(&self, key: &str) -> Option<String> {
        let ours = self.locked().baggage().get(key).cloned();
        ours.or_else(|| self.open()?.get_baggage_item(key, &mut [0; MAX_STR]).map(str::to_owned))
    }

    /// Finishes it. Doing so again does nothing, and so does it to a span that was started by other means.
    pub fn finish(&self) {
        self.0.recorded.finish(None);
    }

    /// Finishes it as of a time that is past.
    pub fn finish_at(&self, time: SystemTime) {
        self.0.recorded.finish(Some(time));
    }

    /// Whether it is finished.
    pub fn is_finished(&self) -> bool {
        let Recorded { named, is_finished, .. } = &*self.0.recorded;
        is_finished.load(Ordering::Acquire) || named.is_some_and(|span| !span.is_open())
    }

    /// Does something of which it tells, and finishes it. An error, or a panic, marks it as failed, with a log that says so.
    ///
    /// ```
    /// use microspan_std::opentracing::global_tracer;
    /// let parsed = global_tracer().start_span("parse").run(|span| {
    ///     span.set_tag("digits", 2);
    ///     "x7".parse::<u8>()
    /// });
    /// assert!(parsed.is_err());
    /// ```
    ///
    /// # Errors
    /// Those of what it does.
    pub fn run<R, E: Display>(self, body: impl FnOnce(&Self) -> Result<R, E>) -> Result<R, E> {
        let ending = Ending { span: &self, was_panicking: thread::panicking() };
        let done = body(&self);
        if let Err(error) = &done {
            self.failed(type_name::<E>(), &error.to_string());
        }
        drop(ending);
        done
    }

    fn failed(&self, kind: &'static str, message: &str) {
        let fields = [(logs::ERROR_KIND, Value::Static(kind)), (logs::MESSAGE, message.into())];
        self.log_event("error", fields);
    }
}

/// Finishes a span, be it that a panic unwinds through it.
struct Ending<'s> {
    span: &'s Span,
    was_panicking: bool,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if thread::panicking() && !self.was_panicking {
            self.span.failed("panic", "a panic unwound through this span");
        }
        self.span.finish();
    }
}

/// Two handles are equal if they are of the same span.
impl PartialEq for Span {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.recorded, &other.0.recorded) || {
            let [one, other] = [self, other].map(|span| span.context());
            one.span_id().is_some() && (one.trace_id(), one.span_id()) == (other.trace_id(), other.span_id())
        }
    }
}

impl Eq for Span {}

/// What a span is called that is not recorded, so that who is called next does not record its trace either.
fn unrecorded(span: &Detached, parent: Option<microspan::SpanContext>) -> Option<microspan::SpanContext> {
    let own = __private::Place::of(span)?.context()?;
    let Some(parent) = parent else { return Some(own) };
    let sampling_priority = parent.sampling_priority.or(own.sampling_priority);
    Some(microspan::SpanContext { trace_id: parent.trace_id, sampling_priority, ..own })
}

/// Keys of baggage, which callers make up: they take no room from those of the program.
static BAGGAGE: Interned<1024> = Interned::new();

/// Sets an item of baggage of a span that is recorded.
pub(super) fn set_baggage(span: &SpanRef, key: &str, value: &str) {
    if let Some(key) = BAGGAGE.get(key) {
        span.set_baggage_item(key, value);
    }
}

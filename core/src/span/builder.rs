//! Starting a span with more than a name.

use super::tags::{RESOURCE, SERVICE, TYPE, tag};
use super::{Span, SpanRef};
use crate::arena::Here;
use crate::clock::Clock;
use crate::exclusive::{AnyThread, Threads};
use crate::tag::Value;
use crate::tracer::Tracer;
use core::marker::PhantomData;

/// A span that is to be started: see [`Tracer::span`].
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// let order = TRACER.span("order").service("shop").resource("POST /sandwich").span_type("web").start();
/// assert!(order.is_recording());
/// ```
#[derive(Clone, Copy)]
#[must_use = "a span starts when `start` is called"]
pub struct SpanBuilder<'t, M: Threads = AnyThread> {
    tracer: &'static Tracer,
    pub(crate) name: &'static str,
    /// Whether there is anything to start it in.
    is_on: bool,
    parent: Parent,
    time: Option<u64>,
    service: Option<&'static str>,
    resource: Option<&'static str>,
    span_type: Option<&'static str>,
    tags: &'t [(&'static str, Value<'t>)],
    threads: PhantomData<M>,
}

/// Whose child a span becomes.
#[derive(Clone, Copy)]
enum Parent {
    Current,
    /// Of the span with this handle; 0: nobody's.
    Is(u32),
    /// Of a span of another tracer: nobody's, which is counted.
    Foreign,
}

impl<'t, M: Threads> SpanBuilder<'t, M> {
    #[inline]
    pub(crate) const fn new(tracer: &'static Tracer, name: &'static str, is_on: bool) -> Self {
        Self {
            tracer,
            name,
            is_on,
            parent: Parent::Current,
            time: None,
            service: None,
            resource: None,
            span_type: None,
            tags: &[],
            threads: PhantomData,
        }
    }

    /// Its service, as [`SpanRef::set_service`]. Of a root, [rules](crate::Rule::service) look at it.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let read = TRACER.span("flash.read").service("store").start();
    /// ```
    #[inline]
    pub const fn service(mut self, service: &'static str) -> Self {
        self.service = Some(service);
        self
    }

    /// Its resource, as [`SpanRef::set_resource`]. Of a root, [rules](crate::Rule::resource) and the [filter](Tracer::filter)
    /// look at it.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let read = TRACER.span("flash.read").resource("page 7").start();
    /// ```
    #[inline]
    pub const fn resource(mut self, resource: &'static str) -> Self {
        self.resource = Some(resource);
        self
    }

    /// Its type, as [`SpanRef::set_type`].
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let read = TRACER.span("flash.read").span_type("db").start();
    /// ```
    #[inline]
    pub const fn span_type(mut self, span_type: &'static str) -> Self {
        self.span_type = Some(span_type);
        self
    }

    /// Its parent, instead of the current span.
    ///
    /// When that is finished by the time this one starts, or is of another tracer, this one becomes a root and that is counted
    /// ([`Stats::stale`](crate::Stats::stale)). It also becomes a root when its parent was dropped.
    ///
    /// ```
    /// # use microspan::{Arena, Clock, Tracer};
    /// # struct Ticks;
    /// # impl Clock for Ticks {
    /// #     fn now(&self) -> u64 { 0 }
    /// #     fn frequency(&self) -> u32 { 1_000_000 }
    /// # }
    /// # static ARENA: Arena<16, 32> = Arena::new();
    /// # static TRACER: Tracer = Tracer::new(&ARENA, &Ticks);
    /// let order = TRACER.trace("order");
    /// let bread = TRACER.trace("bread.cut");
    /// let butter = TRACER.span("butter.melt").parent(&order).start(); // beside `bread.cut`
    /// ```
    #[inline]
    pub fn parent(mut self, parent: &SpanRef<M>) -> Self {
        let is_ours = core::ptr::eq(self.tracer, parent.tracer);
        self.parent = if is_ours { Parent::Is(parent.handle) } else { Parent::Foreign };
        self
    }

    /// It begins a trace of its own, whatever span is current.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let order = TRACER.trace("order");
    /// let alone = TRACER.span("housekeeping").root().start();
    /// assert!(alone.add_link(&order.as_ref().unwrap(), &[]).is_recording());
    /// ```
    #[inline]
    pub const fn root(mut self) -> Self {
        self.parent = Parent::Is(0);
        self
    }

    /// When it started, as a tick of the tracer's clock that is past; otherwise it starts when [`start`](Self::start) is called.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let began = Ticks.now();
    /// // Some work of which it turns out that it is worth a span.
    /// let order = TRACER.span("order").start_time(began).start();
    /// ```
    #[inline]
    pub const fn start_time(mut self, ticks: u64) -> Self {
        self.time = Some(ticks);
        self
    }

    /// Its tags.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let order = TRACER.span("order").tags(&[("bread", Static("rye").into()), ("slices", 2u32.into())]).start();
    /// assert_eq!(order.get_tag("slices"), Some(Value::U64(2)));
    /// ```
    #[inline]
    pub const fn tags<'n>(self, tags: &'n [(&'static str, Value<'n>)]) -> SpanBuilder<'n, M> {
        SpanBuilder { tags, ..self }
    }

    /// Starts it, and makes it the current one. Everything else is as for [`Tracer::trace`].
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let builder = TRACER.span("bread.cut").resource("rye");
    /// let (first, second) = (builder.start(), builder.start()); // as often as you like
    /// ```
    #[inline]
    pub fn start(self) -> Span<M> {
        if cfg!(feature = "off") || !self.is_on {
            return Span::none(self.tracer);
        }
        start(&self)
    }
}

#[inline(never)]
fn start<M: Threads>(plan: &SpanBuilder<'_, M>) -> Span<M> {
    let SpanBuilder { tracer, name, parent, time, .. } = *plan;
    let given = time.map(Given);
    let clock = given.as_ref().map_or(tracer.clock, |given| given);
    let here = Here::of(tracer.context);
    let judge = &tracer.judge.of(plan.service, plan.resource);
    let started = match parent {
        Parent::Current => tracer.arena.start(M::MODE, here, tracer.interrupts, name, clock, judge),
        Parent::Is(parent) => tracer.arena.start_under(M::MODE, here, Some(parent), name, clock, judge),
        Parent::Foreign => tracer.arena.start_under(M::MODE, here, None, name, clock, judge),
    };
    let span = Span::of(tracer, name, started);
    if span.is_recording() {
        let fields = [(SERVICE, plan.service), (RESOURCE, plan.resource), (TYPE, plan.span_type)];
        for (key, text) in fields {
            if let Some(text) = text {
                tag::<M>(tracer, span.name.handle, key, Value::Static(text));
            }
        }
        for (key, value) in plan.tags {
            tag::<M>(tracer, span.name.handle, key, *value);
        }
    }
    span
}

/// A clock that shows the time which a start was given.
struct Given(u64);

impl Clock for Given {
    fn now(&self) -> u64 {
        self.0
    }

    fn frequency(&self) -> u32 {
        1
    }
}

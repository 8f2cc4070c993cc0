//! What hangs on a span beside its tags: events, links, baggage, a parent elsewhere; and taking a tag away.

use super::{Span, SpanRef};
use crate::arena::{Attributes, Cause, MAX_STR};
use crate::exclusive::Threads;
use crate::span_context::SpanContext;
use crate::tag::Value;
use crate::tracer::Tracer;

/// The tag that says how a trace was decided on.
const PRIORITY: &str = "_sampling_priority_v1";

/// The methods of spans, of whatever type names one: its `target` tells the tracer and the handle, if it is open.
macro_rules! beyond {
    ($span:ident) => {
        impl<M: Threads> $span<M> {
            /// Takes a tag away: neither what was set under this key before holds, nor what is said under it of all
            /// [spans of the tracer](Tracer::tags).
            ///
            /// It takes a tag cell itself.
            ///
            /// ```
            #[doc = include_str!("../../docs/setup.txt")]
            /// let order = TRACER.trace("order");
            /// order.set_tag("coupon", 7u32);
            /// order.remove_tag("coupon");
            /// assert_eq!(order.get_tag("coupon"), None);
            /// ```
            #[inline]
            pub fn remove_tag(&self, key: &'static str) -> &Self {
                if let Some((tracer, handle)) = self.target() {
                    keep(tracer, handle, tracer.arena.remove_tag(tracer.cell_by(M::MODE), handle, key));
                }
                self
            }

            /// Adds an event: something that happens now, within the span, with at most 255 attributes.
            ///
            /// It takes a tag cell, and one for each attribute as a tag does. All of it is kept or nothing, which is counted.
            /// Of two attributes with one key the first holds.
            ///
            /// ```
            /// # struct Clock; impl microspan::Clock for Clock { fn now(&self) -> u64 { 0 } fn frequency(&self) -> u32 { 1 } }
            /// # static ARENA: microspan::Arena<4, 8> = microspan::Arena::new();
            /// # static TRACER: microspan::Tracer = microspan::Tracer::new(&ARENA, &Clock);
            /// # let span = TRACER.trace("assemble");
            /// span.add_event("sliced", &[("slices", 2u8.into()), ("knife", "bread".into())]);
            /// ```
            pub fn add_event(&self, name: &'static str, attributes: &[(&'static str, Value<'_>)]) -> &Self {
                if let Some((tracer, handle)) = self.target() {
                    event::<M>(tracer, handle, name, tracer.clock.now(), attributes);
                }
                self
            }

            /// Adds an event that happened at this tick of the tracer's clock; see [`add_event`](Self::add_event).
            ///
            /// ```
            #[doc = include_str!("../../docs/setup.txt")]
            /// let order = TRACER.trace("order");
            /// order.add_event_at("oven.hot", 900, &[("degrees", 200u32.into())]);
            /// ```
            pub fn add_event_at(
                &self,
                name: &'static str,
                ticks: u64,
                attributes: &[(&'static str, Value<'_>)],
            ) -> &Self {
                if let Some((tracer, handle)) = self.target() {
                    event::<M>(tracer, handle, name, ticks, attributes);
                }
                self
            }

            /// Adds a link to a span that this one has to do with and that is not its parent, open or finished.
            ///
            /// It takes tag cells as an [event](Self::add_event) does. A span of another tracer is linked to by its
            /// [context](Self::context).
            ///
            /// ```
            /// # struct Clock; impl microspan::Clock for Clock { fn now(&self) -> u64 { 0 } fn frequency(&self) -> u32 { 1 } }
            /// # static ARENA: microspan::Arena<4, 8> = microspan::Arena::new();
            /// # static TRACER: microspan::Tracer = microspan::Tracer::new(&ARENA, &Clock);
            /// let order = TRACER.trace("order");
            /// let batch = TRACER.trace("batch");
            /// if let Some(order) = order.as_ref() {
            ///     batch.add_link(&order, &[("reason", "batched".into())]);
            /// }
            /// ```
            pub fn add_link(&self, to: &SpanRef<M>, attributes: &[(&'static str, Value<'_>)]) -> &Self {
                if let Some((tracer, handle)) = self.target() {
                    link::<M>(tracer, handle, to, attributes);
                }
                self
            }

            /// Adds a link to a span of another process or device; see [`add_link`](Self::add_link). One that is not
            /// [valid](SpanContext::is_valid) is none.
            ///
            /// ```
            #[doc = include_str!("../../docs/setup.txt")]
            /// let order = TRACER.trace("order");
            /// let other = SpanContext { trace_id: 7, span_id: 9, sampling_priority: None };
            /// order.add_remote_link(&other, &[("reason", Static("batched").into())]);
            /// ```
            pub fn add_remote_link(
                &self,
                to: &SpanContext,
                attributes: &[(&'static str, Value<'_>)],
            ) -> &Self {
                if let Some((tracer, handle)) = self.target() {
                    remote_link::<M>(tracer, handle, to, attributes);
                }
                self
            }

            /// Makes a span of another process or device the parent of this one, whose trace it then belongs to with all its
            /// descendants.
            ///
            /// Only a root can have such a parent. A span that has one here is [linked](Self::add_remote_link) to
            /// it instead. A context that names a trace and no span has the root in that trace without a parent; one that
            /// [names no trace](SpanContext::names_a_trace) changes nothing.
            ///
            /// ```
            /// # use microspan::SpanContext;
            /// # struct Clock; impl microspan::Clock for Clock { fn now(&self) -> u64 { 0 } fn frequency(&self) -> u32 { 1 } }
            /// # static ARENA: microspan::Arena<4, 8> = microspan::Arena::new();
            /// # static TRACER: microspan::Tracer = microspan::Tracer::new(&ARENA, &Clock);
            /// let caller = SpanContext { trace_id: 0x5678, span_id: 0x9abc, sampling_priority: Some(1) };
            /// TRACER.trace("request").continue_from(&caller);
            /// ```
            pub fn continue_from(&self, parent: &SpanContext) -> &Self {
                if let Some((tracer, handle)) = self.target() {
                    continue_from::<M>(tracer, handle, parent);
                }
                self
            }

            /// What this span is called outside, to be handed to whoever continues its trace.
            ///
            /// `None` before the session began ([`Drain::new`](crate::Drain::new)), from whose key ids are derived, and
            /// when the root of the trace is finished, which alone knows whether the trace came from elsewhere.
            ///
            /// ```
            #[doc = include_str!("../../docs/setup.txt")]
            /// let order = TRACER.trace("order");
            /// assert_eq!(order.context(), None); // ids are derived from the session
            /// let drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
            /// assert!(order.context().unwrap().is_valid());
            /// ```
            pub fn context(&self) -> Option<SpanContext> {
                let (tracer, handle) = self.target()?;
                tracer.arena.context(handle)
            }

            /// Sets an item of baggage, which is this span's and that of all its descendants.
            ///
            /// The host makes tags of the local root of the items it is configured to show. One of more than
            /// 255 bytes is not set, and is counted.
            ///
            /// ```
            /// # struct Clock; impl microspan::Clock for Clock { fn now(&self) -> u64 { 0 } fn frequency(&self) -> u32 { 1 } }
            /// # static ARENA: microspan::Arena<4, 8> = microspan::Arena::new();
            /// # static TRACER: microspan::Tracer = microspan::Tracer::new(&ARENA, &Clock);
            /// let request = TRACER.trace("request");
            /// request.set_baggage_item("user.id", "ada");
            /// let child = TRACER.trace("child");
            /// assert_eq!(child.get_baggage_item("user.id", &mut [0; microspan::MAX_STR]), Some("ada"));
            /// ```
            pub fn set_baggage_item(&self, key: &'static str, value: &str) -> &Self {
                if let Some((tracer, handle)) = self.target() {
                    keep(tracer, handle, tracer.arena.baggage(tracer.cell_by(M::MODE), handle, key, value));
                }
                self
            }

            /// An item of the baggage of this span or its nearest open ancestor that has it; `buffer` is where it is put.
            ///
            /// ```
            #[doc = include_str!("../../docs/setup.txt")]
            /// let order = TRACER.trace("order");
            /// order.set_baggage_item("plan", "gold");
            /// let mut buffer = [0; MAX_STR];
            /// assert_eq!(order.get_baggage_item("plan", &mut buffer), Some("gold"));
            /// ```
            pub fn get_baggage_item<'b>(&self, key: &str, buffer: &'b mut [u8; MAX_STR]) -> Option<&'b str> {
                let (tracer, handle) = self.target()?;
                tracer.arena.baggage_item(handle, key, buffer)
            }
        }
    };
}

beyond!(Span);
beyond!(SpanRef);

impl<M: Threads> SpanRef<M> {
    /// Shows the baggage of this span, newest first, and that of its open ancestors, the nearest first: of several items with one key
    /// the first holds.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let order = TRACER.trace("order");
    /// order.set_baggage_item("plan", "gold");
    /// let mut items = Vec::new();
    /// TRACER.trace("bread").each_baggage_item(|key, value| items.push(format!("{key}={value}")));
    /// assert_eq!(items, ["plan=gold"]);
    /// ```
    pub fn each_baggage_item(&self, look: impl FnMut(&'static str, &str)) {
        if self.handle != 0 {
            self.tracer.arena.each_baggage_item(self.handle, look);
        }
    }
}

impl<M: Threads> Span<M> {
    #[inline]
    fn target(&self) -> Option<(&'static Tracer, u32)> {
        self.is_recording().then(|| self.parts())
    }

    /// Has the trace that this span begins, if it does, be of a priority that was asked for from elsewhere.
    pub(crate) fn begin_with_priority(&self, priority: i8) {
        if let Some((tracer, handle)) = self.target()
            && tracer.arena.root(handle) == Some(handle)
        {
            self.set_tag(PRIORITY, i64::from(priority));
        }
    }
}

impl<M: Threads> SpanRef<M> {
    #[inline]
    fn target(&self) -> Option<(&'static Tracer, u32)> {
        self.check().then_some((self.tracer, self.handle))
    }
}

/// Counts what found no cells, or no span.
#[inline]
fn keep(tracer: &'static Tracer, handle: u32, done: Result<(), Cause>) {
    if let Err(cause) = done {
        tracer.arena.lost_tag(tracer.context.core(), handle, cause);
    }
}

#[inline(never)]
fn event<M: Threads>(
    tracer: &'static Tracer,
    handle: u32,
    name: &'static str,
    ticks: u64,
    attributes: Attributes<'_>,
) {
    keep(tracer, handle, tracer.arena.event(tracer.cell_by(M::MODE), handle, name, ticks, attributes));
}

#[inline(never)]
fn link<M: Threads>(tracer: &'static Tracer, handle: u32, to: &SpanRef<M>, attributes: Attributes<'_>) {
    if core::ptr::eq(tracer, to.tracer) {
        keep(tracer, handle, tracer.arena.link_to(tracer.cell_by(M::MODE), handle, to.handle, attributes));
    } else {
        match to.tracer.arena.context(to.handle) {
            Some(context) => remote_link::<M>(tracer, handle, &context, attributes),
            None => keep(tracer, handle, Err(Cause::Stale)),
        }
    }
}

#[inline(never)]
fn remote_link<M: Threads>(
    tracer: &'static Tracer,
    handle: u32,
    to: &SpanContext,
    attributes: Attributes<'_>,
) {
    if to.is_valid() {
        keep(tracer, handle, tracer.arena.link_to_remote(tracer.cell_by(M::MODE), handle, to, attributes));
    }
}

#[inline(never)]
fn continue_from<M: Threads>(tracer: &'static Tracer, handle: u32, parent: &SpanContext) {
    if tracer.arena.root(handle) != Some(handle) {
        remote_link::<M>(tracer, handle, parent, &[]);
    } else if parent.names_a_trace() {
        keep(tracer, handle, tracer.arena.remote_parent(tracer.cell_by(M::MODE), handle, parent));
    }
}

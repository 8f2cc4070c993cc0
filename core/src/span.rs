//! [`Span`], the guard of an open span, and [`SpanRef`], the name of one.
//!
//! | file | idea |
//! | --- | --- |
//! | `span.rs` | starting and finishing; what a name is good for |
//! | `span/builder.rs` | starting with more than a name |
//! | `span/tags.rs` | tags into cells, and out again |
//! | `span/beyond.rs` | events, links, baggage, a parent elsewhere |
//! | `span/judge.rs` | traces kept or rejected by hand, and those that are not recorded |
//! | `span/errors.rs` | errors: their types, messages, sources and places |
//! | `span/shown.rs`, `span/message.rs` | texts that code of the program puts together, and the beginnings of them |

use crate::arena::{Cause, ERROR, Here, Started};
use crate::callsite::Happened;
use crate::exclusive::{AnyThread, Threads};
use crate::future::Detached;
use crate::tag::Value;
use crate::tracer::Tracer;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;

mod builder;
mod errors;
mod judge;
mod message;
mod shown;
mod tags;

pub use builder::SpanBuilder;
pub use errors::RecordErr;
pub(crate) use message::Message;
pub use tags::Number;
pub(crate) use tags::tag;

mod beyond;

/// An open span, finished when this guard is dropped.
///
/// Three words. The guard of a span that was dropped (the arena was full, or tracing is off) does nothing. It may be
/// moved to another core or thread, and finished there. What can be said to a [`SpanRef`] can be said to it.
///
/// Hold one across an `.await` only in a future that has a span ([`in_span`](crate::InSpan::in_span)): elsewhere, what the
/// executor runs meanwhile would become its children. One that is forgotten (`core::mem::forget`) keeps its slot, and
/// stays the current span, for ever.
///
/// ```
#[doc = include_str!("../docs/setup.txt")]
/// {
///     let order = TRACER.trace("order");
///     order.set_tag("bread", Static("rye"));
///     assert!(order.is_recording());
/// } // finished here
/// assert!(TRACER.current_span().is_none());
/// ```
#[must_use = "a span is finished when its guard is dropped: `let _span = ..` keeps it, `let _ = ..` does not"]
pub struct Span<M: Threads = AnyThread> {
    /// Its handle is 0: nothing to finish.
    name: SpanRef<M>,
    /// What becomes current again after it.
    previous: u32,
}

impl<M: Threads> Span<M> {
    #[inline(always)]
    pub(crate) const fn none(tracer: &'static Tracer) -> Self {
        Self { name: SpanRef { tracer, handle: 0, threads: PhantomData }, previous: 0 }
    }

    #[inline(always)]
    pub(crate) fn start(tracer: &'static Tracer, name: &'static str) -> Self {
        let here = Here::of(tracer.context);
        let started = tracer.arena.start(M::MODE, here, tracer.interrupts, name, tracer.clock, &tracer.judge);
        Self::of(tracer, name, started)
    }

    /// The same of one that does not become the current one.
    #[inline(always)]
    pub(crate) fn start_beside(tracer: &'static Tracer, name: &'static str) -> Detached<M> {
        let here = Here::of(tracer.context);
        let started = tracer.arena.start(M::MODE, here, tracer.interrupts, name, tracer.clock, &tracer.judge);
        if let Some(Started { handle, previous }) = started
            && handle != 0
        {
            tracer.arena.leave(here, handle, previous);
            return Detached::left(Self::of(tracer, name, started));
        }
        Self::of(tracer, name, started).detach()
    }

    /// The guard of what was started, or was not.
    #[inline(always)]
    fn of(tracer: &'static Tracer, name: &'static str, started: Option<Started>) -> Self {
        if let Some(sites) = tracer.callsites {
            let happened = [Happened::Started, Happened::Dropped];
            sites.count(name, if started.is_some() { &happened[..1] } else { &happened });
        }
        match started {
            Some(Started { handle, previous }) => {
                Self { name: SpanRef { tracer, handle, threads: PhantomData }, previous }
            }
            None => Self::none(tracer),
        }
    }

    /// Whether the span is being recorded.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let order = TRACER.trace("order");
    /// if order.is_recording() {
    ///     order.set_tag("bytes", 7u32); // what took work to find out
    /// }
    /// ```
    #[inline(always)]
    pub fn is_recording(&self) -> bool {
        !cfg!(feature = "off") && self.name.handle != 0
    }

    /// Sets a tag; of two tags with one key the later holds.
    ///
    /// A string is copied, up to 255 bytes, and beyond that where somebody [keeps](Tracer::keep_long_texts) long ones; wrap one that
    /// lives for ever in [`Static`](crate::Static). Some keys name the span's own fields: `service.name`, `resource.name`, `span.type`, and `operation.name` its name from then on.
    ///
    /// Each call takes cells of its own until the span is drained, also under a key that was set before. One that finds none is
    /// lost and counted ([`Stats::tags_full`](crate::Stats::tags_full)), and what was set before holds. A tag that does not
    /// fit the drain's packet beside its span is lost there ([`Stats::tags_oversize`](crate::Stats::tags_oversize)).
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// TRACER.trace("order").set_tag("id", 7u32).set_tag("bread", Static("rye")).set_tag("for", "Ada");
    /// ```
    #[inline(always)]
    pub fn set_tag<'v>(&self, key: &'static str, value: impl Into<Value<'v>>) -> &Self {
        // Without the look whether it is open, which a name needs.
        if self.is_recording() {
            tag::<M>(self.name.tracer, self.name.handle, key, value.into());
        }
        self
    }

    /// A name of this span that can be copied and handed on; `None`: it is not recorded.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let order = TRACER.trace("order");
    /// let same = order.as_ref().unwrap();
    /// drop(order);
    /// assert!(!same.is_open());
    /// assert!(microspan::trace("nowhere").as_ref().is_none());
    /// ```
    #[inline]
    pub fn as_ref(&self) -> Option<SpanRef<M>> {
        SpanRef::open(self.name.tracer, self.name.handle)
    }

    /// Finishes the span now; the same as dropping it.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let order = TRACER.trace("order");
    /// order.finish();
    /// assert!(TRACER.current_span().is_none());
    /// ```
    #[inline(always)]
    pub fn finish(self) {}

    /// Finishes the span, as of a tick of the tracer's clock that is past. An end before the start is no length.
    ///
    /// ```
    /// # use microspan::{Arena, Clock, Tracer};
    /// # struct Ticks;
    /// # impl Clock for Ticks {
    /// #     fn now(&self) -> u64 { 1_500 }
    /// #     fn frequency(&self) -> u32 { 1_000_000 }
    /// # }
    /// # static ARENA: Arena<16, 32> = Arena::new();
    /// # static TRACER: Tracer = Tracer::new(&ARENA, &Ticks);
    /// let transfer = TRACER.span("dma.transfer").start_time(1_000).start();
    /// transfer.finish_at(1_250); // what the hardware had noted
    /// ```
    #[inline]
    pub fn finish_at(self, ticks: u64) {
        let span = ManuallyDrop::new(self);
        if span.is_recording() {
            // SAFETY: `start` returned this, to this guard alone, and it is not dropped.
            unsafe { finish_at(span.name.tracer, span.started(), ticks) };
        } else if span.holds_trace_out() {
            // SAFETY: as above.
            unsafe { judge::finish_out(span.name.tracer, span.started()) };
        }
    }

    #[inline(always)]
    fn started(&self) -> Started {
        Started { handle: self.name.handle, previous: self.previous }
    }
}

impl<M: Threads> Deref for Span<M> {
    type Target = SpanRef<M>;

    #[inline(always)]
    fn deref(&self) -> &SpanRef<M> {
        &self.name
    }
}

impl<M: Threads> Drop for Span<M> {
    #[inline(always)]
    fn drop(&mut self) {
        // One call, which keeps this small enough to be taken in wherever a guard is dropped.
        let end = if self.name.tracer.arena.full.asks { judge::finish_either } else { finish };
        if self.is_recording() || self.holds_trace_out() {
            #[cfg(not(target_os = "none"))]
            crate::unwinding::leaves(self.name.tracer, self.name.handle, || {
                // SAFETY: `start` returned this, to this guard alone, which is not dropped yet.
                self.is_recording().then(|| unsafe { self.name.tracer.arena.start_of(self.name.handle) })
            });
            // SAFETY: `start` returned this, to this guard alone, and a guard is dropped once.
            unsafe { end(self.name.tracer, self.started()) };
        }
    }
}

/// A function of its own, whose arguments are values: where a program has one tracer, the compiler puts that in.
///
/// # Safety
///
/// As for [`ArenaView::finish`](crate::arena::ArenaView::finish).
#[cfg_attr(not(target_os = "none"), inline(always))]
pub(crate) unsafe fn finish(tracer: &'static Tracer, started: Started) {
    if tracer.callsites.is_some() {
        // SAFETY: the caller's promise.
        count_finish(tracer, unsafe { tracer.arena.name(started.handle) }, started.handle);
    }
    // SAFETY: as above.
    unsafe { tracer.arena.finish(Here::of(tracer.context), started, tracer.clock.now()) };
}

/// The same at another time.
///
/// # Safety
///
/// As for [`finish`].
#[inline(never)]
unsafe fn finish_at(tracer: &'static Tracer, started: Started, end: u64) {
    if tracer.callsites.is_some() {
        // SAFETY: the caller's promise.
        count_finish(tracer, unsafe { tracer.arena.name(started.handle) }, started.handle);
    }
    // SAFETY: as above.
    unsafe { tracer.arena.finish(Here::of(tracer.context), started, end) };
}

#[inline(never)]
pub(crate) fn count_finish(tracer: &'static Tracer, name: &'static str, handle: u32) {
    let happened = [Happened::Finished, Happened::Errored];
    if let Some(sites) = tracer.callsites {
        sites.count(name, if tracer.arena.has_marks(handle, ERROR) { &happened } else { &happened[..1] });
    }
}

/// The name of a span that may be finished meanwhile.
///
/// What is done through it to a span that was finished does nothing and is counted
/// ([`Stats::stale`](crate::Stats::stale)); it never reaches another span.
///
/// ```
#[doc = include_str!("../docs/setup.txt")]
/// let order = TRACER.trace("order");
/// let same: SpanRef = TRACER.current_span().unwrap();
/// same.set_tag("bread", Static("rye"));
/// drop(order);
/// same.set_tag("too", "late"); // does nothing, and is counted
/// assert_eq!(TRACER.stats().stale, 1);
/// ```
pub struct SpanRef<M: Threads = AnyThread> {
    tracer: &'static Tracer,
    /// 0: the name that the guard of a dropped span has.
    pub(crate) handle: u32,
    threads: PhantomData<M>,
}

impl<M: Threads> Clone for SpanRef<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Threads> Copy for SpanRef<M> {}

impl<M: Threads> SpanRef<M> {
    #[inline]
    pub(crate) fn open(tracer: &'static Tracer, handle: u32) -> Option<Self> {
        let is_open = handle != 0 && tracer.arena.is_open(handle);
        (is_open && !tracer.arena.is_out(handle)).then_some(Self { tracer, handle, threads: PhantomData })
    }

    /// Its tracer and its handle; 0: it is not recorded.
    #[inline]
    pub(crate) fn parts(&self) -> (&'static Tracer, u32) {
        (self.tracer, self.handle)
    }

    /// Whether the span is still open.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let order = TRACER.trace("order");
    /// assert!(TRACER.current_span().unwrap().is_open());
    /// ```
    #[inline]
    pub fn is_open(&self) -> bool {
        self.handle != 0 && self.tracer.arena.is_open(self.handle)
    }

    /// What it is called; `None`: it is not open.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let order = TRACER.trace("order");
    /// assert_eq!(order.name(), Some("order"));
    /// ```
    pub fn name(&self) -> Option<&'static str> {
        self.tracer.arena.name_of(self.handle)
    }

    /// The root of its trace; `None`: one of both is not open.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let (order, bread) = (TRACER.trace("order"), TRACER.trace("bread.cut"));
    /// assert_eq!(bread.root().unwrap().name(), Some("order"));
    /// ```
    pub fn root(&self) -> Option<Self> {
        Self::open(self.tracer, self.tracer.arena.root(self.handle).filter(|_| self.handle != 0)?)
    }

    /// Whether it is this tracer's.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// assert!(TRACER.trace("order").is_of(&TRACER));
    /// ```
    pub fn is_of(&self, tracer: &'static Tracer) -> bool {
        core::ptr::eq(self.tracer, tracer)
    }

    /// As [`Span::set_tag`].
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let order = TRACER.trace("order");
    /// TRACER.current_span().unwrap().set_tag("slices", 2u32);
    /// ```
    #[inline]
    pub fn set_tag<'v>(&self, key: &'static str, value: impl Into<Value<'v>>) -> &Self {
        if self.check() {
            tag::<M>(self.tracer, self.handle, key, value.into());
        }
        self
    }

    /// Whether it is open; when it was finished, that is counted.
    #[inline]
    fn check(&self) -> bool {
        if cfg!(feature = "off") || self.handle == 0 {
            return false;
        }
        let open = self.is_open();
        if !open {
            self.tracer.arena.count(self.tracer.context.core(), Cause::Stale);
        }
        open
    }
}

impl<M: Threads> core::fmt::Debug for SpanRef<M> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SpanRef").field("handle", &self.handle).finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<M: Threads> defmt::Format for SpanRef<M> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "SpanRef {{ handle: {} }}", self.handle);
    }
}

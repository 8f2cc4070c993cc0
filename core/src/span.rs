//! [`Span`], the guard of an open span, and [`SpanRef`], the name of one.

use crate::arena::{Cause, ERROR, Here, MAX_NAME, Started, note_of};
use crate::callsite::Happened;
use crate::exclusive::{AnyThread, Threads};
use crate::tag::{Kind, Value, Word, cut, words_of};
use crate::tracer::Tracer;
use core::marker::PhantomData;

mod judge;

/// An open span, finished when this guard is dropped.
///
/// Three words. The guard of a span that was dropped (the arena was full, or tracing is off) does nothing. It may be
/// moved to another core or thread, and finished there.
///
/// Hold one across an `.await` only in a future that has a span ([`in_span`](crate::InSpan::in_span)): elsewhere, what the
/// executor runs meanwhile would become its children. One that is forgotten (`core::mem::forget`) keeps its slot, and
/// stays the current span, for ever.
#[must_use = "a span is finished when its guard is dropped: `let _span = ..` keeps it, `let _ = ..` does not"]
pub struct Span<M: Threads = AnyThread> {
    tracer: &'static Tracer,
    /// Its handle is 0: nothing to finish.
    started: Started,
    threads: PhantomData<M>,
}

impl<M: Threads> Span<M> {
    #[inline(always)]
    pub(crate) const fn none(tracer: &'static Tracer) -> Self {
        Self { tracer, started: Started { handle: 0, previous: 0 }, threads: PhantomData }
    }

    #[inline(always)]
    pub(crate) fn start(tracer: &'static Tracer, name: &'static str) -> Self {
        let here = Here::of(tracer.context);
        let started = tracer.arena.start(M::MODE, here, tracer.interrupts, name, tracer.clock, &tracer.judge);
        if let Some(sites) = tracer.callsites {
            let happened = [Happened::Started, Happened::Dropped];
            sites.count(name, if started.is_some() { &happened[..1] } else { &happened });
        }
        match started {
            Some(started) => Self { tracer, started, threads: PhantomData },
            None => Self::none(tracer),
        }
    }

    /// Whether the span is being recorded.
    #[inline(always)]
    pub fn is_recording(&self) -> bool {
        !cfg!(feature = "off") && self.started.handle != 0
    }

    /// Sets a tag; of two tags with one key the later holds.
    ///
    /// A string is copied; wrap one that lives for ever in [`Static`](crate::Static). Some keys name the span's
    /// own fields: `service.name`, `resource.name` and `span.type`.
    #[inline(always)]
    pub fn set_tag<'v>(&self, key: &'static str, value: impl Into<Value<'v>>) -> &Self {
        if self.is_recording() {
            tag::<M>(self.tracer, self.started.handle, key, value.into());
        }
        self
    }

    /// Marks the span as an error, with the error's type and message.
    ///
    /// Where slots are [reserved](Tracer::reserve), the error of a span that found none is recorded all the same, in a
    /// span without length named `dropped_span_error`.
    pub fn set_error(&self, kind: &'static str, message: &str) -> &Self {
        match self.started.handle {
            0 if self.holds_trace_out() => (), // its trace is not recorded
            0 => error_of_dropped::<M>(self.tracer, kind, message),
            handle => error::<M>(self.tracer, handle, kind, message),
        }
        self
    }

    /// A name of this span that can be copied and handed on.
    #[inline]
    pub fn as_ref(&self) -> Option<SpanRef<M>> {
        SpanRef::open(self.tracer, self.started.handle)
    }

    /// Finishes the span now; the same as dropping it.
    #[inline(always)]
    pub fn finish(self) {}
}

impl<M: Threads> Drop for Span<M> {
    #[inline(always)]
    fn drop(&mut self) {
        // One call, which keeps this small enough to be taken in wherever a guard is dropped.
        let end = if self.holds_trace_out() { judge::finish_out } else { finish };
        if self.is_recording() || self.holds_trace_out() {
            // SAFETY: `start` returned this, to this guard alone, and a guard is dropped once.
            unsafe { end(self.tracer, self.started) };
        }
    }
}

/// A function of its own, whose arguments are values: where a program has one tracer, the compiler puts that in.
///
/// # Safety
///
/// As for [`ArenaView::finish`](crate::arena::ArenaView::finish).
unsafe fn finish(tracer: &'static Tracer, started: Started) {
    if tracer.callsites.is_some() {
        // SAFETY: the caller's promise.
        count_finish(tracer, unsafe { tracer.arena.name(started.handle) }, started.handle);
    }
    // SAFETY: as above.
    unsafe { tracer.arena.finish(Here::of(tracer.context), started, tracer.clock.now()) };
}

#[inline(never)]
fn count_finish(tracer: &'static Tracer, name: &'static str, handle: u32) {
    let happened = [Happened::Finished, Happened::Errored];
    if let Some(sites) = tracer.callsites {
        sites.count(name, if tracer.arena.has_marks(handle, ERROR) { &happened } else { &happened[..1] });
    }
}

/// The name of a span that may be finished meanwhile.
///
/// What is done through it to a span that was finished does nothing and is counted
/// ([`Stats::stale`](crate::Stats::stale)); it never reaches another span.
pub struct SpanRef<M: Threads = AnyThread> {
    tracer: &'static Tracer,
    handle: u32,
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
        let is_there = tracer.arena.is_open(handle) && !tracer.arena.is_out(handle);
        is_there.then_some(Self { tracer, handle, threads: PhantomData })
    }

    /// Whether the span is still open.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.tracer.arena.is_open(self.handle)
    }

    /// As [`Span::set_tag`].
    #[inline]
    pub fn set_tag<'v>(&self, key: &'static str, value: impl Into<Value<'v>>) -> &Self {
        if self.check() {
            tag::<M>(self.tracer, self.handle, key, value.into());
        }
        self
    }

    /// As [`Span::set_error`].
    pub fn set_error(&self, kind: &'static str, message: &str) -> &Self {
        if self.check() {
            error::<M>(self.tracer, self.handle, kind, message);
        }
        self
    }

    #[inline]
    fn check(&self) -> bool {
        let open = self.is_open();
        if !open {
            self.tracer.arena.count(self.tracer.context.core(), Cause::Stale);
        }
        open
    }
}

/// Sets a tag. A tag that finds no cells, or a span that is no longer there, is counted.
#[inline(always)]
pub(crate) fn tag<M: Threads>(tracer: &'static Tracer, handle: u32, key: &'static str, value: Value<'_>) {
    let scalar = |kind, bits| scalar::<M>(tracer, handle, key, kind, words_of(bits));
    match value {
        Value::Bool(v) => scalar(Kind::Bool, v as u64),
        Value::U64(v) => scalar(Kind::U64, v),
        Value::I64(v) => scalar(Kind::I64, v as u64),
        Value::F32(v) => scalar(Kind::F32, v.to_bits() as u64),
        Value::F64(v) => scalar(Kind::F64, v.to_bits()),
        Value::Static(v) => fixed::<M>(tracer, handle, key, v),
        Value::Str(v) => text::<M>(tracer, handle, key, v),
    }
}

#[inline(always)]
fn fixed<M: Threads>(tracer: &'static Tracer, handle: u32, key: &'static str, text: &'static str) {
    let text = cut(text, MAX_NAME);
    let words = [text.as_ptr(), core::ptr::without_provenance(text.len())];
    scalar::<M>(tracer, handle, key, Kind::Static, words);
}

#[inline(always)]
fn scalar<M: Threads>(
    tracer: &'static Tracer,
    handle: u32,
    key: &'static str,
    kind: Kind,
    [low, high]: [Word; 2],
) {
    let key = cut(key, MAX_NAME);
    put::<M>(tracer, handle, key.as_ptr(), note_of(kind, key.len()), low, high);
}

// Functions of their own, whose arguments are values, as `finish` is. On a microcontroller a tag then takes 24 bytes of flash
// where it is set instead of 130.

#[cfg_attr(target_pointer_width = "64", inline(always))]
fn put<M: Threads>(tracer: &'static Tracer, handle: u32, key: Word, note: u32, low: Word, high: Word) {
    if let Err(cause) = tracer.arena.scalar(M::MODE, handle, key, note, [low, high]) {
        tracer.arena.lost_tag(tracer.context.core(), handle, cause);
    }
}

fn text<M: Threads>(tracer: &'static Tracer, handle: u32, key: &'static str, text: &str) {
    if let Err(cause) = tracer.arena.text(M::MODE, handle, key, text) {
        tracer.arena.lost_tag(tracer.context.core(), handle, cause);
    }
}

#[inline(never)]
fn error<M: Threads>(tracer: &'static Tracer, handle: u32, kind: &'static str, message: &str) {
    if !tracer.arena.mark(handle, ERROR) {
        return tracer.arena.count(tracer.context.core(), Cause::Stale);
    }
    fixed::<M>(tracer, handle, "error.type", kind);
    text::<M>(tracer, handle, "error.message", message);
}

#[cold]
fn error_of_dropped<M: Threads>(tracer: &'static Tracer, kind: &'static str, message: &str) {
    if tracer.is_enabled() {
        let here = Here::of(tracer.context);
        if let Some(handle) = tracer.arena.start_error(M::MODE, here, tracer.clock) {
            error::<M>(tracer, handle, kind, message);
            // SAFETY: `start_error` returned the handle, to this call alone.
            unsafe { tracer.arena.finish(here, Started { handle, previous: 0 }, tracer.clock.now()) };
        }
    }
}

impl<M: Threads> core::fmt::Debug for Span<M> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Span").field("handle", &self.started.handle).finish_non_exhaustive()
    }
}

impl<M: Threads> core::fmt::Debug for SpanRef<M> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SpanRef").field("handle", &self.handle).finish_non_exhaustive()
    }
}

impl<M: Threads> Span<M> {
    /// Whether an error set on it goes anywhere.
    #[cfg(not(loom))]
    #[inline]
    pub(crate) fn keeps_errors(&self) -> bool {
        self.is_recording() || self.tracer.is_enabled() && self.tracer.arena.full.reserved != 0
    }
}

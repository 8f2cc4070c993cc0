//! [`Span`], the guard of an open span, and [`SpanRef`], the name of one.

use crate::arena::ERROR;
use crate::tag::Value;
use crate::tracer::Tracer;

/// An open span, finished when this guard is dropped.
///
/// Three words. The guard of a span that was dropped (the arena was full, or tracing is off) does nothing.
///
/// Do not hold one across an `.await`: what the executor runs meanwhile would become its children. One that is forgotten
/// (`core::mem::forget`) keeps its slot, and stays the current span, for ever.
#[must_use = "a span is finished when its guard is dropped: `let _span = ..` keeps it, `let _ = ..` does not"]
pub struct Span {
    tracer: &'static Tracer,
    /// 0: nothing to finish.
    handle: u32,
    previous: u32,
}

impl Span {
    #[inline(always)]
    pub(crate) const fn none(tracer: &'static Tracer) -> Self {
        Self { tracer, handle: 0, previous: 0 }
    }

    #[inline(always)]
    pub(crate) fn start(tracer: &'static Tracer, name: &'static str) -> Self {
        match tracer.arena.start(name, || tracer.clock.now()) {
            Some((handle, previous)) => Self { tracer, handle, previous },
            None => Self::none(tracer),
        }
    }

    /// Whether the span is being recorded.
    #[inline]
    pub fn is_recording(&self) -> bool {
        self.handle != 0
    }

    /// Sets a tag; of two tags with one key the later holds.
    ///
    /// A string is copied; wrap one that lives for ever in [`Static`](crate::Static). Some keys name the span's
    /// own fields: `service.name`, `resource.name` and `span.type`.
    #[inline(always)]
    pub fn set_tag<'v>(&self, key: &'static str, value: impl Into<Value<'v>>) -> &Self {
        if self.handle != 0 {
            self.tracer.arena.tag(self.handle, key, value.into());
        }
        self
    }

    /// Marks the span as an error, with the error's type and message.
    pub fn set_error(&self, kind: &'static str, message: &str) -> &Self {
        if self.handle != 0 {
            error(self.tracer, self.handle, kind, message);
        }
        self
    }

    /// A name of this span that can be copied and handed on.
    #[inline]
    pub fn as_ref(&self) -> Option<SpanRef> {
        SpanRef::open(self.tracer, self.handle)
    }

    /// Finishes the span now; the same as dropping it.
    #[inline(always)]
    pub fn finish(self) {}
}

impl Drop for Span {
    #[inline(always)]
    fn drop(&mut self) {
        if self.handle != 0 {
            let end = self.tracer.clock.now();
            // SAFETY: `start` returned both, to this guard alone, and a guard is dropped once.
            unsafe { self.tracer.arena.finish(self.handle, self.previous, end) };
        }
    }
}

/// The name of a span that may be finished meanwhile.
///
/// What is done through it to a span that was finished does nothing and is counted
/// ([`Stats::stale`](crate::Stats::stale)); it never reaches another span.
#[derive(Clone, Copy)]
pub struct SpanRef {
    tracer: &'static Tracer,
    handle: u32,
}

impl SpanRef {
    #[inline]
    pub(crate) fn open(tracer: &'static Tracer, handle: u32) -> Option<Self> {
        tracer.arena.is_open(handle).then_some(Self { tracer, handle })
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
            self.tracer.arena.tag(self.handle, key, value.into());
        }
        self
    }

    /// As [`Span::set_error`].
    pub fn set_error(&self, kind: &'static str, message: &str) -> &Self {
        if self.check() {
            error(self.tracer, self.handle, kind, message);
        }
        self
    }

    #[inline]
    fn check(&self) -> bool {
        let open = self.is_open();
        if !open {
            self.tracer.arena.count_stale();
        }
        open
    }
}

#[inline(never)]
fn error(tracer: &Tracer, handle: u32, kind: &'static str, message: &str) {
    tracer.arena.mark(handle, ERROR);
    tracer.arena.tag(handle, "error.type", Value::Static(kind));
    tracer.arena.tag(handle, "error.message", Value::Str(message));
}

impl core::fmt::Debug for Span {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Span").field("handle", &self.handle).finish_non_exhaustive()
    }
}

impl core::fmt::Debug for SpanRef {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SpanRef").field("handle", &self.handle).finish_non_exhaustive()
    }
}

impl Span {
    /// The tracer and the handle of a span that is recorded.
    #[inline]
    pub(crate) fn recorded(&self) -> Option<(&'static Tracer, u32)> {
        (self.handle != 0).then_some((self.tracer, self.handle))
    }

    /// Makes the span before it the current one, if it is that itself.
    #[inline]
    pub(crate) fn leave(&self) {
        if self.handle != 0 {
            self.tracer.arena.leave(self.handle, self.previous);
        }
    }
}

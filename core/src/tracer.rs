//! The tracer: what a program starts its spans from.

use crate::arena::{Arena, ArenaView};
use crate::clock::Clock;
use crate::span::{Span, SpanRef};
use crate::sync::Ordering;
use crate::tag::Value;

/// A tracer: an arena, a clock, and what goes out once for all spans.
///
/// It belongs in a `static`. It holds no state of its own (that lies in the [`Arena`]), so it stays in flash,
/// and a program that names its tracer by the `static` gets the clock and the sizes folded into its code.
///
/// ```
/// use microspan::{Arena, Clock, Static, Tracer};
///
/// struct Ticks;
/// impl Clock for Ticks {
///     fn now(&self) -> u64 { 0 } // a timer's counter
///     fn frequency(&self) -> u32 { 1_000_000 }
/// }
///
/// static ARENA: Arena<16, 32> = Arena::new();
/// static TRACER: Tracer = Tracer::new(&ARENA, &Ticks).service("thermostat");
///
/// let read = TRACER.trace("sensor.read");
/// {
///     let convert = TRACER.trace("sensor.convert"); // a child of `read`
///     convert.set_tag("unit", Static("celsius"));
/// }
/// read.set_tag("raw", 1187u32);
/// drop(read); // finished, in one store
/// ```
pub struct Tracer {
    pub(crate) arena: ArenaView,
    pub(crate) clock: &'static dyn Clock,
    pub(crate) service: &'static str,
    pub(crate) tags: &'static [(&'static str, Value<'static>)],
}

impl Tracer {
    /// A tracer over this arena and this clock.
    pub const fn new<const SPANS: usize, const TAGS: usize>(
        arena: &'static Arena<SPANS, TAGS>,
        clock: &'static dyn Clock,
    ) -> Self {
        Self { arena: arena.view(), clock, service: "", tags: &[] }
    }

    /// The service that its spans belong to; none: the host's configuration says it.
    #[must_use]
    pub const fn service(mut self, service: &'static str) -> Self {
        self.service = service;
        self
    }

    /// Tags of every span (`env`, `version`, what the device is called). They go out once, not per span; a
    /// span's own tag of the same key wins, and so does the first of two here. What does not fit one packet of the
    /// drain's MTU stays out.
    #[must_use]
    pub const fn tags(mut self, tags: &'static [(&'static str, Value<'static>)]) -> Self {
        self.tags = tags;
        self
    }

    /// Starts a span, as a child of the current one, and makes it the current one.
    ///
    /// It is finished when the guard is dropped. When the arena is full the span is dropped and counted, and the
    /// guard does nothing. A name of more than 250 bytes is cut.
    ///
    /// The current span is one for the whole arena: interrupts nest in it as calls do, but two threads or two
    /// cores need an arena each. Finish spans in the reverse order of their starts: when a parent was finished before
    /// its child, there is no current span after the child.
    #[inline(always)]
    pub fn trace(&'static self, name: &'static str) -> Span {
        if self.arena.state.disabled.load(Ordering::Relaxed) {
            return Span::none(self);
        }
        Span::start(self, name)
    }

    /// The current span; `None` when there is none.
    ///
    /// It can be tagged from any function without being handed down.
    #[inline]
    pub fn current_span(&'static self) -> Option<SpanRef> {
        SpanRef::open(self, self.arena.current())
    }

    /// The root span of the current trace, when it is still open.
    #[inline]
    pub fn current_root_span(&'static self) -> Option<SpanRef> {
        SpanRef::open(self, self.arena.root(self.arena.current())?)
    }

    /// Switches recording on or off; it is on at first. Spans that are open stay so.
    pub fn set_enabled(&self, enabled: bool) {
        self.arena.state.disabled.store(!enabled, Ordering::Relaxed);
    }

    /// What was dropped so far.
    pub fn stats(&self) -> Stats {
        let state = self.arena.state;
        Stats {
            spans_full: state.spans_full.load(Ordering::Relaxed),
            tags_full: state.tags_full.load(Ordering::Relaxed),
            stale: state.stale.load(Ordering::Relaxed),
            spans_oversize: state.spans_oversize.load(Ordering::Relaxed),
            tags_oversize: state.tags_oversize.load(Ordering::Relaxed),
        }
    }
}

/// What a tracer dropped since its start, by cause; each count wraps at 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Stats {
    /// Spans that found no free slot.
    pub spans_full: u32,
    /// Tags that found no free cells; their spans live on and are marked.
    pub tags_full: u32,
    /// Tags and errors set on a span that was finished.
    pub stale: u32,
    /// Spans that did not fit a packet of the drain's MTU, even without their tags.
    pub spans_oversize: u32,
    /// Tags that did not fit a packet beside their span; the span goes without them and is marked.
    pub tags_oversize: u32,
}

impl Stats {
    /// All spans that were dropped, whatever the cause.
    pub fn spans_dropped(&self) -> u32 {
        self.spans_full.wrapping_add(self.spans_oversize)
    }

    /// All tags that were dropped, whatever the cause.
    pub fn tags_dropped(&self) -> u32 {
        self.tags_full.wrapping_add(self.tags_oversize).wrapping_add(self.stale)
    }
}

//! A trace that is kept or rejected by hand, and the spans of one that is not recorded.

use super::{Span, SpanRef, finish, tag};
use crate::arena::{Cause, Cell, Here, Started};
use crate::exclusive::Threads;
use crate::tag::{Kind, Value};
use crate::tracer::Tracer;

/// Datadog's tag of a trace that is to be kept.
const KEEP: &str = "manual.keep";
/// Datadog's tag of a trace that is to be dropped.
const DROP: &str = "manual.drop";

impl<M: Threads> SpanRef<M> {
    /// Has the trace of this span be kept, whatever a rule or the agent would say: its root gets the tag `manual.keep`, and the
    /// host sends it with priority 2.
    ///
    /// Of this and [`reject`](Self::reject) the later holds. What went out of the trace before stays as it was: requests, and
    /// parts of a long trace (of a device's, all that go out before its root). Nothing brings back a trace that was sampled out
    /// ([`Sampler`](crate::Sampler)). When the root is no longer there, nothing is done, and counted
    /// ([`Stats::stale`](crate::Stats::stale)).
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
    /// let _order = TRACER.trace("order");
    /// let payment = TRACER.trace("payment");
    /// payment.keep(); // the whole of the order
    /// ```
    pub fn keep(&self) -> &Self {
        if self.check() {
            by_hand::<M>(self.tracer, self.handle, KEEP);
        }
        self
    }

    /// Has the trace of this span be dropped: its root gets the tag `manual.drop`, and the host sends it with priority -1, by
    /// which the agent counts it and drops it. See [`keep`](Self::keep).
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let health = TRACER.trace("health");
    /// health.reject(); // the agent drops this trace
    /// ```
    pub fn reject(&self) -> &Self {
        if self.check() {
            by_hand::<M>(self.tracer, self.handle, DROP);
        }
        self
    }

    /// What was said of the trace on this span by hand, by [`keep`](Self::keep) and [`reject`](Self::reject) on a root or by their
    /// tags: whether it is to be kept. `None`: nothing, or the span is not open.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let order = TRACER.trace("order");
    /// assert_eq!(order.is_kept_by_hand(), None);
    /// assert_eq!(order.keep().is_kept_by_hand(), Some(true));
    /// assert_eq!(order.reject().is_kept_by_hand(), Some(false)); // the later holds
    /// ```
    pub fn is_kept_by_hand(&self) -> Option<bool> {
        self.tracer.arena.look(self.handle, |cells| {
            // Of each key the newest holds, which comes first.
            let (mut keep, mut drop) = (false, false);
            for cell in cells.filter(Cell::is_tag) {
                let (is_seen, is_kept) = match cell.key() {
                    KEEP => (&mut keep, true),
                    DROP => (&mut drop, false),
                    _ => continue,
                };
                let says_so = cell.kind != Kind::Removed && cell.value() != Some(Value::Bool(false));
                if !core::mem::replace(is_seen, true) && says_so {
                    return Some(is_kept);
                }
            }
            None
        })?
    }
}

impl<M: Threads> Span<M> {
    /// Whether this is the root of a trace that is not recorded.
    #[inline(always)]
    pub(super) fn holds_trace_out(&self) -> bool {
        !cfg!(feature = "off")
            && self.name.tracer.arena.full.asks
            && self.name.handle == 0
            && self.previous != 0
    }

    /// Its tracer, and the handle of what is current in it; 0: what is current around it.
    #[inline]
    pub(crate) fn place(&self) -> (&'static Tracer, u32) {
        (self.name.tracer, if self.holds_trace_out() { self.previous } else { self.name.handle })
    }

    /// The span, no longer the current one here: the one before it is, if it was that itself.
    #[inline]
    pub(crate) fn apart(mut self) -> Self {
        let (tracer, Started { handle, previous }) = (self.name.tracer, self.started());
        if self.is_recording() {
            tracer.arena.leave(Here::of(tracer.context), handle, previous);
        } else if tracer.judge.exists() && tracer.is_enabled() {
            self.apart_from_trace_out();
        }
        self
    }

    /// The same of a span that is not recorded. In a trace that is not, it holds that trace from here on, which may end before it.
    fn apart_from_trace_out(&mut self) {
        let (arena, here) = (&self.name.tracer.arena, Here::of(self.name.tracer.context));
        if self.holds_trace_out() {
            let handle = self.previous;
            // SAFETY: `start` returned this to this guard alone, which has not ended it.
            arena.leave(here, handle, unsafe { arena.before_out(handle) });
        } else if let Some(started) = arena.begin_out_apart(M::MODE, here) {
            (self.name.handle, self.previous) = (started.handle, started.previous);
        }
    }
}

/// # Safety
///
/// As for [`ArenaView::finish_out`](crate::arena::ArenaView::finish_out).
#[inline(never)]
pub(super) unsafe fn finish_out(tracer: &'static Tracer, started: Started) {
    // SAFETY: the caller's promise.
    unsafe { tracer.arena.finish_out(Here::of(tracer.context), started.previous) };
}

/// Finishes a span, or the root of a trace that is not recorded: a function of its own, as [`finish`] is.
///
/// # Safety
///
/// As for [`finish`] or [`finish_out`].
pub(super) unsafe fn finish_either(tracer: &'static Tracer, started: Started) {
    if started.handle == 0 {
        // SAFETY: the caller's promise.
        return unsafe { finish_out(tracer, started) };
    }
    // SAFETY: as above.
    unsafe { finish(tracer, started) }
}

fn by_hand<M: Threads>(tracer: &'static Tracer, handle: u32, key: &'static str) {
    match tracer.arena.root(handle) {
        Some(root) => tag::<M>(tracer, root, key, Value::Bool(true)),
        None => tracer.arena.count(tracer.context.core(), Cause::Stale),
    }
}

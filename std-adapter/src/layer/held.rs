//! What a span of `tracing` holds.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use microspan::__private::{Entered, has_place};
use microspan::{Detached, SpanRef};
use tracing_core::span::Id;

thread_local! {
    /// The spans that are entered on this thread.
    static ENTERED: RefCell<Vec<(Id, Entered)>> = const { RefCell::new(Vec::new()) };
}

/// The span, and how long it was entered.
#[derive(Debug)]
pub(super) struct Held {
    span: Detached,
    busy: Duration,
    idle: Duration,
    /// When it was entered or left last.
    since: Option<Instant>,
    /// How often it is entered at this time.
    entered: u32,
}

impl Held {
    pub(super) fn new(span: Detached, now: Option<Instant>) -> Self {
        Self { span, busy: Duration::ZERO, idle: Duration::ZERO, since: now, entered: 0 }
    }

    pub(super) fn span(&self) -> Option<SpanRef> {
        self.span.as_ref()
    }

    /// Whether something may start in it: it is recorded, or its trace is one that is not.
    pub(super) fn has_place(&self) -> bool {
        has_place(&self.span)
    }

    /// Runs `body` with it as the current span.
    pub(super) fn within<R>(&self, body: impl FnOnce() -> R) -> R {
        self.span.enter(body)
    }

    /// It is the current span of this thread from here on.
    pub(super) fn enter(&mut self, id: &Id, now: Option<Instant>) {
        // A thread that is ending has no list any more, and needs none.
        let entered = Entered::of(&self.span);
        let _ = ENTERED.try_with(|list| list.borrow_mut().push((id.clone(), entered)));
        self.count(now);
        self.entered += 1;
    }

    /// It is left.
    pub(super) fn pause(&mut self, now: Option<Instant>) {
        self.count(now);
        self.entered = self.entered.saturating_sub(1);
    }

    /// It is over.
    pub(super) fn close(mut self, now: Option<Instant>) {
        self.count(now);
        if self.since.is_some() && self.span.is_recording() {
            let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            self.span.set_metric("busy_ns", nanoseconds(self.busy));
            self.span.set_metric("idle_ns", nanoseconds(self.idle));
        }
    }

    /// Counts the time since it was entered or left.
    fn count(&mut self, now: Option<Instant>) {
        let (Some(now), Some(since)) = (now, self.since) else { return };
        let time = now.saturating_duration_since(since);
        *(if self.entered > 0 { &mut self.busy } else { &mut self.idle }) += time;
        self.since = Some(now);
    }
}

/// What was current before a span was entered on this thread is so again.
pub(super) fn leave(id: &Id) {
    let left = ENTERED.try_with(|list| {
        let mut list = list.borrow_mut();
        let at = list.iter().rposition(|(entered, _)| entered == id)?;
        Some(list.remove(at))
    });
    // Dropped here, when the list is no longer borrowed.
    drop(left);
}

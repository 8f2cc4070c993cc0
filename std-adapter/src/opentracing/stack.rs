//! The scopes that are open where the code runs: on a thread, or in a task that is polled on it.

use std::cell::RefCell;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use microspan::__private::Place;

use super::span::Span;

thread_local! {
    /// Innermost last.
    static OPEN: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

/// What a scope and the place where it is open have in common.
#[derive(Debug)]
pub(super) struct Scoped {
    span: Span,
    finish_on_close: bool,
    is_closed: AtomicBool,
}

impl Scoped {
    pub(super) fn new(span: Span, finish_on_close: bool) -> Self {
        Self { span, finish_on_close, is_closed: AtomicBool::new(false) }
    }

    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    fn end(&self) {
        if self.finish_on_close {
            self.span.finish();
        }
    }
}

/// A scope that is open.
#[derive(Debug)]
pub(super) struct Entry {
    scoped: Arc<Scoped>,
    /// What was current before, if this has changed it.
    before: Option<Place>,
}

impl Entry {
    /// Has the span of a scope be the current one here.
    pub(super) fn entered(scoped: Arc<Scoped>) -> Self {
        let before = scoped.span.place().map(Place::enter);
        Self { scoped, before }
    }

    /// Of a scope that its place begins with, and that is never closed there.
    pub(super) fn inherited(span: Span) -> Self {
        Self { scoped: Arc::new(Scoped::new(span, false)), before: None }
    }

    fn leave(self) {
        if let Some(before) = self.before {
            before.enter();
        }
        self.scoped.end();
    }
}

/// Does something with the list here; `None`: the thread is ending, and has none.
fn with<R>(look: impl FnOnce(&mut Vec<Entry>) -> R) -> Option<R> {
    OPEN.try_with(|open| look(&mut open.borrow_mut())).ok()
}

/// Opens a scope here.
pub(super) fn push(entry: Entry) {
    settle();
    with(|open| open.push(entry));
}

/// The scope that is open innermost here.
pub(super) fn top() -> Option<Arc<Scoped>> {
    settle();
    with(|open| open.last().map(|entry| entry.scoped.clone()))?
}

/// Closes a scope.
pub(super) fn close(scoped: &Arc<Scoped>) {
    scoped.is_closed.store(true, Ordering::Release);
    let is_here = with(|open| open.iter().any(|entry| Arc::ptr_eq(&entry.scoped, scoped)));
    if is_here == Some(true) {
        settle();
    } else {
        scoped.end();
    }
}

/// Takes off what is closed.
pub(super) fn settle() {
    let closed =
        |open: &mut Vec<Entry>| open.pop_if(|innermost| innermost.scoped.is_closed.load(Ordering::Acquire));
    // What a span does when it goes is done while nobody has the list.
    while let Some(entry) = with(closed).flatten() {
        entry.leave();
    }
}

/// Exchanges all that is open here for something else.
pub(super) fn exchange(other: &mut Vec<Entry>) {
    with(|open| mem::swap(open, other));
}

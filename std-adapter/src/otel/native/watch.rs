//! The span of an attached context is the current one of the program, for whoever records.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, Once};

use microspan::__private::Place;
use opentelemetry::Context;
use opentelemetry::context::{ContextObserver, GlobalContextObserver};
use opentelemetry::trace::TraceContextExt;

use super::ids::identity;

thread_local! {
    /// The contexts that are attached to this thread.
    static ATTACHED: RefCell<Vec<Attached>> = const { RefCell::new(Vec::new()) };
    static TOP: Cell<Top> = const { Cell::new(Top { id: 0, place: None }) };
}

/// The span of the context that is current on this thread.
#[derive(Clone, Copy)]
pub(super) struct Top {
    /// Its id; 0: there is none.
    pub(super) id: u64,
    /// Where it is in the arena; `None`: it is elsewhere.
    pub(super) place: Option<Place>,
}

struct Attached {
    id: u64,
    /// What was current before.
    before: Place,
}

/// Has contexts watched from here on. They are once; where somebody else watches them already nothing is seen.
pub(super) fn begin() {
    static BEGIN: Once = Once::new();
    BEGIN.call_once(|| GlobalContextObserver::set(Arc::new(Watch)));
}

#[inline]
pub(super) fn top() -> Top {
    TOP.try_with(Cell::get).unwrap_or(Top { id: 0, place: None })
}

struct Watch;

// Called while the thread's contexts are borrowed: nothing here may ask for the current one.
impl ContextObserver for Watch {
    fn on_context_enter(&self, from: &Context, to: &Context) {
        let Some(tracer) = microspan::global() else { return };
        let (now, before) = (seen(to, tracer), top());
        let place = match now.place {
            _ if now.id == before.id => None,
            None if from.has_active_span() => Some(Place::nowhere(tracer)),
            place => place,
        };
        let before = place.map_or_else(|| Place::here(tracer), Place::enter);
        // A thread that is ending has no list any more, and needs none.
        let _ = ATTACHED.try_with(|list| list.borrow_mut().push(Attached { id: now.id, before }));
        let _ = TOP.try_with(|top| top.set(now));
    }

    fn on_context_exit(&self, _: &Context, to: &Context) {
        let Some(tracer) = microspan::global() else { return };
        let now = seen(to, tracer);
        let before = ATTACHED.try_with(|list| {
            let mut list = list.borrow_mut();
            let mut left = list.pop();
            // Those whose guards were dropped out of order are left with the one above them.
            while list.last().map_or(0, |below| below.id) != now.id
                && let Some(below) = list.pop()
            {
                left = Some(below);
            }
            left.map(|left| left.before)
        });
        if let Ok(Some(before)) = before {
            before.enter();
        }
        let _ = TOP.try_with(|top| top.set(now));
    }
}

fn seen(context: &Context, tracer: &'static microspan::Tracer) -> Top {
    let span = context.span();
    let ids = identity(span.span_context());
    if !ids.is_valid() {
        return Top { id: 0, place: None };
    }
    Top { id: ids.span_id, place: Place::find(tracer, &ids) }
}

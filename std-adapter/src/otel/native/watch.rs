//! The span of an attached context is the current one of the program, for whoever records.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};

use microspan::__private::Place;
use opentelemetry::Context;
use opentelemetry::context::{ContextObserver, GlobalContextObserver};
use opentelemetry::trace::{TraceContextExt, TraceState};

use super::attached::Attached;
use super::ids::identity;

thread_local! {
    /// The contexts that are attached to this thread.
    static ATTACHED: RefCell<Attached> = const { RefCell::new(Attached::new()) };
    static TOP: Cell<Top> = const { Cell::new(Top::NONE) };
}

/// Whether contexts are seen here.
static SEES: AtomicBool = AtomicBool::new(false);

/// The span of the context that is current on this thread.
#[derive(Clone, Copy)]
pub(super) struct Top {
    /// Its id; 0: there is none.
    pub(super) id: u64,
    /// Where it is in the arena; `None`: it is elsewhere.
    pub(super) place: Option<Place>,
    /// What starts in it takes over nothing but its span.
    is_plain: bool,
}

impl Top {
    const NONE: Self = Self { id: 0, place: None, is_plain: true };
}

/// Has contexts watched from here on, unless somebody else watches them already.
pub(super) fn begin() {
    static BEGIN: Once = Once::new();
    BEGIN.call_once(|| {
        GlobalContextObserver::set(Arc::new(Watch));
        // Whether it was taken is not said, but it is shown this one then.
        drop(Context::current().attach());
    });
}

#[inline]
pub(super) fn top() -> Top {
    TOP.try_with(Cell::get).unwrap_or(Top::NONE)
}

/// Whether a span that starts in the context of this thread is a child of what is current, and takes over nothing else.
#[inline]
pub(super) fn is_plain() -> bool {
    let top = top();
    SEES.load(Ordering::Relaxed) && top.is_plain && (top.id == 0 || top.place.is_some_and(Place::is_open))
}

struct Watch;

// Called while the thread's contexts are borrowed: nothing here may ask for the current one.
impl ContextObserver for Watch {
    fn on_context_enter(&self, from: &Context, to: &Context) {
        SEES.store(true, Ordering::Relaxed);
        let Some(tracer) = microspan::global() else { return };
        let (now, before) = (seen(to, tracer), top());
        let place = match now.place {
            _ if now.id == before.id => None,
            None if from.has_active_span() => Some(Place::nowhere(tracer)),
            place => place,
        };
        let before = place.map_or_else(|| Place::here(tracer), Place::enter);
        let _ = ATTACHED.try_with(|list| list.borrow_mut().enter(now.id, before));
        let _ = TOP.try_with(|top| top.set(now));
    }

    fn on_context_exit(&self, _: &Context, to: &Context) {
        let Some(tracer) = microspan::global() else { return };
        let now = seen(to, tracer);
        let before = ATTACHED.try_with(|list| list.borrow_mut().leave(now.id));
        // A thread that is ending has no list any more, and needs none.
        if let Ok(before) = before {
            before.or(now.place).unwrap_or(Place::nowhere(tracer)).enter();
        }
        if now.id == 0 {
            let _ =
                ATTACHED.try_with(|list| list.borrow_mut().settle(|place| leads_to_a_span(place, tracer)));
        }
        let _ = TOP.try_with(|top| top.set(now));
    }
}

/// Whether a span is current where this is: its own, or one around that.
fn leads_to_a_span(place: Place, tracer: &'static microspan::Tracer) -> bool {
    let here = place.enter();
    let found = Place::here(tracer);
    here.enter();
    found.is_open()
}

fn seen(context: &Context, tracer: &'static microspan::Tracer) -> Top {
    let span = context.span();
    let ids = identity(span.span_context());
    let has_state = *span.span_context().trace_state() != TraceState::NONE;
    let is_plain = !has_state && !context.is_telemetry_suppressed();
    match ids.is_valid() {
        true => Top { id: ids.span_id, place: Place::find(tracer, &ids), is_plain },
        false => Top { id: 0, place: None, is_plain },
    }
}

//! Spans by their ids, and as what is current, for facades whose spans are not held where they are entered.

use crate::arena::Here;
use crate::exclusive::Threads;
use crate::future::Detached;
use crate::id::Session;
use crate::span::{Span, SpanRef};
use crate::span_context::SpanContext;
use crate::tracer::Tracer;

/// Starts a child of what is current, which does not become current itself.
#[inline(always)]
pub fn start_beside(name: &'static str) -> Detached {
    match crate::global() {
        Some(tracer) if tracer.is_enabled() => Span::start_beside(tracer, name),
        _ => crate::trace(name).detach(),
    }
}

/// Where something may start: a span, recorded or of a trace that is not; or nowhere.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    tracer: &'static Tracer,
    /// 0: nowhere.
    handle: u32,
}

impl Place {
    /// Where no span is.
    pub const fn nowhere(tracer: &'static Tracer) -> Self {
        Self { tracer, handle: 0 }
    }

    /// A span's; `None`: it was dropped.
    #[inline]
    pub fn of<M: Threads>(span: &Span<M>) -> Option<Self> {
        let (tracer, handle) = span.place();
        (handle != 0).then_some(Self { tracer, handle })
    }

    /// That of the open span with these ids; `None`: there is none.
    pub fn find(tracer: &'static Tracer, ids: &SpanContext) -> Option<Self> {
        let counter = tracer.arena.session()?.counter(ids.span_id);
        let place = Self { tracer, handle: counter as u32 };
        let is_it = counter != 0
            && place.counter() == counter
            && place.context().is_some_and(|found| found.trace_id == ids.trace_id);
        is_it.then_some(place)
    }

    /// Its span, while that is open; `None` for one whose trace is not recorded, too.
    pub fn span(self) -> Option<SpanRef> {
        SpanRef::open(self.tracer, self.handle)
    }

    /// The ids of its span, while that is open. One whose trace is not recorded has the priority 0.
    #[inline]
    pub fn context(self) -> Option<SpanContext> {
        if self.handle == 0 {
            return None;
        }
        match self.tracer.arena.root(self.handle)? {
            0 => self.context_out(self.tracer.arena.session()?),
            _ => self.tracer.arena.context(self.handle),
        }
    }

    fn context_out(self, session: Session) -> Option<SpanContext> {
        let counter = self.counter();
        Some(SpanContext {
            trace_id: self.tracer.arena.trace_id(session, counter),
            span_id: session.span_id(counter),
            sampling_priority: Some(0),
        })
    }

    fn counter(self) -> u64 {
        self.tracer.arena.counter_of(self.handle)
    }

    /// Whether its span is open.
    #[inline]
    pub fn is_open(self) -> bool {
        self.handle != 0 && self.tracer.arena.is_open(self.handle)
    }

    /// Makes its span the current one here; what was so before.
    #[inline]
    pub fn enter(self) -> Self {
        let before = self.tracer.arena.enter(Here::of(self.tracer.context), self.handle);
        Self { handle: before, ..self }
    }

    /// What is current here, left as it is.
    #[inline]
    pub fn here(tracer: &'static Tracer) -> Self {
        Self { tracer, handle: tracer.current() }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::{Arena, Clock, Drain, Rule, Sampler};

    struct Still;

    impl Clock for Still {
        fn now(&self) -> u64 {
            0
        }

        fn frequency(&self) -> u32 {
            1
        }
    }

    #[test]
    fn an_open_span_is_found_by_its_ids_and_none_by_those_of_others() {
        static ARENA: Arena<8, 8> = Arena::new();
        static TRACER: Tracer = Tracer::new(&ARENA, &Still);
        let drain: Option<Drain<256, 4>> = Drain::new(&TRACER, Session::new(7));
        let order = TRACER.trace("order");
        let bread = TRACER.trace("bread");
        let ids = bread.context().unwrap();
        let found = Place::find(&TRACER, &ids).unwrap();
        assert_eq!(found.context(), Some(ids));
        assert_eq!(found.span().and_then(|span| span.name()), Some("bread"));
        assert!(Place::find(&TRACER, &SpanContext { trace_id: 9, ..ids }).is_none());
        assert!(Place::find(&TRACER, &SpanContext { span_id: ids.span_id ^ 1, ..ids }).is_none());

        let bread = bread.detach();
        let before = found.enter();
        assert_eq!(TRACER.current_span().and_then(|span| span.context()), Some(ids));
        before.enter();
        assert_eq!(TRACER.current_span().and_then(|span| span.context()), order.context());
        drop(bread);
        assert!(Place::find(&TRACER, &ids).is_none() && !found.is_open() && found.span().is_none());
        drop(drain);
    }

    #[test]
    fn what_is_not_recorded_has_ids_too_and_says_that_it_is_not() {
        static RULES: [Rule; 1] = [Rule::new(0.0)];
        static SAMPLER: Sampler = Sampler::new().rules(&RULES);
        static ARENA: Arena<8, 8> = Arena::new();
        static TRACER: Tracer = Tracer::new(&ARENA, &Still).sampler(&SAMPLER);
        let drain: Option<Drain<256, 4>> = Drain::new(&TRACER, Session::new(7));
        let out = TRACER.trace("out");
        let place = Place::of(&out).unwrap();
        let ids = place.context().unwrap();
        assert_eq!((ids.is_valid(), ids.sampling_priority, place.span().is_none()), (true, Some(0), true));
        assert!(Place::find(&TRACER, &ids).is_some_and(Place::is_open));
        drop(out);
        assert!(Place::find(&TRACER, &ids).is_none() && place.context().is_none());
        drop(drain);
    }
}

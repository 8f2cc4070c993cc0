//! The root of a trace, found by the trace's id, for who gathers spans and has its trace without it.

use crate::span::SpanRef;
use crate::tracer::Tracer;

/// What became of a root.
#[derive(Clone, Copy, Debug)]
pub enum Root {
    /// It is open.
    Open(SpanRef),
    /// It is finished, and the drain has not handed it on yet.
    Finished,
    /// It was handed on, dropped, or is none of this tracer's.
    Gone,
}

impl Root {
    /// That of the trace with this id, as it was derived here.
    pub fn find(tracer: &'static Tracer, trace_id: u128) -> Self {
        let arena = tracer.arena;
        let Some(session) = arena.session() else { return Self::Gone };
        let counter = session.counter(trace_id as u64);
        let handle = counter as u32;
        if handle == 0 || arena.counter_of(handle) != counter || arena.trace_id(session, counter) != trace_id
        {
            return Self::Gone;
        }
        // In this order: only who asks takes it out.
        match SpanRef::open(tracer, handle) {
            Some(span) => Self::Open(span),
            None if arena.is_there(handle) => Self::Finished,
            None => Self::Gone,
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use crate::{Arena, Clock, Drain, Session};

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
    fn ids_with_seconds_above_or_nothing_lead_to_their_roots() {
        static ARENA: [Arena<8, 8>; 2] = [const { Arena::new() }; 2];
        static TRACERS: [Tracer; 2] = [Tracer::new(&ARENA[0], &Still), Tracer::new(&ARENA[1], &Still)];
        for (tracer, seconds) in TRACERS.iter().zip([0, 0x6b02_fb5c_u32]) {
            let session = Session::new(7);
            let drain = |seconds| super::super::timed_drain::<256, 4>(tracer, session, seconds);
            let _drain = drain(seconds).unwrap();
            assert!(drain(seconds + 1).is_none(), "and the ids stay what they are");
            let order = tracer.trace("order");
            let context = order.context().unwrap();
            assert_eq!(context.trace_id, u128::from(seconds) << 96 | u128::from(context.span_id));
            let counter = session.counter(context.span_id);
            assert_eq!(super::super::timed_trace_id(session, counter, seconds), context.trace_id);
            assert_eq!(tracer.trace("bread").context().unwrap().trace_id, context.trace_id);
            assert!(matches!(Root::find(tracer, context.trace_id), Root::Open(_)));
            let other = session.trace_id(counter);
            assert!(other != context.trace_id && matches!(Root::find(tracer, other), Root::Gone));
        }
    }

    #[test]
    fn a_root_is_open_then_finished_and_gone_when_it_was_drained() {
        static ARENA: Arena<8, 8> = Arena::new();
        static TRACER: Tracer = Tracer::new(&ARENA, &Still);
        let session = Session::new(7);
        let mut drain: Drain<256, 4> = Drain::new(&TRACER, session).unwrap();
        let order = TRACER.trace("order");
        let bread = TRACER.trace("bread");
        let trace_id = order.context().unwrap().trace_id;
        order.continue_from(&crate::SpanContext { trace_id: 9, span_id: 8, sampling_priority: Some(2) });
        bread.finish();

        let Root::Open(found) = Root::find(&TRACER, trace_id) else { panic!("it is open") };
        assert_eq!((found.name(), found.context().unwrap().trace_id), (Some("order"), 9));
        for other in [9, trace_id ^ 1, trace_id ^ 1 << 64, session.trace_id(0)] {
            assert!(matches!(Root::find(&TRACER, other), Root::Gone), "{other:x}");
        }
        order.finish();
        assert!(matches!(Root::find(&TRACER, trace_id), Root::Finished));
        while drain.take(|_| ()) {}
        assert!(matches!(Root::find(&TRACER, trace_id), Root::Gone));
    }
}

//! The tracer of a program, linked: `cargo test -p microspan --features linked-tracer --test linked`.
#![cfg(not(any(loom, feature = "off")))]
#![forbid(unsafe_code)]

use microspan::{Arena, Clock, SetGlobalError, Tracer};

struct Still;

impl Clock for Still {
    fn now(&self) -> u64 {
        0
    }

    fn frequency(&self) -> u32 {
        1
    }
}

static ARENA: Arena<4, 4> = Arena::new();
static TRACER: Tracer = Tracer::new(&ARENA, &Still);
microspan::link_tracer!(TRACER);

#[test]
fn a_linked_tracer_is_there_from_the_start_and_stays() {
    assert_eq!(microspan::set_global(&TRACER), Err(SetGlobalError::AlreadySet));
    let span = microspan::trace("span");
    assert!(span.is_recording() && TRACER.current_span().is_some() && microspan::current_span().is_some());
}

#[test]
#[should_panic = "link_tracer! was given an exclusive tracer"]
fn an_exclusive_tracer_is_not_linked() {
    let arena = Box::leak(Box::new(Arena::<4, 4>::new()));
    // What `link_tracer!` has the compiler do.
    microspan::__private::linked(Box::leak(Box::new(Tracer::exclusive(arena, &Still))));
}

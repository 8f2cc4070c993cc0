//! The one tracer of a program, in a program of its own.
#![cfg(not(any(loom, feature = "linked-tracer", feature = "off")))]

use microspan::{Arena, Clock, SetGlobalError, Stats, Tracer};

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
static LATE_ARENA: Arena<4, 4> = Arena::new();
static LATE: Tracer = Tracer::new(&LATE_ARENA, &Still);

#[test]
fn spans_go_nowhere_until_the_tracer_is_set_and_then_to_the_first_one() {
    let nowhere = microspan::trace("nowhere");
    nowhere.set_tag("key", 1u32).set_error_info("Error", "of nobody");
    assert!(!nowhere.is_recording() && nowhere.as_ref().is_none());
    assert!(microspan::current_span().is_none() && microspan::current_root_span().is_none());
    drop(nowhere);

    let exclusive = Box::leak(Box::new(Tracer::exclusive(Box::leak(Box::new(Arena::<4, 4>::new())), &Still)));
    let refused = microspan::set_global(exclusive).unwrap_err();
    assert_eq!(refused, SetGlobalError::Exclusive);
    assert!(refused.to_string().contains("make it by `Tracer::new`"), "{refused}");
    assert!(microspan::global().is_none());

    assert_eq!(microspan::set_global(&TRACER), Ok(()));
    assert_eq!(microspan::set_global(&LATE), Err(SetGlobalError::AlreadySet));
    assert!(microspan::global().is_some_and(|tracer| std::ptr::eq(tracer, &TRACER)));

    let root = microspan::trace("root");
    let child = microspan::trace("child");
    assert!(root.is_recording() && child.is_recording());
    assert!(TRACER.current_span().is_some() && LATE.current_span().is_none());
    drop(child);
    drop(root);
    assert!(microspan::current_span().is_none());
    assert_eq!(TRACER.stats(), Stats::default());
}

//! With the feature `off` nothing is recorded, and everything can still be said.
#![cfg(not(any(loom, feature = "linked-tracer")))]

use microspan::{Arena, Clock, Drain, InSpan, Session, Stats, Tracer, span, wrap};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

struct Never;

impl Clock for Never {
    fn now(&self) -> u64 {
        0
    }

    fn frequency(&self) -> u32 {
        1
    }
}

static ARENA: Arena<8, 8> = Arena::new();
static TRACER: Tracer = Tracer::new(&ARENA, &Never).reserve(2);

#[wrap(tracer = TRACER, err)]
fn fails() -> Result<(), u32> {
    Err(7)
}

#[wrap(name = "async", tags(n))]
async fn later(n: u32) -> u32 {
    n + 1
}

#[test]
fn nothing_is_recorded_and_everything_runs() {
    microspan::set_global(&TRACER).unwrap();
    assert!(microspan::global().is_none());

    let open = TRACER.trace("open");
    open.set_tag("key", 1u32).set_error_info("Error", "message");
    assert!(!open.is_recording() && open.as_ref().is_none() && TRACER.current_span().is_none());
    assert!(!span!(tracer: &TRACER, "tagged", key = computed()).is_recording());
    assert_eq!(fails(), Err(7));
    let future = pin!(later(1).in_span(microspan::trace("around").detach()));
    assert_eq!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(2));

    let mut spans = Drain::<256>::new(&TRACER, Session::new(1)).unwrap();
    drop(open);
    let _ = spans.poll(&mut Sink);
    assert_eq!((spans.spans(), TRACER.stats()), (0, Stats::default()));
}

fn computed() -> u32 {
    panic!("a value of a span that is not recorded is not computed")
}

struct Sink;

impl microspan::Transport for Sink {
    type Error = ();

    fn send(&mut self, _: &[u8]) -> Result<(), microspan::Refused<()>> {
        Ok(())
    }
}

//! Interrupts, futures and cores, over and in traces that are sampled out.

use super::*;
use crate::{Context, InSpan, Interrupts};
use std::sync::atomic::AtomicU32;

/// The interrupt that runs, as the test says.
struct Running(AtomicU32);

impl Context for Running {
    fn interrupt(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn an_interrupt_belongs_to_the_trace_it_came_into_or_is_judged_by_itself() {
    for (interrupts, expected) in
        [(Interrupts::Children, &["byte <"][..]), (Interrupts::Roots, &["byte", "in.byte <", "byte ~"])]
    {
        let running = leak(Running(AtomicU32::new(0)));
        let (tracer, mut host) = some_out::<8>(|tracer| tracer.context(running).interrupts(interrupts));
        let interrupt = |number, outer| {
            running.0.store(number, Ordering::Relaxed);
            let byte = tracer.trace(outer);
            let inner = tracer.trace("in.byte");
            let recorded = (byte.is_recording(), inner.is_recording());
            drop((inner, byte));
            running.0.store(0, Ordering::Relaxed);
            recorded
        };
        {
            let _out = tracer.trace("out");
            let alone = interrupts == Interrupts::Roots;
            assert_eq!(interrupt(37, "byte"), (alone, alone));
            assert_eq!(interrupt(37, "out.byte"), (false, false));
            assert!(!tracer.trace("child").is_recording());
        }
        assert!(tracer.trace("work").is_recording());
        let mut seen = host.spans();
        {
            let _work = tracer.trace("work");
            interrupt(38, if interrupts == Interrupts::Roots { "out.byte" } else { "byte" });
            assert!(tracer.trace("child").is_recording());
        }
        {
            let _work = tracer.trace("work");
            interrupt(38, "byte");
        }
        seen.extend(host.spans());
        for line in expected {
            assert!(seen.iter().any(|seen| seen == line), "{line} in {seen:?}");
        }
        assert!(!seen.iter().any(|line| line.starts_with("out")));
        assert_eq!(tracer.stats().losses(), Stats::default());
    }
}

#[test]
fn an_interrupt_over_an_interrupt_that_is_sampled_out_ends_with_it_current_again() {
    let running = leak(Running(AtomicU32::new(40)));
    let (tracer, _host) = some_out::<8>(|tracer| tracer.context(running).interrupts(Interrupts::Roots));
    let outer = tracer.trace("outer");
    running.0.store(41, Ordering::Relaxed);
    let inner = tracer.trace("out.inner");
    assert!(!tracer.trace("child").is_recording());
    drop(inner);
    running.0.store(40, Ordering::Relaxed);
    assert_eq!(tracer.current_root_span().map(|root| root.is_open()), Some(true));
    assert!(tracer.trace("child").is_recording());
    drop(outer);
    assert_eq!(sampled_out(tracer), 1);
}

/// Polls a future once.
fn poll<F: Future>(future: core::pin::Pin<&mut F>) -> bool {
    let mut context = core::task::Context::from_waker(core::task::Waker::noop());
    future.poll(&mut context).is_ready()
}

/// A future that is done at its second poll.
async fn once() {
    let mut first = true;
    core::future::poll_fn(move |_| {
        let pending = core::mem::replace(&mut first, false);
        if pending { core::task::Poll::Pending } else { core::task::Poll::Ready(()) }
    })
    .await;
}

async fn work(tracer: &'static Tracer) {
    let before = tracer.trace("before");
    once().await;
    let _after = tracer.trace("after");
    drop(before);
}

#[test]
fn futures_whose_traces_are_sampled_out_and_others_take_turns() {
    let (tracer, mut host) = some_out::<16>(|tracer| tracer);
    let mut out = Box::pin(work(tracer).in_span(tracer.trace("out.a")));
    let mut other = Box::pin(work(tracer).in_span(tracer.trace("out.b")));
    let mut kept = Box::pin(work(tracer).in_span(tracer.trace("kept")));
    assert!(tracer.current_span().is_none());
    for done in [false, true] {
        assert_eq!(poll(out.as_mut()), done);
        assert_eq!(poll(kept.as_mut()), done);
        assert_eq!(poll(other.as_mut()), done);
        assert!(tracer.trace("between").is_recording());
    }
    let mut seen = host.spans();
    seen.sort();
    assert_eq!(seen, ["after <", "before <", "between", "between", "kept"]);
    assert_eq!(sampled_out(tracer), 2);
}

#[test]
fn a_future_that_is_started_in_a_trace_which_is_sampled_out_stays_out_after_its_root() {
    let (tracer, mut host) = some_out::<8>(|tracer| tracer);
    let root = tracer.trace("out");
    let mut task = Box::pin(work(tracer).in_span(tracer.trace("task")));
    drop(root);
    assert!(!poll(task.as_mut()) && poll(task.as_mut()));
    drop(task);
    let detached = {
        let _root = tracer.trace("out");
        tracer.trace("child").detach()
    };
    detached.enter(|| assert!(!tracer.trace("inner").is_recording()));
    drop(detached);
    tracer.trace("work").finish();
    assert_eq!(host.spans(), ["work"]);
    assert_eq!(sampled_out(tracer), 2);
}

#[test]
fn a_root_that_is_sampled_out_may_end_on_another_core() {
    struct Asking(AtomicU32);
    impl Context for Asking {
        fn core(&self) -> usize {
            self.0.load(Ordering::Relaxed) as usize
        }
    }
    let (core, clock) = (leak(Asking(AtomicU32::new(0))), leak(Hand(AtomicU64::new(0))));
    let arena = leak(Arena::<8, 8, 2>::new());
    let tracer = leak(Tracer::new(arena, clock).context(core).sampler(leak(Sampler::new().rules(&OUT))));
    let out = tracer.trace("out");
    core.0.store(1, Ordering::Relaxed);
    let own = tracer.trace("out.of.another");
    drop(out);
    assert!(!tracer.trace("child").is_recording());
    drop(own);
    core.0.store(0, Ordering::Relaxed);
    let work = tracer.trace("work");
    assert!(work.is_recording() && tracer.trace("child").is_recording());
}

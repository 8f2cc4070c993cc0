//! Spans of futures, polled by executors that are written here.
#![cfg(not(any(loom, feature = "linked-tracer", feature = "off")))]

mod support;

use microspan::{Arena, Cores, Exclusive, InSpan, OneContext, Span, Static, Tracer, span};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use support::{Steps, assert_traces};

/// Pending once.
async fn pause() {
    let mut paused = false;
    std::future::poll_fn(
        |_| if std::mem::replace(&mut paused, true) { Poll::Ready(()) } else { Poll::Pending },
    )
    .await;
}

/// Polls its tasks in turn until all are done; between two polls there must be no current span.
struct Executor<'t> {
    tasks: VecDeque<Pin<Box<dyn Future<Output = ()> + 't>>>,
}

impl<'t> Executor<'t> {
    fn new() -> Self {
        Self { tasks: VecDeque::new() }
    }

    fn spawn(mut self, task: impl Future<Output = ()> + 't) -> Self {
        self.tasks.push_back(Box::pin(task));
        self
    }

    fn run(mut self, tracer: &'static Tracer) {
        let mut context = Context::from_waker(Waker::noop());
        while let Some(mut task) = self.tasks.pop_front() {
            if task.as_mut().poll(&mut context).is_pending() {
                self.tasks.push_back(task);
            }
            assert!(tracer.current_span().is_none(), "a task left its span behind");
        }
    }
}

#[test]
fn two_tasks_in_turn_each_see_their_own_current_span() {
    tracer!(T);
    async fn oven(minutes: u32) {
        let span = T.trace("oven");
        for minute in 0..minutes {
            pause().await;
            T.current_span().unwrap().set_tag("minute", minute);
        }
        drop(span);
        pause().await;
        T.trace("plate").finish();
    }
    async fn order(name: &'static str, minutes: u32) {
        T.current_span().unwrap().set_tag("for", Static(name));
        pause().await;
        oven(minutes).await;
        T.current_root_span().unwrap().set_tag("done", true);
    }
    Executor::new()
        .spawn(order("Ada", 2).in_span(T.trace("order")))
        .spawn(order("Bob", 1).in_span(T.trace("order").detach()))
        .run(&T);
    assert_traces(
        &T,
        &[
            "order for=Ada done=true",
            "  oven minute=1",
            "  plate",
            "order for=Bob done=true",
            "  oven minute=0",
            "  plate",
        ],
    );
}

#[test]
fn a_task_inside_a_task_goes_back_to_the_outer_span() {
    tracer!(T);
    let task = async {
        let inner = async {
            pause().await;
            T.trace("inside").finish();
        };
        inner.in_span(T.trace("inner")).await;
        T.trace("after").finish();
    };
    Executor::new().spawn(task.in_span(T.trace("outer"))).run(&T);
    assert_traces(&T, &["outer", "  inner", "    inside", "  after"]);
}

#[test]
fn what_a_future_drops_is_dropped_in_its_span_and_the_span_is_finished() {
    tracer!(T);
    struct Closes;
    impl Drop for Closes {
        fn drop(&mut self) {
            T.trace("close").finish();
        }
    }
    let never = |closes| async {
        let _closes: Closes = closes;
        std::future::pending::<()>().await;
    };
    {
        let mut half_way = pin!(never(Closes).in_span(T.trace("half-way")));
        assert!(half_way.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    drop(never(Closes).in_span(T.trace("never polled")));
    let mut done = pin!(
        async {
            let _closes = Closes;
        }
        .in_span(T.trace("done"))
    );
    assert!(done.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    assert!(done.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending(), "it does not panic");
    assert!(T.current_span().is_none());
    assert_traces(&T, &["half-way", "  close", "never polled", "  close", "done", "  close"]);
}

#[test]
fn a_poll_that_panics_leaves_the_current_span_as_it_was() {
    tracer!(T);
    let around = T.trace("around");
    let mut future = Box::pin(async { panic!("out of pickles") }.in_span(T.trace("inside")));
    let poll = || future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(catch_unwind(AssertUnwindSafe(poll)).is_err());
    T.current_span().unwrap().set_tag("still", true);
    drop(future);
    drop(around);
    assert_traces(&T, &["around still=true", "  inside"]);
}

#[test]
fn a_span_that_leaves_its_future_and_is_finished_elsewhere_gives_way_to_the_one_before() {
    tracer!(T);
    let escaped: RefCell<Option<Span>> = RefCell::new(None);
    let mut future = pin!(
        async {
            *escaped.borrow_mut() = Some(T.trace("escaped"));
            pause().await;
            T.trace("after").finish();
        }
        .in_span(T.trace("task"))
    );
    let mut context = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    escaped.take();
    assert!(future.as_mut().poll(&mut context).is_ready());
    assert_traces(&T, &["task", "  escaped", "  after"]);
}

#[test]
fn a_future_takes_its_current_span_from_core_to_core() {
    static CORE: AtomicUsize = AtomicUsize::new(0);
    static CONTEXT: Cores<OneContext> = Cores::new(|| CORE.load(Ordering::Relaxed), OneContext);
    static ARENA: Arena<64, 64, 2> = Arena::new();
    static CLOCK: Steps = Steps::new();
    static T: Tracer = Tracer::new(&ARENA, &CLOCK).context(&CONTEXT);

    let mut future = pin!(
        async {
            let held = T.trace("held");
            pause().await;
            held.set_tag("on", 1u32);
            T.trace("inside").finish();
        }
        .in_span(T.trace("task"))
    );
    let mut context = Context::from_waker(Waker::noop());
    let zero = T.trace("zero");
    assert!(future.as_mut().poll(&mut context).is_pending());
    CORE.store(1, Ordering::Relaxed);
    let one = T.trace("one");
    assert!(future.as_mut().poll(&mut context).is_ready());
    T.current_span().unwrap().set_tag("core", 1u32);
    drop(one);
    assert!(T.current_span().is_none());
    CORE.store(0, Ordering::Relaxed);
    T.current_span().unwrap().set_tag("core", 0u32);
    drop(zero);
    assert_traces(&T, &["task", "  held on=1", "    inside", "zero core=0", "one core=1"]);
}

#[test]
fn a_span_that_is_not_recorded_leaves_the_current_one_alone() {
    tracer!(T);
    let around = T.trace("around");
    T.set_enabled(false);
    let span = T.trace("not recorded").detach();
    T.set_enabled(true);
    let mut future = pin!(
        async {
            T.trace("inside").finish();
            let held = T.trace("held");
            pause().await;
            T.trace("in held").finish();
            drop(held);
            pause().await;
            T.trace("outside").finish();
        }
        .in_span(span)
    );
    let mut context = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    T.current_span().unwrap().set_tag("still", true);
    assert!(future.as_mut().poll(&mut context).is_pending());
    assert!(future.as_mut().poll(&mut context).is_ready());
    drop(around);
    assert_traces(&T, &["around still=true", "  inside", "  held", "    in held", "  outside"]);
}

#[test]
fn the_futures_of_one_thread_have_spans_too() {
    let arena = Box::leak(Box::new(Arena::<64, 64>::new()));
    let tracer = Box::leak(Box::new(Tracer::exclusive(arena, Box::leak(Box::new(Steps::new())))));
    let tracer = Exclusive::new(tracer).unwrap();
    let mut future = pin!(tracer.wrap_future("task", async {
        pause().await;
        tracer.wrap("inside", || tracer.current_span().unwrap().set_tag("here", true).is_open());
        drop(span!(tracer: tracer, "tagged", key = 1u32));
    }));
    let mut context = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    assert!(tracer.current_span().is_none());
    assert!(future.as_mut().poll(&mut context).is_ready());
    assert_traces(tracer.tracer(), &["task", "  inside here=true", "  tagged key=1"]);
}

//! A program that traces itself, and what its agent gets.

mod support;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{OnceLock, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use microspan::{InSpan, RecordErr, Static, current_span, span, trace, wrap};
use microspan_std::local::{Builder, Local};
use support::Agent;

/// There is one tracer, and so one agent, of all tests here.
fn tracing() -> &'static (Agent, Local) {
    static TRACING: OnceLock<(Agent, Local)> = OnceLock::new();
    TRACING.get_or_init(|| {
        let agent = Agent::start();
        let local = Builder::new().config(agent.config()).init().expect("the first tracer");
        (agent, local)
    })
}

/// What the agent has by now.
fn sent() -> &'static Agent {
    let (agent, local) = tracing();
    assert!(local.flush(Duration::from_secs(5)));
    agent
}

#[wrap(name = "wrapped")]
fn wrapped(guest: &str) {
    current_span().expect("its own").set_tag("guest", guest);
    let _bread = span!("bread.cut", slices = 2u32, bread = Static("rye"));
}

#[test]
fn what_a_device_can_say_is_said_by_the_same_names() {
    tracing();
    {
        let order = trace("order");
        order
            .set_tag("service.name", "Till")
            .set_tag("resource.name", "POST /sandwich")
            .set_tag("rush", true);
        order.set_tag("of.any.length", &*"long ".repeat(40));
        wrapped("Ada");
        "x".parse::<i32>().record_err(&order).unwrap_err();
        order.add_event("paid", &[("cents", 450u32.into())]);
    }
    let agent = sent();
    assert_eq!(agent.tree("order"), "order !\n wrapped\n  bread.cut\n");
    let order = agent.span("order");
    assert_eq!(order.service, "till");
    assert_eq!(order.meta["rush"], "true");
    assert_eq!(order.meta["of.any.length"], "long ".repeat(40));
    assert_eq!(order.meta["error.message"], "invalid digit found in string");
    assert!(order.meta["events"].contains("paid") && order.meta["events"].contains("450"));
    let bread = agent.span("bread.cut");
    assert_eq!((bread.meta["bread"].as_str(), bread.metrics["slices"]), ("rye", 2.0));
    assert_eq!(agent.span("wrapped").meta["guest"], "Ada");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos() as i64;
    let age = now - order.start;
    assert!((0..60_000_000_000).contains(&age), "{age} ns old");
    assert!(bread.start >= order.start && bread.start + bread.duration <= order.start + order.duration);
    assert_eq!(order.metrics["process_id"], f64::from(std::process::id()));
}

#[test]
fn the_ids_of_traces_have_the_second_of_the_start_above_them() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    // The tracer was started by one of the tests here, a minute ago at most.
    let earliest = now() - 60;
    tracing();
    let (first, second) = (span("timed").root().start(), span("timed.too").root().start());
    let ids = [&first, &second].map(|root| root.context().expect("a session").trace_id);
    for id in ids {
        assert!((earliest..=now()).contains(&((id >> 96) as u64)), "{id:032x}");
        assert_eq!(id >> 64 & 0xffff_ffff, 0, "{id:032x}");
    }
    assert_ne!(ids[0] as u64, ids[1] as u64);
    drop((first, second));
    let sent = sent().span("timed");
    assert_eq!(sent.meta["_dd.p.tid"], format!("{:016x}", (ids[0] >> 64) as u64));
    assert_eq!(sent.trace, ids[0] as u64);
}

#[test]
fn a_length_of_time_is_told_in_nanoseconds() {
    tracing();
    let nap = trace("nap");
    thread::sleep(Duration::from_millis(20));
    drop(nap);
    let took = sent().span("nap").duration;
    assert!((20_000_000..200_000_000).contains(&took), "{took} ns");
}

#[test]
fn a_future_keeps_its_span_from_poll_to_poll_and_from_thread_to_thread() {
    tracing();
    let mut polls = 0;
    let future = std::future::poll_fn(move |_| {
        drop(trace("step"));
        polls += 1;
        if polls == 2 { Poll::Ready(()) } else { Poll::Pending }
    });
    let mut future: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(future.in_span(trace("future")));
    let poll = |future: &mut Pin<Box<dyn Future<Output = ()> + Send>>| {
        future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    };
    // Its first thread has ended when it goes on.
    let mut future = thread::spawn(move || {
        assert!(!poll(&mut future));
        future
    })
    .join()
    .expect("no panic");
    assert!(poll(&mut future));
    assert_eq!(sent().tree("future"), "future\n step\n step\n");
}

#[test]
fn a_span_is_finished_by_another_thread_also_when_its_own_has_ended() {
    tracing();
    let (give, take) = mpsc::channel();
    thread::spawn(move || give.send(trace("moved")).expect("somebody takes it")).join().expect("no panic");
    let span = take.recv().expect("the span");
    span.set_tag("by", Static("another"));
    drop(span);
    assert_eq!(sent().span("moved").meta["by"], "another");
}

#[test]
fn a_panic_marks_the_spans_that_it_unwinds_through_and_no_others() {
    tracing();
    {
        let _outer = trace("around");
        let caught = catch_unwind(|| {
            let _through = trace("through");
            let _deeper = trace("deeper");
            struct Cleaned;
            impl Drop for Cleaned {
                fn drop(&mut self) {
                    drop(trace("cleaning"));
                }
            }
            let _cleaned = Cleaned;
            panic!("the jar is empty");
        });
        assert!(caught.is_err());
        drop(trace("after"));
    }
    let agent = sent();
    assert_eq!(agent.tree("around"), "around\n through !\n  deeper !\n   cleaning\n after\n");
    let through = agent.span("through");
    assert_eq!(through.meta["error.type"], "panic");
    assert_eq!(through.meta["error.message"], "the jar is empty");
    let stack = &through.meta["error.stack"];
    assert!(stack.contains("a_panic_marks_the_spans"), "{stack}");
}

#[test]
fn what_a_destructor_catches_while_a_panic_unwinds_does_not_replace_it() {
    tracing();
    struct Breaks;
    impl Drop for Breaks {
        fn drop(&mut self) {
            let caught = catch_unwind(|| {
                let _inside = trace("breaks_inside");
                panic!("the lid is gone");
            });
            assert!(caught.is_err());
        }
    }
    let caught = catch_unwind(|| {
        let _through = trace("breaks");
        let _breaks = Breaks;
        panic!("the jar is empty");
    });
    assert!(caught.is_err());
    // This one has nothing to do with those before it.
    let again = catch_unwind(|| {
        drop(trace("breaks_no_more"));
        let _through = trace("breaks_again");
        panic!("the bread is old");
    });
    assert!(again.is_err());
    let agent = sent();
    for (name, message) in [
        ("breaks", "the jar is empty; and then: the lid is gone"),
        ("breaks_inside", "the lid is gone"),
        ("breaks_again", "the bread is old"),
    ] {
        assert_eq!(agent.span(name).meta["error.message"], message, "of {name}");
    }
}

#[test]
fn a_panic_in_a_poll_marks_the_span_of_its_future() {
    tracing();
    {
        let future = async { panic!("burnt") }.in_span(trace("poll"));
        let mut future = Box::pin(future);
        let poll = || {
            let mut context = Context::from_waker(Waker::noop());
            let _: Poll<()> = pin!(&mut future).poll(&mut context);
        };
        assert!(catch_unwind(AssertUnwindSafe(poll)).is_err());
        // An executor drops it after that.
    }
    let span = sent().span("poll");
    assert!(span.error && span.meta["error.message"] == "burnt", "{span:?}");
}

#[test]
fn a_thread_local_that_traces_as_its_thread_ends_does_no_harm() {
    struct Traces;
    impl Drop for Traces {
        fn drop(&mut self) {
            let span = trace("last_words");
            span.set_tag("said", true);
            let _ = catch_unwind(|| panic!("and last wishes"));
        }
    }
    thread_local! {
        static BEFORE: RefCell<Option<Traces>> = const { RefCell::new(None) };
        static AFTER: RefCell<Option<Traces>> = const { RefCell::new(None) };
    }
    tracing();
    let thread = thread::spawn(|| {
        // One is destroyed before what this crate keeps in a thread, the other after.
        BEFORE.set(Some(Traces));
        drop(trace("first_words"));
        AFTER.set(Some(Traces));
    });
    thread.join().expect("no panic");
    let agent = sent();
    agent.span("first_words");
    let said = agent.spans().iter().filter(|span| span.name == "last_words").count();
    assert!(said <= 2);
}

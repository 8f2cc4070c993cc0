//! Spans of OpenTracing on several threads and in tasks, nested with spans made by hand.

use std::thread;
use std::time::{Duration, SystemTime};

use microspan_std::opentracing::{Config, TaskScopeManager, Tracer, global_tracer, set_global_tracer};
use microspan_tests::recorded::{Recorded, named, tag};

fn handles(recorded: &mut Recorded) {
    let span = global_tracer().start_span("shared");
    let threads = (0..4).map(|number| {
        let span = span.clone();
        thread::spawn(move || span.set_tag(format!("thread.{number}"), number).finish())
    });
    threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
    let stale = microspan::global().unwrap().stats().stale;
    span.set_tag("late", true)
        .log_kv([("late", true)])
        .set_baggage_item("late", "true")
        .set_operation_name("late");
    span.finish();
    span.finish_at(SystemTime::now());
    assert!(span.is_finished() && span.context().baggage().is_empty());
    assert_eq!(microspan::global().unwrap().stats().stale, stale, "what is late is not even tried");
    // One that nobody finishes ends with its last handle.
    let dropped = global_tracer().start_span("dropped");
    let handle = dropped.clone();
    drop(dropped);
    assert!(!handle.is_finished());
    drop(handle);
    let spans = recorded.take();
    assert_eq!(spans.iter().map(|span| &*span.name).collect::<Vec<_>>(), ["shared", "dropped"]);
    assert!(tag(&spans[0], "late").is_none() && spans[0].events.is_empty());
}

fn tasks(recorded: &mut Recorded) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    /// Records that it goes.
    struct Goes;
    impl Drop for Goes {
        fn drop(&mut self) {
            microspan::trace("goes").finish();
        }
    }
    let work = |number: u32| async move {
        let tracer = global_tracer();
        assert!(tracer.scope_manager().active().is_some(), "it begins with what was active");
        let task = tracer.start_active_span("task");
        task.span().set_tag("number", number);
        for _ in 0..3 {
            tokio::task::yield_now().await;
            microspan::trace("step").finish();
        }
        let deep = tracer.start_active_span("deep");
        let _goes = Goes;
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(tracer.active_span().as_ref(), Some(deep.span()));
        drop(microspan::trace("deeper"));
    };
    {
        let _all = global_tracer().start_active_span("all");
        let _by_hand = microspan::trace("around");
        let tasks: Vec<_> =
            (0..20).map(|number| runtime.spawn(TaskScopeManager::task(work(number)))).collect();
        // One that is dropped half way ends what is active in it.
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut dropped = Box::pin(TaskScopeManager::task(work(99)));
        let _runtime = runtime.enter();
        for _ in 0..4 {
            assert!(dropped.as_mut().poll(&mut context).is_pending());
            microspan::trace("beside").finish();
        }
        assert_eq!(global_tracer().active_span().unwrap().context().span_id(), active_id());
        drop(dropped);
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_eq!(global_tracer().active_span().unwrap().context().span_id(), active_id());
        drop(microspan::trace("end"));
    }
    let spans = recorded.take();
    assert_eq!(spans.len(), 20 * 7 + 6 + 4 + 3);
    for span in &spans {
        let parent = spans.iter().find(|parent| parent.span_id == span.parent_id).map(|parent| &*parent.name);
        let expected = match &*span.name {
            "deeper" | "goes" => Some("deep"),
            "deep" | "step" => Some("task"),
            "task" | "end" | "beside" => Some("around"),
            "around" => Some("all"),
            _ => None,
        };
        assert_eq!(parent, expected, "{span:?}");
    }
}

/// The id of the innermost scope's span.
fn active_id() -> Option<u64> {
    global_tracer().scope_manager().active().and_then(|active| active.span().context().span_id())
}

fn scopes_elsewhere(recorded: &mut Recorded) {
    let tracer = global_tracer();
    let kept_open = tracer.start_span("kept open");
    tracer.scope_manager().activate(&kept_open, false).close();
    assert!(microspan::current_span().is_none() && !kept_open.is_finished());
    let scope = tracer.start_active_span("moved");
    let span = scope.span().clone();
    thread::spawn(move || scope.close()).join().unwrap();
    assert!(span.is_finished() && tracer.scope_manager().active().is_none());
    tracer.start_span("after").finish();
    let spans = recorded.take();
    assert_eq!(named(&spans, "after").parent_id, 0);
    drop(kept_open);
    assert_eq!(recorded.take().len(), 1);
}

// One test: there is one tracer of a program.
#[test]
fn spans_and_scopes_of_opentracing_are_right_on_threads_and_in_tasks() {
    let mut recorded = Recorded::begin();
    set_global_tracer(Tracer::new("kitchen", Config::new()).unwrap());
    handles(&mut recorded);
    tasks(&mut recorded);
    scopes_elsewhere(&mut recorded);
    assert!(microspan::current_span().is_none());
}

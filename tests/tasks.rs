//! Spans of tasks that tokio moves from thread to thread.

#[path = "../core/tests/support/mod.rs"]
#[allow(dead_code, reason = "it serves other tests too")]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use microspan::{Arena, Cores, InSpan, OneContext, Tracer, span, wrap};
use support::{Steps, traces};
use tokio::sync::Semaphore;

const WORKERS: usize = 4;
const ORDERS: u32 = 100;

/// Each thread counts as a core: it has a current span of its own.
fn thread() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed));
    THREAD.with(|thread| *thread)
}

static CONTEXT: Cores<OneContext> = Cores::new(thread, OneContext);
static ARENA: Arena<4096, 4096, 16> = Arena::new();
static CLOCK: Steps = Steps::new();
static TRACER: Tracer = Tracer::new(&ARENA, &CLOCK).context(&CONTEXT);

#[wrap(tracer = TRACER, name = "order", tags(number))]
async fn order(number: u32, ovens: Arc<Semaphore>) {
    let cut = span!(tracer: &TRACER, "cut", number = number);
    tokio::task::yield_now().await;
    if let Some(current) = TRACER.current_span() {
        current.set_tag("same", number);
    }
    drop(cut);
    let bake = async {
        let _oven = ovens.acquire().await.expect("the ovens stay");
        tokio::time::sleep(Duration::from_micros(u64::from(number % 7))).await;
        span!(tracer: &TRACER, "crust", number = number).finish();
    };
    bake.in_span(span!(tracer: &TRACER, "bake", number = number)).await;
    let plate = span!(tracer: &TRACER, "plate").detach();
    tokio::spawn(async { tokio::task::yield_now().await }.in_span(plate)).await.expect("the plate");
    if let Some(root) = TRACER.current_root_span() {
        root.set_tag("served", number);
    }
}

#[test]
fn a_task_keeps_its_current_span_whichever_thread_polls_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let ovens = Arc::new(Semaphore::new(3));
        let tasks: Vec<_> =
            (0..ORDERS).map(|number| tokio::spawn(order(number, Arc::clone(&ovens)))).collect();
        for task in tasks {
            task.await.expect("an order");
            assert!(TRACER.current_span().is_none(), "the thread that waits has no span");
        }
    });
    drop(runtime);

    // A claim that was preempted for long finds the slots taken at which it looks: what it was for is lost, and counted.
    let stats = TRACER.stats();
    let spans_lost = stats.spans_dropped() as usize;
    let lost = spans_lost + stats.tags_dropped() as usize;
    let tree = traces(&TRACER);
    let whole = (0..ORDERS).filter(|number| {
        tree.contains(&format!(
            "order number={number} served={number}\n  \
               cut number={number} same={number}\n  \
               bake number={number}\n    \
                 crust number={number}\n  \
               plate\n"
        ))
    });
    assert!(whole.count() + lost >= ORDERS as usize, "{stats:?} of\n{tree}");
    assert_eq!(tree.lines().count() + spans_lost, 5 * ORDERS as usize);
}

//! What a span of OpenTelemetry's API allocates, from its start to the request that has it.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use microspan_std::local::{Builder, Local};
use microspan_std::otel::{MicrospanTracer, MicrospanTracerProvider};
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, Tracer, TracerProvider};
use support::Agent;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static HERE: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

fn count() {
    ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    let _ = HERE.try_with(|here| here.set(here.get() + 1));
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SPANS: u64 = 100_000;
const IN_TRACE: u64 = 50;

/// Traces of fifty spans with scalar attributes, in bursts that find room; the allocations of this thread.
fn record(local: &Local, tracer: &MicrospanTracer) -> u64 {
    let (before, mut here) = (local.stats().pipeline.spans, 0);
    for burst in 0..SPANS / 1_000 {
        let at = HERE.get();
        for _ in 0..1_000 / IN_TRACE {
            let request = microspan::trace("request");
            for step in 1..IN_TRACE {
                let mut span = tracer.start("step");
                span.set_attribute(KeyValue::new("bread", "rye"));
                span.set_attribute(KeyValue::new("step", step as i64));
                span.set_attribute(KeyValue::new("weight", 0.5));
                span.set_attribute(KeyValue::new("fresh", true));
                span.end();
            }
            drop(request);
        }
        here += HERE.get() - at;
        while local.stats().pipeline.spans < before + 1_000 * (burst + 1) {
            thread::sleep(Duration::from_millis(1));
        }
    }
    here
}

#[test]
fn a_span_with_scalar_attributes_allocates_nothing_where_it_is_made_and_little_behind_it() {
    let agent = Agent::blind();
    let local = Builder::new().config(agent.config()).init().expect("the first tracer");
    let tracer = MicrospanTracerProvider::new().tracer("bakery");
    record(&local, &tracer);
    assert!(local.flush(Duration::from_secs(10)));
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let here = record(&local, &tracer);
    assert!(local.flush(Duration::from_secs(10)));
    let all = ALLOCATIONS.load(Ordering::Relaxed) - before;
    let stats = local.shutdown(Duration::from_secs(5));
    assert_eq!(stats.agent.sent.spans, 2 * SPANS, "{stats:?}");
    println!("{here} allocations where {SPANS} spans were made, {all} in the process");
    assert_eq!(here, 0);
    // For each trace its id in hex digits.
    assert!(all < 2 * SPANS / IN_TRACE, "{all} for {SPANS} spans");
}

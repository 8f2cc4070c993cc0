//! Code of a program that panics on the thread that drains.

mod support;

use std::panic::panic_any;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use microspan::{Arena, Clock, Tracer, trace};
use microspan_std::local::{Builder, Ticks};
use microspan_std::model::Span;
use microspan_std::threads::Threads;
use support::Agent;

/// A clock that stops the thread that drains, once it is told to.
struct Trap;

static IS_SET: AtomicBool = AtomicBool::new(false);

impl Clock for Trap {
    fn now(&self) -> u64 {
        let is_drain = || thread::current().name() == Some("microspan-drain");
        assert!(!(IS_SET.load(Ordering::Relaxed) && is_drain()), "the clock fell off the wall");
        Ticks.now()
    }

    fn frequency(&self) -> u32 {
        Ticks.frequency()
    }
}

static ARENA: Arena<1_024, 1_024, 256> = Arena::new();
static TRACER: Tracer = Tracer::new(&ARENA, &Trap).context(&Threads::<256>);

/// A log that keeps errors.
struct Log;

static ERRORS: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata) -> bool {
        true
    }

    fn log(&self, record: &log::Record) {
        ERRORS.lock().expect("no panic before").push(record.args().to_string());
    }

    fn flush(&self) {}
}

fn errors() -> Vec<String> {
    ERRORS.lock().expect("no panic before").clone()
}

fn await_errors(count: usize) {
    let patience = Instant::now() + Duration::from_secs(10);
    while errors().len() < count {
        assert!(Instant::now() < patience, "nothing was told");
        thread::sleep(Duration::from_millis(20));
    }
}

/// What panics with it panics again when that is let go.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("it went off");
    }
}

#[test]
fn a_filter_that_panics_costs_its_trace_and_a_clock_that_does_the_tracing_and_both_are_told() {
    log::set_logger(&Log).expect("the first");
    log::set_max_level(log::LevelFilter::Error);
    let agent = Agent::start();
    let frail = |spans: &mut [Span]| {
        assert_ne!(spans[0].name, "heavy", "it is too much");
        if spans[0].name == "bomb" {
            panic_any(Bomb);
        }
        true
    };
    let builder = Builder::new().config(agent.config()).tracer(&TRACER, &Trap).trace_filter(frail);
    let local = builder.init().expect("the first tracer");
    trace("heavy").finish();
    await_errors(1);
    for name in ["before", "heavy", "bomb", "after"] {
        let _root = trace(name);
        trace("child").finish();
    }
    assert!(local.flush(Duration::from_secs(5)), "the thread goes on");
    let mut roots: Vec<_> = agent.spans().into_iter().filter(|span| span.parent == 0).collect();
    roots.sort_by_key(|span| span.start);
    assert_eq!(roots.iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["before", "after"]);
    let pipeline = local.stats().pipeline;
    assert_eq!((pipeline.filter_panics, pipeline.filtered_traces, pipeline.filtered_spans), (3, 3, 5));
    assert_eq!(errors().len(), 1, "it is told once: {:?}", errors());
    assert!(errors()[0].contains("a trace filter of this program panicked"), "{:?}", errors());

    // Both clocks are read together once in a second.
    IS_SET.store(true, Ordering::Relaxed);
    await_errors(2);
    assert!(errors()[1].contains("nothing is recorded from here on"), "{:?}", errors());
    assert!(!trace("late").is_recording());
    assert!(!local.flush(Duration::from_secs(5)));
    assert_eq!(local.shutdown(Duration::from_secs(5)).agent.sent.spans, 4);
}

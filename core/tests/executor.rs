//! Spans of tasks, from the calls that `embassy-executor` makes:
//! `cargo test -p microspan --features embassy-executor --test executor`.
#![cfg(not(any(loom, feature = "off", feature = "linked-tracer")))]

#[allow(dead_code, reason = "it has a clock of its own")]
mod support;

use microspan::{Arena, Clock, InSpan, Tracer, executor, set_global};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

// As raw/trace.rs of embassy-executor declares them.
unsafe extern "Rust" {
    safe fn _embassy_trace_poll_start(executor_id: u32);
    safe fn _embassy_trace_task_new(executor_id: u32, task_id: u32);
    safe fn _embassy_trace_task_end(executor_id: u32, task_id: u32);
    safe fn _embassy_trace_task_exec_begin(executor_id: u32, task_id: u32);
    safe fn _embassy_trace_task_exec_end(executor_id: u32, task_id: u32);
    safe fn _embassy_trace_task_ready_begin(executor_id: u32, task_id: u32);
    safe fn _embassy_trace_executor_idle(executor_id: u32);
}

const THREAD: u32 = 0x2000_1000;
const INTERRUPT: u32 = 0x2000_2000;
const BLINK: u32 = 0x2000_0100;
const ORDER: u32 = 0x2000_0200;

/// 2 MHz, and set by hand.
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn frequency(&self) -> u32 {
        2_000_000
    }
}

/// The interrupt that runs, set by hand.
struct Level(AtomicU32);

impl microspan::Context for Level {
    fn interrupt(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

static LEVEL: Level = Level(AtomicU32::new(0));
static CLOCK: Hand = Hand(AtomicU64::new(1_000));
static ARENA: Arena<64, 128> = Arena::new();
static TRACER: Tracer = Tracer::new(&ARENA, &CLOCK).context(&LEVEL);

fn pass(microseconds: u64) {
    CLOCK.0.fetch_add(2 * microseconds, Ordering::Relaxed);
}

fn spawn(executor: u32, task: u32) {
    _embassy_trace_task_new(executor, task);
    _embassy_trace_task_ready_begin(executor, task);
}

fn poll(executor: u32, task: u32, body: impl FnOnce()) {
    _embassy_trace_task_exec_begin(executor, task);
    body();
    _embassy_trace_task_exec_end(executor, task);
}

fn span(name: &'static str) -> microspan::Span {
    microspan::trace(name)
}

#[test]
fn each_poll_is_a_trace_and_what_a_task_holds_across_an_await_has_its_next_polls() {
    // Nothing is recorded, and nothing else happens, before there is a tracer.
    spawn(THREAD, BLINK);
    poll(THREAD, BLINK, || span("nowhere").finish());
    set_global(&TRACER).unwrap();

    // Around the executor; no task is in it.
    let program = span("program");
    _embassy_trace_poll_start(THREAD);
    executor::name_task(ORDER, "order");
    spawn(THREAD, ORDER);
    _embassy_trace_task_ready_begin(THREAD, BLINK);
    pass(15);
    poll(THREAD, BLINK, || span("led.on").finish());
    let mut held = None;
    poll(THREAD, ORDER, || held = Some(span("held")));
    assert!(microspan::current_span().is_some(), "the program's span is current between polls");
    _embassy_trace_executor_idle(THREAD);
    span("between").finish();
    // It wakes for nothing, and goes on being idle.
    _embassy_trace_poll_start(THREAD);
    _embassy_trace_executor_idle(THREAD);

    // A poll in an interrupt, which is not in what the interrupt came into; what the handler does besides, is.
    LEVEL.0.store(17, Ordering::Relaxed);
    _embassy_trace_poll_start(INTERRUPT);
    poll(INTERRUPT, 0x2000_0300, || span("nested").finish());
    span("tick").finish();
    _embassy_trace_executor_idle(INTERRUPT);
    LEVEL.0.store(0, Ordering::Relaxed);
    _embassy_trace_poll_start(THREAD);

    _embassy_trace_task_ready_begin(THREAD, ORDER);
    pass(2);
    poll(THREAD, ORDER, || {
        span("step").finish();
        // Woken while it runs: it waits since now.
        _embassy_trace_task_ready_begin(THREAD, ORDER);
        pass(3);
    });
    let baking = async {
        let _crust = span("crust");
        std::future::pending::<()>().await;
    };
    let mut baking = Box::pin(baking.in_span(span("bake").detach()));
    poll(THREAD, ORDER, || {
        held = None;
        let polled = baking.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Pending);
        span("beside").finish();
    });
    poll(THREAD, ORDER, || {
        span("alone").finish();
        _embassy_trace_task_end(THREAD, ORDER);
    });
    // The same storage again.
    spawn(THREAD, ORDER);
    poll(THREAD, ORDER, || ());
    drop(baking);
    drop(program);

    // Without a begin there is no end, and what began is ended when recording stops meanwhile.
    _embassy_trace_task_exec_end(THREAD, ORDER);
    _embassy_trace_task_exec_begin(THREAD, BLINK);
    TRACER.set_enabled(false);
    _embassy_trace_task_exec_end(THREAD, BLINK);
    poll(THREAD, BLINK, || ());
    TRACER.set_enabled(true);
    assert!(microspan::current_span().is_none());
    assert_eq!((TRACER.stats(), executor::tasks_without_room()), (microspan::Stats::default(), 0));

    support::assert_traces(
        &TRACER,
        &[
            "program",
            "  between",
            "  tick",
            "  bake",
            "    crust",
            "task#1 ready_us=15",
            "  led.on",
            "order ready_us=15",
            "  held",
            "    order ready_us=2",
            "      step",
            "    order ready_us=3",
            "      beside",
            "executor.idle executor=1",
            "task",
            "  nested",
            "order",
            "  alone",
            "order ready_us=0",
            "task#1",
        ],
    );
}

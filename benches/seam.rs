//! A span through the global seam, as a server makes it: threads that each have a current span, a drain on a thread of
//! its own, and no tracer that the compiler knows.
//!
//! Threads make batches at the same moment and wait after each until the drain, which sleeps and empties in turn as a program's
//! does, has taken all. So every batch begins with slots that another processor touched last. Two readings of the clock are
//! measured in the same way, in turn with the others.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use microspan::{Clock, Drain, Static};

use crate::host::{Row, Sink, each, row};
use crate::ticks::{Ticks, median};

const ROUNDS: usize = 401;
/// Rounds before them, which are not counted.
const WARM: usize = 20;
/// How long the drain sleeps when it found nothing.
const REST: Duration = Duration::from_micros(100);

/// One operation; its name for one thread and for two.
struct Operation {
    names: [&'static str; 2],
    makes_span: bool,
    batch: fn(),
}

const OPERATIONS: [Operation; 4] = [
    Operation {
        names: ["two_clock_reads_seam", "two_clock_reads_two_threads"],
        makes_span: false,
        batch: || {
            each(|_, _| {
                black_box(Ticks.now());
                black_box(Ticks.now());
            });
        },
    },
    Operation {
        names: ["span_seam", "span_two_threads"],
        makes_span: true,
        batch: || each(|_, _| microspan::trace("child").finish()),
    },
    Operation {
        names: ["span_two_tags_seam", "span_two_tags_two_threads"],
        makes_span: true,
        batch: || {
            each(|number, _| {
                let span = microspan::trace("child");
                span.set_tag("bread", Static("rye")).set_tag("order", number);
            });
        },
    },
    Operation {
        names: ["span_str16_seam", "span_str16_two_threads"],
        makes_span: true,
        batch: || {
            each(|_, text| {
                let span = microspan::trace("child");
                span.set_tag("guest", text);
            });
        },
    },
];

/// What the threads agree on.
#[derive(Default)]
struct Meeting {
    arrived: AtomicUsize,
    drained: AtomicU32,
    is_over: AtomicBool,
}

/// The rows, and how many spans were made and delivered.
/// The drain is the global tracer's.
pub fn run(batch: u32, mut drain: Drain<1472>) -> Result<(Vec<Row>, u32)> {
    let tracer = microspan::global().ok_or_else(|| anyhow!("no global tracer"))?;
    let (dropped, before) = (tracer.stats(), drain.spans());
    let mut rows = Vec::new();
    let mut made = before;
    for threads in [1, 2] {
        let meeting = Meeting::default();
        meeting.drained.store(drain.spans(), Ordering::Relaxed);
        let times: Vec<Vec<Vec<f64>>> = thread::scope(|scope| {
            let drainer = scope.spawn(|| empty_in_turn(&mut drain, &meeting));
            let producers: Vec<_> =
                (0..threads).map(|_| scope.spawn(|| produce(threads, made, batch, &meeting))).collect();
            let times = producers.into_iter().map(|producer| producer.join().unwrap_or_default()).collect();
            meeting.is_over.store(true, Ordering::Relaxed);
            drop(drainer);
            times
        });
        made += spans_of(WARM + ROUNDS, threads, batch) + threads as u32;
        rows.extend(rows_of(threads, &times));
    }
    ensure!(tracer.stats() == dropped, "spans or tags were dropped: {:?}", tracer.stats());
    ensure!(drain.spans() == made, "{made} spans were made and {} delivered", drain.spans());
    Ok((rows, made - before))
}

/// How many spans so many threads make in so many rounds, without their roots.
fn spans_of(rounds: usize, threads: usize, batch: u32) -> u32 {
    let makers = OPERATIONS.iter().filter(|operation| operation.makes_span).count();
    (rounds * threads * makers) as u32 * batch
}

fn empty_in_turn(drain: &mut Drain<1472>, meeting: &Meeting) {
    let mut sink = Sink::default();
    loop {
        let is_over = meeting.is_over.load(Ordering::Relaxed);
        while let Ok(true) = drain.poll(&mut sink) {}
        meeting.drained.store(drain.spans(), Ordering::Relaxed);
        if is_over {
            return;
        }
        thread::sleep(REST);
    }
}

/// Makes batches of each operation in turn; the nanoseconds of one, by operation and round.
fn produce(threads: usize, before: u32, batch: u32, meeting: &Meeting) -> Vec<Vec<f64>> {
    let root = microspan::trace("root");
    let mut times = vec![Vec::with_capacity(ROUNDS); OPERATIONS.len()];
    let (mut made, mut meetings) = (before, 0);
    for round in 0..WARM + ROUNDS {
        for (operation, times) in OPERATIONS.iter().zip(&mut times) {
            while meeting.drained.load(Ordering::Relaxed) != made {
                // One thread keeps its processor, so that the drain runs on another.
                if threads == 1 { spin_loop() } else { thread::yield_now() }
            }
            meetings += threads;
            meeting.arrived.fetch_add(1, Ordering::AcqRel);
            while meeting.arrived.load(Ordering::Acquire) < meetings {
                spin_loop();
            }
            let start = Ticks.now();
            (operation.batch)();
            let ticks = Ticks.now() - start;
            if operation.makes_span {
                made += threads as u32 * batch;
            }
            if round >= WARM {
                times.push(Ticks.nanoseconds(ticks) / f64::from(batch));
            }
        }
    }
    drop(root);
    times
}

/// A ratio is that of one round of one thread.
fn rows_of(threads: usize, times: &[Vec<Vec<f64>>]) -> Vec<Row> {
    let of = |number: usize, operation: &Operation| {
        let all = times.iter().filter_map(|thread| Some((thread.first()?, thread.get(number)?)));
        let rounds: Vec<_> = all.flat_map(|(clock, own)| clock.iter().zip(own)).collect();
        let ns = median(rounds.iter().map(|(_, own)| **own).collect());
        let ratio = median(rounds.iter().map(|(clock, own)| **own / **clock).collect());
        row("seam", operation.names[threads - 1], ns, ratio, None)
    };
    OPERATIONS.iter().enumerate().map(|(number, operation)| of(number, operation)).collect()
}

//! What a span costs on this machine: the arena alone, beside two readings of the clock.
//!
//! Spans are children of an open root, made in batches; after each batch all are drained, by the same thread, into a
//! sink that counts. The drain's time is not counted, its allocations are. The operations take turns in short rounds, and a
//! ratio is that of one round: a machine that is shared slows both sides.

use std::convert::Infallible;
use std::hint::black_box;

use anyhow::{Result, anyhow, ensure};
use clap::Args;
use microspan::{
    Arena, Clock, Drain, Exclusive, Refused, Rule, Sampler, Session, Static, Stats, Tracer, Transport,
};
use serde::Serialize;

use crate::allocations;
use crate::contest::{self, Flow};
use crate::ticks::{Ticks, median};

const ROUNDS: usize = 41;
const BATCHES_OF_A_ROUND: u32 = 40;
/// Half of the arena, so that a claim finds a free slot at once.
const BATCH: u32 = 512;
const SPANS: usize = 1_024;
const TAGS: usize = 4_096;

/// What `host` can be told.
#[derive(Args)]
pub struct Options {
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Count instructions as well, by valgrind's callgrind, which takes some minutes
    #[arg(long)]
    callgrind: bool,
    /// Make spans of WHO:OPERATION for callgrind to look on, and measure nothing
    #[arg(long, hide = true)]
    batch_for_callgrind: Option<String>,
}

/// One operation. The names of the operations do not change.
#[derive(Serialize)]
pub struct Row {
    who: &'static str,
    op: &'static str,
    ns: f64,
    ratio_to_two_clock_reads: f64,
    /// For each span, its drain and encoding included, where they are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    allocations: Option<f64>,
    /// For each span, of the thread that makes it, where they are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<f64>,
}

impl Row {
    /// Whose figures these are.
    pub fn who(&self) -> &'static str {
        self.who
    }

    /// What was done.
    pub fn op(&self) -> &'static str {
        self.op
    }

    /// Says what was counted.
    pub fn set_instructions(&mut self, instructions: f64) {
        self.instructions = Some(instructions);
    }
}

#[derive(Serialize)]
struct Figures {
    clock: &'static str,
    spans_delivered: u32,
    rows: Vec<Row>,
    flat_out: Vec<Flow>,
    /// Of a cache line between two cores, before and after all that: which cores these are can change.
    line_round_trip_ns: [f64; 2],
}

static ARENA: Arena<SPANS, TAGS> = Arena::new();
static TRACER: Tracer = Tracer::new(&ARENA, &Ticks).service("benches");

static RULES: [Rule; 1] = [Rule::new(0.0).name("out")];
static SAMPLER: Sampler = Sampler::new().rules(&RULES);
static ARENA_OF_SAMPLER: Arena<SPANS, TAGS> = Arena::new();
/// A tracer that samples, and of which only a trace that is sampled out is made.
static TRACER_OF_SAMPLER: Tracer = Tracer::new(&ARENA_OF_SAMPLER, &Ticks).sampler(&SAMPLER);

/// A transport that takes all.
#[derive(Default)]
pub struct Sink {
    bytes: u64,
}

impl Transport for Sink {
    type Error = Infallible;

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<Infallible>> {
        self.bytes += packet.len() as u64;
        Ok(())
    }
}

/// An operation: what it is called, whether it makes a span, whether tracing is on, and a batch of it.
struct Operation {
    op: &'static str,
    makes_span: bool,
    enabled: bool,
    batch: fn(&Exclusive),
}

impl Operation {
    const fn span(op: &'static str, batch: fn(&Exclusive)) -> Self {
        Self { op, makes_span: true, enabled: true, batch }
    }
}

const OPERATIONS: &[Operation] = &[
    Operation { op: "two_clock_reads", makes_span: false, enabled: true, batch: two_clock_reads },
    Operation::span("span_shared", |_| each(|_, _| TRACER.trace("child").finish())),
    Operation::span("span_two_tags_shared", |_| {
        each(|number, _| {
            let span = TRACER.trace("child");
            span.set_tag("bread", Static("rye")).set_tag("order", number);
        });
    }),
    Operation::span("span_str16_shared", |_| {
        each(|_, text| {
            let span = TRACER.trace("child");
            span.set_tag("guest", text);
        });
    }),
    Operation::span("span_exclusive", |exclusive| each(|_, _| exclusive.trace("child").finish())),
    Operation::span("span_two_tags_exclusive", |exclusive| {
        each(|number, _| {
            let span = exclusive.trace("child");
            span.set_tag("bread", Static("rye")).set_tag("order", number);
        });
    }),
    Operation::span("span_str16_exclusive", |exclusive| {
        each(|_, text| {
            let span = exclusive.trace("child");
            span.set_tag("guest", text);
        });
    }),
    Operation {
        op: "disabled",
        makes_span: false,
        enabled: false,
        batch: |_| each(|_, _| TRACER.trace("child").finish()),
    },
    Operation {
        op: "sampled_out",
        makes_span: false,
        enabled: true,
        batch: |_| each(|_, _| TRACER_OF_SAMPLER.trace("child").finish()),
    },
];

fn two_clock_reads(_: &Exclusive) {
    each(|_, _| {
        black_box(Ticks.now());
        black_box(Ticks.now());
    });
}

/// Does something as often as a batch has it, with a number and a text that the compiler cannot know.
#[inline(always)]
pub fn each(mut one: impl FnMut(u64, &str)) {
    let text = black_box("sixteen bytes ok");
    for number in 0..u64::from(BATCH) {
        one(black_box(number), text);
    }
}

/// What was seen of an operation.
#[derive(Default)]
struct Seen {
    nanoseconds: Vec<f64>,
    ratios: Vec<f64>,
    allocations: u64,
}

/// Measures, and prints.
pub fn run(options: &Options) -> Result<()> {
    if let Some(what) = &options.batch_for_callgrind {
        return contest::batch_for_callgrind(what);
    }
    let arena = Box::leak(Box::new(Arena::<SPANS, TAGS>::new()));
    // Reached through a pointer, as a thread's own arena is; the shared one is a `static` that the compiler knows.
    let tracer = Box::leak(Box::new(Tracer::exclusive(arena, &Ticks).service("benches")));
    let exclusive = Exclusive::new(tracer).ok_or_else(|| anyhow!("an exclusive tracer gave no handle"))?;
    let drain = |tracer| Drain::<1472>::new(tracer, Session::new(1)).ok_or_else(|| anyhow!("no first drain"));
    let mut drains = [drain(&TRACER)?, drain(exclusive.tracer())?];
    let mut sink = Sink { bytes: 0 };
    let roots = (TRACER.trace("root"), exclusive.trace("root"), TRACER_OF_SAMPLER.trace("out"));

    let mut seen: Vec<Seen> = OPERATIONS.iter().map(|_| Seen::default()).collect();
    let mut made = 2;
    // The first round warms up.
    for round in 0..=ROUNDS {
        let mut clock = f64::NAN;
        for (operation, seen) in OPERATIONS.iter().zip(&mut seen) {
            let before = allocations::count();
            let ticks = measure(operation, &exclusive, &mut drains, &mut sink);
            let allocated = allocations::count() - before;
            made += u32::from(operation.makes_span) * BATCHES_OF_A_ROUND * BATCH;
            let each = Ticks.nanoseconds(ticks) / f64::from(BATCHES_OF_A_ROUND * BATCH);
            if operation.op == "two_clock_reads" {
                clock = each;
            }
            if round > 0 {
                seen.nanoseconds.push(each);
                seen.ratios.push(each / clock);
                seen.allocations += allocated;
            }
        }
    }

    drop(roots);
    drains.iter_mut().for_each(|drain| empty(drain, &mut sink));
    let delivered = drains.iter().fold(0_u32, |sum, drain| sum.wrapping_add(drain.spans()));
    for tracer in [&TRACER, exclusive.tracer()] {
        ensure!(tracer.stats() == Stats::default(), "spans or tags were dropped: {:?}", tracer.stats());
    }
    ensure!(delivered == made, "{made} spans were made and {delivered} delivered");
    let mut rows = rows(seen);
    let before = contest::line_round_trip();
    let (rows_of_contest, flat_out) = contest::run(options.callgrind)?;
    let line_round_trip_ns = [before, contest::line_round_trip()].map(hundredths);
    rows.extend(rows_of_contest);
    let figures =
        Figures { clock: Ticks::NAME, spans_delivered: delivered, rows, flat_out, line_round_trip_ns };
    if options.json {
        println!("{}", serde_json::to_string(&figures)?);
    } else {
        print(&figures, sink.bytes);
    }
    Ok(())
}

/// The ticks that a round of an operation took.
fn measure(
    operation: &Operation,
    exclusive: &Exclusive,
    drains: &mut [Drain<1472>; 2],
    sink: &mut Sink,
) -> u64 {
    TRACER.set_enabled(operation.enabled);
    let mut ticks = 0;
    for _ in 0..BATCHES_OF_A_ROUND {
        let start = Ticks.now();
        (operation.batch)(exclusive);
        ticks += Ticks.now() - start;
        drains.iter_mut().for_each(|drain| empty(drain, sink));
    }
    TRACER.set_enabled(true);
    ticks
}

fn empty(drain: &mut Drain<1472>, sink: &mut Sink) {
    while let Ok(true) = drain.poll(sink) {}
}

fn rows(seen: Vec<Seen>) -> Vec<Row> {
    let spans = (ROUNDS as f64) * f64::from(BATCHES_OF_A_ROUND * BATCH);
    let row = |(operation, seen): (&Operation, Seen)| {
        let allocations = seen.allocations as f64 / spans;
        row("arena", operation.op, median(seen.nanoseconds), median(seen.ratios), Some(allocations))
    };
    OPERATIONS.iter().zip(seen).map(row).collect()
}

/// A row, its figures rounded.
pub fn row(who: &'static str, op: &'static str, ns: f64, ratio: f64, allocations: Option<f64>) -> Row {
    let allocations = allocations.map(hundredths);
    Row {
        who,
        op,
        ns: hundredths(ns),
        ratio_to_two_clock_reads: hundredths(ratio),
        allocations,
        instructions: None,
    }
}

fn hundredths(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

fn print(figures: &Figures, bytes: u64) {
    println!("Medians of {ROUNDS} rounds on this machine; the clock is {}", figures.clock);
    println!(
        "{:<24}{:<26}{:>9}{:>18}{:>13}{:>14}",
        "who", "operation", "ns", "x two clock reads", "allocations", "instructions"
    );
    let shown = |figure: Option<f64>| figure.map_or_else(String::new, |figure| figure.to_string());
    for Row { who, op, ns, ratio_to_two_clock_reads, allocations, instructions } in &figures.rows {
        println!(
            "{who:<24}{op:<26}{ns:>9.1}{ratio_to_two_clock_reads:>18.2}{:>13}{:>14}",
            shown(*allocations),
            shown(*instructions)
        );
    }
    println!("{} spans of arena were made and delivered, in {bytes} bytes.", figures.spans_delivered);
    let [before, after] = figures.line_round_trip_ns;
    println!("{NOTE}");
    println!(
        "A cache line went from one core to another and back in {before:.0} ns at first and {after:.0} ns at last: below 80 they\n    \
         share a cache."
    );
    println!("\nAs fast as one thread makes them");
    println!(
        "{:<24}{:>14}{:>18}{:>10}{:>10}{:>18}",
        "who", "made / s", "delivered / s", "dropped", "said so", "ns behind / span"
    );
    figures.flat_out.iter().for_each(|flow| println!("{flow}"));
}

const NOTE: &str = "\
microspan's tracer is a static that the program names or links, microspan (global)'s is reached through the pointer that init sets.
Ratios differ from run to run: where the thread that drains has another core than the one that traces, each span's slot goes from
    one core to the other and back. Then child is at 1.0 (one core), 1.5 (two that share a cache) or 4 and more (others).
cold and tail time single spans: each figure has two more readings of the clock in it, as has two_clock_reads beside it, and
    goes in steps of the clock's own, which may be 10 ns. A ratio of 1.00 there says that no difference could be told.
sampled_out: datadog-opentelemetry delivers such spans too. It posts to a socket of this process; the others encode only.";

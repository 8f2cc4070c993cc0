//! How many spans a second one core of a host takes from devices: decoded, and brought to the bytes that an agent gets; and how many
//! from its own arena. Beside them, encoding alone (`encoders`).
//!
//! Packets of the workloads of `wire` are decoded again and again, each time by a decoder that has seen nothing. Nothing is
//! read or sent.

use std::hint::black_box;

use anyhow::{Result, ensure};
use clap::Args;
use microspan_std::config::Tagging;
use microspan_std::decode::Decoder;
use microspan_std::msgpack::Payload;
use microspan_std::pipeline::{Assembler, Limits};
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::recording::Recording;
use crate::ticks::median;
use crate::workloads::{WORKLOADS, Workload};
use crate::{drained, encoders};

const SPANS: u32 = 100_000;
/// How often each step is measured.
pub const ROUNDS: usize = 11;
/// The bytes of a request body.
pub const BODY: usize = 1_000_000;

/// What `pipeline` can be told.
#[derive(Args)]
pub struct Options {
    /// Print one JSON object a row instead of a table
    #[arg(long)]
    json: bool,
}

/// A step with a workload. The names of both do not change.
#[derive(Serialize)]
pub struct Row {
    what: &'static str,
    workload: &'static str,
    /// The median of the rounds.
    spans_per_second: u64,
    /// The fastest round: who shares the caches slows the others.
    best: u64,
}

/// A step: what it is called, and what makes so many spans of a recording.
type Step = (&'static str, fn(&Recording) -> u64);

const STEPS: [Step; 2] = [("decode", decode), ("agent_bytes", agent_bytes)];

/// Measures, and prints.
pub fn run(options: &Options) -> Result<()> {
    let mut rows = Vec::new();
    for step in STEPS {
        for workload in &WORKLOADS {
            rows.push(measure(step, workload)?);
        }
    }
    rows.extend(encoders::run()?);
    if cfg!(target_os = "linux") {
        let row = |(workload, spans_per_second, best)| Row {
            what: "arena_bytes",
            workload,
            spans_per_second,
            best,
        };
        rows.extend(drained::run()?.into_iter().map(row));
    }
    if options.json {
        for row in &rows {
            println!("{}", serde_json::to_string(row)?);
        }
    } else {
        print(&rows);
    }
    Ok(())
}

fn measure((what, step): Step, workload: &Workload) -> Result<Row> {
    let recording = Recording::of::<1472>(workload, SPANS)?;
    let mut seconds = Vec::new();
    // The first round warms up.
    for round in 0..=ROUNDS {
        let start = processor_time();
        let spans = step(&recording);
        let took = processor_time() - start;
        ensure!(spans == u64::from(recording.spans), "{spans} of {} spans came out", recording.spans);
        if round > 0 {
            seconds.push(took);
        }
    }
    Ok(row(what, workload.name, recording.spans, seconds))
}

/// The row of what brought out so many spans in each round, which took so many seconds.
pub fn row(what: &'static str, workload: &'static str, spans: u32, seconds: Vec<f64>) -> Row {
    let rate = |seconds: f64| (f64::from(spans) / seconds) as u64;
    let best = rate(seconds.iter().copied().fold(f64::INFINITY, f64::min));
    Row { what, workload, spans_per_second: rate(median(seconds)), best }
}

/// The seconds that this thread has run: a machine that is shared does not run it all the time.
pub fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn decode(recording: &Recording) -> u64 {
    let mut decoder = Decoder::new();
    let mut spans = 0;
    for (at, packet) in &recording.packets {
        decoder.packet(packet, *at, &mut |span| {
            black_box(span);
            spans += 1;
        });
    }
    spans
}

fn agent_bytes(recording: &Recording) -> u64 {
    let (mut decoder, mut assembler) =
        (Decoder::new(), Assembler::new(Limits::default(), Tagging::default()));
    let mut payload = Payload::new();
    let mut spans = 0;
    let mut send = |trace: &_| {
        if !payload.push(trace, BODY) {
            spans += black_box(&payload).spans();
            payload.clear();
            assert!(payload.push(trace, BODY), "a trace fits an empty body");
        }
    };
    for (at, packet) in &recording.packets {
        decoder.packet(packet, *at, &mut |span| assembler.push(span, at.monotonic, &mut send));
        assembler.poll(at.monotonic, &mut send);
        decoder.reuse(assembler.spare_tag_lists());
    }
    assembler.flush(&mut send);
    spans + payload.spans()
}

fn print(rows: &[Row]) {
    println!(
        "Spans a second on one core of this machine, in packets of 1,472 bytes: the median of {ROUNDS} rounds, and the best"
    );
    println!("{:<24}{:<16}{:>14}{:>14}", "what", "workload", "median", "best");
    for Row { what, workload, spans_per_second, best } in rows {
        println!(
            "{what:<24}{workload:<16}{:>12.2} M{:>12.2} M",
            millions(*spans_per_second),
            millions(*best)
        );
    }
    println!("{LEGEND}");
    println!("{}", if cfg!(feature = "peers") { OTHERS } else { NO_OTHERS });
}

const LEGEND: &str = "\
decode: packets to spans. agent_bytes: packets to spans, traces, and bodies of /v0.4/traces. arena_bytes: a server's arena to
    such bodies, by the processor time of the thread that drains. encode: traces that were assembled before to such bodies.";

const OTHERS: &str = "\
libdd_trace_utils: the same traces as encode has, in that crate's types, to such bodies. opentelemetry_datadog: the same in batches of
    the SDK's spans, through that crate's exporter to requests; sorting, numbers to text and giving back are in it.";

const NO_OTHERS: &str = "\
Others beside encode: cargo run --release -p microspan-benches --features peers -- pipeline";

fn millions(rate: u64) -> f64 {
    rate as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_brings_out_every_span() {
        for workload in &WORKLOADS {
            let recording = Recording::of::<1472>(workload, 3_000).unwrap();
            for (what, step) in STEPS {
                assert_eq!(step(&recording), u64::from(recording.spans), "{what}, {}", workload.name);
            }
        }
    }
}

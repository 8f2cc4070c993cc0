//! Encoding alone: the same spans, made beforehand, brought to the bodies of requests by ours and, with the feature `peers`, by others.
//!
//! The spans are those of the workloads of `wire`, decoded and assembled. Who encodes takes turns in every round, and passes over its own
//! spans, in its own types and in bodies of its own size, none of which splits a trace. The others have nothing left to find out: each tag
//! of a span is in it, and texts are static, which is the least that they can cost. Ours has what the pipeline hands on, and gathers
//! the tags of the session and of the trace as it goes.
//!
//! | file | idea |
//! | --- | --- |
//! | `encoders.rs` | bodies, rounds and rows; ours |
//! | `encoders/libdd.rs`, `encoders/datadog_exporter.rs`, `encoders/texts.rs` | the others, with the feature `peers` |

#[cfg(feature = "peers")]
#[expect(deprecated, reason = "its last release says so of all of it; that is what is measured")]
mod datadog_exporter;
#[cfg(feature = "peers")]
mod libdd;
#[cfg(test)]
mod tests;
#[cfg(feature = "peers")]
mod texts;

use std::hint::black_box;

use anyhow::{Result, ensure};
use microspan_std::msgpack::Payload;
use microspan_std::pipeline::Trace;

use crate::pipeline::{BODY, ROUNDS, Row, processor_time, row};
use crate::recording::Recording;
use crate::wire::assemble;
use crate::workloads::WORKLOADS;

/// Few, so that a pass soon comes to the same spans again: those that were just assembled are near as well.
const SPANS: u32 = 10_000;
/// How often in a round all are encoded.
const PASSES: u32 = 10;

/// Who encodes.
trait Encoder {
    /// What rows call it; names do not change.
    fn what(&self) -> &'static str;

    /// Makes anew what a pass uses up.
    fn prepare(&mut self) -> Result<()> {
        Ok(())
    }

    /// Encodes all traces, and shows each body.
    fn encode(&mut self, show: &mut dyn FnMut(&[u8])) -> Result<()>;
}

/// The traces of each body.
type Bodies = Vec<Vec<Trace>>;

/// Measures; rows of a workload stand together.
pub fn run() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for workload in &WORKLOADS {
        let recording = Recording::of::<1472>(workload, SPANS)?;
        let bodies = bodies(&recording)?;
        let mut all: Vec<_> = encoders(&bodies)?.into_iter().map(|one| (one, Vec::new())).collect();
        // The first round warms up.
        for round in 0..=ROUNDS {
            for (one, seconds) in &mut all {
                let mut took = 0.0;
                for _ in 0..PASSES {
                    took += pass(one.as_mut())?;
                }
                if round > 0 {
                    seconds.push(took);
                }
            }
        }
        let spans = recording.spans * PASSES;
        rows.extend(all.into_iter().map(|(one, seconds)| row(one.what(), workload.name, spans, seconds)));
    }
    Ok(rows)
}

/// Encodes all; tells how many seconds that took.
fn pass(one: &mut dyn Encoder) -> Result<f64> {
    one.prepare()?;
    let start = processor_time();
    one.encode(&mut |body| {
        black_box(body);
    })?;
    Ok(processor_time() - start)
}

/// The traces of a recording.
fn bodies(recording: &Recording) -> Result<Bodies> {
    let (mut bodies, mut payload) = (vec![Vec::new()], Payload::new());
    assemble(recording, |trace| {
        if !payload.push(trace, BODY) {
            payload.clear();
            assert!(payload.push(trace, BODY), "a trace fits an empty body");
            bodies.push(Vec::new());
        }
        bodies.last_mut().expect("there is one from the start").push(trace.clone());
    })?;
    Ok(bodies)
}

/// Who takes part.
fn encoders(bodies: &Bodies) -> Result<Vec<Box<dyn Encoder + '_>>> {
    #[cfg_attr(not(feature = "peers"), expect(unused_mut))]
    let mut all: Vec<Box<dyn Encoder>> = vec![Box::new(Ours { bodies, payload: Payload::new() })];
    #[cfg(feature = "peers")]
    {
        let mut texts = texts::Texts::default();
        all.push(Box::new(libdd::Libdd::of(bodies, &mut texts)));
        all.push(Box::new(datadog_exporter::Exporter::of(bodies, &mut texts)?));
    }
    Ok(all)
}

/// Ours, from the traces that the pipeline hands on.
struct Ours<'a> {
    bodies: &'a Bodies,
    payload: Payload,
}

impl Encoder for Ours<'_> {
    fn what(&self) -> &'static str {
        "encode"
    }

    fn encode(&mut self, show: &mut dyn FnMut(&[u8])) -> Result<()> {
        for body in self.bodies {
            self.payload.clear();
            for trace in body {
                ensure!(self.payload.push(trace, BODY), "a body is larger than it was");
            }
            show(self.payload.as_bytes());
        }
        Ok(())
    }
}

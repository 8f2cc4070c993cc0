//! A span as a server makes it, of ours and of others in one run, brought to an encoder and not only recorded.
//!
//! Who takes part makes spans through what is global or current in it, and brings them, on a thread of its own, to bytes, which
//! are thrown away. Those who take part take turns at each operation, in many short rounds; a ratio is that of one round to the
//! two readings of the clock beside it. That takes out what slows the processor, and not all that a shared machine does: in
//! eight whole runs our child was six times at 1.2 to 1.3 of the clock and twice at 5. Compare several. Between turns all that was made
//! is brought home, which counts for the allocations and not for the time.
//!
//! | file | idea |
//! | --- | --- |
//! | `contest.rs` | rounds and rows |
//! | `contest/contestant.rs` | what is asked of who takes part; two readings of the clock |
//! | `contest/run.rs` | single spans in the cold and in bursts, two threads, as fast as it goes |
//! | `contest/instructions.rs` | the same operations under callgrind |
//! | `contest/ours.rs` | microspan |
//! | `contest/native.rs` | microspan through OpenTelemetry's API |
//! | `contest/agent.rs` | a socket for who posts what it encoded |
//! | `contest/layer.rs` | microspan through `tracing`, with the feature `peers` |
//! | `contest/fastrace.rs`, `contest/otel.rs` | the others, with the feature `peers` |

mod agent;
mod contestant;
#[cfg(feature = "peers")]
mod fastrace;
mod instructions;
#[cfg(feature = "peers")]
mod layer;
mod native;
#[cfg(feature = "peers")]
mod otel;
pub mod ours;
mod run;

use anyhow::{Result, ensure};

use crate::allocations;
use crate::host::{Row, row};
use crate::ticks::{Ticks, median};
use contestant::Clocks;
pub use contestant::{Contestant, Op, SPANS};
pub use instructions::batch_for_callgrind;
pub use run::{Flow, line_round_trip};

const ROUNDS: usize = 41;
/// Traces of a turn.
const TRACES: u64 = 4;

/// Who takes part; who is first is what the ratios are to.
fn contestants() -> Result<Vec<Contestant>> {
    ours::begin()?;
    #[cfg_attr(not(feature = "peers"), expect(unused_mut))]
    let mut all = vec![
        Contestant::of::<Clocks>(),
        Contestant::of::<ours::Linked>(),
        Contestant::of::<ours::Global>(),
        Contestant::of::<native::Native>(),
    ];
    #[cfg(feature = "peers")]
    {
        fastrace::begin();
        otel::begin()?;
        all.push(Contestant::of::<fastrace::Fastrace>());
        all.push(Contestant::of::<otel::Sdk>());
        all.push(Contestant::of::<otel::Tracing>());
        all.push(Contestant::of::<layer::Layered>());
        all.push(Contestant::of::<otel::Datadog>());
    }
    Ok(all)
}

/// What was seen of one who takes part, at one operation.
#[derive(Default)]
struct Seen {
    ns: Vec<f64>,
    ratios: Vec<f64>,
    allocations: u64,
}

/// The rows of all, and what becomes of spans that are made as fast as it goes.
pub fn run(with_callgrind: bool) -> Result<(Vec<Row>, Vec<Flow>)> {
    let all = contestants()?;
    let mut rows = Vec::new();
    for op in Op::ALL {
        rows.extend(warm(&all, op)?);
    }
    rows.extend(run::two_threads(&all));
    rows.extend(run::cold(&all));
    rows.extend(run::tail(&all));
    let flows = run::flat_out(&all);
    if with_callgrind {
        instructions::fill(&mut rows)?;
    }
    Ok((rows, flows))
}

/// An operation in batches.
fn warm(all: &[Contestant], op: Op) -> Result<Vec<Row>> {
    let mut seen: Vec<Seen> = all.iter().map(|_| Seen::default()).collect();
    // The first round warms up.
    for round in 0..=ROUNDS {
        let mut clocks = f64::NAN;
        for (one, seen) in all.iter().zip(&mut seen) {
            let (allocated, delivered) = (allocations::count(), one.delivered());
            let ticks: u64 = (0..TRACES).map(|_| one.trace(op)).sum();
            one.settle();
            let allocated = allocations::count() - allocated;
            let delivered = one.delivered() - delivered;
            let expected = if one.makes_spans() { TRACES * (u64::from(SPANS) + 1) } else { 0 };
            // Datadog's own tracer delivers what is sampled out as well, for the agent to count.
            ensure!(
                op == Op::SampledOut || delivered == expected,
                "{}, {op:?}: {delivered} of {expected} spans",
                one.who
            );
            let ns = Ticks.nanoseconds(ticks) / (TRACES * u64::from(SPANS)) as f64;
            if clocks.is_nan() {
                clocks = ns;
            }
            if round > 0 {
                seen.ns.push(ns);
                seen.ratios.push(ns / clocks);
                seen.allocations += allocated;
            }
        }
    }
    let spans = (ROUNDS as u64 * TRACES * u64::from(SPANS)) as f64;
    let row = |(one, seen): (&Contestant, Seen)| {
        row(one.who, op.name(), median(seen.ns), median(seen.ratios), Some(seen.allocations as f64 / spans))
    };
    Ok(all.iter().zip(seen).map(row).collect())
}

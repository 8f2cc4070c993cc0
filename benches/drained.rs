//! How many spans a second one core brings from the arena of a server to the agent's bytes: the thread that `init` starts, by the
//! processor time that it takes. Reaping, traces, samplers and msgpack are in it, posting is not.

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::contest::{Contestant, Op, SPANS, ours};
use crate::ticks::median;

const ROUNDS: usize = 11;
/// How often in a round so many traces are made and brought home: the time of the thread is told when it sleeps, and not before.
const BURSTS: u32 = 20;
/// Fewer than an arena holds.
const TRACES: u32 = 100;

/// The thread's name.
const DRAIN: &str = "microspan-drain";

/// What traces are made of, and the spans a second of the median round and of the best.
pub fn run() -> Result<Vec<(&'static str, u64, u64)>> {
    ours::begin()?;
    let one = Contestant::of::<ours::Linked>();
    let time = processor_time()?;
    [("children", Op::Child), ("two_tags", Op::TwoTags), ("str16", Op::Str16)]
        .into_iter()
        .map(|(name, op)| {
            let mut rates = Vec::new();
            // The first round warms up.
            for round in 0..=ROUNDS {
                let (before, delivered) = (time()?, one.delivered());
                for _ in 0..BURSTS {
                    let _: u64 = (0..TRACES).map(|_| one.trace(op)).sum();
                    one.settle();
                }
                let (spans, ns) = (one.delivered() - delivered, time()? - before);
                ensure!(spans == u64::from(BURSTS * TRACES * (SPANS + 1)), "{spans} spans came out");
                if round > 0 {
                    rates.push(spans as f64 * 1e9 / ns as f64);
                }
            }
            let best = rates.iter().copied().fold(0.0, f64::max);
            Ok((name, median(rates) as u64, best as u64))
        })
        .collect()
}

/// What tells how many nanoseconds the thread has run.
fn processor_time() -> Result<impl Fn() -> Result<u64>> {
    let named = |task: io::Result<fs::DirEntry>| {
        let path = task.ok()?.path();
        let name = fs::read_to_string(path.join("comm")).ok()?;
        (name.trim_end() == DRAIN).then(|| path.join("schedstat"))
    };
    let look = || {
        // A thread that has just begun gets its name as the first thing that it does.
        thread::sleep(Duration::from_millis(10));
        let tasks = fs::read_dir("/proc/self/task").ok()?;
        tasks.into_iter().find_map(named)
    };
    let path =
        (0..100).find_map(|_| look()).with_context(|| format!("there is no thread {DRAIN} in /proc"))?;
    Ok(move || {
        let text = fs::read_to_string(&path).with_context(|| format!("{} was to be read", path.display()))?;
        let ran = text.split_whitespace().next().and_then(|ran| ran.parse().ok());
        ran.with_context(|| format!("{} tells no time: {text}", path.display()))
    })
}

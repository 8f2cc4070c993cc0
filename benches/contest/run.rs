//! Single spans in the cold and in bursts, two threads, and spans as fast as it goes.

use std::fmt;
use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use microspan::Clock;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use super::contestant::{Contestant, Op, SPANS};
use crate::host::{Row, row};
use crate::ticks::{Ticks, median};

const ROUNDS: usize = 21;
/// From one span to the next where there are 100,000 a second.
const PACE: Duration = Duration::from_micros(10);
/// What else is touched meanwhile, and of how much it is a part: so that nothing of a span is left in the near caches.
const TOUCHED: usize = 128 << 10;
const MEMORY: usize = 64 << 20;
const LINE: usize = 64;
/// Traces of a thread between two meetings: with those of another fewer spans than a batch processor's queue takes.
const TRACES: u64 = 8;
const BURSTS: usize = 10;
/// How long spans are made as fast as it goes.
const FLAT_OUT: Duration = Duration::from_millis(300);

/// What becomes of spans that one thread makes as fast as it goes.
#[derive(Serialize)]
pub struct Flow {
    who: &'static str,
    made_per_second: u64,
    delivered_per_second: u64,
    /// The part that was not delivered.
    dropped: f64,
    /// The part that it says it dropped, where it says so.
    said_dropped: Option<f64>,
    /// Processor time of all other threads, for each span delivered.
    behind_ns: f64,
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            who,
            made_per_second: made,
            delivered_per_second: delivered,
            dropped,
            said_dropped,
            behind_ns,
        } = self;
        let said = said_dropped.map_or_else(|| "-".to_owned(), |said| format!("{:.1} %", said * 100.0));
        write!(f, "{who:<24}{made:>14}{delivered:>18}{:>8.1} %{said:>10}{behind_ns:>18.0}", dropped * 100.0)
    }
}

/// The ticks of a child alone, with those of reading the clock.
fn single(one: &Contestant) -> f64 {
    Ticks.nanoseconds(one.timed(Op::Child, 1))
}

/// The figures of rounds, `figures` of each of them, as rows.
fn rows(all: &[Contestant], op: &'static str, rounds: &[Vec<f64>]) -> Vec<Row> {
    let of = |(number, one): (usize, &Contestant)| {
        let ns = rounds.iter().map(|round| round[number]).collect();
        let ratios = rounds.iter().map(|round| round[number] / round[0]).collect();
        row(one.who, op, median(ns), median(ratios), None)
    };
    all.iter().enumerate().map(of).collect()
}

/// A child at 100,000 a second, while other work has the caches.
pub fn cold(all: &[Contestant]) -> Vec<Row> {
    let memory = vec![1_u8; MEMORY];
    let mut pieces = memory.chunks(TOUCHED).cycle();
    let mut round = |one: &Contestant| {
        let mut ns = Vec::with_capacity(SPANS as usize);
        one.root(true, &mut || {
            let mut next = Instant::now();
            for _ in 0..SPANS {
                let piece = pieces.next().unwrap_or_default();
                black_box(piece.iter().step_by(LINE).map(|byte| u64::from(*byte)).sum::<u64>());
                while Instant::now() < next {
                    spin_loop();
                }
                next += PACE;
                ns.push(single(one));
            }
        });
        one.settle();
        median(ns)
    };
    let rounds: Vec<Vec<f64>> = (0..ROUNDS).map(|_| all.iter().map(&mut round).collect()).collect();
    rows(all, "cold", &rounds)
}

/// A child alone, in bursts beside whatever encodes: the median, and what one in a thousand exceeds.
pub fn tail(all: &[Contestant]) -> Vec<Row> {
    let mut seen = vec![Vec::new(); all.len()];
    for _ in 0..ROUNDS {
        for (one, seen) in all.iter().zip(&mut seen) {
            for _ in 0..BURSTS {
                one.root(true, &mut || seen.extend((0..SPANS).map(|_| single(one))));
            }
            one.settle();
        }
    }
    seen.iter_mut().for_each(|seen| seen.sort_by(f64::total_cmp));
    let figure = |per_mille: usize| seen.iter().map(|seen| seen[seen.len() * per_mille / 1000]).collect();
    let mut both = rows(all, "tail_p50", &[figure(500)]);
    both.extend(rows(all, "tail_p99.9", &[figure(999)]));
    both
}

/// Two threads that make children at the same time.
pub fn two_threads(all: &[Contestant]) -> Vec<Row> {
    let pair = |one: &Contestant| {
        let arrived = AtomicUsize::new(0);
        let thread = || {
            // What a thread does first only.
            one.trace(Op::Child);
            arrived.fetch_add(1, Ordering::AcqRel);
            while arrived.load(Ordering::Acquire) < 2 {
                spin_loop();
            }
            let ticks = (0..TRACES).map(|_| one.trace(Op::Child)).sum();
            Ticks.nanoseconds(ticks) / (TRACES * u64::from(SPANS)) as f64
        };
        let both: Vec<f64> = thread::scope(|scope| {
            let threads = [scope.spawn(thread), scope.spawn(thread)];
            threads.into_iter().map(|thread| thread.join().unwrap_or(f64::NAN)).collect()
        });
        one.settle();
        both.iter().sum::<f64>() / both.len() as f64
    };
    let rounds: Vec<Vec<f64>> = (0..ROUNDS).map(|_| all.iter().map(pair).collect()).collect();
    rows(all, "two_threads", &rounds)
}

/// Traces as fast as one thread makes them.
pub fn flat_out(all: &[Contestant]) -> Vec<Flow> {
    let makers = all.iter().filter(|one| one.makes_spans());
    makers
        .map(|one| {
            let (before, said) = (one.delivered(), one.said_dropped());
            let behind = || seconds(ClockId::ProcessCPUTime) - seconds(ClockId::ThreadCPUTime);
            let (start, busy, mut made) = (Instant::now(), behind(), 0);
            while start.elapsed() < FLAT_OUT {
                one.trace(Op::Child);
                made += u64::from(SPANS) + 1;
            }
            let making = start.elapsed();
            one.settle();
            let delivered = one.delivered() - before;
            Flow {
                who: one.who,
                made_per_second: (made as f64 / making.as_secs_f64()) as u64,
                delivered_per_second: (delivered as f64 / start.elapsed().as_secs_f64()) as u64,
                dropped: 1.0 - delivered as f64 / made as f64,
                said_dropped: one
                    .said_dropped()
                    .zip(said)
                    .map(|(now, said)| (now - said) as f64 / made as f64),
                behind_ns: (behind() - busy) * 1e9 / delivered as f64,
            }
        })
        .collect()
}

/// How long a cache line takes from one core to another and back, in nanoseconds: the median of many short rounds. What one thread
/// writes and another reads cannot cost less, and it differs by which cores of a machine it is: those that share a cache, or others.
pub fn line_round_trip() -> f64 {
    const ROUNDS_OF_TRIPS: u64 = 500;
    const TRIPS: u64 = 100;
    let line = AtomicU64::new(0);
    // It is odd on its way there.
    let wait = |turn: u64| {
        while line.load(Ordering::Acquire) != turn {
            spin_loop();
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            for trip in 0..ROUNDS_OF_TRIPS * TRIPS {
                wait(2 * trip + 1);
                line.store(2 * trip + 2, Ordering::Release);
            }
        });
        let round = |round: u64| {
            let start = Ticks.now();
            for trip in round * TRIPS..(round + 1) * TRIPS {
                line.store(2 * trip + 1, Ordering::Release);
                wait(2 * trip + 2);
            }
            Ticks.nanoseconds(Ticks.now() - start) / TRIPS as f64
        };
        median((0..ROUNDS_OF_TRIPS).map(round).collect())
    })
}

fn seconds(clock: ClockId) -> f64 {
    let time = clock_gettime(clock);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

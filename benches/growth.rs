//! Whether a span costs more in a larger or a fuller arena.
//!
//! In arenas of 16 to 65,536 slots, of which long-lived spans hold none, half or nine tenths, at places drawn by lot:
//! the time of a start and finish, of draining what was finished, and of a poll that finds nothing. The core states the
//! bounds: a start looks at 33 slots at most, a poll at 257 before it finds a span.

use std::convert::Infallible;
use std::hint::black_box;
use std::path::PathBuf;

use anyhow::{Result, anyhow, ensure};
use clap::Args;
use microspan::{Arena, Clock, Drain, Refused, Session, Span, Tracer, Transport};
use serde::Serialize;

use crate::plot;
use crate::ticks::Ticks;

/// How much of an arena long-lived spans hold, in percent.
pub const HELD: [usize; 3] = [0, 50, 90];
const ROUNDS: usize = 201;
/// Spans of a round: as many as half of what is free, and at most this many.
const MOST_SPANS: usize = 256;

/// What `growth` can be told.
#[derive(Args)]
pub struct Options {
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// Draw the figures into this file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// What was measured in one arena.
#[derive(Serialize)]
pub struct Point {
    /// Its slots.
    pub slots: usize,
    /// Of these, in percent, held by long-lived spans.
    pub held_percent: usize,
    /// Of a start and finish.
    pub start_and_finish_ns: f64,
    /// Of a span that was drained.
    pub drain_span_ns: f64,
    /// Of a poll that finds nothing.
    pub empty_poll_ns: f64,
    /// Starts that found no free slot within the bound, in percent.
    pub dropped_percent: f64,
}

#[derive(Serialize)]
struct Figures {
    slots_a_start_looks_at: u32,
    slots_a_poll_looks_at: u32,
    points: Vec<Point>,
}

/// Measures, and prints and draws.
pub fn run(options: &Options) -> Result<()> {
    let mut points = Vec::new();
    macro_rules! grow {
        ($($slots:literal)*) => {$({
            static ARENA: Arena<$slots, 4> = Arena::new();
            static TRACER: Tracer = Tracer::new(&ARENA, &Ticks);
            points.append(&mut measure(&TRACER, $slots)?);
        })*};
    }
    grow!(16 32 64 128 256 512 1024 2048 4096 8192 16384 32768 65536);
    // As the core's documentation states them.
    let figures = Figures { slots_a_start_looks_at: 33, slots_a_poll_looks_at: 257, points };
    if options.json {
        println!("{}", serde_json::to_string(&figures)?);
    } else {
        print(&figures);
    }
    if let Some(file) = &options.plot {
        plot::draw(&figures.points, file)?;
    }
    Ok(())
}

/// A transport that takes all.
struct Sink;

impl Transport for Sink {
    type Error = Infallible;

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<Infallible>> {
        black_box(packet);
        Ok(())
    }
}

fn measure(tracer: &'static Tracer, slots: usize) -> Result<Vec<Point>> {
    let mut drain = Drain::<1472>::new(tracer, Session::new(1)).ok_or_else(|| anyhow!("no first drain"))?;
    let mut held = Vec::new();
    HELD.iter()
        .map(|percent| {
            hold(tracer, &mut held, &mut drain, slots * percent / 100, slots)?;
            Ok(point(tracer, &mut drain, slots, *percent))
        })
        .collect()
}

/// Fills the arena, and finishes spans by lot until only `count` are open.
fn hold(
    tracer: &'static Tracer,
    held: &mut Vec<Span>,
    drain: &mut Drain<1472>,
    count: usize,
    slots: usize,
) -> Result<()> {
    // To the brim, also where none is held: every slot has been touched before anything is measured.
    while held.len() < slots {
        // A start looks at a few slots only, and the next one further on.
        let span = tracer.trace("long-lived");
        if span.is_recording() {
            held.push(span);
        }
    }
    let mut lot = 0x9e37_79b9_7f4a_7c15_u64;
    while held.len() > count {
        lot ^= lot << 13;
        lot ^= lot >> 7;
        lot ^= lot << 17;
        drop(held.swap_remove(lot as usize % held.len()));
    }
    while let Ok(true) = drain.poll(&mut Sink) {}
    ensure!(held.len() == count, "{count} spans were to be held and {} are", held.len());
    Ok(())
}

fn point(tracer: &'static Tracer, drain: &mut Drain<1472>, slots: usize, held_percent: usize) -> Point {
    let free = slots - slots * held_percent / 100;
    let spans = (free / 2).clamp(1, MOST_SPANS);
    let dropped_before = tracer.stats().spans_full;
    let [mut starts, mut drains, mut polls] = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let before = Ticks.now();
        for _ in 0..spans {
            tracer.trace("short").finish();
        }
        starts.push(Ticks.nanoseconds(Ticks.now() - before) / spans as f64);

        // Until nothing comes any more: the polls that sent something, and those that did not.
        loop {
            let (drained, before) = (drain.spans(), Ticks.now());
            let more = drain.poll(&mut Sink) == Ok(true);
            let took = Ticks.nanoseconds(Ticks.now() - before);
            match drain.spans().wrapping_sub(drained) {
                0 => polls.push(took),
                found => drains.push(took / f64::from(found)),
            }
            if !more {
                break;
            }
        }
    }
    let dropped = tracer.stats().spans_full.wrapping_sub(dropped_before);
    Point {
        slots,
        held_percent,
        start_and_finish_ns: tenths(middle(starts)),
        drain_span_ns: tenths(middle(drains)),
        empty_poll_ns: tenths(middle(polls)),
        dropped_percent: tenths(f64::from(dropped) * 100.0 / (ROUNDS * spans) as f64),
    }
}

/// The mean of the middle half: some counters step by more than what is measured.
fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let quarter = figures.len() / 4;
    let half = figures.get(quarter..figures.len() - quarter).unwrap_or_default();
    half.iter().sum::<f64>() / half.len().max(1) as f64
}

fn tenths(figure: f64) -> f64 {
    (figure * 10.0).round() / 10.0
}

fn print(figures: &Figures) {
    println!("Nanoseconds, means of the middle half of {ROUNDS} rounds on this machine");
    println!(
        "{:>8}{:>10}{:>18}{:>14}{:>14}{:>12}",
        "slots", "held", "start and finish", "drain a span", "empty poll", "dropped"
    );
    for point in &figures.points {
        println!(
            "{:>8}{:>8} %{:>18.1}{:>14.1}{:>14.1}{:>10.1} %",
            point.slots,
            point.held_percent,
            point.start_and_finish_ns,
            point.drain_span_ns,
            point.empty_poll_ns,
            point.dropped_percent
        );
    }
    println!(
        "Bounds: a start looks at {} slots at most, then its span is dropped and counted; a poll looks at {} slots before \
         it finds a span.",
        figures.slots_a_start_looks_at, figures.slots_a_poll_looks_at
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arena_is_measured_empty_and_with_long_lived_spans() {
        static ARENA: Arena<64, 4> = Arena::new();
        static TRACER: Tracer = Tracer::new(&ARENA, &Ticks);
        let points = measure(&TRACER, 64).unwrap();
        let held: Vec<usize> = points.iter().map(|point| point.held_percent).collect();
        assert_eq!(held, HELD);
        assert!(points.iter().all(|point| point.start_and_finish_ns > 0.0 && point.drain_span_ns > 0.0));
        assert_eq!(points[0].dropped_percent, 0.0);
        let file = std::env::temp_dir().join(format!("microspan-growth-{}.svg", std::process::id()));
        plot::draw(&points, &file).unwrap();
        let drawn = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert!(drawn.starts_with("<svg") && drawn.contains("empty poll, 90 % held"), "{drawn}");
    }

    #[test]
    fn the_middle_is_not_moved_by_what_is_far_off() {
        assert_eq!(middle(vec![1.0, 2.0, 4.0, 1_000.0]), 3.0);
        assert_eq!(middle(Vec::new()), 0.0);
    }
}

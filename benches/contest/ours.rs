//! Microspan, through its global tracer: drained, decoded, assembled and encoded on a thread of its own.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, anyhow};
use microspan::{Arena, Drain, InSpan, Refused, Rule, Sampler, Session, Static, Tracer, Transport};
use microspan_std::config::Tagging;
use microspan_std::decode::{Arrival, Decoder};
use microspan_std::msgpack::Payload;
use microspan_std::pipeline::{Assembler, Limits, Trace};
use microspan_std::threads::Threads;

use super::contestant::{Spans, poll};
use crate::ticks::Ticks;

/// How long the drain sleeps when it found nothing.
const REST: Duration = Duration::from_micros(100);
/// Places for threads: more than there are, as in a program.
const BOUND: usize = 64;
/// The bytes of a request body.
const BODY: usize = 1_000_000;
/// A trace is complete when nothing came for it this long, in nanoseconds.
const QUIET: u64 = 1_000_000;
/// One whose root was dropped is given up when nothing came for it this long, in nanoseconds.
const PATIENCE: u64 = 100_000_000;

static RULES: [Rule; 1] = [Rule::new(0.0).name("out")];
static SAMPLER: Sampler = Sampler::new().rules(&RULES);

static DRAINED: AtomicU64 = AtomicU64::new(0);
/// How often the drain looked whether there is something.
static TURNS: AtomicU64 = AtomicU64::new(0);
static ENCODED: AtomicU64 = AtomicU64::new(0);
static IS_OVER: AtomicBool = AtomicBool::new(false);
static DRAINER: Mutex<Option<JoinHandle<Drain<1472>>>> = Mutex::new(None);

/// Microspan.
pub struct Ours;

/// Sets the global tracer, and begins to drain it.
pub fn begin() -> Result<()> {
    let arena = Box::leak(Box::new(Arena::<8_192, 8_192, BOUND>::new()));
    let tracer: &'static Tracer = Box::leak(Box::new(
        Tracer::new(arena, &Ticks).context(&Threads::<BOUND>).service("benches").sampler(&SAMPLER),
    ));
    microspan::set_global(tracer)?;
    let drain = Drain::<1472>::new(tracer, Session::new(2)).ok_or_else(|| anyhow!("no first drain"))?;
    *DRAINER.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::spawn(move || bring_home(drain)));
    Ok(())
}

/// Ends the thread that drains; what it drained with is returned.
pub fn end() -> Result<Drain<1472>> {
    IS_OVER.store(true, Ordering::Relaxed);
    let drainer = DRAINER.lock().unwrap_or_else(PoisonError::into_inner).take();
    drainer.and_then(|drainer| drainer.join().ok()).ok_or_else(|| anyhow!("the thread that drains panicked"))
}

/// Drains until it is over.
fn bring_home(mut drain: Drain<1472>) -> Drain<1472> {
    let mut home = Home {
        since: Instant::now(),
        decoder: Decoder::new(),
        assembler: Assembler::new(
            Limits { quiet: QUIET, patience: PATIENCE, ..Limits::default() },
            Tagging::default(),
        ),
        payload: Payload::new(),
    };
    loop {
        let is_over = IS_OVER.load(Ordering::Relaxed);
        while let Ok(true) = drain.poll(&mut home) {}
        DRAINED.store(u64::from(drain.spans()), Ordering::Relaxed);
        let monotonic = home.monotonic();
        TURNS.fetch_add(1, Ordering::Relaxed);
        home.assembler.poll(monotonic, &mut |trace| encode(&mut home.payload, trace));
        if is_over {
            return drain;
        }
        thread::sleep(REST);
    }
}

/// From packets to the agent's bytes.
struct Home {
    since: Instant,
    decoder: Decoder,
    assembler: Assembler,
    payload: Payload,
}

impl Home {
    fn monotonic(&self) -> u64 {
        self.since.elapsed().as_nanos() as u64
    }
}

impl Transport for Home {
    type Error = Infallible;

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<Infallible>> {
        let unix = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_nanos() as i64);
        let monotonic = self.monotonic();
        let (assembler, payload) = (&mut self.assembler, &mut self.payload);
        self.decoder.packet(packet, Arrival { unix, monotonic }, &mut |span| {
            assembler.push(span, monotonic, &mut |trace| encode(payload, trace));
        });
        Ok(())
    }
}

fn encode(payload: &mut Payload, trace: &Trace) {
    if !payload.push(trace, BODY) {
        payload.clear();
        assert!(payload.push(trace, BODY), "a trace fits an empty body");
    }
    ENCODED.fetch_add(trace.spans().len() as u64, Ordering::Relaxed);
}

impl Spans for Ours {
    const WHO: &'static str = "microspan";

    fn root(recorded: bool, body: &mut dyn FnMut()) {
        let _root = microspan::trace(if recorded { "root" } else { "out" });
        body();
    }

    #[inline(always)]
    fn child() {
        microspan::trace("child").finish();
    }

    #[inline(always)]
    fn two_tags(number: u64) {
        let span = microspan::trace("child");
        span.set_tag("bread", Static("rye")).set_tag("order", number);
    }

    #[inline(always)]
    fn str16(text: &str) {
        microspan::trace("child").set_tag("guest", text);
    }

    #[inline(always)]
    fn async_poll() {
        poll(async {}.in_span(microspan::trace("child")));
    }

    fn settle() {
        // The second turn from now on began after all that was made before.
        let turn = TURNS.load(Ordering::Relaxed) + 2;
        while TURNS.load(Ordering::Relaxed) < turn
            || ENCODED.load(Ordering::Relaxed) != DRAINED.load(Ordering::Relaxed)
        {
            thread::sleep(REST);
        }
    }

    fn delivered() -> u64 {
        ENCODED.load(Ordering::Relaxed)
    }

    fn said_dropped() -> Option<u64> {
        microspan::global().map(|tracer| u64::from(tracer.stats().spans_dropped()))
    }
}

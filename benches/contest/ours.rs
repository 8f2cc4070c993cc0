//! Microspan as a program has it: drained, assembled and encoded by the thread that `init` starts, and posted to an agent.

use std::hint::black_box;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use microspan::{Arena, InSpan, Rule, Sampler, Static, Tracer};
use microspan_std::agent;
use microspan_std::config::Config;
use microspan_std::local::{Builder, Local, Ticks, UNWINDING};
use microspan_std::threads::Threads;

use super::contestant::{SPANS, Spans, poll};

/// How long it sleeps between two looks whether all is encoded.
const REST: Duration = Duration::from_micros(100);

static ARENA: Arena<16_384, 8_192, 256> = Arena::new();
static TRACER: Tracer =
    Tracer::new(&ARENA, &Ticks).context(&Threads::<256>).unwinding(&UNWINDING).service("benches");

static RULES: [Rule; 1] = [Rule::new(0.0).name("out")];
static SAMPLER: Sampler = Sampler::new().rules(&RULES);
static ARENA_OF_SAMPLER: Arena<1_024, 1_024, 256> = Arena::new();
/// A tracer that samples, and of which only a trace that is sampled out is made.
static TRACER_OF_SAMPLER: Tracer =
    Tracer::new(&ARENA_OF_SAMPLER, &Ticks).context(&Threads::<256>).sampler(&SAMPLER);

static LOCAL: OnceLock<Local> = OnceLock::new();
/// Spans that were started, those included that were dropped.
static MADE: AtomicU64 = AtomicU64::new(0);

/// Begins to trace, and to post what is encoded.
pub fn begin() -> Result<()> {
    static TRACES: AtomicU64 = AtomicU64::new(0);
    let config = Config::from_vars([("DD_TRACE_AGENT_URL", super::agent::begin(&TRACES)?)]);
    // As few requests as may be: they are the only ones to allocate, whatever is in them.
    let options = agent::Options { flush_bytes: 8_000_000, ..agent::Options::default() };
    let local = Builder::new().config(config).agent(options).tracer(&TRACER, &Ticks).init()?;
    let _ = LOCAL.set(local);
    Ok(())
}

fn encoded() -> u64 {
    LOCAL.get().map_or(0, |local| local.stats().pipeline.spans_out)
}

fn dropped() -> u64 {
    u64::from(TRACER.stats().spans_dropped())
}

/// A root of `SPANS` children.
fn root(recorded: bool, body: &mut dyn FnMut()) {
    let _root = if recorded {
        MADE.fetch_add(u64::from(SPANS) + 1, Ordering::Relaxed);
        TRACER.trace("root")
    } else {
        TRACER_OF_SAMPLER.trace("out")
    };
    body();
}

fn settle() {
    while encoded() + dropped() < MADE.load(Ordering::Relaxed) {
        // It hands on all that is finished, whether its trace is complete or not.
        if let Some(local) = LOCAL.get() {
            local.flush(Duration::ZERO);
        }
        thread::sleep(REST);
    }
}

/// Who starts spans by this function, in the tracer of the program.
macro_rules! spans {
    ($(#[$doc:meta])* $name:ident, $who:literal, $trace:expr, $trace_out:expr) => {
        $(#[$doc])*
        pub struct $name;

        impl Spans for $name {
            const WHO: &'static str = $who;

            fn root(recorded: bool, body: &mut dyn FnMut()) {
                root(recorded, body);
            }

            #[inline(always)]
            fn child() {
                ($trace)("child").finish();
            }

            #[inline(always)]
            fn two_tags(number: u64) {
                let span = ($trace)("child");
                span.set_tag("bread", Static("rye")).set_tag("order", number);
            }

            #[inline(always)]
            fn str16(text: &str) {
                ($trace)("child").set_tag("guest", text);
            }

            #[inline(always)]
            fn async_poll() {
                poll(async {}.in_span(($trace)("child")));
            }

            #[inline(always)]
            fn sampled_out() {
                ($trace_out)("child").finish();
            }

            fn settle() {
                settle();
            }

            fn delivered() -> u64 {
                encoded()
            }

            fn said_dropped() -> Option<u64> {
                Some(dropped())
            }
        }
    };
}

spans! {
    /// Microspan, whose tracer is a `static` that the program names or links.
    Linked, "microspan", |name| TRACER.trace(name), |name| TRACER_OF_SAMPLER.trace(name)
}
spans! {
    /// Microspan, whose tracer is reached through the pointer that `init` sets.
    Global, "microspan (global)", microspan::trace, |name| black_box(&TRACER_OF_SAMPLER).trace(name)
}

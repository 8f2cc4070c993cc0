//! A program that traces itself: [`init`], and its spans go to the Datadog agent.
//!
//! ```no_run
//! let _tracing = microspan_std::init()?; // in `main`, before the first span
//! let request = microspan::trace("request");
//! request.set_tag("guest", "Ada");
//! # Ok::<(), microspan_std::error::InitError>(())
//! ```
//!
//! What a device has is here under the same names: `microspan::trace`, `span!`, `#[wrap]`, `current_span`, tags, errors,
//! events, links, baggage, `in_span` on futures. The environment says where the agent is and what this program is called
//! ([`Config`]).
//!
//! # What it takes
//!
//! - **Memory**: one arena for all threads, striped, of a size that is chosen at the start ([`Capacity`]); no thread adds to
//!   it. Each thread that traces has a number until it ends, and there are 256: what threads beyond these start at the same
//!   time is dropped and counted as if the arena were full, and so is what a thread starts when it has given its number back ([`Threads`]). Behind the arena the pipeline holds at most 100,000 spans and 64 MB, each client 20 MB.
//! - **Time**: a start and a finish are two clock reads and some stores. They allocate nothing, take no lock and make no
//!   system call, but that a burst wakes the drain's thread. Between the arena and the request body nothing is allocated
//!   for a span, unless it has a string of more than 22 bytes that is no `&'static str`, an `f32`, an event or a link.
//! - **Idle**: one thread drains, and sleeps up to 250 ms at a time when there is nothing to drain; another sends.
//!
//! # Long texts
//!
//! A text of more than 255 bytes that a span, an event, a link or an error is given is kept beside the arena until its span is
//! drained: 25,000 bytes of it, and 4 MB of all, beyond which texts are cut after 255 bytes and counted ([`Stats::texts_cut`]). To
//! set one allocates and takes a lock.
//!
//! # Tags of all spans
//!
//! Those of the configuration (`DD_TAGS`, `DD_ENV`, `DD_VERSION`), and up to 64 that the program sets while it runs, which win over
//! `DD_TAGS`: `microspan::global()` has [`Tracer::set_global_tag`]. `service` is among their keys, and so are `env` and `version`
//! where the configuration has none: what it says of these holds. Traces that go out from then on have them, and a span's own tag wins. A tracer of the program's [own](Builder::tracer) has room for those of its own table.
//!
//! # Traces that go on elsewhere
//!
//! [`Outgoing`](crate::carrier::Outgoing) is what a request carries that is sent on behalf of a span. The first one decides on the trace,
//! and the agent gets what was sent; it takes a lock for as long as rules need to look at the root. A part of a trace that
//! [goes out](crate::pipeline) before its root decides on it as well.
//!
//! # When the arena is full
//!
//! Spans are dropped and counted ([`Stats::recorder`]); nothing waits.
//!
//! # Panics
//!
//! A panic that unwinds through a span marks it with `error.type` `panic`, its message and its stack; spans that started
//! after it, or around what catches it, are not marked. The stack is taken only if there is a span; it has 30 calls unless
//! `DD_TRACE_SPAN_TRACEBACK_MAX_SIZE` says another number, and none of the panic's own. Where panics abort, spans that are not sent yet are lost.
//!
//! A [`TraceFilter`] that panics costs the trace that it was shown. A clock or a log that panics on the thread that drains ends the
//! tracing of this program: nothing is recorded from then on, an error in the log says so, and [`Local::flush`] says `false`. A log that
//! panics on a thread that sends ends the sending there: an error in the log says so, and what is held and what comes later is dropped
//! and counted.
//!
//! # Forks
//!
//! A child of `fork` without `exec` has no thread that sends: nothing is recorded there, which it is told once in the log.
//! Programs that are started by `std::process::Command` are none of these.
//!
//! # The end
//!
//! [`Local::shutdown`] sends what there is, within a time. Dropping the handle does the same within two seconds. An agent that
//! is gone holds up neither. Nothing is recorded afterwards.

mod ahead;
mod arena;
mod decide;
mod engine;
mod fork;
mod given;
mod handle;
mod panics;
mod said;
mod shared;
mod spans;
mod stack;
mod stats;
mod texts;
mod ticks;
mod time;
mod wake;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use microspan::{Clock, GlobalTags, Sampler, Session, SetGlobalError, Tracer};

pub use arena::Capacity;
pub use handle::Local;
pub use panics::UNWINDING;
pub use stats::Stats;
pub use ticks::Ticks;

use crate::agent::{self, Outlets};
use crate::carrier;
use crate::config::Config;
use crate::correlation;
use crate::error::{ConfigError, InitError};
use crate::pipeline::TraceFilter;
use crate::threads::Threads;
use engine::Engine;
use given::{Filters, Given};
use handle::Running;
use shared::Shared;
use ticks::Coarse;

/// How many threads may trace at a time.
const THREADS: usize = 256;

/// How many tags of all spans may be set while the program runs.
const GLOBAL_TAGS: usize = 64;

/// Traces this program, as its environment says.
///
/// # Errors
/// See [`Builder::init`].
pub fn init() -> Result<Local, InitError> {
    Builder::new().init()
}

/// A payload of this size is sent at once. A request takes some sixty allocations, which are few for so many spans.
const FLUSH_BYTES: usize = 4_000_000;

/// What is to be different from what the environment says.
#[derive(Debug)]
#[must_use = "nothing is traced before `init`"]
pub struct Builder {
    config: Option<Config>,
    agent: agent::Options,
    capacity: Capacity,
    is_coarse: bool,
    sampler: Option<&'static Sampler>,
    filter: &'static [&'static str],
    tracer: Option<Given>,
    trace_filters: Filters,
}

impl Builder {
    /// Everything as the environment says.
    pub fn new() -> Self {
        Self {
            config: None,
            agent: agent::Options { flush_bytes: FLUSH_BYTES, ..agent::Options::default() },
            capacity: Capacity::default(),
            is_coarse: false,
            sampler: None,
            filter: &[],
            tracer: None,
            trace_filters: Filters::default(),
        }
    }

    /// A configuration in the place of the environment's.
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(config);
        self
    }

    /// The bounds of the client, of each where traces go out in several ways; what they leave open is as the
    /// configuration says. Without them a payload is sent when it has 4 MB, or after the writer's interval.
    pub fn agent(mut self, options: agent::Options) -> Self {
        self.agent = options;
        self
    }

    /// How much the arena holds.
    pub fn capacity(mut self, capacity: Capacity) -> Self {
        self.capacity = capacity;
        self
    }

    /// Stamps of one to four milliseconds, as the system's timer moves. Where there is a time stamp counter that counts evenly
    /// reading this clock takes half as long as reading that, and elsewhere a fifth of the system's precise clock.
    pub fn coarse_clock(mut self) -> Self {
        self.is_coarse = true;
        self
    }

    /// Which traces are recorded.
    pub fn sampler(mut self, sampler: &'static Sampler) -> Self {
        self.sampler = Some(sampler);
        self
    }

    /// Resources whose traces are not recorded: see [`Tracer::filter`].
    pub fn filter(mut self, patterns: &'static [&'static str]) -> Self {
        self.filter = patterns;
        self
    }

    /// Has every trace pass this code before it is sent, which may change or drop it: after filters that were added before. What
    /// was decided of a trace when a request was sent for it is not decided again. Traces wait for their roots, within [bounds](TraceFilter).
    ///
    /// ```no_run
    /// use microspan_std::local::Builder;
    /// use microspan_std::model::Span;
    ///
    /// let no_polls = |spans: &mut [Span]| spans.first().is_none_or(|root| root.name != "poll");
    /// let _tracing = Builder::new().trace_filter(no_polls).init()?;
    /// # Ok::<(), microspan_std::error::InitError>(())
    /// ```
    pub fn trace_filter(mut self, filter: impl TraceFilter + 'static) -> Self {
        self.trace_filters.0.push(Box::new(filter));
        self
    }

    /// A tracer of the program's own, and its clock, in the place of one that is made here: the capacity, the clock, the sampler
    /// and the filter are then what it was made with.
    ///
    /// One that is a `static` has its sizes and its clock folded into the code of each span, which takes half as many instructions,
    /// where the program names it or links it (`microspan::link_tracer!`, of microspan's feature `linked-tracer`; with `lto = "fat"`).
    ///
    /// ```no_run
    /// use microspan::{Arena, Tracer};
    /// use microspan_std::local::{Builder, Ticks, UNWINDING};
    /// use microspan_std::threads::Threads;
    ///
    /// static ARENA: Arena<16_384, 8_192, 256> = Arena::new();
    /// static TRACER: Tracer = Tracer::new(&ARENA, &Ticks).context(&Threads::<256>).unwinding(&UNWINDING);
    ///
    /// let _tracing = Builder::new().tracer(&TRACER, &Ticks).init()?;
    /// # Ok::<(), microspan_std::error::InitError>(())
    /// ```
    pub fn tracer(mut self, tracer: &'static Tracer, clock: &'static dyn Clock) -> Self {
        self.tracer = Some(Given(tracer, clock));
        self
    }

    /// Begins. What is made here stays until the program ends.
    ///
    /// Where the configuration says that this program does not trace itself nothing is made, and what it records goes
    /// nowhere.
    ///
    /// # Errors
    /// There is a tracer already, the agent's URL cannot be used, or the system gives no thread or no random numbers.
    pub fn init(mut self) -> Result<Local, InitError> {
        let config = self.config.take().unwrap_or_else(Config::from_env);
        for warning in &config.warnings {
            log::warn!("{warning}");
        }
        if !config.trace_enabled {
            carrier::settle(&config);
            return Ok(Local { running: None });
        }
        if microspan::global().is_some() && !self.tracer.is_some_and(|Given(tracer, _)| is_global(tracer)) {
            return Err(SetGlobalError::AlreadySet.into());
        }
        let session = Session::new(getrandom::u64().map_err(InitError::Random)?);
        let client = Outlets::start(&config, std::mem::take(&mut self.agent))?;

        let Given(tracer, clock) = match self.tracer {
            Some(given) => given,
            None => self.make_tracer()?,
        };
        let shared = Arc::new(Shared::new(client));
        let engine = Engine::new(shared.clone(), tracer, clock, session, &config);
        let mut engine = engine.ok_or(SetGlobalError::AlreadySet)?;
        self.trace_filters.0.into_iter().for_each(|filter| engine.add_filter(filter));
        tracer.keep_long_texts(&texts::LONG);
        if !is_global(tracer) {
            microspan::set_global(tracer)?;
        }
        carrier::settle(&config);
        correlation::settle(&config);
        carrier::decide_by(engine.decide(tracer));
        fork::settle();
        panics::watch(|| clock.now(), config.stack_frames);
        thread::Builder::new()
            .name("microspan-drain".into())
            .spawn(move || engine.run())
            .inspect_err(|_| tracer.set_enabled(false))
            .map_err(ConfigError::Thread)?;
        #[cfg(feature = "opentelemetry")]
        crate::otel::flushes_by({
            let shared = Arc::downgrade(&shared);
            move |timeout| shared.upgrade().is_none_or(|shared| handle::flush(&shared, timeout))
        });
        Ok(Local { running: Some(Running { shared, tracer }) })
    }

    /// A tracer as large as is asked for, and its clock.
    fn make_tracer(&self) -> Result<Given, ConfigError> {
        let clock: &'static dyn Clock = if self.is_coarse { &Coarse } else { &Ticks };
        let mut tracer = arena::tracer(self.capacity, clock)
            .map_err(ConfigError::Thread)?
            .context(&Threads::<THREADS>)
            .unwinding(&UNWINDING)
            .global_tags(Box::leak(Box::new(GlobalTags::<GLOBAL_TAGS>::new())))
            .filter(self.filter);
        if let Some(sampler) = self.sampler {
            tracer = tracer.sampler(sampler);
        }
        Ok(Given(Box::leak(Box::new(tracer)), clock))
    }
}

/// Whether this is the tracer of the program, as one that was linked is from the start.
fn is_global(tracer: &'static Tracer) -> bool {
    microspan::global().is_some_and(|global| std::ptr::eq(global, tracer))
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

/// What a monotonic clock tells of so long a time.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

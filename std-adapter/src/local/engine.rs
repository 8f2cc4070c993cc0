//! The drain's thread: from the arena to the agent's client.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use microspan::__private::timed_drain;
use microspan::{Clock, Drain, MAX_STR, Session, Tracer};

use super::ahead;
use super::decide;
use super::nanoseconds;
use super::said::Said;
use super::shared::Shared;
use super::spans::Converter;
use super::texts::TEXTS;
use super::time::{Reading, Time};
use super::wake::WAKE;
use crate::agent::{Followed, ours};
use crate::carrier::Decide;
use crate::config::Config;
use crate::model::Source;
use crate::pipeline::{Assembler, Counters, Limits, Trace, TraceFilter};

/// The shortest sleep, and the longest.
const SHORT: Duration = Duration::from_micros(250);
const LONG: Duration = Duration::from_millis(250);

/// A pass that finds so many spans is followed by a shorter sleep, and one that finds fewer than these by a longer one. So at
/// no steady rate enough of them come in a sleep to end it, which is a system call of a thread that traces.
const MANY: usize = 384;
const FEW: usize = 128;

/// How many spans one pass takes before it hands on the traces that are complete: all that the largest arena holds, so that what
/// ended before a root is taken before its trace goes out.
const PASS: usize = 65_536;

/// How often both clocks are read together.
const CHECK: Duration = Duration::from_secs(1);

/// A trace goes out so many nanoseconds after its root: what outlives that by more goes out by itself. The less is held
/// the more of it is still in the processor's caches.
const QUIET: u64 = 1_000_000;

/// What the thread has.
pub(super) struct Engine {
    shared: Arc<Shared>,
    tracer: &'static Tracer,
    clock: &'static dyn Clock,
    drain: Drain<64, 0>,
    converter: Converter,
    assembler: Assembler,
    said: Said,
    followed: Followed,
    started: Instant,
    checked: Instant,
    sleep: Duration,
    /// What was published last.
    published: Counters,
    /// It was said that long texts found no room.
    is_told: bool,
}

impl Engine {
    /// `None`: the tracer has its drain already.
    pub(super) fn new(
        shared: Arc<Shared>,
        tracer: &'static Tracer,
        clock: &'static dyn Clock,
        session: Session,
        config: &Config,
    ) -> Option<Self> {
        // One second for all: of a root that was drained long ago nobody knows when it began.
        let seconds = if config.long_trace_ids { unix_seconds() } else { 0 };
        let drain = timed_drain(tracer, session, seconds)?;
        let started = Instant::now();
        let mut source = Source::new(session.trace_id(0));
        source.process_id = Some(std::process::id());
        let time = Time::new(clock.frequency(), read(clock, started));
        let rates = shared.client.rates();
        let source = Arc::new(source);
        let mut assembler =
            Assembler::configured(Limits { quiet: QUIET, ..Limits::default() }, config).with_rates(rates);
        assembler.ask_roots(ahead::roots(tracer, source.clone()));
        Some(Self {
            said: Said::new(tracer, Source::clone(&source), config.tagging.clone()),
            drain,
            converter: Converter::new(session, seconds, source, time),
            assembler,
            followed: Followed::default(),
            shared,
            tracer,
            clock,
            started,
            checked: started,
            sleep: SHORT,
            published: Counters::default(),
            is_told: false,
        })
    }

    /// Has every trace pass this code.
    pub(super) fn add_filter(&mut self, filter: Box<dyn TraceFilter>) {
        self.assembler.add_filter(filter);
    }

    /// What decides on traces that are handed on before this has them.
    pub(super) fn decide(&self, tracer: &'static Tracer) -> Box<Decide> {
        let source = &self.converter.source;
        decide::by(tracer, self.said.clone(), source.clone(), self.assembler.decider(source), self.started)
    }

    /// Goes on until it is told to end. After a panic, of a clock or a log of the program's, nothing is recorded any more.
    pub(super) fn run(self) {
        let (shared, tracer) = (self.shared.clone(), self.tracer);
        // What it panicked with might panic when it is let go.
        let ended = catch_unwind(AssertUnwindSafe(|| self.work())).map_err(mem::forget);
        if ended.is_err() {
            tracer.set_enabled(false);
        }
        TEXTS.close();
        shared.ended();
        if ended.is_err() {
            log::error!(
                "the thread that takes finished spans panicked, as it was told above: nothing is recorded from here on; \
                 mend what panicked, a clock or a log of this program's, or report it"
            );
        }
    }

    fn work(mut self) {
        WAKE.adopt();
        ours::adopt();
        loop {
            let found = self.pass();
            let order = self.shared.order();
            if order.is_due() {
                // More was not finished when the order came; a second look is for what somebody read during the first.
                let _ = self.pass() != 0 && self.pass() != 0;
                let client = &self.shared.client;
                self.assembler.flush(&mut |trace| client.send(trace));
                self.publish();
                if order.ends {
                    // Who waits for the end finds no text held.
                    TEXTS.close();
                }
                self.shared.obeyed(order);
            }
            if order.ends {
                break;
            }
            self.rest(found);
        }
    }

    /// Sleeps as long as it may be expected that few spans come.
    fn rest(&mut self, found: usize) {
        if found > MANY {
            self.sleep = (self.sleep / 2).max(SHORT);
            if found > 4 * MANY {
                return;
            }
        } else if found < FEW {
            self.sleep = (self.sleep * 2).min(LONG);
        }
        let due = self.assembler.next_deadline().map(|due| due.saturating_sub(self.now()));
        let time = due.map_or(self.sleep, |due| self.sleep.min(Duration::from_nanos(due).max(SHORT)));
        if time <= SHORT {
            WAKE.nap(time);
        } else if WAKE.sleep(time) {
            self.sleep = SHORT;
        }
    }

    /// Takes what is finished, up to so many spans and a few more; how many that were.
    fn pass(&mut self) -> usize {
        self.check();
        let now = self.now();
        let Self { shared, drain, converter, assembler, said, followed, .. } = self;
        follow(shared, followed, assembler);
        let mut send = |trace: &Trace| shared.client.send(trace);
        let mut found = 0;
        loop {
            let more = drain.take(|taken| {
                let span = converter.span(taken, assembler.spare_tags());
                assembler.push(span, now, &mut send);
                found += 1;
            });
            if !more || found >= PASS {
                break;
            }
        }
        // After spans were taken: what was set before they ended is said of them.
        if let Some(said) = said.news() {
            assembler.renew(&converter.source, said);
        }
        // What the agent said before the last of them was taken holds for all that goes out.
        follow(shared, followed, assembler);
        assembler.poll(now, &mut send);
        if self.assembler.counters() != self.published {
            self.publish();
        }
        found
    }

    fn publish(&mut self) {
        let counters = self.assembler.counters();
        self.shared.publish(counters, self.converter.time.jumps());
        let before = std::mem::replace(&mut self.published, counters);
        if counters.filter_panics != 0 && before.filter_panics == 0 {
            log::error!(
                "a trace filter of this program panicked: the trace that it was shown is dropped, and so will be others like \
                 it, which are counted and not told; mend the filter"
            );
        }
    }

    /// Reads both clocks, if it is time to.
    fn check(&mut self) {
        if self.checked.elapsed() < CHECK {
            return;
        }
        self.checked = Instant::now();
        if !self.is_told && TEXTS.refused() != 0 {
            self.is_told = true;
            log::warn!(
                "texts of more than {MAX_STR} bytes that spans were given found no room and were cut: those of spans that are \
                 open or not sent yet take 4 MB at most; further ones are counted and not told"
            );
        }
        let jump = self.converter.time.observe(read(self.clock, self.started));
        if let Some(jump) = jump.filter(|_| self.converter.time.jumps() == 1) {
            log::warn!(
                "the system's clock and that of spans parted by {jump} ns: it was set, or the machine slept; spans under \
                 way may be wrong by that, and later jumps are counted and not told"
            );
        }
    }

    /// Monotonic nanoseconds.
    fn now(&self) -> u64 {
        nanoseconds(self.started.elapsed())
    }
}

/// Has the agent's lists hold from here on, if it said new ones.
fn follow(shared: &Shared, followed: &mut Followed, assembler: &mut Assembler) {
    if let Some(filters) = shared.client.agent().and_then(|agent| followed.news(agent)) {
        assembler.set_agent_filters(filters);
    }
}

/// The seconds of now, as far as 32 bits go.
fn unix_seconds() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() as u32
}

/// Reads both clocks, as close together as some tries can.
fn read(clock: &dyn Clock, started: Instant) -> Reading {
    let once = || {
        let before = clock.now();
        let (unix, monotonic) = (SystemTime::now(), started.elapsed());
        let gap = clock.now().wrapping_sub(before);
        let unix = unix.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
        (gap, Reading { tick: before.wrapping_add(gap / 2), unix, monotonic: nanoseconds(monotonic) })
    };
    let (_, best) =
        (0..3).map(|_| once()).fold(once(), |best, next| if next.0 < best.0 { next } else { best });
    best
}

//! Which traces are recorded, from a tracer's start to a drain's packets.

use super::*;
use crate::sync::Ordering;
use crate::wire::{Packet, Record, TagValue, Text};
use crate::{
    Arena, Clock, Context, Drain, InSpan, Interrupts, Refused, Session, Static, Stats, Tracer, Transport,
};
extern crate std;
use proptest::prelude::*;
use std::boxed::Box;
use std::collections::HashMap;
use std::string::{String, ToString};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::vec::Vec;

struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn frequency(&self) -> u32 {
        1000
    }
}

/// The interrupt that runs, as the test says.
struct Running(AtomicU32);

impl Context for Running {
    fn interrupt(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
struct Kept(Vec<Vec<u8>>);

impl Transport for Kept {
    type Error = ();

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<()>> {
        self.0.push(packet.to_vec());
        Ok(())
    }
}

/// A drain, and what a host has heard of it.
struct Host {
    drain: Drain<512>,
    names: HashMap<u32, String>,
}

impl Host {
    fn of(tracer: &'static Tracer) -> Self {
        Self { drain: Drain::new(tracer, Session::new(0x5EED)).unwrap(), names: HashMap::new() }
    }

    fn packets(&mut self) -> Vec<Vec<u8>> {
        let mut link = Kept::default();
        while self.drain.poll(&mut link) != Ok(false) {}
        link.0
    }

    /// The spans that were finished, as lines: the name, `<` for a parent, `~` for a link, the tags.
    fn spans(&mut self) -> Vec<String> {
        let packets = self.packets();
        for record in records(&packets) {
            if let Record::Name { index, text } = record {
                self.names.insert(index, text.to_string());
            }
        }
        let show = |text: Text<'_>| match text {
            Text::Name(index) => self.names[&index].clone(),
            Text::Inline(text) => text.to_string(),
        };
        let line = |record| {
            let Record::Span(span) = record else { return None };
            let mut line = show(span.name) + if span.parent.is_some() { " <" } else { "" };
            line += if span.link.is_some() { " ~" } else { "" };
            for tag in span.tags {
                let value = match tag.value {
                    TagValue::F32(value) => value.to_string(),
                    TagValue::Bool(value) => value.to_string(),
                    TagValue::Text(text) => show(text),
                    other => std::format!("{other:?}"),
                };
                line += &std::format!(" {}={value}", show(tag.key));
            }
            Some(line)
        };
        records(&packets).filter_map(line).collect()
    }
}

fn records(packets: &[Vec<u8>]) -> impl Iterator<Item = Record<'_>> {
    packets.iter().flat_map(|packet| Packet::parse(packet).unwrap().records()).map(Result::unwrap)
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// A tracer whose session has not begun.
fn tracer_of<const SPANS: usize>(sampler: Sampler, change: impl FnOnce(Tracer) -> Tracer) -> &'static Tracer {
    let clock = leak(Hand(AtomicU64::new(1 << 33)));
    let tracer = Tracer::new(leak(Arena::<SPANS, 64>::new()), clock);
    leak(change(tracer.service("kitchen").sampler(leak(sampler))))
}

fn begun<const SPANS: usize>(
    sampler: Sampler,
    change: impl FnOnce(Tracer) -> Tracer,
) -> (&'static Tracer, Host) {
    let tracer = tracer_of::<SPANS>(sampler, change);
    (tracer, Host::of(tracer))
}

static OUT: [Rule; 2] = [Rule::new(0.0).name("out"), Rule::new(0.0).name("out.*")];

fn some_out<const SPANS: usize>(change: impl FnOnce(Tracer) -> Tracer) -> (&'static Tracer, Host) {
    begun::<SPANS>(Sampler::new().rules(&OUT), change)
}

fn sampled_out(tracer: &Tracer) -> u32 {
    let stats = tracer.stats();
    assert_eq!(stats.losses(), Stats::default());
    stats.traces_sampled_out
}

#[test]
fn what_is_under_a_root_that_is_sampled_out_is_not_recorded_and_what_comes_after_is() {
    let (tracer, mut host) = some_out::<8>(|tracer| tracer);
    for _ in 0..100 {
        let root = tracer.trace("out");
        let child = tracer.trace("child");
        let grandchild = tracer.trace("grandchild");
        assert!(!root.is_recording() && !child.is_recording() && !grandchild.is_recording());
        assert!(tracer.current_span().is_none() && tracer.current_root_span().is_none());
        assert!(root.as_ref().is_none() && child.as_ref().is_none());
        child.set_tag("a", 1u8).set_error("E", "e").keep();
        root.set_tag("a", 1u8).set_error("E", "e").reject();
        drop((grandchild, child));
        assert!(!tracer.trace("second").is_recording());
        drop(root);
    }
    let after = tracer.trace("after");
    tracer.trace("child").finish();
    drop(after);
    assert_eq!(host.spans(), ["after", "child <"]);
    assert_eq!(sampled_out(tracer), 100);
}

#[test]
fn a_root_that_is_kept_by_a_rule_carries_its_rate_and_that_of_the_limit() {
    static RULES: [Rule; 2] = [Rule::new(1.0).name("Toast?"), Rule::new(0.75).service("KIT*").name("b*")];
    let (tracer, mut host) = begun::<16>(Sampler::new().rules(&RULES).limit(2), |tracer| tracer);
    for name in ["toaster", "toasty", "toasty", "toasty", "other"] {
        let root = tracer.trace(name);
        root.set_tag("n", Static("v"));
        tracer.trace("inner").finish();
    }
    assert_eq!(
        host.spans(),
        [
            "toaster n=v",
            "inner <",
            "toasty n=v _dd.limit_psr=1 _dd.rule_psr=1",
            "inner <",
            "toasty n=v _dd.limit_psr=1 _dd.rule_psr=1",
            "inner <",
            "other n=v",
            "inner <"
        ]
    );
    assert_eq!(sampled_out(tracer), 1); // the third, by the limit
}

#[test]
fn a_trace_is_recorded_if_and_only_if_its_own_id_says_so() {
    let session = Session::new(0x5EED);
    let (tracer, mut host) = begun::<16>(Sampler::new().rate(0.3).unlimited(), |tracer| tracer);
    let (mut kept, mut seen) = (0, Vec::new());
    let roots = if cfg!(miri) { 30 } else { 3_000 };
    for _ in 0..roots {
        kept += u32::from(tracer.trace("root").is_recording());
        for record in records(&host.packets()) {
            if let Record::Span(span) = record {
                seen.push(session.span_id(span.counter));
            }
        }
    }
    assert!(seen.iter().all(|id| Rule::new(0.3).rate.keeps(|| Some(*id)) == Some(true)));
    assert_eq!((seen.len() as u32, sampled_out(tracer)), (kept, roots - kept));
    let share = f64::from(kept) / f64::from(roots);
    assert!((share - 0.3).abs() < if cfg!(miri) { 0.3 } else { 0.04 }, "{share}");
}

#[test]
fn before_the_session_begins_a_verdict_that_needs_the_id_is_left_to_the_host() {
    let tracer = tracer_of::<16>(Sampler::new().rules(&OUT).rate(0.000_000_1), |tracer| tracer);
    for name in ["early", "out"] {
        tracer.trace(name).finish();
    }
    let mut host = Host::of(tracer);
    tracer.trace("late").finish();
    assert_eq!(host.spans(), ["early"]);
    assert_eq!(sampled_out(tracer), 2);
}

#[test]
fn a_filter_leaves_out_whole_traces_and_asks_only_their_roots() {
    static FILTER: [&str; 2] = ["HEALTH.*", "idle"];
    let (tracer, mut host) = some_out::<8>(|tracer| tracer.filter(&FILTER));
    for name in ["health.ping", "idle", "work"] {
        let _root = tracer.trace(name);
        tracer.trace("idle").finish();
    }
    assert_eq!(host.spans(), ["work", "idle <"]);
    let stats = tracer.stats();
    assert_eq!((stats.traces_filtered, stats.traces_sampled_out, stats.losses()), (2, 0, Stats::default()));
}

#[test]
fn the_counts_go_out_and_do_not_have_a_packet_each() {
    let (tracer, mut host) = some_out::<8>(|tracer| tracer);
    host.packets();
    for _ in 0..50 {
        tracer.trace("out").finish();
        assert_eq!(host.packets(), [[0; 0]; 0]);
    }
    host.drain.sync();
    let packets = host.packets();
    let count = |record| match record {
        Record::Dropped { cause, count, .. } => Some((cause, count)),
        _ => None,
    };
    let counts: Vec<_> = records(&packets).filter_map(count).collect();
    assert_eq!(counts, [(Some(crate::Cause::TracesSampledOut), 50)]);
}

#[test]
fn an_interrupt_belongs_to_the_trace_it_came_into_or_is_judged_by_itself() {
    for (interrupts, expected) in
        [(Interrupts::Children, &["byte <"][..]), (Interrupts::Roots, &["byte", "in.byte <", "byte ~"])]
    {
        let running = leak(Running(AtomicU32::new(0)));
        let (tracer, mut host) = some_out::<8>(|tracer| tracer.context(running).interrupts(interrupts));
        let interrupt = |number, outer| {
            running.0.store(number, Ordering::Relaxed);
            let byte = tracer.trace(outer);
            let inner = tracer.trace("in.byte");
            let recorded = (byte.is_recording(), inner.is_recording());
            drop((inner, byte));
            running.0.store(0, Ordering::Relaxed);
            recorded
        };
        {
            let _out = tracer.trace("out");
            let alone = interrupts == Interrupts::Roots;
            assert_eq!(interrupt(37, "byte"), (alone, alone));
            assert_eq!(interrupt(37, "out.byte"), (false, false));
            assert!(!tracer.trace("child").is_recording());
        }
        assert!(tracer.trace("work").is_recording());
        let mut seen = host.spans();
        {
            let _work = tracer.trace("work");
            interrupt(38, if interrupts == Interrupts::Roots { "out.byte" } else { "byte" });
            assert!(tracer.trace("child").is_recording());
        }
        {
            let _work = tracer.trace("work");
            interrupt(38, "byte");
        }
        seen.extend(host.spans());
        for line in expected {
            assert!(seen.iter().any(|seen| seen == line), "{line} in {seen:?}");
        }
        assert!(!seen.iter().any(|line| line.starts_with("out")));
        assert_eq!(tracer.stats().losses(), Stats::default());
    }
}

#[test]
fn an_interrupt_over_an_interrupt_that_is_sampled_out_ends_with_it_current_again() {
    let running = leak(Running(AtomicU32::new(40)));
    let (tracer, _host) = some_out::<8>(|tracer| tracer.context(running).interrupts(Interrupts::Roots));
    let outer = tracer.trace("outer");
    running.0.store(41, Ordering::Relaxed);
    let inner = tracer.trace("out.inner");
    assert!(!tracer.trace("child").is_recording());
    drop(inner);
    running.0.store(40, Ordering::Relaxed);
    assert_eq!(tracer.current_root_span().map(|root| root.is_open()), Some(true));
    assert!(tracer.trace("child").is_recording());
    drop(outer);
    assert_eq!(sampled_out(tracer), 1);
}

/// Polls a future once.
fn poll<F: Future>(future: core::pin::Pin<&mut F>) -> bool {
    let mut context = core::task::Context::from_waker(core::task::Waker::noop());
    future.poll(&mut context).is_ready()
}

/// A future that is done at its second poll.
async fn once() {
    let mut first = true;
    core::future::poll_fn(move |_| {
        let pending = core::mem::replace(&mut first, false);
        if pending { core::task::Poll::Pending } else { core::task::Poll::Ready(()) }
    })
    .await;
}

async fn work(tracer: &'static Tracer) {
    let before = tracer.trace("before");
    once().await;
    let _after = tracer.trace("after");
    drop(before);
}

#[test]
fn futures_whose_traces_are_sampled_out_and_others_take_turns() {
    let (tracer, mut host) = some_out::<16>(|tracer| tracer);
    let mut out = Box::pin(work(tracer).in_span(tracer.trace("out.a")));
    let mut other = Box::pin(work(tracer).in_span(tracer.trace("out.b")));
    let mut kept = Box::pin(work(tracer).in_span(tracer.trace("kept")));
    assert!(tracer.current_span().is_none());
    for done in [false, true] {
        assert_eq!(poll(out.as_mut()), done);
        assert_eq!(poll(kept.as_mut()), done);
        assert_eq!(poll(other.as_mut()), done);
        assert!(tracer.trace("between").is_recording());
    }
    let mut seen = host.spans();
    seen.sort();
    assert_eq!(seen, ["after <", "before <", "between", "between", "kept"]);
    assert_eq!(sampled_out(tracer), 2);
}

#[test]
fn a_future_that_is_started_in_a_trace_which_is_sampled_out_stays_out_after_its_root() {
    let (tracer, mut host) = some_out::<8>(|tracer| tracer);
    let root = tracer.trace("out");
    let mut task = Box::pin(work(tracer).in_span(tracer.trace("task")));
    drop(root);
    assert!(!poll(task.as_mut()) && poll(task.as_mut()));
    drop(task);
    let detached = {
        let _root = tracer.trace("out");
        tracer.trace("child").detach()
    };
    detached.enter(|| assert!(!tracer.trace("inner").is_recording()));
    drop(detached);
    tracer.trace("work").finish();
    assert_eq!(host.spans(), ["work"]);
    assert_eq!(sampled_out(tracer), 2);
}

#[test]
fn a_root_that_is_sampled_out_may_end_on_another_core() {
    struct Asking(AtomicU32);
    impl Context for Asking {
        fn core(&self) -> usize {
            self.0.load(Ordering::Relaxed) as usize
        }
    }
    let (core, clock) = (leak(Asking(AtomicU32::new(0))), leak(Hand(AtomicU64::new(0))));
    let arena = leak(Arena::<8, 8, 2>::new());
    let tracer = leak(Tracer::new(arena, clock).context(core).sampler(leak(Sampler::new().rules(&OUT))));
    let out = tracer.trace("out");
    core.0.store(1, Ordering::Relaxed);
    let own = tracer.trace("out.of.another");
    drop(out);
    assert!(!tracer.trace("child").is_recording());
    drop(own);
    core.0.store(0, Ordering::Relaxed);
    let work = tracer.trace("work");
    assert!(work.is_recording() && tracer.trace("child").is_recording());
}

#[test]
fn a_flight_recorder_loses_nothing_to_traces_that_are_sampled_out() {
    let (tracer, mut host) = some_out::<8>(Tracer::overwrite);
    for _ in 0..8 {
        tracer.trace("kept").finish();
    }
    for _ in 0..100 {
        let _root = tracer.trace("out");
        tracer.trace("child").finish();
    }
    let stats = tracer.stats();
    assert_eq!((stats.spans_overwritten, stats.traces_sampled_out), (1, 100));
    assert_eq!(host.spans().len(), 7);
}

#[test]
fn an_error_in_a_trace_that_is_sampled_out_takes_no_reserved_slot() {
    let (tracer, mut host) = some_out::<8>(|tracer| tracer.reserve(4));
    let root = tracer.trace("out");
    let child = tracer.trace("child");
    child.set_error("E", "e");
    root.set_error("E", "e");
    drop((child, root));
    assert_eq!(host.spans(), [""; 0]);
    assert_eq!(sampled_out(tracer), 1);
}

#[test]
fn a_trace_is_kept_or_rejected_through_any_of_its_spans() {
    let (tracer, mut host) = some_out::<8>(|tracer| tracer);
    let root = tracer.trace("root");
    let child = tracer.trace("child");
    tracer.trace("inner").keep().reject();
    tracer.current_span().unwrap().keep();
    drop((child, root));
    let root = tracer.trace("root");
    let late = tracer.trace("late");
    drop(root);
    assert_eq!(host.spans(), ["root manual.keep=true manual.drop=true", "child <", "inner <", "root"]);
    late.keep(); // its root is gone
    drop(late);
    assert_eq!(tracer.stats().stale, 1);
    let root = tracer.trace("root");
    tracer.trace("inner").reject();
    drop(root);
    assert_eq!(host.spans(), ["late <", "root manual.drop=true", "inner <"]);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Kept,
    Out,
    End,
    Detach,
    Drain,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Kept),
        3 => Just(Step::Out),
        4 => Just(Step::End),
        1 => Just(Step::Detach),
        1 => Just(Step::Drain),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 500 }))]
    #[test]
    fn a_span_is_recorded_if_and_only_if_its_trace_is(steps in prop::collection::vec(step(), 0..80)) {
        let (tracer, mut host) = some_out::<128>(|tracer| tracer);
        // The guards that nest, and whether each one's trace is recorded.
        let mut open: Vec<(crate::Span, bool)> = Vec::new();
        let mut apart = Vec::new();
        let (mut made, mut out, mut seen) = (0, 0, 0);
        for step in steps {
            match step {
                Step::Kept | Step::Out => {
                    let name = if matches!(step, Step::Kept) { "kept" } else { "out" };
                    let span = tracer.trace(name);
                    let recorded = match open.last() {
                        Some((_, recorded)) => *recorded,
                        None => {
                            out += u32::from(name == "out");
                            name == "kept"
                        }
                    };
                    prop_assert_eq!(span.is_recording(), recorded);
                    made += usize::from(recorded);
                    open.push((span, recorded));
                }
                Step::End => drop(open.pop()),
                Step::Detach => {
                    if let Some((span, recorded)) = open.pop() {
                        let span = span.detach();
                        span.enter(|| {
                            let inner = tracer.trace("inner");
                            made += usize::from(recorded);
                            assert_eq!(inner.is_recording(), recorded);
                        });
                        apart.push(span);
                    }
                }
                Step::Drain => seen += host.spans().len(),
            }
            let current = tracer.current_span().is_some();
            prop_assert_eq!(current, open.last().is_some_and(|(_, recorded)| *recorded));
        }
        while open.pop().is_some() {}
        drop(apart);
        seen += host.spans().len();
        prop_assert_eq!((seen, sampled_out(tracer)), (made, out));
        // Every slot has been given back.
        let all: Vec<_> = (0..128).map(|_| tracer.trace("kept")).collect();
        prop_assert!(all.iter().all(crate::Span::is_recording));
    }
}

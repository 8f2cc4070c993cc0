//! Which traces are recorded, from a tracer's start to a drain's packets.

use super::*;
use crate::sync::Ordering;
use crate::wire::{Packet, Record, TagValue, Text};
use crate::{Arena, Clock, Drain, Refused, Session, Static, Stats, Tracer, Transport};
extern crate std;
use std::boxed::Box;
use std::collections::HashMap;
use std::string::{String, ToString};
use std::sync::atomic::AtomicU64;
use std::vec::Vec;

mod any_tests;
mod context_tests;

struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn frequency(&self) -> u32 {
        1000
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
            Text::Address { .. } => unreachable!("names are told in band"),
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
        child.set_tag("a", 1u8).set_error_info("E", "e").keep();
        root.set_tag("a", 1u8).set_error_info("E", "e").reject();
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
fn a_filter_looks_at_the_resource_and_at_the_name_only_where_that_is_the_resource() {
    static FILTER: [&str; 1] = ["GET /health*"];
    let (tracer, mut host) = some_out::<8>(|tracer| tracer.filter(&FILTER));
    let is_recorded = |builder: crate::SpanBuilder<'_>| builder.start().is_recording();
    assert!(!is_recorded(tracer.span("request").resource("GET /health/live")));
    assert!(!is_recorded(tracer.span("request").resource("GET /health").root()));
    assert!(!is_recorded(tracer.span("GET /health")));
    assert!(is_recorded(tracer.span("GET /health").resource("GET /order")));
    assert!(is_recorded(tracer.span("request").service("GET /health")));
    let root = tracer.trace("root");
    assert!(is_recorded(tracer.span("child").resource("GET /health")));
    root.set_resource("GET /health"); // too late
    drop(root);
    assert_eq!(host.spans().len(), 4);
    let stats = tracer.stats();
    assert_eq!((stats.traces_filtered, stats.losses()), (3, Stats::default()));
}

#[test]
fn rules_look_at_the_roots_own_service_and_resource_or_else_at_the_tracers_service_and_the_name() {
    static RULES: [Rule; 3] = [
        Rule::new(0.0).service("cellar").name("fetch"),
        Rule::new(0.0).service("kitchen").resource("GET *"),
        Rule::new(1.0).service("KITCHEN"),
    ];
    let (tracer, mut host) = begun::<16>(Sampler::new().rules(&RULES), |tracer| tracer);
    for service in ["kitchen", "cellar", "attic"] {
        drop(tracer.span("fetch").service(service).start());
    }
    drop(tracer.span("cook").resource("GET /soup").start());
    drop(tracer.span("cook").resource("GET /soup").service("attic").root().start());
    tracer.trace("GET soup").finish();
    drop(tracer.span("GET soup").resource("soup").start());
    tracer.trace("cook").finish();
    assert_eq!(
        host.spans(),
        [
            "fetch service.name=kitchen _dd.limit_psr=1 _dd.rule_psr=1",
            "fetch service.name=attic",
            "cook resource.name=GET /soup service.name=attic",
            "GET soup resource.name=soup _dd.limit_psr=1 _dd.rule_psr=1",
            "cook _dd.limit_psr=1 _dd.rule_psr=1",
        ]
    );
    assert_eq!(sampled_out(tracer), 3); // of the cellar, and what gets
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
    child.set_error_info("E", "e");
    root.set_error_info("E", "e");
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

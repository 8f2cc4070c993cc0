//! Code of a program that its traces pass.

mod support;

use std::time::Duration;

use microspan::{Arena, Tracer, trace};
use microspan_std::local::{Builder, Ticks, UNWINDING};
use microspan_std::model::{Span, Text};
use microspan_std::threads::Threads;
use support::Agent;

static ARENA: Arena<1_024, 1_024, 256> = Arena::new();
/// A tracer of the program's own, as the same program may have.
static TRACER: Tracer = Tracer::new(&ARENA, &Ticks).context(&Threads::<256>).unwinding(&UNWINDING);

#[test]
fn a_trace_filter_drops_whole_traces_and_changes_others_and_a_static_tracer_is_the_one_of_the_program() {
    let agent = Agent::start();
    let no_polls = |spans: &mut [Span]| spans.iter().all(|span| span.name != "poll");
    let shout = |spans: &mut [Span]| {
        spans.iter_mut().for_each(|span| span.resource = Some(Text::from(span.name.to_uppercase())));
        true
    };
    let local = Builder::new()
        .config(agent.config())
        .tracer(&TRACER, &Ticks)
        .trace_filter(no_polls)
        .trace_filter(shout)
        .init()
        .expect("the first tracer");

    for (root, child) in [("request", "answer"), ("tick", "poll")] {
        let _root = TRACER.trace(root);
        trace(child).finish();
    }
    assert!(local.flush(Duration::from_secs(5)));
    let mut sent: Vec<_> = agent.spans().into_iter().map(|span| (span.name, span.resource)).collect();
    sent.sort();
    assert_eq!(
        sent,
        [("answer", "ANSWER"), ("request", "REQUEST")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    let stats = local.shutdown(Duration::from_secs(5));
    assert_eq!((stats.pipeline.filtered_traces, stats.pipeline.filtered_spans), (1, 2));
}

//! What a span allocates when it is counted, and what a program that samples says of all its traces.

#[path = "support/allocations.rs"]
mod allocations;
mod support;

use std::thread;
use std::time::{Duration, Instant};

use microspan::{Static, trace};
use microspan_std::local::{Builder, Local};
use support::Agent;

const SOON: Duration = Duration::from_secs(10);
const TRACES: u64 = 10_000;
const SPANS: u64 = 10 * TRACES;

/// Requests whose resources are a few, each with a call to another service and eight steps.
fn record(local: &Local) {
    let before = local.stats().pipeline.spans;
    for burst in 0..100 {
        for number in 0..100 {
            let request = trace("request");
            let resource = ["GET /sandwich/of/any/length", "GET /soup", "POST /order"][number % 3];
            request.set_tag("resource.name", Static(resource)).set_tag("http.status_code", 200u32);
            let call = trace("call");
            call.set_tag("span.kind", Static("client")).set_tag("service.name", Static("a bakery far away"));
            drop(call);
            (0..8).for_each(|_| drop(trace("step")));
        }
        while local.stats().pipeline.spans < before + 1_000 * (burst + 1) {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn a_span_that_is_counted_allocates_nothing_and_the_end_sends_every_count() {
    let agent = Agent::counting();
    let config = agent.config().with_stats_computation(true);
    let local = Builder::new().config(config).init().expect("the first tracer");
    // What comes before the agent has said that it takes statistics, and how many traces it wants, is not counted here.
    let started = Instant::now();
    while local.stats().agent.sampled_out.traces == 0 {
        assert!(started.elapsed() < SOON, "the agent takes statistics");
        (0..10).for_each(|_| drop(trace("first")));
        assert!(local.flush(SOON));
    }
    record(&local);
    assert!(local.flush(SOON));
    let before = (allocations::so_far(), local.stats());
    record(&local);
    let allocations = allocations::so_far() - before.0;
    let stats = local.shutdown(SOON);
    let since = |of: fn(&microspan_std::agent::Stats) -> u64| of(&stats.agent) - of(&before.1.agent);
    println!("{allocations} allocations for {SPANS} spans");
    assert!(allocations < SPANS / 100, "{allocations} for {SPANS} spans");

    assert_eq!(since(|stats| stats.sent.traces + stats.sampled_out.traces), TRACES, "{stats:?}");
    assert!(since(|stats| stats.sampled_out.traces) > TRACES / 3, "{stats:?}");
    // A request and a call of each trace, and all of those that are not sent.
    assert_eq!(since(|stats| stats.statistics.sent), 2 * TRACES, "{stats:?}");
    assert_eq!((stats.agent.dropped().spans, stats.agent.statistics.dropped), (0, 0), "{stats:?}");
}

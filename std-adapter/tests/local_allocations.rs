//! What a span allocates, in the whole process: its start, tags and end, the drain, the assembly, the encoding, the request.

#[path = "support/allocations.rs"]
mod allocations;
mod support;

use std::thread;
use std::time::Duration;

use microspan::{Static, trace};
use microspan_std::local::{Builder, Local};
use support::Agent;

const SPANS: u64 = 100_000;

/// Traces of ten spans, tagged, in bursts that find room.
fn record(local: &Local) {
    let before = local.stats().pipeline.spans;
    for burst in 0..SPANS / 1_000 {
        for _ in 0..100 {
            let request = trace("request");
            request.set_tag("resource.name", Static("GET /sandwich")).set_tag("burst", burst);
            for _ in 0..9 {
                // The agent's form of this name is another, and is found once.
                let step = trace("one step");
                step.set_tag("bread", Static("rye")).set_tag("guest", "sixteen bytes ok");
            }
        }
        while local.stats().pipeline.spans < before + 1_000 * (burst + 1) {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Records, and waits until the agent has it.
fn deliver(local: &Local) -> u64 {
    let before = allocations::so_far();
    record(local);
    assert!(local.flush(Duration::from_secs(10)));
    allocations::so_far() - before
}

#[test]
fn a_span_allocates_nothing_from_its_start_to_the_request_that_has_it() {
    let agent = Agent::blind();
    let local = Builder::new().config(agent.config()).init().expect("the first tracer");
    deliver(&local);
    let payloads = local.stats().agent.payloads_sent;
    let allocations = deliver(&local);
    let payloads = local.stats().agent.payloads_sent - payloads;
    let stats = local.shutdown(Duration::from_secs(5));
    assert_eq!(stats.agent.sent.spans, 2 * SPANS, "{stats:?}");
    println!("{allocations} allocations for {SPANS} spans in {payloads} requests");
    assert!(allocations < SPANS / 100, "{allocations} for {SPANS} spans");
}

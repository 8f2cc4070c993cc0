//! What the agent says of itself, and the traces that come right after.

mod support;

use std::thread;
use std::time::{Duration, Instant};

use microspan::trace;
use microspan_std::local::Builder;
use support::Agent;

#[test]
fn the_agents_lists_hold_for_the_first_trace_after_it_told_them() {
    let agent = Agent::saying(r#"{"endpoints":["/v0.4/traces"],"ignore_resources":["health"]}"#);
    let local = Builder::new().config(agent.config()).init().expect("the first tracer");
    let started = Instant::now();
    while local.agent_info().is_none() {
        assert!(started.elapsed() < Duration::from_secs(5), "the agent was not asked");
        trace("before").finish();
        assert!(local.flush(Duration::from_secs(5)));
        thread::sleep(Duration::from_millis(1));
    }
    for _ in 0..20 {
        trace("health").finish();
        trace("order").finish();
    }
    assert!(local.flush(Duration::from_secs(5)));
    let sent = |name: &str| agent.spans().iter().filter(|span| span.name == name).count();
    assert_eq!((sent("health"), sent("order")), (0, 20));
    assert_eq!(local.shutdown(Duration::from_secs(5)).pipeline.filtered_traces, 20);
}

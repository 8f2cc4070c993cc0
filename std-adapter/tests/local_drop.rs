//! A handle that is dropped.

mod support;

use std::time::Duration;

use microspan::trace;
use microspan_std::local::{Builder, Capacity};
use support::Agent;

#[test]
fn a_handle_that_is_dropped_sends_what_there_is() {
    let agent = Agent::start();
    let local = Builder::new().config(agent.config()).capacity(Capacity::Small).coarse_clock();
    let local = local.init().expect("the first tracer");
    trace("early").finish();
    // However long it may take it takes no longer than it does.
    assert!(local.flush(Duration::MAX));
    assert_eq!(agent.tree("early"), "early\n");
    {
        let _request = trace("request");
        trace("step").finish();
    }
    drop(local);
    assert_eq!(agent.tree("request"), "request\n step\n");
    assert!(!trace("late").is_recording());
}

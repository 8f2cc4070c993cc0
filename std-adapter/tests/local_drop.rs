//! A handle that is dropped.

mod support;

use std::thread;
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
    // The next thread has the number of the one before it.
    let left = thread::spawn(|| trace("left")).join().expect("no panic");
    thread::spawn(|| trace("next").finish()).join().expect("no panic");
    drop(left);
    {
        let _request = trace("request");
        trace("step").finish();
    }
    drop(local);
    assert_eq!(agent.tree("request"), "request\n step\n");
    assert_eq!((agent.tree("left"), agent.tree("next")), ("left\n".into(), "next\n".into()));
    assert!(!trace("late").is_recording());
}

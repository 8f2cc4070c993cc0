//! A flush while spans go on being finished.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use microspan::trace;
use microspan_std::local::Builder;
use support::Agent;

#[test]
fn a_flush_ends_though_more_spans_come_all_the_time() {
    const LONGEST: Duration = Duration::from_secs(30);
    let agent = Agent::blind();
    let local = Builder::new().config(agent.config()).init().expect("the first tracer");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                (0..1_000).for_each(|_| drop(trace("request")));
            }
        });
        while local.stats().agent.sent.spans == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        let is_flushed = local.flush(LONGEST);
        is_over.store(true, Ordering::Relaxed);
        assert!(is_flushed);
    });
}

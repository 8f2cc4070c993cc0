//! How much of a panic's stack its span has.

mod support;

use std::panic::catch_unwind;
use std::time::Duration;

use microspan::trace;
use microspan_std::config::Config;
use microspan_std::local::Builder;
use support::Agent;

#[inline(never)]
fn sink(depth: u32) -> u32 {
    if depth == 0 {
        panic!("the floor is wet");
    }
    // No loop in the place of the calls.
    std::hint::black_box(sink(depth - 1)) + 1
}

#[test]
fn a_stack_has_as_many_calls_as_are_asked_for_and_begins_where_the_program_panicked() {
    let agent = Agent::start();
    let variables = [("DD_TRACE_AGENT_URL", agent.url.as_str()), ("DD_TRACE_SPAN_TRACEBACK_MAX_SIZE", "3")];
    let local = Builder::new().config(Config::from_vars(variables)).init().expect("the first tracer");
    let caught = catch_unwind(|| {
        let _through = trace("through");
        sink(5)
    });
    assert!(caught.is_err());
    assert!(local.flush(Duration::from_secs(5)));
    let stack = agent.span("through").meta["error.stack"].clone();
    let calls: Vec<_> = stack.lines().filter(|line| line.contains(": local_stacks::")).collect();
    assert_eq!(calls.len(), 3, "{stack}");
    assert!(calls.iter().all(|call| call.contains("local_stacks::sink")), "{stack}");
    assert!(!stack.contains("panicking") && stack.trim_start().starts_with("0: "), "{stack}");
}

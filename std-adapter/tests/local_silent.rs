//! A program whose lines say nothing of spans, and whose spans say nothing of a panic's stack.

mod support;

use std::panic::catch_unwind;
use std::time::Duration;

use microspan::trace;
use microspan_std::config::Config;
use microspan_std::correlation::{Correlation, prefix};
use microspan_std::local::Builder;
use support::Agent;

#[test]
fn neither_lines_nor_stacks_are_told_where_the_variables_say_so() {
    let agent = Agent::start();
    let config = Config::from_vars([
        ("DD_TRACE_AGENT_URL", agent.url.as_str()),
        ("DD_LOGS_INJECTION", "false"),
        ("DD_TRACE_SPAN_TRACEBACK_MAX_SIZE", "0"),
    ]);
    let local = Builder::new().config(config).init().expect("the first tracer");
    let caught = catch_unwind(|| {
        let _through = trace("through");
        assert_eq!((Correlation::current(), prefix().to_string().as_str()), (None, ""));
        panic!("the floor is wet");
    });
    assert!(caught.is_err());
    assert!(local.flush(Duration::from_secs(5)));
    let meta = agent.span("through").meta;
    let said = ["error.type", "error.message", "error.stack"].map(|key| meta.get(key).map(String::as_str));
    assert_eq!(said, [Some("panic"), Some("the floor is wet"), None]);
}

//! A program that is told not to trace itself.

use std::time::Duration;

use microspan::{current_span, trace};
use microspan_std::config::Config;
use microspan_std::local::{Builder, Stats};

#[test]
fn a_program_that_is_told_not_to_trace_itself_records_nothing_and_runs() {
    let config =
        Config::from_vars([("DD_TRACE_ENABLED", "false"), ("DD_TRACE_AGENT_URL", "gopher://nobody")]);
    let local = Builder::new().config(config).init().expect("nothing to go wrong");
    let span = trace("request");
    span.set_tag("guest", "Ada");
    assert!(!span.is_recording() && current_span().is_none() && microspan::global().is_none());
    drop(span);
    assert!(local.flush(Duration::ZERO));
    assert_eq!(local.shutdown(Duration::ZERO), Stats::default());
}

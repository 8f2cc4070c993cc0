//! Tags of all spans that a program sets while it runs.

mod support;

use std::time::Duration;

use microspan::{GlobalTagError, Static, global, trace};
use microspan_std::config::Config;
use microspan_std::local::Builder;
use support::Agent;

#[test]
fn tags_of_all_spans_that_are_set_while_the_program_runs_win_over_dd_tags_and_not_over_env_and_version_and_a_spans_own()
 {
    let agent = Agent::start();
    let config = Config::from_vars([
        ("DD_TRACE_AGENT_URL", agent.url.as_str()),
        ("DD_SERVICE", "kitchen"),
        ("DD_ENV", "lab"),
        ("DD_VERSION", "1"),
        ("DD_TAGS", "team:bread,oven:3"),
    ]);
    let local = Builder::new().config(config).init().expect("the first tracer");
    let sent = |name: &str| {
        assert!(local.flush(Duration::from_secs(5)));
        agent.span(name)
    };
    let meta = |span: &support::Span| -> String {
        let keys = ["env", "version", "team", "oven", "build"];
        keys.map(|key| span.meta.get(key).map_or("-", String::as_str)).join(" ")
    };

    trace("before").finish();
    assert_eq!(meta(&sent("before")), "lab 1 bread 3 -");

    let tracer = global().expect("a tracer");
    let open = trace("open");
    let child = trace("child");
    let build = format!("registry.example/kitchen@sha256:{}", "0123456789abcdef".repeat(4));
    tracer.set_global_tag("env", Static("prod")).expect("room");
    tracer.set_global_tag("version", "2").expect("room");
    tracer.set_global_tag("team", "rye").expect("room");
    tracer.set_global_tag("build", build.as_str()).expect("room");
    child.set_tag("team", "its own");
    drop((child, open));
    assert_eq!(meta(&sent("open")), format!("lab 1 rye 3 {build}"));
    assert_eq!(meta(&sent("child")), format!("lab 1 its own 3 {build}"));

    // Whatever runs at the same time: what ends after a tag was set has it.
    for round in 0..2_000_u32 {
        tracer.set_global_tag("round", round).expect("room");
        let span = trace("round");
        span.set_tag("own", round);
    }
    assert!(local.flush(Duration::from_secs(5)));
    let rounds: Vec<_> = agent.spans().into_iter().filter(|span| span.name == "round").collect();
    assert_eq!(rounds.len(), 2_000);
    assert!(
        rounds.iter().all(|span| span.metrics["round"] >= span.metrics["own"]),
        "one is older than its span"
    );

    let keys: Vec<&'static str> = (0..64).map(|key| &*Box::leak(key.to_string().into_boxed_str())).collect();
    let full = keys.iter().find_map(|key| tracer.set_global_tag(key, true).err());
    assert_eq!(full, Some(GlobalTagError::NoRoom));
    drop(local);
}

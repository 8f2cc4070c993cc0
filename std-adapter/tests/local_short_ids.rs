//! A program whose traces are to have ids of 64 bits.

mod support;

use std::time::Duration;

use microspan::{span, trace};
use microspan_std::carrier::propagator;
use microspan_std::config::Config;
use microspan_std::local::Builder;
use support::Agent;

#[test]
fn an_id_of_64_bits_is_the_same_for_the_agent_in_headers_in_links_and_in_parts() {
    let agent = Agent::start();
    let config = Config::from_vars([
        ("DD_TRACE_AGENT_URL", agent.url.as_str()),
        ("DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED", "false"),
        ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "3"),
    ]);
    let local = Builder::new().config(config).init().expect("the first tracer");
    let flush = || assert!(local.flush(Duration::from_secs(5)));
    let earlier = span("earlier").root().start();
    let cause = earlier.context().expect("a session");
    let root = span("order").root().start();
    root.add_link(&earlier, &[]);
    let context = root.context().expect("a session");
    assert_eq!(context.trace_id, u128::from(context.span_id));
    (0..3).for_each(|_| drop(trace("part")));
    flush();
    assert_eq!(agent.spans().len(), 3, "they do not wait for their root");
    drop((root, earlier));
    flush();
    let spans = agent.spans();
    assert!(spans.iter().all(|span| !span.meta.contains_key("_dd.p.tid")), "{spans:?}");
    let (parts, rest) = spans.split_at(3);
    assert!(
        parts.iter().all(|part| u128::from(part.trace) == context.trace_id && part.parent == context.span_id)
    );
    assert_eq!(rest.iter().filter(|span| span.trace == span.id).count(), 2);
    let links = agent.span("order").links.expect("one").to_string();
    assert!(links.contains(&cause.span_id.to_string()) && !links.contains("trace_id_high"), "{links}");

    // What came from elsewhere keeps its upper half.
    let headers = [("traceparent", "00-0000000000000abc0000000000000007-0000000000000009-01")];
    let root = span("elsewhere").root().start();
    propagator().extract(headers.as_slice()).continue_in(&root);
    drop(root);
    flush();
    let continued = agent.span("elsewhere");
    assert_eq!((continued.trace, continued.meta["_dd.p.tid"].as_str()), (7, "0000000000000abc"));
}

//! Parts of requests of which the root is still open: what becomes of them is what the root says.

mod support;

use std::time::Duration;

use microspan::{Span, SpanContext, SpanRef, span, trace};
use microspan_std::carrier::Outgoing;
use microspan_std::config::Config;
use microspan_std::local::Builder;
use support::Agent;

const RULES: &str = r#"[
    {"name": "health", "sample_rate": 0},
    {"resource": "GET /dropped", "sample_rate": 0},
    {"tags": {"plan": "gold"}, "sample_rate": 1},
    {"name": "part", "sample_rate": 0}
]"#;

#[test]
fn parts_that_go_out_before_an_open_root_are_decided_on_and_filtered_by_it() {
    let agent = Agent::start();
    let url = ("DD_TRACE_AGENT_URL", agent.url.as_str());
    let config = Config::from_vars([
        url,
        ("DD_TRACE_SAMPLING_RULES", RULES),
        ("DD_APM_FILTER_TAGS_REJECT", "noise"),
        ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "4"),
    ]);
    let local = Builder::new().config(config).init().expect("the first tracer");
    let flush = || assert!(local.flush(Duration::from_secs(5)));

    let parts = || (0..4).for_each(|_| drop(trace("part")));
    // The priorities, mechanisms and sizes of what went out of a request.
    let sent = |name: &'static str, prepare: &dyn Fn(&Span), afterwards: &dyn Fn(&SpanRef)| {
        let before = agent.spans().len();
        let root = span(name).root().start();
        prepare(&root);
        parts();
        flush();
        afterwards(&root.as_ref().expect("recorded"));
        parts();
        flush();
        drop(root);
        flush();
        let spans = agent.spans().split_off(before);
        let said = spans.iter().filter_map(|span| {
            let mechanism = span.meta.get("_dd.p.dm").map_or("-", String::as_str);
            Some(format!("{} {mechanism}", span.metrics.get("_sampling_priority_v1")?))
        });
        (spans.len(), said.collect::<Vec<_>>())
    };
    let all = |said: &str| (9, vec![said.to_owned(); 3]);
    let nothing: &dyn Fn(&SpanRef) = &|_| ();
    assert_eq!(sent("health", &|_| (), nothing), all("-1 -3"));
    assert_eq!(sent("request", &|root| _ = root.set_resource("GET /dropped"), nothing), all("-1 -3"));
    assert_eq!(sent("request", &|root| _ = root.set_tag("plan", "gold"), nothing), all("2 -3"));
    assert_eq!(sent("request", &|_| (), &|root| _ = root.set_resource("GET /dropped")), all("1 -0"));
    assert_eq!(sent("request", &|root| _ = root.reject(), nothing), all("-1 -4"));
    assert_eq!(sent("health", &|root| _ = root.keep(), nothing), all("2 -4"));
    // What is sent on behalf of it afterwards says the same.
    let outgoing = |root: &SpanRef| {
        let outgoing = Outgoing::of(root).expect("an open root");
        assert_eq!(outgoing.context().sampling_priority, Some(-1));
    };
    assert_eq!(sent("health", &|_| (), &outgoing), all("-1 -3"));
    // Of one that is not to be seen nothing is, and what is seen of one is seen whole.
    assert_eq!(sent("request", &|root| _ = root.set_tag("noise", 1), nothing), (0, vec![]));
    assert_eq!(sent("request", &|_| (), &|root| _ = root.set_tag("noise", 1)), all("1 -0"));
    // It takes no other request of its caller's trace with it.
    let caller = SpanContext { trace_id: 77, span_id: 5, sampling_priority: Some(1) };
    let continues = |root: &Span| _ = root.continue_from(&caller);
    let hidden: &dyn Fn(&Span) = &|root| continues(root.set_tag("noise", 1));
    assert_eq!(sent("request", hidden, nothing), (0, vec![]));
    assert_eq!(sent("request", &continues, nothing).0, 9);
    let stats = local.shutdown(Duration::from_secs(5)).pipeline;
    assert_eq!((stats.filtered_spans, stats.partial_flushes), (18, 0));
}

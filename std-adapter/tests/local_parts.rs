//! Parts of a trace that go out before its root, which continues one from elsewhere.

mod support;

use std::time::Duration;

use microspan::{span, trace};
use microspan_std::carrier::propagator;
use microspan_std::config::Config;
use microspan_std::local::Builder;
use support::Agent;

#[test]
fn each_part_of_a_trace_from_elsewhere_says_what_its_root_does() {
    let agent = Agent::start();
    let config = Config::from_vars([
        ("DD_TRACE_AGENT_URL", agent.url.as_str()),
        ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "4"),
    ]);
    let local = Builder::new().config(config).init().expect("the first tracer");
    let flush = || assert!(local.flush(Duration::from_secs(5)));
    let headers = |parent| {
        [
            ("x-datadog-trace-id", "1234567890123456788"),
            ("x-datadog-parent-id", parent),
            ("x-datadog-sampling-priority", "2"),
            ("x-datadog-origin", "synthetics"),
            ("x-datadog-tags", "_dd.p.tid=640cfd8d00000000,_dd.p.dm=-4"),
        ]
    };
    // That of a test of Datadog's has no span.
    for parent in ["987654320", "0"] {
        let before = agent.spans().len();
        let root = span("root").root().start();
        propagator().extract(headers(parent).as_slice()).continue_in(&root);
        (0..5).for_each(|_| drop(trace("part")));
        flush();
        let parts = agent.spans().len() - before;
        drop(trace("late_part"));
        drop(root);
        flush();
        let spans = agent.spans().split_off(before);
        assert_eq!((parts, spans.len()), (5, 7));
        assert!(spans.iter().all(|span| span.trace == 1_234_567_890_123_456_788), "{spans:?}");
        let is_first = |span: &&support::Span| span.metrics.contains_key("_sampling_priority_v1");
        let firsts: Vec<_> = spans.iter().filter(is_first).collect();
        assert_eq!(firsts.iter().map(|first| &*first.name).collect::<Vec<_>>(), ["part", "part", "root"]);
        for first in firsts {
            assert_eq!(first.metrics["_sampling_priority_v1"], 2.0);
            let tag = |key: &str| first.meta.get(key).map(String::as_str);
            let said = ["_dd.p.tid", "_dd.p.dm", "_dd.origin"].map(tag);
            assert_eq!(said, [Some("640cfd8d00000000"), Some("-4"), Some("synthetics")]);
            assert!(first.name != "root" || first.parent == parent.parse::<u64>().expect("a number"));
        }
    }
    // One that begins here stays what it is.
    let root = span("own").root().start();
    let trace_id = root.context().expect("a session").trace_id as u64;
    (0..4).for_each(|_| drop(trace("own_part")));
    flush();
    drop(root);
    let parts: Vec<_> = agent.spans().into_iter().filter(|span| span.name == "own_part").collect();
    assert!(parts.len() == 4 && parts.iter().all(|span| span.trace == trace_id), "{parts:?}");
    // What is said of it by hand holds for what follows.
    let root = span("kept").root().start();
    for _ in 0..2 {
        (0..4).for_each(|_| drop(trace("kept_part")));
        flush();
        root.keep();
    }
    drop(root);
    flush();
    let firsts = agent.spans().into_iter().filter(|span| span.name.starts_with("kept"));
    let firsts = firsts.filter_map(|span| Some((span.name, *span.metrics.get("_sampling_priority_v1")?)));
    let expected = [("kept_part", 1.0), ("kept_part", 2.0), ("kept", 2.0)];
    assert_eq!(firsts.collect::<Vec<_>>(), expected.map(|(name, priority)| (name.to_owned(), priority)));
    assert_eq!(local.shutdown(Duration::from_secs(5)).pipeline.partial_flushes, 5);
}

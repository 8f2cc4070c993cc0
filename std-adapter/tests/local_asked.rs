//! What headers ask for beside a span to continue from.

mod support;

use std::time::Duration;

use microspan::propagation::{Propagator, Style};
use microspan::{span, trace};
use microspan_std::carrier::Outgoing;
use microspan_std::local::Builder;
use support::Agent;

#[test]
fn a_priority_that_comes_alone_and_tags_of_any_length_are_those_of_the_trace_that_is_sent() {
    let agent = Agent::start();
    let local = Builder::new().config(agent.config()).init().expect("the first tracer");
    for (name, style, header) in [
        ("dropped", Style::B3, ("b3", "0")),
        ("debugged", Style::B3, ("b3", "d")),
        ("sampled", Style::B3Multi, ("x-b3-sampled", "1")),
        ("unsampled", Style::B3Multi, ("x-b3-sampled", "0")),
    ] {
        let headers = [header];
        let root = span(name).root().start();
        let propagator = Propagator::new().extract_styles(match style {
            Style::B3 => &[Style::B3],
            _ => &[Style::B3Multi],
        });
        propagator.extract(headers.as_slice()).continue_in(&root);
        // What goes out before the root says the same.
        trace("part").set_tag("of", name);
        assert!(local.flush(Duration::from_secs(5)));
        let part = agent.spans().pop().expect("a span");
        assert_eq!(part.meta["of"], name);
        let sent = Outgoing::of(&root).and_then(|outgoing| outgoing.context().sampling_priority);
        root.finish();
        assert!(local.flush(Duration::from_secs(5)));
        let expected = match name {
            "debugged" => 2,
            "sampled" => 1,
            _ => 0,
        };
        assert_eq!(sent, Some(expected), "{name}");
        assert_eq!(part.metrics["_sampling_priority_v1"], f64::from(expected), "{name}");
        assert_eq!(agent.span(name).metrics["_sampling_priority_v1"], f64::from(expected), "{name}");
    }

    let (long, longer) = ("q".repeat(180), "w".repeat(280));
    let tags = format!("_dd.p.dm=-4,_dd.p.a={long},_dd.p.b={longer}");
    let headers = [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "9"), ("x-datadog-tags", &*tags)];
    let root = span("long").root().start();
    Propagator::new().extract(headers.as_slice()).continue_in(&root);
    root.finish();
    assert!(local.flush(Duration::from_secs(5)));
    let sent = agent.span("long");
    assert_eq!(
        (&sent.meta["_dd.p.a"], &sent.meta["_dd.p.b"], &*sent.meta["_dd.p.dm"]),
        (&long, &longer, "-4")
    );
    assert!(sent.meta.keys().all(|key| !key.starts_with("_dd.p+")));
}

//! What was sent with a trace that goes on elsewhere is what the agent gets of it.

mod support;

use std::collections::HashMap;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use microspan::propagation::Passing;
use microspan::{Span, SpanContext, SpanRef, Static, span, trace};
use microspan_std::carrier::{Outgoing, SetMap};
use microspan_std::config::Config;
use microspan_std::local::Builder;
use support::Agent;

const RULES: &str = r#"[
    {"resource": "GET /kept", "sample_rate": 1},
    {"resource": "GET /dropped", "sample_rate": 0},
    {"tags": {"plan": "gold"}, "sample_rate": 1},
    {"service": "till", "sample_rate": 0.5},
    {"name": "flood", "sample_rate": 1}
]"#;

/// What is sent on behalf of a span.
fn sent(span: &SpanRef) -> Option<HashMap<String, String>> {
    let mut headers = HashMap::new();
    Outgoing::of(span)?.inject(Passing::default(), &mut SetMap(&mut headers)).expect("room");
    Some(headers)
}

/// What the headers say of the decision: priority, mechanism, rate.
fn said(headers: &HashMap<String, String>) -> String {
    let tags = headers.get("x-datadog-tags").map(String::as_str).unwrap_or_default();
    let tag = |key: &str| {
        let mut pairs = tags.split(',').filter_map(|pair| pair.split_once('='));
        pairs.find(|(known, _)| *known == key).map_or("-", |(_, value)| value).to_owned()
    };
    let priority = &headers["x-datadog-sampling-priority"];
    format!("{priority} {} {}", tag("_dd.p.dm"), tag("_dd.p.ksr"))
}

/// The same of what the agent got.
fn got(root: &support::Span) -> String {
    let priority = root.metrics["_sampling_priority_v1"];
    let tag = |key: &str| root.meta.get(key).map_or("-", String::as_str).to_owned();
    format!("{priority} {} {}", tag("_dd.p.dm"), tag("_dd.p.ksr"))
}

/// The number in the headers that came from a root, by which it is found at the agent.
fn trace_of(headers: &HashMap<String, String>) -> u64 {
    headers["x-datadog-trace-id"].parse().expect("a number")
}

fn root(agent: &Agent, trace: u64) -> support::Span {
    let roots = agent.spans().into_iter().filter(|span| span.trace == trace);
    roots.into_iter().find(|span| span.metrics.contains_key("_sampling_priority_v1")).expect("a root")
}

#[test]
fn what_was_sent_with_a_trace_is_what_the_agent_gets() {
    let agent = Agent::start();
    let config = Config::from_vars([
        ("DD_TRACE_AGENT_URL", agent.url.as_str()),
        ("DD_SERVICE", "kitchen"),
        ("DD_ENV", "lab"),
        ("DD_TRACE_SAMPLING_RULES", RULES),
        ("DD_TRACE_RATE_LIMIT", "20"),
        ("DD_SERVICE_MAPPING", "cash:till"),
        ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "20"),
    ]);
    let local = Builder::new().config(config).init().expect("the first tracer");
    let flush = || assert!(local.flush(Duration::from_secs(5)));
    let both = |headers: &HashMap<String, String>| {
        flush();
        (said(headers), got(&root(&agent, trace_of(headers))))
    };
    let same = |says: &str| (says.to_owned(), says.to_owned());

    // Rules see what was set before, on the root, wherever the request is sent from.
    let at_a_child = |prepare: &dyn Fn(&Span), afterwards: &dyn Fn(&Span)| {
        let request = trace("request");
        prepare(&request);
        let call = trace("call");
        let headers = sent(&call).expect("an open root");
        afterwards(&request);
        assert_eq!(said(&sent(&request).expect("an open root")), said(&headers), "the first decision holds");
        headers
    };
    let nothing: &dyn Fn(&Span) = &|_| ();
    let kept = |root: &Span| _ = root.set_resource("GET /kept");
    let dropped = |root: &Span| _ = root.set_resource("GET /dropped");
    let gold = |root: &Span| _ = root.set_tag("plan", "gold");
    assert_eq!(both(&at_a_child(&kept, &dropped)), same("2 -3 1"));
    assert_eq!(both(&at_a_child(&dropped, &gold)), same("-1 -3 0"));
    assert_eq!(both(&at_a_child(&gold, nothing)), same("2 -3 1"));
    assert_eq!(both(&at_a_child(nothing, &dropped)), same("1 -0 -"));

    // A service by its other name.
    let halves: Vec<_> = (0..40).map(|_| at_a_child(&|root| _ = root.set_service("cash"), nothing)).collect();
    flush();
    for headers in &halves {
        assert_eq!(said(headers), got(&root(&agent, trace_of(headers))));
    }
    assert!(halves.iter().any(|headers| said(headers) == "2 -3 0.5"), "{halves:?}");
    assert!(halves.iter().any(|headers| said(headers) == "-1 -3 0.5"), "{halves:?}");

    // By hand, before and after; what was sent stays as it was.
    assert_eq!(both(&at_a_child(&|root| _ = root.keep(), nothing)), same("2 -4 -"));
    assert_eq!(both(&at_a_child(&|root| _ = root.reject(), nothing)), same("-1 -4 -"));
    let request = trace("request");
    let first = sent(&request).expect("an open root");
    let child = trace("child");
    child.set_tag("manual.keep", Static("true"));
    let second = sent(&child).expect("an open root");
    drop((child, request));
    assert_eq!(said(&first), "1 -0 -");
    assert_eq!(both(&second), same("2 -4 -"));

    // Its baggage goes along, and that of spans it is in.
    let (request, call) = (trace("request"), trace("call"));
    request.set_baggage_item("plan", "gold").set_baggage_item("user.id", "ada");
    call.set_baggage_item("plan", "silver");
    assert_eq!(sent(&call).expect("an open root")["baggage"], "plan=silver,user.id=ada");
    drop((call, request));

    // Of a trace that came with a decision that holds, and of one without nobody else has decided.
    let came = |priority| {
        let caller = SpanContext { trace_id: 0x77, span_id: 9, sampling_priority: priority };
        let request = span("request").root().start();
        request.continue_from(&caller).set_tag("plan", "gold");
        sent(&request).expect("an open root")
    };
    assert_eq!(said(&came(Some(0))), "0 - -");
    flush();
    assert_eq!(root(&agent, 0x77).metrics["_sampling_priority_v1"], 0.0);

    // The limit is one, whoever asks it.
    thread::sleep(Duration::from_millis(1100));
    let flood: Vec<_> = (0..50)
        .map(|number| {
            let flood = trace("flood");
            (number % 2 == 0).then(|| sent(&flood).expect("an open root"))
        })
        .collect();
    flush();
    for headers in flood.iter().flatten() {
        assert_eq!(said(headers), got(&root(&agent, trace_of(headers))));
    }
    let priorities = agent.spans().into_iter().filter(|span| span.name == "flood");
    let kept = priorities.filter(|span| span.metrics["_sampling_priority_v1"] > 0.0).count();
    assert!((20..=22).contains(&kept), "{kept} of a limit of 20");

    // A trace that goes out in parts, the first of them before and after the request.
    for is_before in [true, false] {
        let long = trace("long");
        long.set_resource("GET /kept");
        let early = is_before.then(|| sent(&long).expect("an open root"));
        (0..40).for_each(|_| drop(trace("part")));
        flush();
        let late = sent(&long).expect("an open root");
        let trace_id = trace_of(&late);
        drop(long);
        flush();
        let chunks = agent.spans().into_iter().filter(|span| span.trace == trace_id);
        let chunks: Vec<_> =
            chunks.filter(|span| span.metrics.contains_key("_sampling_priority_v1")).collect();
        assert!(chunks.len() > 1, "it goes out in parts");
        for chunk in &chunks {
            assert_eq!(got(chunk), said(&late));
        }
        assert!(early.is_none_or(|early| said(&early) == said(&late)));
    }

    // Two threads that send at once, and a root that ends meanwhile: whatever was sent is one decision, and the agent's.
    let (mut sendings, mut refusals) = (Vec::new(), 0);
    for round in 0..500 {
        let request = trace("flood");
        let root_of = request.as_ref().expect("recorded");
        let barrier = Barrier::new(3);
        let both: Vec<_> = thread::scope(|scope| {
            let sender = || {
                scope.spawn(|| {
                    let call = span("call").parent(&root_of).start();
                    barrier.wait();
                    std::iter::from_fn(|| sent(&call)).collect::<Vec<_>>()
                })
            };
            let senders = [sender(), sender()];
            barrier.wait();
            let start = Instant::now();
            while start.elapsed() < Duration::from_micros(round % 50) {}
            drop(request);
            senders.into_iter().flat_map(|sender| sender.join().expect("no panic")).collect()
        });
        refusals += usize::from(both.is_empty());
        sendings.extend(both.into_iter().map(|headers| (trace_of(&headers), said(&headers))));
    }
    flush();
    let roots = agent.spans().into_iter().filter(|span| span.metrics.contains_key("_sampling_priority_v1"));
    let roots: HashMap<u64, String> = roots.map(|root| (root.trace, got(&root))).collect();
    for (trace, said) in &sendings {
        assert_eq!(*said, roots[trace]);
    }
    assert!(!sendings.is_empty(), "each of {refusals} roots was finished before anything was sent");
    local.shutdown(Duration::from_secs(5));
}

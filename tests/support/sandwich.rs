//! What the traces of the sandwich device must look like, wherever they were stored.

use std::collections::BTreeMap;

use crate::official::{Request, TestAgent};
use crate::span::{Chunk, Span};

/// The names of the three spans of an order, in the order of their start.
pub const NAMES: [&str; 3] = ["make_sandwich_request", "get_ingredients", "assemble_sandwich"];

/// Which order fails: every fifth one.
fn fails(order: f64) -> bool {
    order as u64 % 5 == 4
}

/// Nothing a device does in an order takes this long.
const LONGEST: i64 = 2_000_000_000;
/// The device tells its times in ticks of this many nanoseconds.
const TICK: i64 = 1_000;

/// Asserts everything that a trace of the sandwich device must be, of all that the agent stored.
///
/// `from` and `to` are the times, in Unix nanoseconds, between which the device ran.
///
/// # Panics
/// When anything is not as it must be.
pub fn assert_stored(agent: &TestAgent, spans: u64, from: i64, to: i64) {
    assert_times(&assert_whole(agent, spans), from, to);
}

/// The same but for the times, for tests that are not alone on their machine; returns what was stored.
///
/// # Panics
/// When anything is not as it must be.
pub fn assert_whole(agent: &TestAgent, spans: u64) -> Vec<Chunk> {
    agent.assert_no_check_failed();
    let requests = agent.requests();
    assert_headers(&requests);
    let chunks: Vec<Chunk> = requests.into_iter().flat_map(|request| request.chunks).collect();
    let stored: u64 = chunks.iter().map(|chunk| chunk.len() as u64).sum();
    let understood: u64 = agent.traces().iter().map(|trace| trace.len() as u64).sum();
    assert_eq!((stored, understood), (spans, spans), "spans on the wire, and as the agent understood them");
    assert_orders(&chunks);
    chunks
}

fn assert_headers(requests: &[Request]) {
    assert!(!requests.is_empty());
    for request in requests {
        assert_eq!(request.header("content-type"), Some("application/msgpack"));
        assert_eq!(request.header("datadog-send-real-http-status"), Some("1"));
        assert_eq!(request.header("datadog-meta-lang"), Some("rust"));
        assert!(request.header("datadog-meta-tracer-version").is_some_and(|version| !version.is_empty()));
        let count = request.header("x-datadog-trace-count").and_then(|count| count.parse().ok());
        assert_eq!(count, Some(request.chunks.len()));
    }
}

/// Asserts names, parents, services, tags and errors of whole orders.
///
/// # Panics
/// When anything is not as it must be.
pub fn assert_orders(chunks: &[Chunk]) {
    let mut orders = BTreeMap::new();
    for chunk in chunks {
        assert_chunk(chunk);
        let span = |name| {
            let mut found = chunk.iter().filter(|span: &&Span| span.name == name);
            match (found.next(), found.next()) {
                (Some(span), None) => span,
                _ => panic!("an order has one `{name}`: {chunk:#?}"),
            }
        };
        assert_eq!(chunk.len(), NAMES.len(), "{chunk:#?}");
        let [root, get, assemble] = NAMES.map(span);
        let order = root.number("order.id").unwrap_or_else(|| panic!("order.id is a number: {root:#?}"));
        assert_eq!(
            (root.parent_id, root.resource.as_str(), root.kind.as_str()),
            (0, "POST /sandwich", "web")
        );
        assert_eq!(root.text("device.name"), Some("kitchen-1"), "{root:#?}");
        for child in [get, assemble] {
            assert_eq!(child.text("device.name"), None, "it stands on the root: {child:#?}");
            assert_eq!(child.parent_id, root.span_id, "{chunk:#?}");
            assert_eq!((&child.resource, child.kind.as_str()), (&child.name, ""), "{child:#?}");
        }
        assert!(root.text("for").is_some_and(|guest| !guest.is_empty()), "{root:#?}");
        assert!(matches!(get.text("bread"), Some("rye" | "wheat" | "sourdough")), "{get:#?}");
        assert!(get.number("slices").is_some_and(|slices| (2.0..=4.0).contains(&slices)), "{get:#?}");
        let toasted = assemble.text("toasted").map(str::to_lowercase);
        assert_eq!(
            toasted.as_deref(),
            Some(if (order as u64).is_multiple_of(2) { "true" } else { "false" }),
            "{assemble:#?}"
        );
        assert_outcome(order, root, get, assemble);
        let twice = orders.insert(order as u64, root.trace_id).is_some();
        assert!(!twice, "order {order} was stored twice");
    }
    let traces: std::collections::BTreeSet<_> = orders.values().collect();
    assert_eq!(traces.len(), orders.len(), "each order is a trace of its own");
    assert!(orders.keys().any(|order| fails(*order as f64)), "no order failed: {orders:?}");
}

/// The error stands on the assembly of exactly the orders that fail.
fn assert_outcome(order: f64, root: &Span, get: &Span, assemble: &Span) {
    assert_eq!((root.error, get.error), (0, 0), "order {order}");
    assert_eq!(assemble.error, i32::from(fails(order)), "order {order}: {assemble:#?}");
    let told = (assemble.text("error.type"), assemble.text("error.message"));
    let weight = assemble.number("weight_kg");
    if fails(order) {
        assert_eq!(told, (Some("OutOfPickles"), Some("the jar is empty")), "order {order}");
        assert_eq!(weight, None, "what was not assembled has no weight");
    } else {
        assert_eq!(told, (None, None), "order {order}");
        assert!(weight.is_some_and(|weight| (0.05..1.0).contains(&weight)), "order {order}: {weight:?}");
    }
}

/// What the first span of a chunk must carry, and what all of its spans must.
fn assert_chunk(chunk: &Chunk) {
    let Some(first) = chunk.first() else { panic!("an empty chunk") };
    let high = first.text("_dd.p.tid").unwrap_or_default();
    assert!(
        high.len() == 16 && high.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')),
        "{first:#?}"
    );
    assert_eq!(first.number("_sampling_priority_v1"), Some(1.0), "{first:#?}");
    assert_eq!(first.text("language"), Some("rust"), "{first:#?}");
    for span in chunk {
        assert_eq!(span.trace_id, first.trace_id, "one trace in a chunk");
        assert!(span.trace_id != 0 && span.span_id != 0, "{span:#?}");
        assert_eq!(span.service, "sandwich-device");
        assert_eq!(span.text("env"), Some("demo"), "{span:#?}");
        assert_eq!(span.text("version"), Some("0.1.0"), "{span:#?}");
        assert_eq!(span.text("device"), Some("lm3s6965evb"), "{span:#?}");
        let both = span.meta.keys().find(|key| span.metrics.contains_key(*key));
        assert_eq!(both, None, "a key is text or a number");
    }
    for span in chunk.iter().skip(1) {
        assert!(
            span.text("_dd.p.tid").is_none() && span.number("_sampling_priority_v1").is_none(),
            "{span:#?}"
        );
    }
}

/// Asserts that durations are positive and nested, and that starts lie in the time in which the device ran.
///
/// # Panics
/// When anything is not as it must be.
pub fn assert_times(chunks: &[Chunk], from: i64, to: i64) {
    /// A link and a clock estimate may be off by this much, in nanoseconds.
    const OFF: i64 = 1_000_000_000;
    for chunk in chunks {
        let Some(root) = chunk.iter().find(|span| span.parent_id == 0) else { panic!("no root: {chunk:#?}") };
        for span in chunk {
            assert!((1..LONGEST).contains(&span.duration), "{span:#?}");
            assert!(
                span.start >= root.start && span.end() <= root.end() + TICK,
                "a child lies in its parent: {chunk:#?}"
            );
            assert!(span.start >= from - OFF, "{} ns before the device ran: {span:#?}", from - span.start);
            assert!(span.end() <= to + OFF, "{} ns after the device ran: {span:#?}", span.end() - to);
        }
        let child = |name| chunk.iter().find(|span| span.name == name);
        if let (Some(get), Some(assemble)) = (child(NAMES[1]), child(NAMES[2])) {
            assert!(get.end() <= assemble.start + TICK, "ingredients come before the assembly: {chunk:#?}");
        }
    }
    let last = chunks.iter().flatten().map(Span::end).max().unwrap_or_default();
    assert!((to - last).abs() <= OFF, "the last span ended {} ns from the device's end", to - last);
}

//! Two emulated boards and a service of the host in one trace: a counter asks a kitchen over UDP, the kitchen the host's pantry
//! over HTTP, and the pantry tells the counter through a broker. Datadog's test agent has the trace.

use std::process::Command;

use microspan_tests::balance::wait_for_stored;
use microspan_tests::bridge::Bridge;
use microspan_tests::broker::Broker;
use microspan_tests::official::TestAgent;
use microspan_tests::qemu::Board;
use microspan_tests::service::Service;
use microspan_tests::span::{Span, now};
use microspan_tests::{built, need, ports};

/// The port at which the kitchen's board hears calls.
const CALLS: u16 = 7_000;

/// How far a clock may be off, by its own word, in nanoseconds: less than half of what the kitchen and the pantry take.
const BOUND: i64 = 25_000_000;

/// Each span: its device, its service, its name, and its parent's name.
const SPANS: [(&str, &str, &str, &str); 9] = [
    ("counter-1", "counter", "take_order", ""),
    ("counter-1", "counter", "ask_kitchen", "take_order"),
    ("kitchen-1", "kitchen", "make_sandwich", "ask_kitchen"),
    ("kitchen-1", "kitchen", "toast_bread", "make_sandwich"),
    ("kitchen-1", "kitchen", "fetch_ingredients", "make_sandwich"),
    ("host", "pantry", "http.server.request", "fetch_ingredients"),
    ("host", "pantry", "pick_ingredients", "http.server.request"),
    ("host", "pantry", "mqtt.publish", "http.server.request"),
    ("counter-1", "counter", "hand_over", "mqtt.publish"),
];

/// Starts the host's service.
fn pantry(bridge: u16, broker: u16) -> (Service, u16) {
    let mut command = Command::new(built::service("pantry"));
    Service::start(command.args([bridge, broker].map(|port| format!("127.0.0.1:{port}"))))
}

#[test]
fn two_boards_and_a_service_of_the_host_take_part_in_one_trace() {
    let kitchen = need!(Board::new("distributed_kitchen", 30));
    let counter = need!(Board::new("distributed_counter", 30));
    let broker = need!(Broker::start());
    let agent = need!(TestAgent::start());
    let bridge = Bridge::start(agent.url(), &["--udp", "127.0.0.1:0"]);
    let spans = bridge.udp_port();

    let from = now();
    let (pantry, requests) = pantry(spans, broker.port());
    let calls = ports::udp();
    let kitchen = kitchen.reached_by_udp(calls, CALLS, spans).argument("pantry", requests).start();
    kitchen.wait_for("kitchen-1 hears orders");
    let counter = counter.ethernet(spans).argument("kitchen", calls).argument("broker", broker.port());
    let counter = counter.start().finish();
    let kitchen = kitchen.finish();
    pantry.stop();
    let made = counter.spans_made + kitchen.spans_made + 3;
    wait_for_stored(&agent, made);
    let to = now();

    let summary = bridge.stop();
    assert_eq!((summary.spans_received, summary.spans_sent, summary.spans_lost_on_the_way), (made, made, 0));
    agent.assert_no_check_failed();
    let requests = agent.requests();
    let chunks: Vec<&Vec<Span>> = requests.iter().flat_map(|request| &request.chunks).collect();
    assert_one_trace(&chunks);
    let traces = agent.traces();
    assert_eq!(traces.len(), 1, "the agent gathers them by their trace: {traces:?}");
    assert_parents(&traces[0]);
    assert_devices(&chunks);
    assert_order(&chunks, &traces[0], from, to);
}

/// One id of 128 bits, whole in every chunk.
fn assert_one_trace(chunks: &[&Vec<Span>]) {
    let ids: Vec<_> = chunks.iter().map(|chunk| (chunk[0].trace_id, chunk[0].text("_dd.p.tid"))).collect();
    let (low, Some(high)) = ids[0] else { panic!("no upper half: {ids:?}") };
    assert!(low != 0 && high.len() == 16 && high.bytes().any(|byte| byte != b'0'), "{ids:?}");
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert!(chunks.iter().all(|chunk| chunk.iter().all(|span| span.trace_id == low)), "{chunks:?}");
    assert_eq!(chunks.len(), 4, "one of each board, one of the host, and one of what came back: {chunks:?}");
}

fn named<'t>(trace: &'t [Span], name: &str) -> &'t Span {
    let found: Vec<_> = trace.iter().filter(|span| span.name == name).collect();
    let [span] = found[..] else { panic!("{} of {name}: {trace:?}", found.len()) };
    span
}

fn assert_parents(trace: &[Span]) {
    assert_eq!(trace.len(), SPANS.len(), "{trace:?}");
    for (_, service, name, parent) in SPANS {
        let span = named(trace, name);
        let parent = if parent.is_empty() { 0 } else { named(trace, parent).span_id };
        assert_eq!((span.service.as_str(), span.parent_id, span.error), (service, parent, 0), "{span:?}");
    }
}

/// Each chunk is of one device, which its local root names.
fn assert_devices(chunks: &[&Vec<Span>]) {
    for chunk in chunks {
        let device = chunk.iter().find_map(|span| span.text("device.name"));
        for span in *chunk {
            let expected =
                SPANS.iter().find(|(_, _, name, _)| *name == span.name).map(|(device, ..)| *device);
            assert_eq!(device, expected, "{span:?}");
        }
    }
}

/// How far the clock of a span's chunk may be off, as its local root says.
fn bound(chunks: &[&Vec<Span>], span: &Span) -> i64 {
    let chunk = chunks.iter().find(|chunk| chunk.iter().any(|other| other.span_id == span.span_id));
    let said = chunk.and_then(|chunk| chunk.iter().find_map(|span| span.number("microspan.clock_error_ns")));
    let bound = said.unwrap_or_else(|| panic!("no bound is told of {span:?}")) as i64;
    assert!(bound <= BOUND, "{bound} ns for {span:?}");
    bound
}

/// All lie between the test's start and its end, and what calls contains what it calls: exactly on one clock, and on two within
/// the bounds that both tell of themselves.
fn assert_order(chunks: &[&Vec<Span>], trace: &[Span], from: i64, to: i64) {
    for span in trace {
        let apart = bound(chunks, span);
        assert!(
            span.start >= from - apart && span.end() <= to + apart,
            "{span:?} is not within {from} and {to}"
        );
    }
    for (device, _, name, parent) in SPANS.iter().filter(|(_, _, _, parent)| !parent.is_empty()) {
        let (span, parent) = (named(trace, name), named(trace, parent));
        let is_near = SPANS.iter().any(|(other, _, name, _)| *name == parent.name && other == device);
        let apart = if is_near { 0 } else { bound(chunks, span) + bound(chunks, parent) };
        assert!(span.start >= parent.start - apart, "{span:?} starts before {parent:?}");
        // Nobody waits for what was published.
        let is_within = *name == "hand_over" || span.end() <= parent.end() + apart;
        assert!(is_within, "{span:?} ends after {parent:?}");
    }
    let (order, hand_over) = (named(trace, "take_order"), named(trace, "hand_over"));
    let apart = bound(chunks, order) + bound(chunks, hand_over);
    assert!(hand_over.start >= order.start - apart && hand_over.end() <= order.end() + apart, "{trace:?}");
    let made = named(trace, "make_sandwich");
    assert!(made.duration >= 100_000_000, "the kitchen toasts and the pantry picks: {made:?}");
}

//! Parts of a service that are instrumented with OpenTelemetry, OpenTracing, `tracing` and microspan, another service, and an
//! emulated board, in one trace. Datadog's test agent has it.

use std::process::Command;

use microspan_tests::balance::wait_for_stored;
use microspan_tests::bridge::Bridge;
use microspan_tests::official::TestAgent;
use microspan_tests::qemu::Board;
use microspan_tests::service::Service;
use microspan_tests::span::Span;
use microspan_tests::{built, need, ports};

/// The port at which the kitchen's board hears calls.
const CALLS: u16 = 7_000;

/// Each span: its service, its name, its resource, and the resource of its parent, none of which are alike.
const SPANS: [(&str, &str, &str, &str); 14] = [
    ("shop", "http.server.request", "POST /orders/{id}", ""),
    ("shop", "take_order", "sandwich of the day", "POST /orders/{id}"),
    ("shop", "postgresql.query", "SELECT guests", "sandwich of the day"),
    ("shop", "read_record", "read_record", "SELECT guests"),
    ("shop", "reserve", "reserve", "sandwich of the day"),
    ("cellar", "http.server.request", "GET /stock/{item}", "reserve"),
    ("cellar", "count_stock", "count_stock", "GET /stock/{item}"),
    ("shop", "write_down", "write_down", "reserve"),
    ("shop", "ask_kitchen", "ask_kitchen", "sandwich of the day"),
    ("kitchen", "make_sandwich", "sandwich", "ask_kitchen"),
    ("kitchen", "toast_bread", "toast_bread", "sandwich"),
    ("kitchen", "fetch_ingredients", "fetch_ingredients", "sandwich"),
    ("cellar", "http.server.request", "POST /orders/{id}/ingredients", "fetch_ingredients"),
    ("cellar", "pick_ingredients", "pick_ingredients", "POST /orders/{id}/ingredients"),
];

/// What else each has by whom it was recorded: its resource, a tag, and the value.
const TAGS: [(&str, &str, &str); 19] = [
    // By the layer of tower.
    ("POST /orders/{id}", "http.method", "POST"),
    ("POST /orders/{id}", "http.route", "/orders/{id}"),
    ("POST /orders/{id}", "http.status_code", "201"),
    ("POST /orders/{id}", "span.kind", "server"),
    // By `tracing`.
    ("sandwich of the day", "order", "7"),
    // By OpenTelemetry.
    ("SELECT guests", "db.system", "postgresql"),
    ("SELECT guests", "guest", "Ada"),
    ("SELECT guests", "span.kind", "client"),
    ("SELECT guests", "otel.scope.name", "guests"),
    // By microspan, in it.
    ("read_record", "order", "7"),
    // By OpenTracing.
    ("reserve", "span.kind", "client"),
    ("reserve", "http.status_code", "200"),
    // By `tracing`, in it.
    ("write_down", "item", "rye"),
    // By the other service.
    ("count_stock", "item", "rye"),
    ("POST /orders/{id}/ingredients", "http.status_code", "201"),
    // By microspan.
    ("ask_kitchen", "order", "7"),
    ("ask_kitchen", "span.kind", "client"),
    // By the board.
    ("sandwich", "device.name", "kitchen-1"),
    ("fetch_ingredients", "http.status_code", "201"),
];

/// Starts a service of the host, which has no variables of Datadog's but these.
fn service(name: &str, agent: &TestAgent, addresses: &[u16]) -> (Service, u16) {
    let mut command = Command::new(built::service(name));
    for (variable, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DD_")) {
        command.env_remove(variable);
    }
    command.env("DD_SERVICE", name).env("DD_TRACE_AGENT_URL", agent.url());
    Service::start(command.args(addresses.iter().map(|port| format!("127.0.0.1:{port}"))))
}

#[test]
fn parts_instrumented_each_in_its_own_way_take_part_in_one_trace_with_another_service_and_a_board() {
    let kitchen = need!(Board::new("distributed_kitchen", 30));
    let agent = need!(TestAgent::start());
    let bridge = Bridge::start(agent.url(), &["--udp", "127.0.0.1:0"]);
    let (cellar, ingredients) = service("cellar", &agent, &[]);
    let calls = ports::udp();
    let kitchen = kitchen.reached_by_udp(calls, CALLS, bridge.udp_port()).argument("pantry", ingredients);
    let kitchen = kitchen.start();
    kitchen.wait_for("kitchen-1 hears orders");
    let (shop, orders) = service("shop", &agent, &[ingredients, calls]);

    let answer = ureq::post(format!("http://127.0.0.1:{orders}/orders/7")).send_empty().expect("an answer");
    assert_eq!(answer.status().as_u16(), 201, "{}", shop.told());

    let report = kitchen.finish();
    shop.stop();
    cellar.stop();
    wait_for_stored(&agent, SPANS.len() as u64);
    let summary = bridge.stop();
    assert_eq!((summary.spans_sent, summary.spans_lost_on_the_way), (report.spans_made, 0));
    agent.assert_no_check_failed();
    assert_one_id(&agent);
    let traces = agent.traces();
    let [trace] = &traces[..] else { panic!("the agent gathers them by their trace: {traces:?}") };
    assert_parents(trace);
    for (resource, key, value) in TAGS {
        let span = of(trace, resource);
        let text = span.text(key).map(str::to_owned);
        let told = text.or_else(|| span.number(key).map(|number| number.to_string()));
        assert_eq!(told.as_deref(), Some(value), "{key}: {span:?}");
    }
    assert_more(trace);
}

/// One id of 128 bits, whole in every chunk.
fn assert_one_id(agent: &TestAgent) {
    let requests = agent.requests();
    let chunks = requests.iter().flat_map(|request| &request.chunks);
    let ids: Vec<_> = chunks.map(|chunk| (chunk[0].trace_id, chunk[0].text("_dd.p.tid"))).collect();
    let (low, Some(high)) = ids[0] else { panic!("no upper half: {ids:?}") };
    assert!(low != 0 && high.len() == 16 && high.bytes().any(|byte| byte != b'0'), "{ids:?}");
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert!(ids.len() >= 4, "one of the shop, one of the board, and two of the cellar: {ids:?}");
}

/// The span of this resource.
fn of<'t>(trace: &'t [Span], resource: &str) -> &'t Span {
    let found: Vec<_> = trace.iter().filter(|span| span.resource == resource).collect();
    let [span] = found[..] else { panic!("{} of {resource}: {trace:#?}", found.len()) };
    span
}

fn assert_parents(trace: &[Span]) {
    assert_eq!(trace.len(), SPANS.len(), "{trace:#?}");
    for (service, name, resource, parent) in SPANS {
        let span = of(trace, resource);
        let parent = if parent.is_empty() { 0 } else { of(trace, parent).span_id };
        assert_eq!(
            (span.service.as_str(), span.name.as_str(), span.parent_id, span.error),
            (service, name, parent, 0),
            "{span:?}"
        );
    }
}

/// Types, and events.
fn assert_more(trace: &[Span]) {
    for (resource, kind) in
        [("POST /orders/{id}", "web"), ("SELECT guests", "sql"), ("fetch_ingredients", "http")]
    {
        assert_eq!(of(trace, resource).kind, kind, "{resource}");
    }
    for (resource, words) in [("sandwich of the day", "served"), ("reserve", "reserved")] {
        let events = &of(trace, resource).span_events;
        assert!(events.iter().any(|event| event.to_string().contains(words)), "{resource}: {events:?}");
    }
}

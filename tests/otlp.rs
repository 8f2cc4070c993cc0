//! Traces by OTLP, to the receiver of Datadog's test agent: the same as what its other door gets.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use microspan::Static;
use microspan_std::config::Config;
use microspan_std::local::Builder;
use microspan_tests::bridge::{Bridge, ByOtlp};
use microspan_tests::device::{self, SPANS, frame};
use microspan_tests::official::TestAgent;
use microspan_tests::process::Process;
use microspan_tests::span::Span;
use microspan_tests::{bridge, built, need};
use serde_json::Value;

/// A span as it was read, with the attributes of its resource.
#[derive(Debug)]
struct Read {
    fields: Value,
    attributes: BTreeMap<String, Value>,
    resource: BTreeMap<String, Value>,
}

impl Read {
    /// A number: JSON has those of 64 bits as text, and leaves 0 out.
    fn number(&self, field: &str) -> u64 {
        self.fields[field].as_str().map_or(0, |text| text.parse().expect("a number"))
    }

    fn text(&self, field: &str) -> &str {
        self.fields[field].as_str().unwrap_or_default()
    }

    /// An id, from the high bytes down.
    fn id(&self, field: &str) -> u128 {
        let bytes = STANDARD.decode(self.text(field)).expect("base64");
        bytes.into_iter().fold(0, |id, byte| id << 8 | u128::from(byte))
    }

    fn events(&self) -> &[Value] {
        self.fields["events"].as_array().map_or(&[], Vec::as_slice)
    }
}

/// Attributes: each has its value by the name of its type.
fn attributes(list: &Value) -> BTreeMap<String, Value> {
    let list = list.as_array().into_iter().flatten();
    list.map(|item| (item["key"].as_str().expect("a key").to_owned(), item["value"].clone())).collect()
}

/// The spans that the test agent took by OTLP, by their ids.
fn read(agent: &TestAgent) -> BTreeMap<u128, Read> {
    let mut spans = BTreeMap::new();
    for request in agent.otlp_requests() {
        for resource in request["resource_spans"].as_array().expect("resources") {
            let scope = &resource["scope_spans"][0];
            assert_eq!(scope["scope"]["name"], "microspan", "{scope}");
            for span in scope["spans"].as_array().expect("spans") {
                let read = Read {
                    fields: span.clone(),
                    attributes: attributes(&span["attributes"]),
                    resource: attributes(&resource["resource"]["attributes"]),
                };
                let other = spans.insert(read.id("span_id"), read);
                assert!(other.is_none(), "{other:?} came twice");
            }
        }
    }
    spans
}

fn string(value: &str) -> Value {
    serde_json::json!({ "string_value": value })
}

/// Asserts that a span says by OTLP what it says to the agent.
fn assert_same(span: &Span, trace: u128, read: &Read) {
    assert_eq!(
        (read.id("trace_id"), read.id("parent_span_id")),
        (trace, u128::from(span.parent_id)),
        "{read:?}"
    );
    assert_eq!(read.text("name"), span.resource, "{read:?}");
    assert_eq!(read.attributes["operation.name"], string(&span.name));
    assert_eq!(read.resource["service.name"], string(&span.service));
    let times = [read.number("start_time_unix_nano"), read.number("end_time_unix_nano")];
    assert_eq!(times, [span.start as u64, span.end() as u64], "{read:?}");
    let code = read.fields["status"]["code"].as_str().unwrap_or_default();
    assert_eq!(code == "STATUS_CODE_ERROR", span.error != 0, "{read:?}");
    let links = read.fields["links"].as_array().map_or(0, Vec::len);
    assert_eq!(links, span.span_links.len(), "{read:?}");
    if !span.kind.is_empty() {
        assert_eq!(read.attributes["span.type"], string(&span.kind));
    }
    // What is a tag for Datadog is one of both kinds of attributes there, or has a field.
    let elsewhere = ["env", "version", "language", "runtime-id", "events", "error.message", "error.stack"];
    let tags = span.meta.iter().map(|(key, value)| (key, value.clone()));
    let numbers = span.metrics.iter().map(|(key, value)| (key, value.to_string()));
    for (key, value) in tags.chain(numbers) {
        if key.starts_with("_dd.") || key == "_sampling_priority_v1" || elsewhere.contains(&key.as_str()) {
            continue;
        }
        let found = read.attributes.get(key).or_else(|| read.resource.get(key));
        let found = found.unwrap_or_else(|| panic!("no {key} in {read:?}"));
        let (_, found) = found.as_object().and_then(|typed| typed.iter().next()).expect("a value");
        let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
        let is_same = found == value
            || found.parse::<f64>().ok().zip(value.parse::<f64>().ok()).is_some_and(|(a, b)| a == b);
        assert!(is_same, "{key}: {found} by OTLP, {value} to the agent");
    }
}

#[test]
fn a_recording_of_every_feature_says_by_otlp_what_it_says_to_the_agent() {
    let agent = need!(TestAgent::start());
    let recording = built::root().join("tests/golden/v3/all.stream.bin");
    let arguments = ["--file", &recording.display().to_string(), "--otlp", agent.otlp_url()];
    let summary = Bridge::start(agent.url(), &arguments).finish();
    let by_otlp = summary.otlp.expect("it was asked for");
    assert_eq!(
        (by_otlp.spans_sent, by_otlp.traces_sent),
        (summary.spans_sent, summary.traces_sent),
        "{summary:?}"
    );
    assert_eq!((by_otlp.spans_dropped, by_otlp.spans_not_kept), (0, 0), "{summary:?}");
    assert!(summary.spans_sent == 8, "{summary:?}");

    let read = read(&agent);
    let mut spans = 0;
    for chunk in agent.requests().iter().flat_map(|request| &request.chunks) {
        let high = chunk[0].text("_dd.p.tid").map_or(0, |high| u128::from_str_radix(high, 16).expect("hex"));
        for span in chunk {
            spans += 1;
            assert_same(span, high << 64 | u128::from(span.trace_id), &read[&u128::from(span.span_id)]);
        }
    }
    assert_eq!((spans, read.len() as u64), (summary.spans_sent, summary.spans_sent));

    // What the agent has no place or no type for.
    let named =
        |name: &str| read.values().find(|span| span.text("name") == name).expect("a span of this name");
    let tags = named("tags");
    for (key, value) in [
        ("true", serde_json::json!({ "bool_value": true })),
        ("i64", serde_json::json!({ "int_value": "-9223372036854775808" })),
        ("u64", string("18446744073709551615")),
        ("f64", serde_json::json!({ "double_value": 1e300 })),
        ("text", string("Käse")),
    ] {
        assert_eq!(tags.attributes[key], value, "{key}");
    }
    for (key, value) in [
        ("service.version", "3"),
        ("deployment.environment.name", "dev"),
        ("device.name", "oven-1"),
        ("host.name", "oven-1"),
    ] {
        assert_eq!(tags.resource[key], string(value), "{key}");
    }
    let open = named("open");
    assert_eq!(open.fields["status"]["message"], "no key");
    let [exception] = open.events() else { panic!("{open:?}") };
    let said = attributes(&exception["attributes"]);
    assert_eq!((&said["exception.type"], &said["exception.message"]), (&string("Stuck"), &string("no key")));
    assert_eq!(named("POST /pay").fields["kind"], "SPAN_KIND_SERVER");
    let byte = named("byte");
    let link = read_link(&byte.fields["links"][0]);
    assert_eq!(read[&link.id("span_id")].text("name"), "get");
    agent.assert_no_check_failed();
}

#[test]
fn events_links_and_what_does_not_hold_for_a_span_are_kept() {
    let agent = need!(TestAgent::start());
    let packet = built::root().join("tests/golden/v3/events_links_baggage.packet.bin");
    let packet = std::fs::read(packet).expect("a packet");
    let arguments = ["--stdin", "--no-agent", "--otlp", agent.otlp_url()];
    let mut bridge = Bridge::start_untold(&arguments, &[("DD_ENV", "lab")]);
    bridge.process.write(&frame(&packet));
    bridge.process.close_stdin();
    assert_eq!(bridge.finish().otlp.map(|sent| sent.spans_sent), Some(2));

    let read = read(&agent);
    let named =
        |name: &str| read.values().find(|span| span.text("name") == name).expect("a span of this name");
    let (serve, cool) = (named("serve"), named("cool"));
    // A trace of elsewhere goes on, and the root's parent is there.
    let trace = 0xaa << 64 | 0xbb;
    assert_eq!([serve.id("trace_id"), cool.id("trace_id"), serve.id("parent_span_id")], [trace, trace, 0xcc]);
    assert_eq!([serve, cool].map(|span| span.fields["flags"].as_u64()), [Some(0x301), Some(0x101)]);
    let env = |span: &Read| span.resource.get("deployment.environment.name").cloned();
    assert_eq!((env(serve), env(cool)), (None, Some(string("lab"))));
    assert_eq!(serve.attributes["baggage.user.id"], string("ada"));

    let end = serve.number("end_time_unix_nano");
    let events: Vec<_> =
        serve.events().iter().map(|event| (&event["name"], &event["time_unix_nano"])).collect();
    let end = Value::from(end.to_string());
    let (rise, fall) = (Value::from("rise"), Value::from("fall"));
    assert_eq!(events, [(&rise, &end), (&fall, &end)]);
    let said = attributes(&serve.events()[0]["attributes"]);
    assert_eq!(said["size"], serde_json::json!({ "int_value": "3" }));
    assert_eq!(said["where"], string("oven"));

    let links: Vec<Read> = cool.fields["links"].as_array().into_iter().flatten().map(read_link).collect();
    assert_eq!(links.len(), 2, "{links:?}");
    let to = |span: u128| links.iter().find(|link| link.id("span_id") == span).expect("a link to it");
    assert_eq!(to(serve.id("span_id")).attributes["why"], string("warm"));
    assert_eq!((to(0xcc).id("trace_id"), to(0xcc).fields["flags"].as_u64()), (trace, Some(1)));
}

fn read_link(link: &Value) -> Read {
    Read { fields: link.clone(), attributes: attributes(&link["attributes"]), resource: BTreeMap::new() }
}

/// Starts a bridge with these arguments and variables, and gives it ten traces.
fn bridged(arguments: &[&str], variables: &[(&str, &str)]) -> (bridge::Summary, String) {
    let mut bridge = Bridge::start_untold(&[&["--stdin"], arguments].concat(), variables);
    for packet in device::packets(41, 10) {
        bridge.process.write(&frame(&packet));
    }
    bridge.process.close_stdin();
    let told = bridge.process.stderr.clone();
    (bridge.finish(), told.all().join("\n"))
}

const ALL: u64 = 10 * SPANS;

#[test]
fn a_bridge_needs_no_agent_whether_it_is_told_so_by_its_arguments_or_its_variables() {
    let agent = need!(TestAgent::start());
    let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", agent.otlp_url())];
    let exporter = [("OTEL_TRACES_EXPORTER", "otlp"), endpoint[0]];
    let by_arguments = ["--no-agent", "--otlp", agent.otlp_url()];
    let mut spans = 0;
    for (arguments, variables) in
        [(&by_arguments[..], &[][..]), (&["--no-agent", "--otlp"], &endpoint), (&[], &exporter)]
    {
        let (summary, told) = bridged(arguments, variables);
        spans += ALL;
        let sent = ByOtlp { spans_sent: ALL, traces_sent: 10, spans_not_kept: 0, spans_dropped: 0 };
        assert_eq!((summary.otlp, summary.spans_sent), (Some(sent), 0), "{summary:?}");
        assert!(
            told.contains("; 20 spans sent by OTLP in 10 traces") && !told.contains("sending to "),
            "{told}"
        );
    }
    // Each run has a session of its own, but all have one key: their ids are the same.
    let took = agent.otlp_requests().iter().map(count).sum::<usize>();
    assert_eq!(took as u64, spans);
    assert!(agent.requests().is_empty());
}

fn count(request: &Value) -> usize {
    let resources = request["resource_spans"].as_array().into_iter().flatten();
    resources.map(|resource| resource["scope_spans"][0]["spans"].as_array().map_or(0, Vec::len)).sum()
}

#[test]
fn a_trace_that_is_not_kept_goes_to_the_agent_alone() {
    let agent = need!(TestAgent::start());
    let rules = r#"[{"tags":{"number":"3"},"sample_rate":0}]"#;
    let arguments = ["--agent-url", agent.url(), "--otlp", agent.otlp_url()];
    // That the agent's address is given says that traces go there.
    let (summary, _) =
        bridged(&arguments, &[("DD_TRACE_SAMPLING_RULES", rules), ("OTEL_TRACES_EXPORTER", "otlp")]);
    let sent = ByOtlp { spans_sent: ALL - SPANS, traces_sent: 9, spans_not_kept: SPANS, spans_dropped: 0 };
    assert_eq!((summary.spans_sent, summary.otlp), (ALL, Some(sent)), "{summary:?}");
    assert_eq!(read(&agent).len() as u64, ALL - SPANS);
}

#[test]
fn a_program_sends_its_traces_by_otlp() {
    let agent = need!(TestAgent::start());
    let config = Config::from_vars([("DD_SERVICE", "kitchen"), ("DD_VERSION", "7")]);
    let config = config.with_agent(false).with_otlp(agent.otlp_url());
    let tracing = Builder::new().config(config).init().expect("the first tracer of this process");
    {
        let span = microspan::trace("order");
        span.set_tag("guests", 3_u32);
        span.set_tag("bread", Static("rye"));
    }
    let stats = tracing.shutdown(Duration::from_secs(10));
    assert_eq!((stats.otlp.sent.spans, stats.agent.sent.spans), (1, 0), "{stats:?}");
    let read = read(&agent);
    let order = read.values().next().expect("one span");
    assert_eq!(order.attributes["guests"], serde_json::json!({ "int_value": "3" }));
    assert_eq!(order.attributes["bread"], string("rye"));
    assert_eq!(
        (&order.resource["service.name"], &order.resource["service.version"]),
        (&string("kitchen"), &string("7"))
    );
    let pid = serde_json::json!({ "int_value": std::process::id().to_string() });
    assert_eq!(order.resource["process.pid"], pid);
}

#[test]
fn a_bridge_that_would_send_nowhere_or_where_it_cannot_does_not_start() {
    for (arguments, words) in [
        (&["--no-agent"][..], "--otlp"),
        (&["--otlp", "https://backend"], "the scheme `https` is not supported"),
    ] {
        let mut process = Process::start(&mut bridge::command(&[&["--stdin"], arguments].concat()));
        assert!(!process.wait(Duration::from_secs(20)).success());
        assert!(process.told().contains(words), "{}", process.told());
    }
}

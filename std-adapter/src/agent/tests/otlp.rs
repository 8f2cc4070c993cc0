//! The client against an endpoint of OpenTelemetry's that plays a script.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use super::*;
use crate::config::{self, Config};

fn settings(url: &str) -> config::Otlp {
    Config::new().with_otlp(url).with_otlp_header("api-key", "secret").otlp
}

fn client(server: &Scripted, options: Options) -> Client {
    let settings = config::Otlp { timeout: options.bounds().timeout, ..settings(&server.url()) };
    Client::start_otlp(&settings, options).expect("a usable URL")
}

/// How many spans the body of a request has.
fn spans(request: &scripted::Request) -> usize {
    let request = ExportTraceServiceRequest::decode(request.body.as_slice()).expect("a request");
    request
        .resource_spans
        .iter()
        .flat_map(|resource| &resource.scope_spans)
        .map(|scope| scope.spans.len())
        .sum()
}

#[test]
fn a_request_is_posted_as_otlp_has_it_and_nobody_is_asked_first() {
    let server = Scripted::start(vec![Turn::answer(200, ""), Turn::answer(200, "")]);
    let client = client(&server, Options { ask_first: true, v05: true, ..quick() });
    send(&client, 0);
    assert!(client.flush(SOON));
    send(&client, 0);
    assert_eq!(client.shutdown(SOON).sent, Count { traces: 2, spans: 4 });
    let requests = server.requests();
    assert_eq!((requests.len(), server.connections()), (2, 1));
    assert_eq!(requests[0].line, "POST /v1/traces HTTP/1.1");
    for (name, value) in [
        ("content-type", Some("application/x-protobuf")),
        ("content-length", Some(requests[0].body.len().to_string().as_str())),
        ("api-key", Some("secret")),
        ("x-datadog-trace-count", None),
    ] {
        assert_eq!(requests[0].header(name), value, "{name}");
    }
    assert_eq!(requests.iter().map(spans).collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn what_may_pass_is_tried_again_and_what_may_not_is_dropped_with_the_endpoints_words() {
    for status in [429, 502, 503, 504] {
        let server = Scripted::start(vec![Turn::answer(status, "busy"), Turn::answer(200, "")]);
        let client = client(&server, quick());
        send(&client, 0);
        assert!(client.flush(SOON));
        let stats = client.stats();
        assert_eq!(
            (stats.sent, stats.retries, stats.dropped()),
            (TWO_SPANS, 1, Count::default()),
            "{status}"
        );
    }
    // The words of a `google.rpc.Status`, and those of anybody else.
    for (status, body) in [(400, "\x08\x03\x12\x08bad span"), (401, "bad span"), (500, "bad span")] {
        let server = Scripted::start(vec![Turn::answer(status, body)]);
        let client = client(&server, quick());
        send(&client, 0);
        assert!(client.flush(SOON));
        let stats = client.stats();
        assert_eq!((stats.retries, stats.dropped_refused.get(&status)), (0, Some(&TWO_SPANS)), "{status}");
        let said = logged(&format!("{}/v1/traces", server.url()));
        let words = format!("refused 1 traces (2 spans): it answered {status}: bad span;");
        assert!(said.len() == 1 && said[0].contains(&words), "{said:?}");
        assert!(said[0].starts_with("the OTLP endpoint at http://"), "{said:?}");
    }
}

#[test]
fn a_pause_that_is_asked_for_is_kept_for_this_payload_and_those_that_follow() {
    let busy = Turn::Refuse(503, "Retry-After: 1");
    let server = Scripted::start(vec![busy.clone(), Turn::answer(200, "")]);
    let client = client(&server, quick());
    let before = Instant::now();
    send(&client, 0);
    assert!(client.flush(SOON));
    assert!(before.elapsed() >= Duration::from_secs(1));
    assert_eq!((client.stats().sent, client.stats().retries), (TWO_SPANS, 1));

    // A payload that is given up meanwhile leaves the pause to the next one.
    let server = Scripted::start(vec![busy.clone(), busy, Turn::answer(200, "")]);
    let client = super::otlp::client(&server, Options { retry_for: Duration::from_millis(500), ..quick() });
    let before = Instant::now();
    send(&client, 0);
    assert!(client.flush(SOON));
    assert_eq!(client.stats().dropped_overloaded, TWO_SPANS);
    send(&client, 0);
    assert!(client.flush(SOON));
    assert!(before.elapsed() >= Duration::from_secs(2));
    assert_eq!(client.stats().sent, TWO_SPANS);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn spans_that_a_success_did_not_take_are_counted_as_refused() {
    let late = "\x0a\x08\x08\x01\x12\x04late";
    let server = Scripted::start(vec![Turn::answer(200, late)]);
    let client = client(&server, quick());
    send(&client, 0);
    assert!(client.flush(SOON));
    let stats = client.stats();
    let (sent, refused) = (Count { traces: 1, spans: 1 }, Count { traces: 0, spans: 1 });
    assert_eq!((stats.sent, stats.dropped_refused.get(&200)), (sent, Some(&refused)));
    assert_eq!(stats.sent + stats.dropped(), TWO_SPANS);
    let said = logged(&format!("{}/v1/traces", server.url()));
    assert!(
        said.len() == 1 && said[0].ends_with("did not take 1 spans of a payload that it took: late"),
        "{said:?}"
    );
}

#[test]
fn a_request_that_is_too_large_is_sent_in_halves_and_none_is_larger_than_it_may_be() {
    let script = [413, 200, 413, 200, 413, 200, 413].map(|status| Turn::answer(status, "big")).into();
    let server = Scripted::start(script);
    let options = Options { flush_interval: Some(Duration::from_secs(60)), ..quick() };
    let client = client(&server, Options { payload_bytes: Some(10_000), flush_bytes: 10_000, ..options });
    for _ in 0..4 {
        send(&client, 100);
    }
    assert!(client.flush(SOON));
    send(&client, 10_000);
    let stats = client.stats();
    assert_eq!(
        (stats.sent.traces, stats.dropped_refused.get(&413)),
        (4, Some(&Count { traces: 1, spans: 1 }))
    );
    assert_eq!(stats.dropped_too_large, Count { traces: 1, spans: 1 }, "the other one can be sent");
    assert_eq!(server.requests().iter().map(spans).collect::<Vec<_>>(), [8, 4, 4, 2, 2, 1, 1]);
}

#[test]
fn a_trace_that_is_not_kept_is_not_sent_and_is_counted() {
    let server = Scripted::start(vec![Turn::answer(200, "")]);
    let client = client(&server, quick());
    for priority in [0, -1, 1] {
        let mut assembler = Assembler::new(Limits::default(), Tagging::default());
        let mut span = Span::new(5, 1, 0, "root", Arc::new(Source::new(1)));
        span.tags = vec![("_sampling_priority_v1".into(), Value::Int(priority))];
        assembler.push(span, 0, &mut |_| {});
        assembler.flush(&mut |trace| client.send(trace));
    }
    let (stats, one) = (client.shutdown(SOON), Count { traces: 1, spans: 1 });
    assert_eq!((stats.sent, stats.not_kept, stats.dropped()), (one, one + one, Count::default()));
}

#[test]
fn an_endpoint_that_cannot_be_used_is_told_with_what_to_do() {
    for (url, reason) in [
        ("https://backend", "the scheme `https` is not supported"),
        ("http://:4318", "it names no host"),
        ("collector:4318", "it has no scheme"),
        ("u:secret@collector://x", "it has no scheme"),
        ("http://a:0", "its port is not a number from 1 to 65535"),
    ] {
        let settings = config::Otlp { url: url.to_owned(), ..settings("http://a") };
        let error = Client::start_otlp(&settings, quick()).err().expect("unusable").to_string();
        let shown = url.replace("u:secret@", "...@");
        let expected = format!(
            "cannot send traces by OTLP to `{shown}`: {reason}; set OTEL_EXPORTER_OTLP_ENDPOINT to an http:// address, such \
             as http://localhost:4318"
        );
        assert_eq!(error, expected);
    }
    let settings = Config::new().with_otlp_header("a b", "c").otlp;
    assert!(matches!(Client::start_otlp(&settings, quick()), Err(ConfigError::Otlp { .. })));
}

#[test]
fn a_program_sends_both_ways_and_one_that_is_held_up_does_not_hold_up_the_other() {
    let agent = Scripted::start(vec![Turn::Silence(Duration::from_secs(2))]);
    let endpoint = Scripted::start(vec![Turn::answer(200, ""), Turn::answer(200, "")]);
    let config = Config::new().with_agent_url(agent.url()).with_otlp(&endpoint.url());
    let patient = Options { flush_interval: Some(Duration::from_secs(60)), ..quick() };
    let outlets = Outlets::start(&config, patient).expect("usable URLs");
    let one = |outlets: &Outlets| {
        let mut assembler = Assembler::new(Limits::default(), Tagging::default());
        assembler.push(Span::new(5, 1, 0, "root", Arc::new(Source::new(1))), 0, &mut |_| {});
        assembler.flush(&mut |trace| outlets.send(trace));
    };
    one(&outlets);
    assert!(!outlets.flush(Duration::from_millis(100)));
    assert_eq!((outlets.stats().agent.sent.spans, outlets.stats().otlp.sent.spans), (0, 1));
    one(&outlets);
    let sent = outlets.shutdown(Duration::from_millis(200));
    assert_eq!((sent.otlp.sent.spans, sent.agent.dropped().spans), (2, 2));

    let alone = Outlets::start(&config.with_agent(false), quick()).expect("a usable URL");
    assert!(alone.agent().is_none());
}

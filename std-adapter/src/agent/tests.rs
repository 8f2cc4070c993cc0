//! The client against an agent that plays a script.

mod awkward;
mod counted;
mod faults;
mod honoured;
#[cfg(feature = "otlp")]
mod otlp;
pub(crate) mod scripted;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::config::Tagging;
use crate::model::{Event, Source, Span, Text, Value};
use crate::pipeline::{Assembler, Limits};
use scripted::{Scripted, Turn, logged};

const OK: &str = r#"{"rate_by_service":{"service:,env:":1}}"#;

/// Options with the patience of a test.
fn quick() -> Options {
    Options {
        flush_interval: Some(Duration::from_millis(10)),
        timeout: Some(Duration::from_millis(300)),
        retry_for: Duration::from_secs(5),
        retry_pause: Duration::from_millis(5),
        ask_first: false,
        ..Options::default()
    }
}

fn client(server: &Scripted, options: Options) -> Client {
    Client::start(&server.url(), options).expect("a usable URL")
}

/// Sends a trace of two spans, with `fill` bytes more than they need.
fn send(client: &Client, fill: usize) {
    let mut assembler = Assembler::new(Limits::default(), Tagging::default());
    let source = Arc::new(Source { service: Some("svc".into()), ..Source::new(1) });
    let mut root = Span::new(5, 1, 0, "root", source.clone());
    root.tags = vec![("fill".into(), Value::Str(Text::from("x".repeat(fill))))];
    assembler.push(root, 0, &mut |_| {});
    assembler.push(Span::new(5, 2, 1, "child", source), 0, &mut |_| {});
    assembler.flush(&mut |trace| client.send(trace));
}

const TWO_SPANS: Count = Count { traces: 1, spans: 2 };
const SOON: Duration = Duration::from_secs(5);

#[test]
fn a_payload_is_posted_with_everything_the_agent_asks_for() {
    let server = Scripted::start(vec![Turn::answer(200, OK)]);
    let client = client(&server, quick());
    send(&client, 0);
    let stats = client.shutdown(SOON);
    let request = server.requests().remove(0);
    assert_eq!(stats.sent, TWO_SPANS);
    assert_eq!((stats.payloads_sent, stats.bytes_sent), (1, request.body.len() as u64));
    assert_eq!((stats.dropped(), stats.retries), (Count::default(), 0));

    assert_eq!(request.line, "POST /v0.4/traces HTTP/1.1");
    for (name, value) in [
        ("content-type", "application/msgpack"),
        ("content-length", request.body.len().to_string().as_str()),
        ("x-datadog-trace-count", "1"),
        ("datadog-meta-lang", "rust"),
        ("datadog-meta-lang-interpreter", "rustc"),
        ("datadog-meta-tracer-version", env!("CARGO_PKG_VERSION")),
        ("datadog-client-computed-top-level", "true"),
        ("datadog-send-real-http-status", "1"),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    assert!(request.header("datadog-meta-lang-version").is_some_and(|version| version.starts_with("1.")));
    assert_eq!(request.header("transfer-encoding"), None);
}

#[test]
fn one_connection_serves_all_payloads() {
    let server = Scripted::start(vec![Turn::answer(200, OK); 3]);
    let client = client(&server, quick());
    for _ in 0..3 {
        send(&client, 0);
        assert!(client.flush(SOON));
    }
    assert_eq!(client.stats().payloads_sent, 3);
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_server_error_is_tried_again_with_the_same_payload() {
    let server =
        Scripted::start(vec![Turn::answer(500, "oops"), Turn::answer(429, ""), Turn::answer(200, OK)]);
    let client = client(&server, quick());
    send(&client, 0);
    let stats = {
        assert!(client.flush(SOON));
        client.stats()
    };
    assert_eq!((stats.sent, stats.retries), (TWO_SPANS, 2));
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request.body == requests[0].body));
}

#[test]
fn a_refused_payload_is_dropped_counted_and_logged_with_the_agents_words() {
    // One that is too large is refused in two halves, too.
    let script = [400, 403, 404, 413, 413, 413, 415].map(|status| Turn::answer(status, "no\nthanks")).into();
    let server = Scripted::start(script);
    let client = client(&server, quick());
    for _ in 0..5 {
        send(&client, 0);
        assert!(client.flush(SOON));
    }
    let stats = client.stats();
    assert_eq!(stats.retries, 0);
    assert_eq!(stats.dropped_refused.keys().copied().collect::<Vec<_>>(), [400, 403, 404, 413, 415]);
    assert_eq!(stats.refused(), Count { traces: 6, spans: 10 });
    let said = logged(&server.url());
    assert!(said[0].contains("refused 1 traces (2 spans): it answered 400: no thanks;"), "{said:?}");
    assert_eq!(said.len(), 5);
}

#[test]
fn an_outage_is_told_of_once_and_its_end_once() {
    let address = Scripted::unused_address();
    let url = format!("http://{address}");
    let options = Options { retry_for: Duration::from_millis(40), ..quick() };
    let client = Client::start(&url, options).expect("a usable URL");
    for _ in 0..3 {
        send(&client, 0);
        assert!(client.flush(SOON));
    }
    assert_eq!(client.stats().dropped_unreachable, Count { traces: 3, spans: 6 });
    assert_eq!(logged(&url).len(), 1);

    let server = Scripted::start_at(&address, vec![Turn::answer(200, OK)]);
    send(&client, 0);
    assert!(client.flush(SOON));
    assert_eq!(client.stats().sent, TWO_SPANS);
    let said = logged(&url);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("is it running there?"), "{said:?}");
    assert!(said[1].contains("answers again"), "{said:?}");
    drop(server);
}

#[test]
fn a_single_broken_connection_is_no_outage() {
    let server = Scripted::start(vec![Turn::Close, Turn::answer(200, OK)]);
    let client = client(&server, quick());
    send(&client, 0);
    assert!(client.flush(SOON));
    assert_eq!((client.stats().sent, client.stats().retries), (TWO_SPANS, 1));
    assert!(logged(&server.url()).is_empty());
}

#[test]
fn an_answer_that_breaks_off_after_success_is_not_sent_again() {
    let server = Scripted::start(vec![Turn::Half(200), Turn::answer(200, OK)]);
    let client = client(&server, quick());
    send(&client, 0);
    assert!(client.flush(SOON));
    send(&client, 0);
    assert!(client.flush(SOON));
    let stats = client.stats();
    assert_eq!((stats.sent, stats.retries), (Count { traces: 2, spans: 4 }, 0));
}

#[test]
fn a_slow_answer_is_waited_for_to_its_end() {
    let server = Scripted::start(vec![Turn::Slow(Duration::from_millis(50), OK), Turn::answer(200, OK)]);
    let client = client(&server, quick());
    for _ in 0..2 {
        send(&client, 0);
        assert!(client.flush(SOON));
    }
    assert_eq!((client.stats().payloads_sent, client.stats().retries), (2, 0));
    assert_eq!(server.connections(), 1);
}

#[test]
fn whatever_the_agent_does_every_trace_is_counted_once() {
    let turns = [
        Turn::answer(500, "oops"),
        Turn::Close,
        Turn::answer(200, OK),
        Turn::answer(400, "no"),
        Turn::Half(200),
        Turn::answer(200, OK),
        Turn::Half(503),
    ];
    let server = Scripted::start(turns.iter().cycle().take(200).cloned().collect());
    let options =
        Options { queue_bytes: Some(20_000), payload_bytes: Some(5_000), flush_bytes: 2_000, ..quick() };
    let client = client(&server, options);
    for round in 0..100 {
        send(&client, round * 60);
        std::thread::sleep(Duration::from_millis(1));
    }
    let stats = client.shutdown(SOON);
    // Traces that are too large are counted by their parts.
    assert_eq!((stats.sent + stats.dropped()).spans, 200, "{stats:?}");
    assert!(stats.sent.traces > 0 && stats.refused().traces > 0 && stats.retries > 0, "{stats:?}");
}

#[test]
fn an_agent_that_does_not_answer_in_time_is_tried_again() {
    let server = Scripted::start(vec![Turn::Silence(Duration::from_secs(1)), Turn::answer(200, OK)]);
    let client = client(&server, quick());
    send(&client, 0);
    let before = Instant::now();
    assert!(client.flush(SOON));
    assert!(before.elapsed() < Duration::from_millis(900), "the time-out is 300 ms");
    assert_eq!((client.stats().sent, client.stats().retries), (TWO_SPANS, 1));
}

#[test]
fn an_agent_that_stays_overloaded_costs_a_bounded_time() {
    let server = Scripted::start(vec![Turn::answer(503, "busy"); 200]);
    let client = client(&server, Options { retry_for: Duration::from_millis(50), ..quick() });
    send(&client, 0);
    assert!(client.flush(SOON));
    assert_eq!(client.stats().dropped_overloaded, TWO_SPANS);
}

#[test]
fn what_comes_while_the_queue_is_full_is_refused_and_counted() {
    let address = Scripted::unused_address();
    let options = Options { queue_bytes: Some(10_000), payload_bytes: Some(4_000), ..quick() };
    let client = Client::start(&format!("http://{address}"), options).expect("a usable URL");
    for _ in 0..10 {
        send(&client, 3_000);
    }
    send(&client, 20_000);
    let stats = client.shutdown(SOON);
    assert!(stats.dropped_queue_full.traces >= 7, "{stats:?}");
    assert_eq!(stats.dropped().traces, 11, "{stats:?}");
}

#[test]
fn nobody_is_to_wait_for_room_after_the_end() {
    let options = Options { queue_bytes: Some(10_000), payload_bytes: Some(4_000), ..quick() };
    let client =
        Client::start(&format!("http://{}", Scripted::unused_address()), options).expect("a usable URL");
    for _ in 0..10 {
        send(&client, 3_000);
    }
    assert!(client.is_crowded());
    client.shutdown(Duration::ZERO);
    let stats = client.shutdown(SOON);
    assert!(stats.dropped_at_exit.traces >= 2, "so many are still held: {stats:?}");
    assert!(!client.is_crowded());
}

#[test]
fn the_end_waits_for_the_agent_no_longer_than_it_may() {
    let server = Scripted::start(vec![Turn::Silence(Duration::from_secs(3))]);
    let client = client(&server, Options { timeout: Some(Duration::from_secs(3)), ..quick() });
    send(&client, 0);
    let before = Instant::now();
    let stats = client.shutdown(Duration::from_millis(200));
    assert!(before.elapsed() < Duration::from_secs(1));
    assert_eq!(stats.dropped(), TWO_SPANS);
    send(&client, 0);
    assert_eq!(client.shutdown(SOON).dropped().traces, 2);
}

#[test]
fn the_end_does_not_wait_for_an_agent_that_is_known_to_be_down() {
    let url = format!("http://{}", Scripted::unused_address());
    let client = Client::start(&url, quick()).expect("a usable URL");
    send(&client, 0);
    let before = Instant::now();
    assert_eq!(client.shutdown(SOON).dropped(), TWO_SPANS);
    assert!(before.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_client_that_is_dropped_still_sends_what_it_holds() {
    let server = Scripted::start(vec![Turn::answer(200, OK)]);
    let client = client(&server, Options { flush_interval: Some(Duration::from_secs(60)), ..quick() });
    send(&client, 0);
    drop(client);
    let before = Instant::now();
    while server.requests().is_empty() && before.elapsed() < SOON {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_agent_is_asked_how_it_takes_events_once_there_are_some() {
    let info = r#"{"span_events":true}"#;
    let script = vec![Turn::answer(200, info), Turn::answer(200, OK), Turn::answer(200, OK)];
    let server = Scripted::start(script);
    let client = client(&server, quick());
    for _ in 0..2 {
        let mut assembler = Assembler::new(Limits::default(), Tagging::default());
        let mut span = Span::new(5, 1, 0, "root", Arc::new(Source::new(1)));
        span.events = vec![Event { name: "rise".into(), time: 7, attributes: Vec::new() }];
        assembler.push(span, 0, &mut |_| {});
        assembler.flush(&mut |trace| client.send(trace));
        assert!(client.flush(SOON));
    }
    let requests = server.requests();
    let lines: Vec<_> = requests.iter().map(|request| request.line.as_str()).collect();
    assert_eq!(lines, ["GET /info HTTP/1.1", "POST /v0.4/traces HTTP/1.1", "POST /v0.4/traces HTTP/1.1"]);
    let native = |request: &scripted::Request| request.body.windows(11).any(|bytes| bytes == b"span_events");
    assert_eq!(requests.iter().map(native).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn times_without_end_and_without_length_are_times() {
    for time in [Duration::MAX, Duration::ZERO] {
        let server = Scripted::start(vec![Turn::answer(200, OK), Turn::answer(200, OK)]);
        let options = Options {
            flush_interval: Some(time),
            timeout: Some(time),
            retry_for: time,
            retry_pause: time,
            ..quick()
        };
        let client = client(&server, options);
        send(&client, 0);
        assert!(client.flush(Duration::MAX) && client.flush_statistics(Duration::MAX));
        send(&client, 0);
        let stats = client.shutdown(Duration::MAX);
        assert_eq!(stats.sent.traces + stats.dropped().traces, 2, "{time:?}");
        assert!(time.is_zero() || stats.sent.traces == 2, "no attempt was cut short");
    }
}

#[test]
fn what_options_say_wins_over_the_configuration_and_that_over_the_defaults() {
    let config = Config::from_vars([
        ("DD_TRACE_WRITER_INTERVAL_SECONDS", "3"),
        ("DD_TRACE_WRITER_BUFFER_SIZE_BYTES", "30000"),
        ("DD_TRACE_AGENT_TIMEOUT_SECONDS", "4"),
    ]);
    let said = Options { timeout: Some(Duration::from_secs(7)), ..Options::default() };
    let bounds = said.with_config(&config).bounds();
    assert_eq!((bounds.interval, bounds.timeout), (Duration::from_secs(3), Duration::from_secs(7)));
    assert_eq!((bounds.buffer_bytes, bounds.payload_bytes), (30_000, 10_000_000));
    assert_eq!(Options::default().bounds(), Writer::default());
}

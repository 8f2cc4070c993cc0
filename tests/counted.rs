//! Statistics at Datadog's test agent: what is sampled out counts, and nothing counts twice.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libdd_trace_protobuf::pb::{ClientGroupedStats, ClientStatsPayload, Trilean};
use microspan_std::agent::{Client, Options};
use microspan_std::config::Config;
use microspan_std::model::{Source, Span, Value};
use microspan_std::pipeline::{Assembler, Limits};
use microspan_tests::bridge::Bridge;
use microspan_tests::device::{self, SPANS, frame};
use microspan_tests::need;
use microspan_tests::official::TestAgent;
use microspan_tests::process::eventually;

const SOON: Duration = Duration::from_secs(10);
const STATS: (&str, &str) = ("DD_TRACE_STATS_COMPUTATION_ENABLED", "true");

#[test]
fn an_agent_has_the_traces_that_are_kept_and_the_counts_of_all() {
    const TRACES: u64 = 200;
    let agent = need!(TestAgent::start());
    let config = Config::from_vars([STATS, ("DD_TRACE_SAMPLE_RATE", "0.25"), ("DD_TRACE_RATE_LIMIT", "-1")]);
    let client = Client::start(agent.url(), Options::default().with_config(&config)).expect("its URL");
    eventually(SOON, || client.info().ok_or("it has not said what it can do".to_owned()));
    let mut assembler = Assembler::configured(Limits::default(), &config).with_rates(client.rates());
    let source = Arc::new(Source { service: Some("bakery".into()), ..Source::new(7) });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos() as i64;
    for number in 1..=TRACES {
        let span = |id, parent, name| Span {
            start: now - 3_000_000,
            duration: 2_000_000,
            ..Span::new(id_of(number), id, parent, name, source.clone())
        };
        let mut root = span(2 * number, 0, "bake");
        root.resource = Some(if number % 2 == 0 { "rye" } else { "wheat" }.into());
        root.tags = vec![("http.status_code".into(), Value::Int(200))];
        let mut call = span(2 * number + 1, 2 * number, "ask");
        call.tags = vec![("span.kind".into(), "client".into()), ("db.name".into(), "recipes".into())];
        let inner = span(1_000 + number, 2 * number, "knead");
        for span in [inner, call, root] {
            assembler.push(span, 0, &mut |trace| client.send(trace));
        }
    }
    assembler.flush(&mut |trace| client.send(trace));
    let stats = client.shutdown(SOON);
    assert_eq!(stats.sent.traces + stats.sampled_out.traces, TRACES, "{stats:?}");
    assert!((20..=80).contains(&stats.sent.traces), "{stats:?}");
    assert_eq!((stats.dropped().spans, stats.statistics.sent), (0, 2 * TRACES), "{stats:?}");

    let groups = eventually(SOON, || match agent.groups() {
        groups if groups.is_empty() => Err("no statistics".to_owned()),
        groups => Ok(groups),
    });
    let sum = |name: &str, resource: &str, what: &str| -> u64 {
        let of = groups.iter().filter(|group| group["Name"] == name && group["Resource"] == resource);
        of.map(|group| group[what].as_u64().expect("a number")).sum()
    };
    let counts =
        |name, resource| ["Hits", "TopLevelHits", "Errors", "Duration"].map(|what| sum(name, resource, what));
    assert_eq!(counts("bake", "rye"), [TRACES / 2, TRACES / 2, 0, TRACES * 1_000_000]);
    assert_eq!(counts("bake", "wheat"), counts("bake", "rye"));
    assert_eq!(counts("ask", "ask"), [TRACES, 0, 0, TRACES * 2_000_000]);
    assert_eq!(counts("knead", "knead"), [0; 4]);
    assert!(groups.iter().all(|group| group["Service"] == "bakery"));

    let requests = agent.requests();
    assert_eq!(requests.iter().map(|request| request.chunks.len() as u64).sum::<u64>(), stats.sent.traces);
    let told = |header: &str| -> u64 {
        requests
            .iter()
            .filter_map(|request| request.header(header))
            .map(|n| n.parse::<u64>().expect("a number"))
            .sum()
    };
    assert_eq!(told("datadog-client-dropped-p0-traces"), stats.sampled_out.traces);
    assert_eq!(told("datadog-client-dropped-p0-spans"), stats.sampled_out.spans);
    assert!(requests.iter().all(|request| request.header("datadog-client-computed-stats") == Some("true")));
    agent.assert_no_check_failed();
}

#[test]
fn the_statistics_are_what_the_agent_calls_by_these_names() {
    let agent = need!(TestAgent::start());
    let config =
        Config::from_vars([STATS, ("DD_ENV", "lab"), ("DD_VERSION", "1.2"), ("DD_SERVICE", "bakery")]);
    let client = Client::start(agent.url(), Options::default().with_config(&config)).expect("its URL");
    eventually(SOON, || client.info().ok_or("it has not said what it can do".to_owned()));
    let mut assembler = Assembler::configured(Limits::default(), &config);
    let mut call = Span::new(5, 6, 7, "ask", Arc::new(Source::new(0xab)));
    (call.resource, call.span_type, call.error) = (Some("rye".into()), Some("db".into()), true);
    let tags: [(&'static str, Value); 7] = [
        ("span.kind", "client".into()),
        ("db.name", "recipes".into()),
        ("http.status_code", Value::Int(503)),
        ("http.method", "GET".into()),
        ("http.route", "/bread".into()),
        ("grpc.code", "UNAVAILABLE".into()),
        ("_dd.origin", "synthetics".into()),
    ];
    call.tags = tags.map(|(key, value)| (key.into(), value)).into();
    call.duration = 9;
    assembler.push(call, 0, &mut |_| {});
    assembler.flush(&mut |trace| client.send(trace));
    client.shutdown(SOON);
    let bodies = agent.statistics();
    let [body] = &bodies[..] else { panic!("{} payloads", bodies.len()) };
    let payload: ClientStatsPayload = rmp_serde::from_slice(body).expect("the agent's own structure");
    let [bucket] = &payload.stats[..] else { panic!("{payload:?}") };
    let [group] = &bucket.stats[..] else { panic!("{payload:?}") };
    assert_eq!((bucket.duration, bucket.start % bucket.duration), (10_000_000_000, 0));
    let expected = ClientStatsPayload {
        env: "lab".to_owned(),
        version: "1.2".to_owned(),
        service: "bakery".to_owned(),
        lang: "rust".to_owned(),
        tracer_version: env!("CARGO_PKG_VERSION").to_owned(),
        runtime_id: "000000000000000000000000000000ab".to_owned(),
        sequence: 1,
        stats: payload.stats.clone(),
        ..ClientStatsPayload::default()
    };
    assert_eq!(payload, expected);
    let expected = ClientGroupedStats {
        service: "bakery".to_owned(),
        name: "ask".to_owned(),
        resource: "rye".to_owned(),
        r#type: "db".to_owned(),
        span_kind: "client".to_owned(),
        peer_tags: vec!["db.name:recipes".to_owned()],
        http_status_code: 503,
        http_method: "GET".to_owned(),
        http_endpoint: "/bread".to_owned(),
        grpc_status_code: "14".to_owned(),
        synthetics: true,
        is_trace_root: Trilean::False.into(),
        hits: 1,
        errors: 1,
        duration: 9,
        ok_summary: group.ok_summary.clone(),
        error_summary: group.error_summary.clone(),
        ..ClientGroupedStats::default()
    };
    assert_eq!(*group, expected);
}

/// A trace id that differs from others in all of its bits.
fn id_of(number: u64) -> u128 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).into()
}

#[test]
fn the_traces_of_devices_count_when_a_bridge_samples_them_out() {
    const TRACES: u64 = 20;
    let agent = need!(TestAgent::start());
    let variables = [STATS, ("DD_TRACE_SAMPLE_RATE", "0")];
    let mut bridge = Bridge::start_with(agent.url(), &["--stdin"], &variables);
    // Those that end before the agent has said what it takes go there.
    for packet in device::packets(31, TRACES as usize) {
        bridge.process.write(&frame(&packet));
        thread::sleep(Duration::from_millis(50));
    }
    bridge.process.close_stdin();
    let summary = bridge.finish();
    assert!(summary.traces_sampled_out > 0, "{summary:?}");
    assert_eq!(summary.traces_sent + summary.traces_sampled_out, TRACES, "{summary:?}");
    assert_eq!(summary.spans_received, summary.spans_sent + summary.spans_sampled_out, "{summary:?}");
    assert_eq!((summary.spans_sampled_out, summary.spans_uncounted), (summary.traces_sampled_out * SPANS, 0));

    let requests = agent.requests();
    let uncounted =
        requests.iter().filter(|request| request.header("datadog-client-computed-stats").is_none());
    let uncounted: usize = uncounted.map(|request| request.chunks.len()).sum();
    let hits: u64 = agent.groups().iter().map(|group| group["Hits"].as_u64().expect("a number")).sum();
    assert_eq!((hits + uncounted as u64, hits), (TRACES, summary.traces_sampled_out), "{summary:?}");
    assert!(agent.groups().iter().all(|group| group["Service"] == "desk-device" && group["Name"] == "turn"));
}

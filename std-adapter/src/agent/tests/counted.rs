//! With statistics, traces that are sampled out are in them and in nothing else.

use rmpv::Value as Packed;

use super::*;
use crate::config::Config;
use crate::model::Tag;

const INFO: &str = r#"{"endpoints":["/v0.4/traces","/v0.6/stats"],"client_drop_p0s":true}"#;

/// A client that counts, once the agent has said that it may.
fn counting(server: &Scripted) -> Client {
    let client =
        client(server, Options { stats: true, flush_interval: Some(Duration::from_secs(60)), ..quick() });
    let before = Instant::now();
    while client.info().is_none() {
        assert!(before.elapsed() < SOON, "the agent is asked before there is a trace");
        std::thread::sleep(Duration::from_millis(2));
    }
    client
}

/// Sends a trace of two spans whose first has these tags, of which rules keep nothing unless a tag says so.
fn send_tagged(client: &Client, tags: &[(&'static str, Value)], error: bool) {
    let config = Config::from_vars([("DD_TRACE_SAMPLE_RATE", "0"), ("DD_SERVICE", "svc"), ("DD_ENV", "lab")]);
    let mut assembler = Assembler::configured(Limits::default(), &config);
    let source = Arc::new(Source::new(1));
    let mut root = Span::new(5, 1, 0, "root", source.clone());
    root.tags = tags.iter().map(|(key, value)| -> Tag { (Text::from(*key), value.clone()) }).collect();
    assembler.push(Span { error, ..Span::new(5, 2, 1, "child", source) }, 0, &mut |_| {});
    assembler.push(root, 0, &mut |_| {});
    assembler.flush(&mut |trace| client.send(trace));
}

const KEEP: &[(&str, Value)] = &[("manual.keep", Value::Bool(true))];

/// The spans that a request to `/v0.6/stats` counts.
fn hits(request: &scripted::Request) -> u64 {
    assert_eq!(request.line, "POST /v0.6/stats HTTP/1.1");
    assert_eq!(request.header("content-type"), Some("application/msgpack"));
    assert_eq!(request.header("datadog-obfuscation-version"), None);
    let payload = rmpv::decode::read_value(&mut &request.body[..]).expect("MessagePack");
    let list = |map: &Packed| {
        let stats = map.as_map().expect("a map").iter().find(|(key, _)| key.as_str() == Some("Stats"));
        stats.expect("statistics").1.as_array().expect("a list").clone()
    };
    let groups = list(&payload).iter().flat_map(list).collect::<Vec<_>>();
    let hits = |group: &Packed| {
        let group = group.as_map().expect("a map");
        group.iter().find(|(key, _)| key.as_str() == Some("Hits")).and_then(|(_, hits)| hits.as_u64())
    };
    groups.iter().map(|group| hits(group).expect("a number")).sum()
}

fn paths(server: &Scripted) -> Vec<String> {
    let requests = server.requests();
    requests.iter().map(|request| request.line.split(' ').nth(1).unwrap_or_default().to_owned()).collect()
}

/// What a request says of traces that are not sent: whether it has statistics, and how many.
fn told(request: &scripted::Request) -> [Option<&str>; 3] {
    ["stats", "traces", "spans"].map(|what| {
        request.header(&match what {
            "stats" => "datadog-client-computed-stats".to_owned(),
            _ => format!("datadog-client-dropped-p0-{what}"),
        })
    })
}

#[test]
fn what_is_sampled_out_is_counted_and_told_of_and_what_is_of_use_is_sent() {
    let server = Scripted::start([INFO, OK, OK].map(|text| Turn::answer(200, text)).into());
    let client = counting(&server);
    for _ in 0..3 {
        send_tagged(&client, &[], false);
    }
    // Failed, kept, and one of which a rule keeps a single span.
    send_tagged(&client, &[], true);
    send_tagged(&client, KEEP, false);
    send_tagged(&client, &[("_dd.span_sampling.mechanism", Value::Int(8))], false);
    assert!(client.flush(SOON));
    assert!(client.flush_statistics(SOON));
    let requests = server.requests();
    assert_eq!(paths(&server), ["/info", "/v0.4/traces", "/v0.6/stats"]);
    assert_eq!(requests[1].header("x-datadog-trace-count"), Some("3"));
    assert_eq!(told(&requests[1]), [Some("true"), Some("3"), Some("6")]);
    assert_eq!(hits(&requests[2]), 6);

    let stats = client.shutdown(SOON);
    assert_eq!(
        (stats.sent, stats.sampled_out),
        (Count { traces: 3, spans: 6 }, Count { traces: 3, spans: 6 })
    );
    assert_eq!(stats.dropped(), Count::default());
    assert_eq!((stats.statistics.sent, stats.statistics.dropped), (6, 0));
    assert_eq!(paths(&server).len(), 3, "nothing is told twice");
}

#[test]
fn the_end_sends_the_statistics_and_tells_of_what_no_payload_told() {
    let server = Scripted::start([INFO, OK, OK].map(|text| Turn::answer(200, text)).into());
    let client = counting(&server);
    send_tagged(&client, &[], false);
    let stats = client.shutdown(SOON);
    assert_eq!((stats.sampled_out, stats.statistics.sent), (TWO_SPANS, 1));
    let requests = server.requests();
    assert_eq!(paths(&server), ["/info", "/v0.6/stats", "/v0.4/traces"]);
    assert_eq!((hits(&requests[1]), requests[2].header("x-datadog-trace-count")), (1, Some("0")));
    assert_eq!(told(&requests[2]), [Some("true"), Some("1"), Some("2")]);
}

#[test]
fn an_agent_that_does_not_take_statistics_gets_every_trace_and_counts_itself() {
    for info in [
        r#"{"endpoints":["/v0.4/traces","/v0.6/stats"],"client_drop_p0s":false}"#,
        r#"{"endpoints":["/v0.4/traces"],"client_drop_p0s":true}"#,
        r#"{"client_drop_p0s":true}"#,
    ] {
        let server = Scripted::start([info, OK].map(|text| Turn::answer(200, text)).into());
        let client = counting(&server);
        send_tagged(&client, &[], false);
        let stats = client.shutdown(SOON);
        assert_eq!((stats.sent, stats.sampled_out), (TWO_SPANS, Count::default()));
        assert_eq!(paths(&server), ["/info", "/v0.4/traces"]);
        assert_eq!(told(&server.requests()[1]), [None; 3]);
    }
}

#[test]
fn what_came_before_the_agent_said_what_it_takes_is_not_said_to_be_counted() {
    // The agent is not there at first, and then left alone for as long as it took to find that.
    let address = Scripted::unused_address();
    let options = Options { stats: true, flush_interval: Some(Duration::from_secs(60)), ..quick() };
    let client = Client::start(&format!("http://{address}"), options).expect("a usable URL");
    let server = Scripted::start_at(&address, (0..1_000).map(|_| Turn::answer(200, INFO)).collect());
    let mut before = 0;
    while client.info().is_none() {
        send_tagged(&client, &[], false);
        assert!(client.flush(SOON));
        before += 1;
    }
    send_tagged(&client, KEEP, false);
    let stats = client.shutdown(SOON);
    assert_eq!((stats.sent.traces, stats.sampled_out.traces, stats.statistics.sent), (before + 1, 0, 1));
    let requests = server.requests();
    let traces: Vec<_> =
        requests.iter().filter(|request| request.line.contains("traces")).map(told).collect();
    let (last, others) = traces.split_last().expect("traces");
    assert_eq!(*last, [Some("true"), None, None]);
    assert!(others.len() as u64 == before && others.iter().all(|told| *told == [None; 3]));
}

#[test]
fn statistics_are_tried_again_a_few_times_and_then_dropped_and_counted() {
    let script = [(200, INFO), (503, "busy"), (200, ""), (500, ""), (500, ""), (500, ""), (400, "no")];
    let server = Scripted::start(script.map(|(status, text)| Turn::answer(status, text)).into());
    let client = counting(&server);
    for (sent, dropped) in [(1, 0), (1, 1), (1, 2)] {
        send_tagged(&client, KEEP, false);
        assert!(client.flush_statistics(SOON));
        let stats = client.stats().statistics;
        assert_eq!((stats.sent, stats.dropped), (sent, dropped));
    }
    let requests = server.requests();
    assert_eq!(requests[1].body, requests[2].body);
    assert!(logged(&server.url()).iter().any(|line| line.contains("did not take the statistics of 1 spans")));
}

#[test]
fn an_agent_that_knows_no_statistics_after_all_gets_every_trace_from_then_on() {
    let script = [(200, INFO), (404, "what?"), (200, OK), (200, OK)];
    let server = Scripted::start(script.map(|(status, text)| Turn::answer(status, text)).into());
    let client = counting(&server);
    send_tagged(&client, &[], false);
    assert!(client.flush_statistics(SOON));
    send_tagged(&client, &[], false);
    let stats = client.shutdown(SOON);
    assert_eq!((stats.sampled_out, stats.sent, stats.statistics.dropped), (TWO_SPANS, TWO_SPANS, 1));
    let requests = server.requests();
    let counted = requests[2..].iter().filter(|request| told(request)[0].is_some());
    assert_eq!(
        counted.map(|request| request.header("x-datadog-trace-count")).collect::<Vec<_>>(),
        [Some("0")]
    );
}

#[test]
fn what_a_payload_told_that_nobody_took_the_next_one_tells() {
    let script = [(200, INFO), (400, "no"), (200, OK)];
    let server = Scripted::start(script.map(|(status, text)| Turn::answer(status, text)).into());
    let client = counting(&server);
    send_tagged(&client, &[], false);
    for _ in 0..2 {
        send_tagged(&client, KEEP, false);
        assert!(client.flush(SOON));
    }
    let requests = server.requests();
    let both = [Some("true"), Some("1"), Some("2")];
    assert_eq!(requests[1..].iter().map(told).collect::<Vec<_>>(), [both, both]);
}

#[test]
fn statistics_that_there_is_no_time_for_at_the_end_are_counted_as_dropped() {
    let script = vec![Turn::answer(200, INFO), Turn::Silence(Duration::from_secs(3))];
    let server = Scripted::start(script);
    let client = counting(&server);
    send_tagged(&client, KEEP, false);
    let flushed = client.flush(Duration::from_millis(20));
    assert!(!flushed, "the agent is silent");
    let stats = client.shutdown(Duration::from_millis(100));
    assert_eq!((stats.statistics.sent, stats.statistics.dropped), (0, 1));
}

#[test]
fn statistics_that_are_under_way_when_the_time_for_the_end_is_over_are_counted_as_dropped() {
    let script = vec![Turn::answer(200, INFO), Turn::Silence(Duration::from_secs(3))];
    let server = Scripted::start(script);
    let client = counting(&server);
    send_tagged(&client, KEEP, false);
    let flushed = client.flush_statistics(Duration::from_millis(50));
    assert!(!flushed, "the agent is silent");
    assert_eq!(paths(&server), ["/info", "/v0.6/stats"]);
    send_tagged(&client, KEEP, false);
    let stats = client.shutdown(Duration::from_millis(50));
    assert_eq!((stats.statistics.sent, stats.statistics.dropped), (0, 2));
}

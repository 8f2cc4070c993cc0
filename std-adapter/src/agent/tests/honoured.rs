//! What the agent says is honoured, and it is reached as it wants to be.

use super::*;

/// The paths that were asked for.
fn paths(server: &Scripted) -> Vec<String> {
    let requests = server.requests();
    requests.iter().map(|request| request.line.split(' ').nth(1).unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_rates_that_the_agent_answers_are_there_to_be_followed() {
    let body = r#"{"rate_by_service":{"service:svc,env:":0.5,"service:,env:":1}}"#;
    let script = vec![
        Turn::Say("Datadog-Rates-Payload-Version: v7", body),
        Turn::Say("Datadog-Rates-Payload-Version: v7", "{}"),
        Turn::Half(200),
        Turn::answer(200, "OK"),
    ];
    let server = Scripted::start(script);
    let client = client(&server, quick());
    let rates = client.rates();
    assert_eq!(rates.rate("svc", ""), None);
    for _ in 0..4 {
        send(&client, 0);
        assert!(client.flush(SOON));
        assert_eq!((rates.rate("svc", ""), rates.rate("other", "")), (Some(0.5), Some(1.0)));
    }
    let versions: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.header("datadog-rates-payload-version").map(str::to_owned))
        .collect();
    assert_eq!(versions, ["0", "v7", "v7", "v7"].map(|version| Some(version.to_owned())));
}

#[test]
fn a_payload_that_is_too_large_is_sent_in_halves_down_to_single_spans() {
    // Four traces: the whole, the first half, the second, of which one span alone is still too large.
    let script = [413, 200, 413, 200, 413, 200, 413].map(|status| Turn::answer(status, "big")).into();
    let server = Scripted::start(script);
    let client = client(&server, Options { flush_interval: Some(Duration::from_secs(60)), ..quick() });
    for _ in 0..4 {
        send(&client, 100);
    }
    assert!(client.flush(SOON));
    let stats = client.stats();
    assert_eq!((stats.sent, stats.payloads_sent), (Count { traces: 4, spans: 7 }, 3));
    let one = Count { traces: 1, spans: 1 };
    assert_eq!((stats.dropped(), stats.dropped_refused.get(&413)), (one, Some(&one)));
    let requests = server.requests();
    let counts: Vec<_> =
        requests.iter().filter_map(|request| request.header("x-datadog-trace-count")).collect();
    assert_eq!(counts, ["4", "2", "2", "1", "1", "1", "1"]);
    let said = logged(&server.url());
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("refused 1 traces (1 spans): it answered 413: big"), "{said:?}");
}

#[test]
fn an_agent_that_does_not_take_the_smaller_form_gets_the_other_one_and_for_good() {
    for status in [404, 415] {
        let script = vec![Turn::answer(status, "no"), Turn::answer(200, OK), Turn::answer(200, OK)];
        let server = Scripted::start(script);
        let client = client(&server, Options { v05: true, ..quick() });
        for _ in 0..2 {
            send(&client, 0);
            assert!(client.flush(SOON));
        }
        assert_eq!((client.stats().sent.traces, client.stats().dropped()), (2, Count::default()));
        assert_eq!(paths(&server), ["/v0.5/traces", "/v0.4/traces", "/v0.4/traces"]);
        assert_eq!(logged(&server.url()).len(), 1);
    }
}

#[test]
fn an_agent_that_takes_the_smaller_form_gets_it() {
    let server = Scripted::start(vec![Turn::answer(200, OK)]);
    let client = client(&server, Options { v05: true, ..quick() });
    send(&client, 0);
    assert_eq!(client.shutdown(SOON).sent, TWO_SPANS);
    assert_eq!(paths(&server), ["/v0.5/traces"]);
    // An array of two: the strings, and the traces.
    assert_eq!(server.requests()[0].body.first(), Some(&0x92));
}

#[test]
fn the_agent_is_asked_first_and_again_when_it_says_that_it_has_changed() {
    let info = r#"{"version":"7.60","endpoints":["/v0.4/traces"],"config":{"max_request_bytes":10000}}"#;
    let script = vec![
        Turn::answer(200, info),
        Turn::Say("Datadog-Agent-State: a", OK),
        Turn::Say("Datadog-Agent-State: a", OK),
        Turn::Say("Datadog-Agent-State: a", OK),
        Turn::Say("Datadog-Agent-State: b", OK),
        Turn::answer(404, ""),
        Turn::answer(200, OK),
    ];
    let server = Scripted::start(script);
    let client = client(&server, Options { v05: true, ask_first: true, ..quick() });
    assert_eq!(client.info(), None);
    for _ in 0..2 {
        send(&client, 0);
        assert!(client.flush(SOON));
    }
    let said = client.info().expect("it answered");
    assert_eq!((said.version.as_deref(), said.max_request_bytes), (Some("7.60"), Some(10_000)));
    // Of two spans one is larger than what the agent takes.
    send(&client, 10_000);
    assert_eq!(client.stats().dropped_too_large, Count { traces: 1, spans: 1 });
    assert!(client.flush(SOON));
    for _ in 0..2 {
        send(&client, 0);
        assert!(client.flush(SOON));
    }
    assert_eq!(client.info().as_deref(), Some(&Info::default()));
    let traces = "/v0.4/traces";
    assert_eq!(paths(&server), ["/info", traces, traces, traces, traces, "/info", traces]);
}

#[test]
fn what_the_cluster_says_of_this_process_goes_along_if_it_can() {
    for (said, sent) in [("it-false,cn-app,pu-1", Some("it-false,cn-app,pu-1")), ("a\nb", None)] {
        let server = Scripted::start(vec![Turn::answer(200, OK)]);
        let client = client(&server, Options { external_env: Some(said.to_owned()), ..quick() });
        send(&client, 0);
        assert_eq!(client.shutdown(SOON).sent, TWO_SPANS);
        assert_eq!(server.requests()[0].header("datadog-external-env"), sent);
    }
}

#[test]
fn what_was_dropped_is_told_by_the_traces_that_follow() {
    let server = Scripted::start(vec![Turn::answer(400, "no"), Turn::answer(200, OK)]);
    let client = client(&server, quick());
    for _ in 0..2 {
        send(&client, 0);
        assert!(client.flush(SOON));
    }
    let says = |request: &scripted::Request| request.body.windows(13).any(|bytes| bytes == b"_dd.tracer_kr");
    assert_eq!(server.requests().iter().map(says).collect::<Vec<_>>(), [false, true]);
}

#[test]
#[cfg(unix)]
fn an_agent_behind_a_socket_is_reached_over_one_connection_and_found_when_it_comes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("apm.socket");
    let url = format!("unix://{}", path.display());
    let client = Client::start(&url, Options { retry_for: Duration::from_millis(40), ..quick() });
    let client = client.expect("a usable URL");
    send(&client, 0);
    assert!(client.flush(SOON));
    assert_eq!(client.stats().dropped_unreachable, TWO_SPANS);

    let silence = Turn::Silence(Duration::from_secs(1));
    let script = vec![Turn::answer(200, OK), Turn::answer(200, OK), Turn::Close, Turn::answer(200, OK)];
    let server = Scripted::start_on_socket(&path, script.into_iter().chain([silence]).collect());
    for _ in 0..2 {
        send(&client, 100_000);
        assert!(client.flush(SOON));
    }
    assert_eq!((client.stats().sent.traces, server.connections()), (2, 1));
    // A connection that broke is made again.
    send(&client, 0);
    assert!(client.flush(SOON));
    assert_eq!((client.stats().sent.traces, server.connections()), (3, 2));
    assert_eq!(server.requests()[0].header("host"), Some("localhost"));
    // A time-out holds here as elsewhere.
    let before = Instant::now();
    send(&client, 0);
    assert!(client.flush(SOON));
    assert!(before.elapsed() < Duration::from_millis(900), "the time-out is 300 ms");
    assert_eq!(client.stats().dropped_unreachable.traces, 2);
}

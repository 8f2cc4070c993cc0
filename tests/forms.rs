//! Traces in both forms, over TCP and a Unix socket, to Datadog's test agent.

use std::sync::Arc;
use std::time::Duration;

use microspan_std::agent::{Client, Options};
use microspan_std::config::Tagging;
use microspan_std::model::{Event, Link, Source, Span, Value};
use microspan_std::pipeline::{Assembler, Limits};
use microspan_tests::need;
use microspan_tests::official::TestAgent;
use microspan_tests::process::eventually;
use microspan_tests::span::Span as Stored;

const START: i64 = 1_700_000_000_000_000_000;
const SOON: Duration = Duration::from_secs(10);

/// A root with tags of each kind, and a child; `links` and events on the root where they are asked for.
fn spans(trace_id: u128, beyond: bool) -> Vec<Span> {
    let source = Arc::new(Source {
        service: Some("bakery".into()),
        version: Some("1.2".into()),
        tags: vec![("env".into(), "lab".into())],
        ..Source::new(7)
    });
    let span = |id, parent, name| Span {
        start: START,
        duration: 5,
        ..Span::new(trace_id, id, parent, name, source.clone())
    };
    let mut root = span(1, 0, "bake");
    root.span_type = Some("worker".into());
    root.resource = Some("bread \u{1f35e}".into());
    root.error = true;
    root.tags = vec![("oven".into(), "left".into()), ("loaves".into(), Value::Uint(12))];
    if beyond {
        root.links = vec![Link::new(5, 6)];
        root.events = vec![Event { name: "rise".into(), time: 7, attributes: Vec::new() }];
    }
    vec![root, span(2, 1, "knead")]
}

/// Sends one trace; gives it as it was stored.
fn sent(agent: &TestAgent, client: &Client, spans: Vec<Span>) -> Vec<Stored> {
    let (id, count) = (spans[0].trace_id as u64, spans.len());
    let mut assembler = Assembler::new(Limits::default(), Tagging::default()).with_rates(client.rates());
    spans.into_iter().for_each(|span| assembler.push(span, 0, &mut |_| {}));
    assembler.flush(&mut |trace| client.send(trace));
    assert!(client.flush(SOON));
    assert_eq!(client.stats().dropped().spans, 0);
    eventually(SOON, || {
        let traces = agent.traces();
        let found = traces.into_iter().find(|trace| trace.iter().any(|span| span.trace_id == id));
        found.filter(|found| found.len() == count).ok_or(format!("no trace {id}"))
    })
}

fn client(url: &str, v05: bool) -> Client {
    Client::start(url, Options { v05, ..Options::default() }).expect("the agent's URL")
}

#[test]
fn an_agent_stores_the_same_whatever_the_form_and_the_way() {
    let agent = need!(TestAgent::start());
    let high = 0x0123_4567_89ab_cdef_u128 << 64;
    let ways = [(agent.url().to_owned(), false), (agent.url().to_owned(), true), (agent.socket_url(), true)];
    let stored: Vec<Vec<Stored>> = (1..)
        .zip(ways)
        .map(|(id, (url, v05))| {
            let mut trace = sent(&agent, &client(&url, v05), spans(high | id, false));
            trace.iter_mut().for_each(|span| span.trace_id = 0);
            trace
        })
        .collect();
    assert_eq!(stored[0], stored[1]);
    assert_eq!(stored[0], stored[2]);
    let root = &stored[0][0];
    assert_eq!((root.kind.as_str(), root.error, root.text("env")), ("worker", 1, Some("lab")));
    assert_eq!(root.text("_dd.p.tid"), Some("0123456789abcdef"));
    assert_eq!(root.number("loaves"), Some(12.0));
    agent.assert_no_check_failed();
}

#[test]
fn links_and_events_go_through_the_smaller_form_as_text() {
    let agent = need!(TestAgent::start());
    let stored = sent(&agent, &client(agent.url(), true), spans(9, true));
    let links = r#"[{"trace_id":"00000000000000000000000000000005","span_id":"0000000000000006"}]"#;
    assert_eq!(stored[0].text("_dd.span_links"), Some(links));
    assert_eq!(stored[0].text("events"), Some(r#"[{"name":"rise","time_unix_nano":7}]"#));
    agent.assert_no_check_failed();
}

#[test]
fn a_rate_that_the_agent_answers_decides_on_the_traces_after_it() {
    let agent = need!(TestAgent::start());
    agent.set_rates(r#"{"service:bakery,env:lab":0}"#);
    let client = client(agent.url(), false);
    let decided: Vec<_> = (1..=2)
        .map(|id| {
            let root = sent(&agent, &client, spans(id, false)).remove(0);
            (root.number("_sampling_priority_v1"), root.text("_dd.p.dm").map(str::to_owned))
        })
        .collect();
    assert_eq!(decided, [(Some(1.0), Some("-0".to_owned())), (Some(0.0), Some("-1".to_owned()))]);
}

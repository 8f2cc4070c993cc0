//! A run of the client, with variables of its own, and what the agent has of it.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use microspan_tests::official::TestAgent;
use microspan_tests::process::Process;
use serde_json::{Value, json};

/// How long the client may take to start, and to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A case of the suite.
pub struct Case {
    /// Where it stands in the suite, and what it is about.
    pub name: &'static str,
    /// The client's variables beside the agent's address.
    pub env: &'static [(&'static str, &'static str)],
    /// What is done, and asserted.
    pub run: fn(&Run<'_>),
}

/// Headers, by their names.
pub type Headers = BTreeMap<String, String>;

/// A client that runs.
pub struct Run<'a> {
    agent: &'a TestAgent,
    url: String,
    http: ureq::Agent,
    /// Killed with this.
    _client: Process,
}

impl<'a> Run<'a> {
    /// Starts one; what the agent had of others is gone.
    pub fn start(agent: &'a TestAgent, env: &[(&str, &str)]) -> Self {
        agent.clear();
        let client = Process::start(
            Command::new(env!("CARGO_BIN_EXE_parametric"))
                .env_clear()
                .env("APM_TEST_CLIENT_SERVER_PORT", "0")
                .env("DD_TRACE_AGENT_URL", agent.url())
                .envs(env.iter().copied()),
        );
        let port = client
            .stdout
            .find(PATIENCE, |line| line.rsplit_once(':')?.1.parse::<u16>().ok())
            .unwrap_or_else(|| panic!("it does not listen: {}", client.told()));
        let http = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .build()
            .into();
        Self { agent, url: format!("http://127.0.0.1:{port}"), http, _client: client }
    }

    /// The status and the body of an answer.
    pub fn answer(&self, path: &str, ask: &Value) -> (u16, Value) {
        let mut answer =
            self.http.post(format!("{}{path}", self.url)).send(ask.to_string()).expect("an answer");
        let text = answer.body_mut().read_to_string().expect("a body");
        // Trace ids have 128 bits, of which this reads what a float holds: nobody here looks at them.
        (answer.status().as_u16(), serde_json::from_str(&text).expect("JSON"))
    }

    /// The body of an answer that has to be a success.
    #[track_caller]
    pub fn ask(&self, path: &str, ask: Value) -> Value {
        let (status, answer) = self.answer(path, &ask);
        assert_eq!(status, 200, "{path} {ask}: {answer}");
        answer
    }

    /// Starts a span.
    pub fn span(&self, plan: Value) -> u64 {
        let answer = self.ask("/trace/span/start", plan);
        answer["span_id"].as_u64().expect("an id")
    }

    /// Starts a span of which only the name is said.
    pub fn root(&self, name: &str) -> u64 {
        self.span(json!({ "name": name }))
    }

    /// Starts a child.
    pub fn child(&self, name: &str, parent: u64) -> u64 {
        self.span(json!({ "name": name, "parent_id": parent }))
    }

    /// Does something to a span.
    #[track_caller]
    pub fn on(&self, span: u64, what: &str, mut said: Value) {
        said["span_id"] = span.into();
        self.ask(&format!("/trace/span/{what}"), said);
    }

    /// Finishes a span.
    #[track_caller]
    pub fn finish(&self, span: u64) {
        self.on(span, "finish", json!({}));
    }

    /// Reads headers: the id to start a span in.
    pub fn extract(&self, headers: &[(&str, &str)]) -> Option<u64> {
        self.ask("/trace/span/extract_headers", json!({ "http_headers": headers }))["span_id"].as_u64()
    }

    /// The headers of a request on behalf of a span.
    pub fn inject(&self, span: u64) -> Headers {
        let answer = self.ask("/trace/span/inject_headers", json!({ "span_id": span }));
        serde_json::from_value::<Vec<(String, String)>>(answer["http_headers"].clone())
            .expect("headers")
            .into_iter()
            .collect()
    }

    /// Serves a request with these headers, and sends one on its behalf.
    pub fn serve(&self, headers: &[(&str, &str)]) -> Headers {
        let span = self.span(json!({ "name": "name", "parent_id": self.extract(headers) }));
        let injected = self.inject(span);
        self.finish(span);
        injected
    }

    /// Sends what is finished.
    pub fn flush(&self) {
        self.ask("/trace/span/flush", json!({}));
    }

    /// What the agent has by now, without a flush.
    pub fn stored(&self) -> Vec<Vec<Value>> {
        self.agent.stored()
    }

    /// Everything the agent has after a flush.
    pub fn spans(&self) -> Vec<Value> {
        self.flush();
        self.stored().into_iter().flatten().collect()
    }

    /// The only span that there is.
    #[track_caller]
    pub fn only(&self) -> Value {
        let mut spans = self.spans();
        assert_eq!(spans.len(), 1, "{spans:?}");
        spans.remove(0)
    }
}

/// The span of this name.
#[track_caller]
pub fn named<'s>(spans: &'s [Value], name: &str) -> &'s Value {
    spans.iter().find(|span| span["name"] == name).unwrap_or_else(|| panic!("no {name} in {spans:?}"))
}

/// A field, or nothing: of a span that has no such map, too.
#[track_caller]
pub fn assert_field(span: &Value, map: &str, key: &str, expected: Value) {
    assert_eq!(span[map][key], expected, "{map}.{key} of {span}");
}

/// The fields of the trace that a sampler decides on, in its root: priority, mechanism, rate.
#[track_caller]
pub fn assert_sampled(span: &Value, priority: i64, mechanism: Option<&str>, rate: Option<f64>) {
    assert_eq!(
        span["metrics"]["_sampling_priority_v1"].as_f64(),
        Some(priority as f64),
        "the priority: {span}"
    );
    assert_eq!(span["meta"]["_dd.p.dm"].as_str(), mechanism, "the mechanism: {span}");
    assert_eq!(span["metrics"]["_dd.rule_psr"].as_f64(), rate, "the rate: {span}");
}

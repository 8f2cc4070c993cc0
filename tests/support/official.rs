//! Datadog's own test agent, with its checks on.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;

use crate::built;
use crate::needs::Missing;
use crate::ports;
use crate::process::{Process, eventually};
use crate::span::{Chunk, Span};

/// Without this variable it checks nothing.
const CHECKS: &str = "trace_count_header,meta_tracer_version_header,trace_content_length,trace_peer_service,meta_events_is_valid_json,trace_dd_service";

/// Its socket, in its folder.
const SOCKET: &str = "apm.socket";

/// Time for Python to start on a busy machine.
const START: Duration = Duration::from_secs(60);

/// How often one is started: a port that was free a moment ago may be somebody's.
const TRIES: usize = 3;

/// A running test agent, one for one test.
pub struct TestAgent {
    process: Process,
    url: String,
    otlp_url: String,
    /// Where its socket is, and where it would keep snapshots.
    folder: TempDir,
}

/// A request that it stored.
pub struct Request {
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The chunks in its body, as they were on the wire.
    pub chunks: Vec<Chunk>,
}

impl Request {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl TestAgent {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// [`Missing`] when it is not installed.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Result<Self, Missing> {
        Self::begin(ports::several)
    }

    /// Starts one on this port.
    ///
    /// # Errors
    /// [`Missing`] when it is not installed.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_on(port: u16) -> Result<Self, Missing> {
        Self::begin(|| {
            let [otlp_http, otlp_grpc] = ports::several();
            [port, otlp_http, otlp_grpc]
        })
    }

    /// Starts one on these ports: its own, and those of OTLP over HTTP and over gRPC; and again on others where they are somebody's by then.
    fn begin(ports: impl Fn() -> [u16; 3]) -> Result<Self, Missing> {
        let program = installed()?;
        let mut failures = 0;
        loop {
            let mut agent = Self::run(&program, ports());
            let has_begun = eventually(START, || {
                if !agent.process.runs() {
                    return Ok(false);
                }
                get(&format!("{}/info", agent.url))?;
                get(&format!("{}/test/session/traces", agent.otlp_url)).map(|_| true)
            });
            if has_begun {
                return Ok(agent);
            }
            failures += 1;
            assert!(failures < TRIES, "{}\nit ended at its start", agent.process.told());
        }
    }

    fn run(program: &Path, [port, otlp_http, otlp_grpc]: [u16; 3]) -> Self {
        let folder = TempDir::new().expect("a folder for temporary files");
        let process = Process::start(
            Command::new(program)
                .env("ENABLED_CHECKS", CHECKS)
                .env("PORT", port.to_string())
                // Two that differ: with one number for both it refuses to start.
                .env("OTLP_HTTP_PORT", otlp_http.to_string())
                .env("OTLP_GRPC_PORT", otlp_grpc.to_string())
                .env("SNAPSHOT_DIR", folder.path())
                .env("DD_APM_RECEIVER_SOCKET", folder.path().join(SOCKET))
                .current_dir(folder.path()),
        );
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        Self { process, url: url(port), otlp_url: url(otlp_http), folder }
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL at which it takes OTLP over HTTP.
    pub fn otlp_url(&self) -> &str {
        &self.otlp_url
    }

    /// The requests that it took by OTLP, as it read them: the fields of the protocol, in JSON.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn otlp_requests(&self) -> Vec<Value> {
        let path = format!("{}/test/session/traces", self.otlp_url);
        let text = get(&path).unwrap_or_else(|why| panic!("{why}\n{}", self.process.told()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// The URL of its socket.
    pub fn socket_url(&self) -> String {
        format!("unix://{}", self.folder.path().join(SOCKET).display())
    }

    /// Has it answer with these rates from now on, in JSON.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn set_rates(&self, rates: &str) {
        let escaped: String = rates.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let path = format!("/test/session/start?agent_sample_rate_by_service={escaped}");
        get(&format!("{}{path}", self.url)).unwrap_or_else(|why| panic!("{why}"));
    }

    /// The requests with traces that it stored, oldest first.
    ///
    /// # Panics
    /// When it does not answer, or stored what is no trace payload.
    pub fn requests(&self) -> Vec<Request> {
        let stored = self.json("/test/session/requests");
        let mut requests: Vec<Request> = stored
            .as_array()
            .into_iter()
            .flatten()
            .filter(|request| request["url"].as_str().is_some_and(|url| url.ends_with("/v0.4/traces")))
            .map(|request| {
                let body = STANDARD.decode(request["body"].as_str().unwrap_or_default()).expect("base64");
                let headers = request["headers"].as_object().into_iter().flatten();
                Request {
                    headers: headers
                        .map(|(key, value)| {
                            (key.to_lowercase(), value.as_str().unwrap_or_default().to_owned())
                        })
                        .collect(),
                    chunks: rmp_serde::from_slice(&body).expect("chunks of spans in msgpack"),
                }
            })
            .collect();
        requests.reverse();
        requests
    }

    /// The bodies of the requests to this path, oldest first.
    fn bodies(&self, path: &str) -> Vec<Vec<u8>> {
        let stored = self.json("/test/session/requests");
        let requests = stored.as_array().into_iter().flatten();
        let mut bodies: Vec<Vec<u8>> = requests
            .filter(|request| request["url"].as_str().is_some_and(|url| url.ends_with(path)))
            .map(|request| STANDARD.decode(request["body"].as_str().unwrap_or_default()).expect("base64"))
            .collect();
        bodies.reverse();
        bodies
    }

    /// The traces as it understood them: spans gathered by trace id.
    ///
    /// # Panics
    /// When it does not answer, or its spans are not spans.
    pub fn traces(&self) -> Vec<Vec<Span>> {
        serde_json::from_value(self.json("/test/session/traces")).expect("traces in JSON")
    }

    /// The chunks that it stored with all their fields, links and events among them, oldest first.
    ///
    /// # Panics
    /// When it does not answer, or stored what is no msgpack.
    pub fn chunks(&self) -> Vec<Vec<Value>> {
        let bodies = self.bodies("/v0.4/traces");
        bodies
            .iter()
            .flat_map(|body| rmp_serde::from_slice::<Vec<Vec<Value>>>(body).expect("chunks in msgpack"))
            .collect()
    }

    /// The traces as it understood them, with all their fields.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn stored(&self) -> Vec<Vec<Value>> {
        serde_json::from_value(self.json("/test/session/traces")).expect("traces in JSON")
    }

    /// Has it forget what it stored.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn clear(&self) {
        get(&format!("{}/test/session/clear", self.url)).unwrap_or_else(|why| panic!("{why}"));
    }

    /// The statistics that it stored, as they were on the wire.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn statistics(&self) -> Vec<Vec<u8>> {
        self.bodies("/v0.6/stats")
    }

    /// The groups of the statistics that it stored, as it understood them.
    ///
    /// # Panics
    /// When it does not answer, or stored what are no statistics.
    pub fn groups(&self) -> Vec<Value> {
        let list = |value: &Value| value.as_array().cloned().expect("a list in JSON");
        let payloads = list(&self.json("/test/session/stats"));
        let buckets = payloads.iter().flat_map(|payload| list(&payload["Stats"]));
        buckets.flat_map(|bucket| list(&bucket["Stats"])).collect()
    }

    /// Asserts that its checks ran, and that none failed.
    ///
    /// # Panics
    /// With its own words, otherwise.
    pub fn assert_no_check_failed(&self) {
        // It answers a failure with 400 and the reason.
        get(&format!("{}/test/trace_check/failures?return_all=true", self.url))
            .unwrap_or_else(|why| panic!("{why}"));
        let summary = self.json("/test/trace_check/summary?return_all=true");
        for check in ["trace_count_header", "meta_tracer_version_header", "trace_content_length"] {
            let results = &summary[check];
            assert!(results["Passed_Checks"].as_u64() > Some(0), "{check} did not run: {summary}");
            assert_eq!(results["Failed_Checks"].as_u64(), Some(0), "{check}: {summary}");
        }
    }

    fn json(&self, path: &str) -> Value {
        let text = get(&format!("{}{path}", self.url))
            .unwrap_or_else(|why| panic!("{why}\n{}", self.process.told()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }
}

/// `MICROSPAN_TEST_AGENT`, or where `./test` installs it.
fn installed() -> Result<PathBuf, Missing> {
    let program = env::var_os("MICROSPAN_TEST_AGENT")
        .map_or_else(|| built::root().join("target/test-agent/bin/ddapm-test-agent"), PathBuf::from);
    if program.is_file() {
        return Ok(program);
    }
    Err(Missing(format!(
        "Datadog's test agent is not at {}; run ./test, which installs it there",
        program.display()
    )))
}

/// A Python that has Datadog's own tracer: that of the test agent, where `./test` installs it as well.
///
/// # Errors
/// [`Missing`] when there is none.
pub fn ddtrace() -> Result<PathBuf, Missing> {
    let python = built::root().join("target/test-agent/bin/python");
    let has_it = Command::new(&python).args(["-c", "import ddtrace"]).output();
    if has_it.is_ok_and(|output| output.status.success()) {
        return Ok(python);
    }
    Err(Missing(format!("{} has no ddtrace; run ./test, which installs it there", python.display())))
}

/// The body of a successful answer.
///
/// # Errors
/// What went wrong, in words; the body of an answer that is no success among them.
pub fn get(url: &str) -> Result<String, String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(20)))
        .http_status_as_error(false)
        .build()
        .into();
    let mut answer = agent.get(url).call().map_err(|error| format!("GET {url}: {error}"))?;
    let text = answer
        .body_mut()
        .with_config()
        .limit(512 << 20)
        .read_to_string()
        .map_err(|error| format!("GET {url}: {error}"))?;
    match answer.status().as_u16() {
        200..=299 => Ok(text),
        status => Err(format!("GET {url} was answered {status}: {text}")),
    }
}

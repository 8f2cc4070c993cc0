//! One attempt to hand a payload to the agent.

use std::io::Read;
use std::time::Duration;

use ureq::http::StatusCode;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, TcpConnector};

use super::Count;
use super::body::Body;
use super::container::Container;
use super::early::Early;
use super::endpoint::Endpoint;
use super::info::{self, Info};
#[cfg(unix)]
use super::unix::{NoNames, Socket};
use crate::config::quote;
use crate::error::SendError;

/// The agent closes a connection that was idle for 5 s; one idle for longer than this is not tried.
const IDLE: Duration = Duration::from_secs(4);

/// No answer of the agent is longer; what is beyond is not read.
pub(super) const ANSWER: u64 = 1 << 20;

/// Which rates were answered last, said by both sides.
const RATES_VERSION: &str = "Datadog-Rates-Payload-Version";

/// What the agent said when it took a payload.
pub(super) struct Answer {
    /// The rates that it asks for; `None`: it says none, and those before still hold.
    pub(super) rates: Option<Vec<(String, f64)>>,
    /// What changes whenever `/info` does.
    pub(super) state: Option<String>,
    /// How many spans were not taken, and why; or none, and a warning.
    pub(super) rejected: Option<(u64, String)>,
}

/// The HTTP side of a client: one connection, kept.
pub(super) struct Http {
    agent: ureq::Agent,
    endpoint: Endpoint,
    /// What tells of where this process runs.
    origin: Vec<(&'static str, String)>,
    /// The version of the rates that were answered last; the agent does not say them again.
    rates: String,
}

impl Http {
    /// For the agent at `endpoint`; `external_env` is what the cluster says of this process.
    pub(super) fn new(endpoint: &Endpoint, external_env: Option<&str>) -> Self {
        let container = Container::of_this_process();
        let origin = [
            ("Datadog-Container-ID", container.id),
            ("Datadog-Entity-ID", container.entity),
            ("Datadog-External-Env", external_env.map(str::to_owned)),
        ];
        let origin = origin
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .filter(|(_, value)| ureq::http::HeaderValue::from_str(value).is_ok())
            .collect();
        Self { agent: agent(endpoint), endpoint: endpoint.clone(), origin, rates: "0".to_owned() }
    }

    /// Where the agent is.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// A request that posts MessagePack.
    fn request(&self, url: &str, timeout: Duration) -> ureq::RequestBuilder<ureq::typestate::WithBody> {
        let mut request = self
            .agent
            .post(url)
            .config()
            .timeout_global(Some(timeout))
            .build()
            .header("Content-Type", "application/msgpack")
            .header("Datadog-Meta-Lang", "rust")
            .header("Datadog-Meta-Lang-Version", env!("MICROSPAN_RUSTC_VERSION"))
            .header("Datadog-Meta-Lang-Interpreter", "rustc")
            .header("Datadog-Meta-Tracer-Version", env!("CARGO_PKG_VERSION"))
            .header("Datadog-Send-Real-Http-Status", "1");
        for (name, value) in &self.origin {
            request = request.header(*name, value);
        }
        request
    }

    /// Posts statistics, and reads the answer to its end.
    pub(super) fn post_stats(&self, body: &[u8], timeout: Duration) -> Result<(), SendError> {
        let mut response = self.request(&self.endpoint.stats, timeout).send(body).map_err(Box::new)?;
        let mut body = Vec::new();
        // As with traces, success that breaks off is success.
        let _ = response.body_mut().as_reader().take(ANSWER).read_to_end(&mut body);
        match response.status() {
            status if status.is_success() => Ok(()),
            status => Err(SendError::Status {
                status: status.as_u16(),
                text: quote(&String::from_utf8_lossy(&body)),
                retry_after: None,
            }),
        }
    }

    /// Posts the traces of `payload`, in the smaller form if `v05` is that, and reads the answer to its end, so that the
    /// connection can be used again. `sampled_out` are those that statistics have instead, if there are any statistics of it.
    pub(super) fn post(
        &mut self,
        payload: &Body,
        v05: Option<&[u8]>,
        sampled_out: Option<Count>,
        timeout: Duration,
    ) -> Result<Answer, SendError> {
        let (url, body) = match v05 {
            Some(body) => (&self.endpoint.v05, body),
            None => (&self.endpoint.v04, payload.as_bytes()),
        };
        let mut request = self
            .request(url, timeout)
            .header("X-Datadog-Trace-Count", payload.traces())
            .header("Datadog-Client-Computed-Top-Level", "true")
            .header(RATES_VERSION, &self.rates);
        if let Some(Count { traces, spans }) = sampled_out {
            request = request.header("Datadog-Client-Computed-Stats", "true");
            if traces > 0 {
                request = request.header("Datadog-Client-Dropped-P0-Traces", traces);
                request = request.header("Datadog-Client-Dropped-P0-Spans", spans);
            }
        }
        let mut response = request.send(body).map_err(Box::new)?;

        let mut body = Vec::new();
        let read = response.body_mut().as_reader().take(ANSWER).read_to_end(&mut body);
        let status = response.status();
        if !status.is_success() {
            return Err(SendError::Status {
                status: status.as_u16(),
                text: quote(&String::from_utf8_lossy(&body)),
                retry_after: None,
            });
        }
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let state = header("Datadog-Agent-State").map(str::to_owned);
        // Success that breaks off is still success: the agent answers after it has taken the payload, and to send it again
        // would double it.
        let rates = read.ok().and_then(|_| info::rates(&body));
        // Rates that could not be read are to be said again.
        if rates.is_some()
            && let Some(version) = header(RATES_VERSION)
        {
            self.rates = version.to_owned();
        }
        Ok(Answer { rates, state, rejected: None })
    }

    /// Asks the agent what it can do; `None`: it did not say, and may at another time. One that does not know the question can do
    /// nothing.
    pub(super) fn info(&self, timeout: Duration) -> Option<Info> {
        let request = self.agent.get(&self.endpoint.info).config().timeout_global(Some(timeout)).build();
        let mut response = request.call().ok()?;
        let mut answer = Vec::new();
        response.body_mut().as_reader().take(ANSWER).read_to_end(&mut answer).ok()?;
        match response.status() {
            status if status.is_success() => Some(Info::parse(&answer)),
            StatusCode::NOT_FOUND => Some(Info::default()),
            _ => None,
        }
    }
}

/// One connection, kept; every answer is looked at here.
fn config() -> ureq::config::Config {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        // The agent is next to us; a proxy configured for the outside world is not for it.
        .proxy(None)
        .max_idle_connections(1)
        .max_idle_age(IDLE)
        .user_agent(concat!("microspan/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// To whoever the URL names.
pub(super) fn over_tcp() -> ureq::Agent {
    ureq::Agent::with_parts(config(), TcpConnector::default().chain(Early), DefaultResolver::default())
}

#[cfg(unix)]
fn agent(endpoint: &Endpoint) -> ureq::Agent {
    match &endpoint.socket {
        Some(path) => ureq::Agent::with_parts(config(), Socket(path.clone()).chain(Early), NoNames),
        None => over_tcp(),
    }
}

#[cfg(not(unix))]
fn agent(_: &Endpoint) -> ureq::Agent {
    over_tcp()
}

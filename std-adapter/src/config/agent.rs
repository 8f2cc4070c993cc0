//! Where the agent is, and how it is spoken to.

use std::path::Path;

use super::reader::Reader;
use super::url::{self, Fault};

/// Where an agent listens when nobody says otherwise.
const DEFAULT_HOST: &str = "localhost";
const DEFAULT_PORT: u16 = 8126;
const SOCKET: &str = "/var/run/datadog/apm.socket";

/// How many finished spans of a trace whose root is open are held back.
const MIN_SPANS: usize = 300;

pub(super) const URL: &str = "DD_TRACE_AGENT_URL";
const HOSTS: &[&str] = &["DD_TRACE_AGENT_HOSTNAME", "DD_AGENT_HOST"];
const PORTS: &[&str] = &["DD_TRACE_AGENT_PORT", "DD_AGENT_PORT"];
/// What the agent's URL may be put together from.
pub(super) const PARTS: &[&str] =
    &["DD_TRACE_AGENT_HOSTNAME", "DD_AGENT_HOST", "DD_TRACE_AGENT_PORT", "DD_AGENT_PORT"];
pub(super) const API_VERSION: &str = "DD_TRACE_API_VERSION";
pub(super) const STATS: &str = "DD_TRACE_STATS_COMPUTATION_ENABLED";
pub(super) const EXTERNAL_ENV: &str = "DD_EXTERNAL_ENV";
pub(super) const PARTIAL_FLUSH: &str = "DD_TRACE_PARTIAL_FLUSH_ENABLED";
pub(super) const PARTIAL_FLUSH_MIN: &str = "DD_TRACE_PARTIAL_FLUSH_MIN_SPANS";

/// A form in which the agent takes traces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ApiVersion {
    /// Spans as maps: every agent takes it.
    #[default]
    V04,
    /// Spans as arrays, with a table of strings: smaller.
    V05,
}

impl ApiVersion {
    /// Its name: `v0.4` or `v0.5`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V04 => "v0.4",
            Self::V05 => "v0.5",
        }
    }
}

/// When a trace whose root is still open goes out in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartialFlush {
    /// Whether it does.
    pub enabled: bool,
    /// How many finished spans it then has at least.
    pub min_spans: usize,
}

impl Default for PartialFlush {
    fn default() -> Self {
        Self { enabled: true, min_spans: MIN_SPANS }
    }
}

/// Whether a variable says where the agent is, so that before an `@` there is a name and a password.
pub(super) fn is_place(variable: &str) -> bool {
    variable == URL || PARTS.contains(&variable)
}

/// The agent's socket, where there is one.
pub(super) fn socket() -> Option<String> {
    (cfg!(unix) && Path::new(SOCKET).exists()).then(|| format!("unix://{SOCKET}"))
}

/// The agent's URL: as given, or from a host and a port, or the socket if there is one, or the usual place.
pub(super) fn url(reader: &mut Reader, socket: Option<String>) -> String {
    if let Some(url) = reader.read(URL, &[URL], |value| Ok(value.to_owned())) {
        if let Err(fault) = url::address(&url) {
            let wrong = match fault {
                Fault::Malformed(reason) if url::split(&url).is_some() => reason,
                _ => "neither an `http://` nor a `unix://` URL".to_owned(),
            };
            let instead = format!(
                "{wrong}, so that no trace can be sent; set it to one that can be used, such as `http://localhost:8126`"
            );
            reader.warn(URL, url.clone(), instead);
        }
        return url;
    }
    let is_said = reader.first(PARTS).is_some();
    if let Some(socket) = socket.filter(|_| !is_said) {
        return socket;
    }
    let port = reader.read(URL, PORTS, |value| match value.parse::<u16>() {
        Ok(port) if port != 0 => Ok(port),
        _ => Err(format!("not a port (1 to 65535); {DEFAULT_PORT} is used")),
    });
    let host = reader.read(URL, HOSTS, |value| {
        url::host(value)
            .ok_or_else(|| format!("not the name or the address of a host; `{DEFAULT_HOST}` is used"))
    });
    format!("http://{}:{}", host.as_deref().unwrap_or(DEFAULT_HOST), port.unwrap_or(DEFAULT_PORT))
}

pub(super) fn api_version(reader: &mut Reader) -> ApiVersion {
    let parse = |value: &str| match value {
        "v0.4" => Ok(ApiVersion::V04),
        "v0.5" => Ok(ApiVersion::V05),
        _ => Err("neither `v0.4` nor `v0.5`; `v0.4` is used".to_owned()),
    };
    reader.read(API_VERSION, &[API_VERSION], parse).unwrap_or_default()
}

pub(super) fn partial_flush(reader: &mut Reader) -> PartialFlush {
    let enabled = reader.truth(PARTIAL_FLUSH, true);
    let instead = format!("not a number of spans; {MIN_SPANS} is used");
    let min_spans = reader.count(PARTIAL_FLUSH_MIN, (1, "less than one span; 1 is used"), instead);
    let min_spans = min_spans.unwrap_or(MIN_SPANS);
    PartialFlush { enabled, min_spans }
}

//! Whom payloads are posted to: the agent, or an endpoint of OpenTelemetry's.

use std::fmt;
use std::time::Duration;

use super::Count;
use super::body::Body;
use super::http::{Answer, Http};
use super::info::Info;
#[cfg(feature = "otlp")]
use super::otlp::Otlp;
use crate::error::SendError;

/// Whoever takes payloads.
pub(super) enum Peer {
    Agent(Http),
    #[cfg(feature = "otlp")]
    Otlp(Otlp),
}

impl Peer {
    /// One attempt with a payload, in the agent's smaller form if `v05` is that; `sampled_out` are those that statistics have instead.
    pub(super) fn post(
        &mut self,
        payload: &Body,
        v05: Option<&[u8]>,
        sampled_out: Option<Count>,
        timeout: Duration,
    ) -> Result<Answer, SendError> {
        match self {
            Self::Agent(http) => http.post(payload, v05, sampled_out, timeout),
            #[cfg(feature = "otlp")]
            Self::Otlp(otlp) => otlp.post(payload.as_bytes(), timeout),
        }
    }

    /// One attempt with statistics. OpenTelemetry has none, and for its endpoints nothing is counted.
    pub(super) fn post_stats(&self, body: &[u8], timeout: Duration) -> Result<(), SendError> {
        match self {
            Self::Agent(http) => http.post_stats(body, timeout),
            #[cfg(feature = "otlp")]
            Self::Otlp(_) => Ok(()),
        }
    }

    /// What it says of itself; `None`: it did not answer. OpenTelemetry has no such question.
    pub(super) fn info(&self, timeout: Duration) -> Option<Info> {
        match self {
            Self::Agent(http) => http.info(timeout),
            #[cfg(feature = "otlp")]
            Self::Otlp(_) => Some(Info::default()),
        }
    }

    /// Whether the same payload may be taken at another time.
    pub(super) fn is_worth_a_retry(&self, error: &SendError) -> bool {
        match self {
            Self::Agent(_) => error.is_worth_a_retry(),
            #[cfg(feature = "otlp")]
            Self::Otlp(_) => Otlp::is_worth_a_retry(error),
        }
    }
}

impl fmt::Display for Peer {
    /// As it is called in the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(http) => write!(f, "the agent at {}", http.endpoint()),
            #[cfg(feature = "otlp")]
            Self::Otlp(otlp) => {
                write!(f, "the OTLP endpoint at {}", crate::config::without_password(otlp.url()))
            }
        }
    }
}

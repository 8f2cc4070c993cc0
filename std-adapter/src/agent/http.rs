//! One attempt to hand a payload to the agent.

use std::io::Read;
use std::time::Duration;

use super::endpoint::Endpoint;
use crate::error::SendError;
use crate::msgpack::Payload;

/// The agent closes a connection that was idle for 5 s; one idle for longer than this is not tried.
const IDLE: Duration = Duration::from_secs(4);

/// No answer of the agent is longer; what is beyond is not read.
const ANSWER: u64 = 1 << 20;

/// How much of the agent's words is kept for the log, in bytes.
const QUOTE: usize = 300;

/// The HTTP side of a client: one connection, kept.
pub(super) struct Http {
    agent: ureq::Agent,
    endpoint: Endpoint,
}

impl Http {
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // The agent is next to us; a proxy configured for the outside world is not for it.
            .proxy(None)
            .max_idle_connections(1)
            .max_idle_age(IDLE)
            .user_agent(concat!("microspan/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.into(), endpoint: endpoint.clone() }
    }

    /// Posts `payload`, and reads the answer to its end, so that the connection can be used again.
    pub(super) fn post(&self, payload: &Payload, timeout: Duration) -> Result<(), SendError> {
        let mut response = self
            .agent
            .post(&self.endpoint.traces)
            .config()
            .timeout_global(Some(timeout))
            .build()
            .header("Content-Type", "application/msgpack")
            .header("X-Datadog-Trace-Count", payload.traces())
            .header("Datadog-Meta-Lang", "rust")
            .header("Datadog-Meta-Lang-Version", env!("MICROSPAN_RUSTC_VERSION"))
            .header("Datadog-Meta-Tracer-Version", env!("CARGO_PKG_VERSION"))
            .header("Datadog-Client-Computed-Top-Level", "true")
            .header("Datadog-Send-Real-Http-Status", "1")
            .send(payload.as_bytes())
            .map_err(Box::new)?;

        let mut answer = Vec::new();
        let read = response.body_mut().as_reader().take(ANSWER).read_to_end(&mut answer);
        let status = response.status();
        if !status.is_success() {
            return Err(SendError::Status { status: status.as_u16(), text: quote(&answer) });
        }
        // Success that breaks off is still success: the agent answers after it has taken the payload, and to send it
        // again would double it.
        if let Err(error) = read {
            log::debug!("the agent's answer broke off: {error}");
        }
        Ok(())
    }
}

impl Http {
    /// Asks the agent whether it takes events as what they are; `None`: it did not answer.
    pub(super) fn takes_events(&self, timeout: Duration) -> Option<bool> {
        let request = self.agent.get(&self.endpoint.info).config().timeout_global(Some(timeout)).build();
        let mut response = request.call().ok()?;
        let mut answer = Vec::new();
        response.body_mut().as_reader().take(ANSWER).read_to_end(&mut answer).ok()?;
        Some(response.status().is_success() && says_true(&String::from_utf8_lossy(&answer), "span_events"))
    }
}

/// Whether JSON says `true` under a key.
fn says_true(json: &str, key: &str) -> bool {
    let quoted = format!("\"{key}\"");
    json.split(&quoted).skip(1).any(|rest| {
        rest.trim_start().strip_prefix(':').is_some_and(|value| value.trim_start().starts_with("true"))
    })
}

/// What the agent said, on one line.
fn quote(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.truncate(line.floor_char_boundary(QUOTE));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_agent_can_do_is_found_in_its_json() {
        for (json, expected) in [
            (r#"{"version":"7","span_events":true}"#, true),
            ("{\n  \"span_events\" : true\n}", true),
            (r#"{"feature_flags":["span_events"],"span_events":false}"#, false),
            (r#"{"version":"7"}"#, false),
            ("", false),
        ] {
            assert_eq!(says_true(json, "span_events"), expected, "{json}");
        }
    }

    #[test]
    fn the_agents_words_are_quoted_on_one_line_and_shortened() {
        assert_eq!(quote(b" cannot decode\n\tspan \xff "), "cannot decode span \u{fffd}");
        assert_eq!(quote("é".repeat(200).as_bytes()).len(), 300);
    }
}

//! Where traces go: to the agent, to an endpoint of OpenTelemetry's, to both, or nowhere.

use std::time::Duration;

use super::{Client, Options, Stats};
use crate::config::Config;
use crate::deadline;
use crate::error::ConfigError;
use crate::pipeline::{Rates, Trace};

/// The clients of a program, one for each way its traces go. Each has a queue of its own: one that is held up holds up
/// nothing of the other.
pub struct Outlets {
    agent: Option<Client>,
    otlp: Option<Client>,
}

/// What became of the traces on each way; of one that is not used: nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// Those that were given to the agent's client.
    pub agent: Stats,
    /// Those that were given to the client for OpenTelemetry's protocol.
    pub otlp: Stats,
}

impl Outlets {
    /// Starts the clients that the configuration asks for.
    ///
    /// # Errors
    /// A URL or a header cannot be used, or the system gives no thread.
    pub fn start(config: &Config, options: Options) -> Result<Self, ConfigError> {
        let options = options.with_config(config);
        #[cfg(feature = "otlp")]
        let otlp = match config.exporters.otlp {
            true => Some(Client::start_otlp(&config.otlp, options.clone())?),
            false => None,
        };
        #[cfg(not(feature = "otlp"))]
        let otlp = None;
        let agent = match config.exporters.agent {
            true => Some(Client::start(&config.agent_url, options)?),
            false => None,
        };
        Ok(Self { agent, otlp })
    }

    /// The agent's client, if traces go there.
    pub fn agent(&self) -> Option<&Client> {
        self.agent.as_ref()
    }

    fn all(&self) -> impl Iterator<Item = &Client> {
        self.agent.iter().chain(&self.otlp)
    }

    /// Takes a trace for sending.
    pub fn send(&self, trace: &Trace) {
        self.all().for_each(|client| client.send(trace));
    }

    /// Whether more than half of a queue is used.
    pub fn is_crowded(&self) -> bool {
        self.all().any(Client::is_crowded)
    }

    /// Sends what is held, and waits until it was taken or dropped, at most `timeout`. Tells whether all was.
    pub fn flush(&self, timeout: Duration) -> bool {
        let deadline = deadline::after(timeout);
        let targets: Vec<_> = self.all().map(|client| (client, client.begin_flush())).collect();
        // One that is late must not keep the other from being asked.
        targets
            .into_iter()
            .fold(true, |is_done, (client, target)| client.await_flush(target, deadline) && is_done)
    }

    /// Sends the statistics of all spans so far: see [`Client::flush_statistics`]. Without an agent there are none.
    pub fn flush_statistics(&self, timeout: Duration) -> bool {
        self.agent.as_ref().is_none_or(|client| client.flush_statistics(timeout))
    }

    /// The rates that the agent asks for; without one there are none.
    pub fn rates(&self) -> Rates {
        self.agent.as_ref().map(Client::rates).unwrap_or_default()
    }

    /// What became of the traces so far.
    pub fn stats(&self) -> Sent {
        let stats = |client: &Option<Client>| client.as_ref().map(Client::stats).unwrap_or_default();
        Sent { agent: stats(&self.agent), otlp: stats(&self.otlp) }
    }

    /// Sends what is held, for at most `timeout`, and ends.
    pub fn shutdown(&self, timeout: Duration) -> Sent {
        let deadline = deadline::after(timeout);
        self.all().for_each(|client| client.begin_end(deadline));
        let end = |client: &Option<Client>| {
            client.as_ref().map(|client| client.await_end(deadline)).unwrap_or_default()
        };
        Sent { agent: end(&self.agent), otlp: end(&self.otlp) }
    }
}

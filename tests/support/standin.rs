//! `microspan agent`, for tests that need an agent and no second opinion.

use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use crate::built;
use crate::official::get;
use crate::ports;
use crate::process::{Process, eventually};

const START: Duration = Duration::from_secs(20);

/// What `GET /test/summary` says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Summary {
    /// Traces it took.
    pub traces: u64,
    /// Spans it took.
    pub spans: u64,
    /// Payloads it refused.
    pub rejected: u64,
}

/// A running stand-in.
pub struct Standin {
    process: Process,
    url: String,
}

impl Standin {
    /// Starts one on a free port.
    pub fn start() -> Self {
        Self::start_on(ports::tcp())
    }

    /// Starts one on this port.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_on(port: u16) -> Self {
        let address = format!("127.0.0.1:{port}");
        let process =
            Process::start(Command::new(built::microspan()).args(["agent", "--quiet", "--listen", &address]));
        let mut standin = Self { process, url: format!("http://{address}") };
        eventually(START, || {
            assert!(standin.process.runs(), "{}\nit ended at its start", standin.process.told());
            get(&format!("{}/info", standin.url)).map(drop)
        });
        standin
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends it as Ctrl-C does; returns its last words.
    ///
    /// # Panics
    /// When it does not end well.
    pub fn stop(mut self) -> String {
        self.process.interrupt();
        let status = self.process.wait(START);
        assert!(status.success(), "{}\nit ended with {status}", self.process.told());
        self.process.stderr.all().pop().unwrap_or_default()
    }

    /// What it took so far.
    ///
    /// # Panics
    /// When it does not say.
    pub fn summary(&self) -> Summary {
        let text = get(&format!("{}/test/summary", self.url)).unwrap_or_else(|why| panic!("{why}"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

//! The services of the examples, each a program of its own on the host.

use std::process::Command;
use std::time::Duration;

use crate::process::Process;

/// How long one may take to start, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// One that runs.
pub struct Service(Process);

impl Service {
    /// Starts one, and waits for the port at which it serves requests.
    pub fn start(command: &mut Command) -> (Self, u16) {
        let process = Process::start(command);
        let port = |line: &str| line.strip_prefix("listening on http 127.0.0.1:")?.parse().ok();
        let told = process.stdout.find(PATIENCE, port);
        let port = told.unwrap_or_else(|| panic!("{}\nno port was told", process.told()));
        (Self(process), port)
    }

    /// What it told so far.
    pub fn told(&self) -> String {
        self.0.told()
    }

    /// Has it end, which is to be a success.
    pub fn stop(mut self) {
        self.0.interrupt();
        let status = self.0.wait(PATIENCE);
        assert!(status.success(), "{}", self.0.told());
    }
}

//! `microspan bridge`, as a user starts it.

use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use crate::built;
use crate::process::Process;

/// Time to come up on a busy machine.
const START: Duration = Duration::from_secs(20);
/// Time to send what is left, and end.
const END: Duration = Duration::from_secs(20);

/// The last line of `microspan bridge --json`. Fields that are not named here are for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Summary {
    /// Spans in accepted packets.
    pub spans_received: u64,
    /// Spans the agent took.
    pub spans_sent: u64,
    /// Spans in packets that never came.
    pub spans_lost_on_the_way: u64,
    /// Spans that devices dropped, by their own count.
    pub spans_dropped_on_device: u64,
    /// Traces, or parts of them, that filters dropped.
    pub traces_filtered: u64,
    /// Spans in them.
    pub spans_filtered: u64,
    /// Traces, or parts of them, that are sampled out and were only counted.
    pub traces_sampled_out: u64,
    /// Spans in them.
    pub spans_sampled_out: u64,
    /// Spans in statistics that the agent did not take.
    pub spans_uncounted: u64,
    /// Spans received and not sent for another reason.
    pub spans_dropped_by_host: u64,
    /// Traces, or parts of them, that the agent took.
    pub traces_sent: u64,
    /// Bytes of accepted packets, without framing.
    pub wire_bytes: u64,
    /// Accepted packets.
    pub packets: u64,
    /// Packets that came twice.
    pub packets_duplicate: u64,
    /// Frames and packets that were damaged.
    pub damaged: u64,
    /// Packets of another wire version.
    pub other_version: u64,
    /// Lines of devices' logs.
    pub log_lines: u64,
    /// Of them those of spans that have not come.
    pub log_lines_astray: u64,
    /// Attempts to send beyond the first.
    pub retries: u64,
}

/// A running bridge.
pub struct Bridge {
    /// Its process.
    pub process: Process,
}

impl Bridge {
    /// Starts one with these links, told `--json` and where the agent is.
    pub fn start(agent_url: &str, links: &[&str]) -> Self {
        Self::start_with(agent_url, links, &[])
    }

    /// The same, with these variables of Datadog's.
    pub fn start_with(agent_url: &str, links: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = command(links);
        command.envs(variables.iter().copied());
        command.args(["--json", "--agent-url", agent_url]);
        Self { process: Process::start(&mut command) }
    }

    /// The port that it listens on, started with `--udp 127.0.0.1:0`.
    ///
    /// # Panics
    /// When it does not say.
    pub fn udp_port(&self) -> u16 {
        self.port("udp")
    }

    /// The port that it listens on, started with `--tcp-listen 127.0.0.1:0`.
    ///
    /// # Panics
    /// When it does not say.
    pub fn tcp_port(&self) -> u16 {
        self.port("tcp")
    }

    fn port(&self, protocol: &str) -> u16 {
        let start = format!("listening on {protocol} 127.0.0.1:");
        let port = |line: &str| line.split_once(&start)?.1.trim().parse().ok();
        let told = self.process.stderr.find(START, port);
        told.unwrap_or_else(|| panic!("{}\nno port was told", self.process.told()))
    }

    /// Waits until it has said this on its standard error.
    ///
    /// # Panics
    /// When it does not.
    pub fn wait_for(&self, words: &str) {
        let said = self.process.stderr.find(START, |line| line.contains(words).then_some(()));
        assert!(said.is_some(), "{}\nit never said `{words}`", self.process.told());
    }

    /// Ends it as Ctrl-C does; returns what it did.
    pub fn stop(self) -> Summary {
        self.process.interrupt();
        self.finish()
    }

    /// Waits for it to end by itself; returns what it did.
    ///
    /// # Panics
    /// When it fails, or its last line is not its summary.
    pub fn finish(mut self) -> Summary {
        let status = self.process.wait(END);
        assert!(status.success(), "{}\nit ended with {status}", self.process.told());
        let last = self.process.stdout.all().pop().unwrap_or_default();
        serde_json::from_str(&last).unwrap_or_else(|error| panic!("{}\n{error}", self.process.told()))
    }

    /// How many lines of its standard error have these words.
    pub fn said(&self, words: &str) -> usize {
        self.process.stderr.all().iter().filter(|line| line.contains(words)).count()
    }
}

/// The command line, in an environment without settings of Datadog.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(built::microspan());
    command.arg("bridge").args(arguments);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DD_") {
            command.env_remove(name);
        }
    }
    command
}

//! A firmware on QEMU's `lm3s6965evb`.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use crate::built;
use crate::needs::{self, Missing};
use crate::probe::SimulatedProbe;
use crate::process::{Process, eventually};

/// How long a board may take beyond the seconds that it was told to work: start-up on a busy machine.
const SLACK: Duration = Duration::from_secs(60);

/// How long its monitor may take to listen.
const START: Duration = Duration::from_secs(20);

/// What the firmware says at its end, by its own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Spans its application started.
    pub spans_made: u64,
    /// Spans its drain sent.
    pub spans_drained: u64,
    /// Spans that found no room in its arena.
    pub spans_dropped: u64,
}

/// A board that is not switched on yet.
pub struct Board {
    program: PathBuf,
    firmware: PathBuf,
    seconds: u32,
    semihosting: String,
    links: Vec<String>,
    cable: Option<tempfile::TempDir>,
}

/// A board that runs.
pub struct Running {
    /// The emulator.
    pub process: Process,
    seconds: u32,
    cable: Option<tempfile::TempDir>,
}

/// The socket of the emulator's monitor, in the folder that is made for it.
const MONITOR: &str = "monitor";

impl Board {
    /// A board with this firmware, which works for some seconds.
    ///
    /// # Errors
    /// [`Missing`] when there is no emulator, or nothing to build firmware with.
    pub fn new(firmware: &str, seconds: u32) -> Result<Self, Missing> {
        Ok(Self {
            program: needs::emulator()?,
            firmware: built::firmware(firmware)?,
            seconds,
            semihosting: format!("enable=on,target=native,arg=sandwich,arg=seconds={seconds}"),
            links: Vec::new(),
            cable: None,
        })
    }

    /// Connects its Ethernet; what it sends to its host goes to this port of 127.0.0.1.
    #[must_use]
    pub fn ethernet(mut self, port: u16) -> Self {
        self.semihosting.push_str(&format!(",arg=port={port}"));
        self.links.extend(["-nic", "user,model=stellaris,id=cable"].map(String::from));
        self
    }

    /// Gives its program another argument.
    #[must_use]
    pub fn argument(mut self, name: &str, value: impl Into<u32>) -> Self {
        self.semihosting.push_str(&format!(",arg={name}={}", value.into()));
        self
    }

    /// As [`ethernet`](Self::ethernet), and what comes to this UDP port of 127.0.0.1 goes to that port of the board.
    #[must_use]
    pub fn reached_by_udp(self, from: u16, to: u16, port: u16) -> Self {
        let mut board = self.ethernet(port);
        if let Some(cable) = board.links.last_mut() {
            cable.push_str(&format!(",hostfwd=udp:127.0.0.1:{from}-10.0.2.15:{to}"));
        }
        board
    }

    /// Lets its Ethernet cable be [pulled](Running::pull_cable).
    ///
    /// # Panics
    /// When there is no folder for temporary files.
    #[must_use]
    pub fn with_a_cable(mut self) -> Self {
        self.cable = Some(tempfile::tempdir().expect("a folder for temporary files"));
        self
    }

    /// Has it tell names by where they lie in its program.
    #[must_use]
    pub fn names_by_address(mut self) -> Self {
        self.semihosting.push_str(",arg=by_address=1");
        self
    }

    /// Connects its first serial port, in QEMU's own words.
    #[must_use]
    pub fn serial(mut self, to: &str) -> Self {
        self.links.extend(["-serial", to].map(String::from));
        self
    }

    /// Holds a [`SimulatedProbe`] to its memory.
    #[must_use]
    pub fn probe(mut self, probe: &SimulatedProbe) -> Self {
        self.links.extend(["-qtest".to_owned(), format!("tcp:{},nodelay=on", probe.address())]);
        self.links.extend(["-qtest-log", "none"].map(String::from));
        self
    }

    /// Switches it on.
    pub fn start(self) -> Running {
        let mut command = Command::new(self.program);
        let monitor = self.cable.as_ref().map_or("none".to_owned(), |folder| {
            format!("unix:{},server=on,wait=off", folder.path().join(MONITOR).display())
        });
        command.args(["-machine", "lm3s6965evb", "-display", "none", "-monitor", &monitor]).args(&self.links);
        if !self.links.iter().any(|link| link == "-serial") {
            command.args(["-serial", "null"]);
        }
        command.args(["-semihosting-config", &self.semihosting, "-kernel"]).arg(self.firmware);
        Running { process: Process::start(&mut command), seconds: self.seconds, cable: self.cable }
    }
}

impl Running {
    /// Pulls its Ethernet cable, or plugs it in again: what either side sends meanwhile is lost.
    ///
    /// # Panics
    /// When it was not started [with a cable](Board::with_a_cable), or its emulator does not do it.
    pub fn pull_cable(&self, pulled: bool) {
        let folder = self.cable.as_ref().expect("a board with a cable");
        let mut monitor = eventually(START, || {
            UnixStream::connect(folder.path().join(MONITOR)).map_err(|error| error.to_string())
        });
        let state = if pulled { "off" } else { "on" };
        monitor.write_all(format!("set_link cable {state}\n").as_bytes()).expect("the monitor reads");
        // It closes the connection at the end of what it read.
        monitor.shutdown(std::net::Shutdown::Write).expect("the monitor lives");
        let mut said = String::new();
        monitor.read_to_string(&mut said).expect("the monitor speaks");
        assert!(!said.contains("Error") && !said.contains("not found"), "{said}");
    }

    /// Waits until the firmware has printed this.
    ///
    /// # Panics
    /// When it does not.
    pub fn wait_for(&self, words: &str) {
        eventually(START, || {
            let said = self.process.told();
            said.contains(words).then_some(()).ok_or_else(|| format!("{said}\nit never said `{words}`"))
        });
    }

    /// Waits for the firmware's end; returns its books.
    ///
    /// # Panics
    /// When it fails, or the books do not balance.
    pub fn finish(mut self) -> Report {
        let status = self.process.wait(Duration::from_secs(self.seconds.into()) + SLACK);
        assert!(status.success(), "{}\nit ended with {status}", self.process.told());
        let lines = self.process.stdout.all().into_iter().chain(self.process.stderr.all());
        let report: Report = lines
            .filter_map(|line| serde_json::from_str(&line).ok())
            .next_back()
            .unwrap_or_else(|| panic!("{}\nno report", self.process.told()));
        assert!(report.spans_made > 0, "{report:?}");
        assert_eq!(report.spans_made, report.spans_drained + report.spans_dropped, "{report:?}");
        report
    }
}

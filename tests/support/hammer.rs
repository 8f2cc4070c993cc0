//! A firmware that makes spans in every context that its board has, drains them and checks each, on an emulated board.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::built;
use crate::needs::{self, Missing};
use crate::process::Process;

/// A run takes seconds on a machine that has nothing else to do.
const LONGEST_RUN: Duration = Duration::from_secs(240);

/// A board and its program.
#[derive(Debug, Clone, Copy)]
pub struct Board {
    /// QEMU's name of the board.
    pub machine: &'static str,
    /// Rust's name of its target.
    pub target: &'static str,
    /// The program.
    pub program: &'static str,
}

/// How the board's time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// A nanosecond for each instruction: an interrupt comes between any two instructions, and every run is the same.
    Instructions,
    /// As on the machine that runs the emulator; several cores run at the same time.
    Host,
}

/// What the firmware says at its end, by its own count.
#[derive(Debug, Deserialize)]
pub struct Report {
    /// Spans that were started, those included that found no room.
    pub spans_made: u64,
    /// Spans that arrived.
    pub spans_drained: u64,
    /// Spans that found no room, or lost it to others.
    pub spans_dropped: u64,
    /// Those that lost it to others.
    pub spans_overwritten: u64,
    /// Tags that were set on recorded spans.
    pub tags_made: u64,
    /// Tags that arrived.
    pub tags_drained: u64,
    /// Tags that found no room, or no span.
    pub tags_dropped: u64,
    /// Tags that were set on a span after its end.
    pub stale: u64,
    /// What the firmware found wrong.
    pub faults: u64,
    /// What else this program counts.
    #[serde(flatten)]
    pub others: BTreeMap<String, Value>,
}

impl Report {
    /// A count that this program adds to the others.
    ///
    /// # Panics
    /// When it has no such count.
    pub fn count(&self, name: &str) -> u64 {
        self.others.get(name).and_then(Value::as_u64).unwrap_or_else(|| panic!("no count `{name}`: {self:?}"))
    }
}

impl Board {
    /// Runs the program with these arguments to its end; returns its books.
    ///
    /// # Errors
    /// [`Missing`] when there is no emulator, or nothing to build firmware with.
    ///
    /// # Panics
    /// When the firmware finds anything wrong, or its books do not balance.
    pub fn hammer(self, pace: Pace, words: &[(&str, u32)]) -> Result<Report, Missing> {
        let emulator = needs::emulator()?;
        let firmware = built::bare_firmware(self.program, self.target)?;
        let mut command = Command::new(emulator);
        command.args(["-machine", self.machine, "-display", "none", "-monitor", "none", "-serial", "none"]);
        if pace == Pace::Instructions {
            command.args(["-icount", "shift=0"]);
        }
        let words: String = words.iter().map(|(name, value)| format!(",arg={name}={value}")).collect();
        let semihosting = format!("enable=on,target=native,arg=hammer{words}");
        command.args(["-semihosting-config", &semihosting, "-kernel"]).arg(firmware);
        let mut process = Process::start(&mut command);
        let status = process.wait(LONGEST_RUN);
        assert!(status.success(), "{}\nit ended with {status}", process.told());
        let lines = process.stdout.all().into_iter().chain(process.stderr.all());
        let report: Report = lines
            .filter_map(|line| serde_json::from_str(&line).ok())
            .next_back()
            .unwrap_or_else(|| panic!("{}\nno report", process.told()));
        assert!(report.spans_drained > 0, "{report:?}");
        assert_eq!(report.spans_made, report.spans_drained + report.spans_dropped, "{report:?}");
        let tags = report.tags_drained + report.tags_dropped;
        assert!(
            report.tags_made == tags || report.tags_made > tags && report.spans_overwritten > 0,
            "{report:?}"
        );
        assert_eq!(report.faults, 0, "{report:?}");
        Ok(report)
    }
}

//! An example of the firmware on its emulated board, and what it sends over its serial port as trees of spans.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::bridge::Bridge;
use crate::built;
use crate::needs::{self, Missing};
use crate::process::Process;
use crate::standin::Standin;

/// A run takes less than a second on a machine that has nothing else to do.
const LONGEST_RUN: Duration = Duration::from_secs(60);

/// An example and its board.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// QEMU's name of the board.
    pub machine: &'static str,
    /// Rust's name of its target.
    pub target: &'static str,
    /// The features of the firmware that it needs.
    pub features: &'static str,
    /// The program.
    pub program: &'static str,
}

impl Example {
    /// Runs the program to its end and shows what it sent, as `microspan bridge --print` does, but for the numbers that
    /// differ from run to run: a text for each trace, without its id and without times, in the order of the alphabet.
    ///
    /// # Errors
    /// [`Missing`] when there is no emulator, or nothing to build firmware with.
    ///
    /// # Panics
    /// When the program fails, or what it sent is not whole.
    pub fn traces(self) -> Result<Vec<String>, Missing> {
        let run = self.run(&[])?;
        Ok(run.bridged(&[]).0)
    }

    /// The same of a program whose packets are in its log, which it writes to its second serial port; and the lines of the log.
    ///
    /// # Errors
    /// As [`Example::traces`].
    ///
    /// # Panics
    /// As [`Example::traces`].
    pub fn traces_and_log(self) -> Result<(Vec<String>, Vec<String>), Missing> {
        let run = self.run(&["-serial", "null"])?;
        Ok(run.bridged(&["--defmt-elf", &run.firmware.display().to_string()]))
    }

    /// Runs such a program; returns its ELF file and the bytes of its log.
    ///
    /// # Errors
    /// As [`Example::traces`].
    ///
    /// # Panics
    /// As [`Example::traces`].
    pub fn log(self) -> Result<(PathBuf, Vec<u8>), Missing> {
        let run = self.run(&["-serial", "null"])?;
        Ok((run.firmware, fs::read(&run.recording).expect("the recording")))
    }

    /// Runs it, with these serial ports before the one that is recorded.
    fn run(self, ports: &[&str]) -> Result<Run, Missing> {
        let emulator = needs::emulator()?;
        let firmware = built::example(self.program, self.target, self.features)?;
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let recording = folder.path().join("serial.bin");
        let mut command = Command::new(emulator);
        command
            .args(["-machine", self.machine, "-display", "none", "-monitor", "none"])
            .args(["-semihosting-config", "enable=on,target=native"])
            .args(ports)
            .args(["-serial", &format!("file:{}", recording.display()), "-kernel"])
            .arg(&firmware);
        let mut process = Process::start(&mut command);
        let status = process.wait(LONGEST_RUN);
        assert!(status.success(), "{}\nit ended with {status}", process.told());
        Ok(Run { firmware, recording, _folder: folder })
    }
}

/// A run that has ended.
struct Run {
    firmware: PathBuf,
    recording: PathBuf,
    _folder: TempDir,
}

impl Run {
    /// What a bridge with these arguments makes of the recording: trees, and what it says of it besides.
    fn bridged(&self, arguments: &[&str]) -> (Vec<String>, Vec<String>) {
        let standin = Standin::start();
        let recording = self.recording.display().to_string();
        let arguments = [arguments, &["--file", &recording, "--print"]].concat();
        let bridge = Bridge::start(standin.url(), &arguments);
        let (printed, said) = (bridge.process.stdout.clone(), bridge.process.stderr.clone());
        let summary = bridge.finish();
        assert_eq!(summary.spans_sent, summary.spans_received, "{summary:?}");
        assert_eq!((summary.damaged, summary.spans_lost_on_the_way), (0, 0), "{summary:?}");
        assert_eq!(summary.spans_dropped_on_device, 0, "{summary:?}");
        let said = said.all().into_iter().filter(|line| !line.starts_with("microspan: "));
        (trees(&printed.all()), said.collect())
    }
}

/// The trees among printed lines.
fn trees(lines: &[String]) -> Vec<String> {
    let mut trees: Vec<String> = Vec::new();
    for line in lines.iter().filter(|line| !line.is_empty()).take_while(|line| !line.starts_with('{')) {
        match (line.strip_prefix("trace "), trees.last_mut()) {
            (Some(_), _) => trees.push(String::new()),
            (None, Some(tree)) => *tree += &format!("{}\n", steady(line)),
            (None, None) => panic!("a span before any trace: {line}"),
        }
    }
    trees.sort();
    trees
}

/// A span's line without its times.
fn steady(line: &str) -> String {
    let is_duration =
        |part: &str| [" ns", " µs", " ms", " s"].iter().any(|unit| part.trim_end().ends_with(unit));
    let parts = line.split("  ").filter(|part| !is_duration(part));
    let parts = parts.map(|part| match (part.starts_with("ready_us="), part.split_once('@')) {
        (true, _) => "ready_us".to_owned(),
        (_, Some((event, rest))) if event.starts_with("event=") => {
            format!("{event}{}", rest.find(" (").map_or("", |at| &rest[at..]))
        }
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("  ")
}

//! Builds a program of `microspan-firmware`, and boots it.

use std::env;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

use crate::OptLevel;

/// QEMU's name of the board.
pub const MACHINE: &str = "mps2-an386";
const TARGET: &str = "thumbv7em-none-eabihf";
/// The programs end within a second; a slow host gets a minute.
const LONGEST_RUN: Duration = Duration::from_secs(60);

/// The part of cargo's messages that names the program it built.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}

/// Builds a program and returns where it lies.
pub fn build(program: &str, opt_level: OptLevel) -> Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(["build", "--quiet", "--package", "microspan-firmware", "--target", TARGET])
        .args(["--profile", "firmware", "--bin", program, "--message-format", "json-render-diagnostics"])
        .env("CARGO_PROFILE_FIRMWARE_OPT_LEVEL", opt_level.name())
        .output()
        .context("building the firmware needs cargo, which cannot be started; is it in PATH?")?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        if complaint.contains("can't find crate for `core`") {
            bail!("the Rust target of the board is not installed: rustup target add {TARGET}");
        }
        bail!("cargo could not build the firmware's program {program}:\n{}", complaint.trim_end());
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok()?.executable)
        .next_back()
        .ok_or_else(|| {
            anyhow!("cargo built {program} and named no file; does its version know JSON messages?")
        })
}

/// Boots a program with one nanosecond to an instruction, and returns what it printed.
pub fn boot(program: &Path) -> Result<String> {
    let mut qemu = Command::new("qemu-system-arm")
        .args(["-machine", MACHINE, "-icount", "shift=0", "-display", "none", "-monitor", "none"])
        .args(["-serial", "none", "-semihosting-config", "enable=on,target=native", "-kernel"])
        .arg(program)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                anyhow!("qemu-system-arm is not in PATH: apt-get install qemu-system-arm (or your system's package)")
            }
            _ => anyhow!("qemu-system-arm cannot be started: {error}"),
        })?;
    // Read beside the wait: a full pipe would hold the program.
    let output = qemu.stdout.take().map(|mut pipe| {
        thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).map(|_| text)
        })
    });
    let end = Instant::now() + LONGEST_RUN;
    let status = loop {
        if let Some(status) = qemu.try_wait().context("waiting for QEMU failed")? {
            break status;
        }
        if Instant::now() > end {
            qemu.kill().context("QEMU did not end in time and cannot be stopped")?;
            qemu.wait().context("QEMU was stopped and does not end")?;
            bail!("the firmware was still running after {} s: does it hang?", LONGEST_RUN.as_secs());
        }
        thread::sleep(Duration::from_millis(10));
    };
    let text = match output.map(thread::JoinHandle::join) {
        Some(Ok(text)) => text.context("what the firmware printed is not text")?,
        _ => bail!("what the firmware printed could not be read"),
    };
    if !status.success() {
        bail!("the firmware ended with failure; it printed:\n{}", text.trim_end());
    }
    Ok(text)
}

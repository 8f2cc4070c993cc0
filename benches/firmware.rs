//! Builds programs of `microspan-firmware`, and runs them in QEMU.

use std::env;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;

use crate::OptLevel;
use crate::boards::Core;
use crate::elf::Program;
use crate::trace::{self, Calls};

/// The programs end within some seconds; a slow host gets two minutes.
const LONGEST_RUN: Duration = Duration::from_secs(120);

/// The part of cargo's messages that names the program it built.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
}

/// Builds programs for some cores in one call of cargo, and returns where those of each core lie, in the same order.
pub fn build<const N: usize>(
    programs: [&str; N],
    cores: &[Core],
    opt_level: OptLevel,
) -> Result<Vec<[PathBuf; N]>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .args(["build", "--quiet", "--package", "microspan-firmware", "--no-default-features"])
        .args(["--profile", "firmware", "--message-format", "json-render-diagnostics"])
        .args(cores.iter().flat_map(|core| ["--target", core.target()]))
        .args(programs.iter().flat_map(|program| ["--bin", program]))
        .env("CARGO_PROFILE_FIRMWARE_OPT_LEVEL", opt_level.name())
        .output()
        .context("building the firmware needs cargo, which cannot be started; is it in PATH?")?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        if complaint.contains("can't find crate for `core`") {
            let targets: Vec<&str> = cores.iter().map(|core| core.target()).collect();
            bail!("a Rust target of the boards is not installed: rustup target add {}", targets.join(" "));
        }
        bail!("cargo could not build {programs:?} of the firmware:\n{}", complaint.trim_end());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let built: Vec<PathBuf> =
        said.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok()?.executable).collect();
    let place = |program: &str, core: &Core| {
        let found = built.iter().find(|path| {
            path.file_name() == Some(program.as_ref())
                && path.components().any(|part| part.as_os_str() == core.target())
        });
        found.cloned().ok_or_else(|| {
            anyhow!("cargo built {program} and named no file; does its version know JSON messages?")
        })
    };
    let of_core = |core| {
        let mut paths = [const { PathBuf::new() }; N];
        for (path, program) in paths.iter_mut().zip(programs) {
            *path = place(program, core)?;
        }
        Ok(paths)
    };
    cores.iter().map(of_core).collect()
}

/// Runs a program instruction by instruction; returns what it printed, and the calls of its functions whose symbols
/// begin with `prefix`.
///
/// One nanosecond passes with each instruction, so that the program's clock and with it every figure is the same each
/// time.
pub fn trace(path: &Path, core: Core, prefix: &str) -> Result<(String, Calls)> {
    let program = Program::read(path)?;
    let mut qemu = Command::new("qemu-system-arm")
        .args(["-machine", core.machine(), "-icount", "shift=0", "-d", "exec,nochain"])
        .args(one_instruction_at_a_time()?)
        .args(["-display", "none", "-monitor", "none", "-serial", "none"])
        .args(["-semihosting-config", "enable=on,target=native", "-kernel"])
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(absent)?;
    let (Some(mut stdout), Some(stderr)) = (qemu.stdout.take(), qemu.stderr.take()) else {
        bail!("QEMU was started without a pipe to read from");
    };
    let (ended, end) = mpsc::channel::<()>();
    // A watch, because the log is read to its end: without it a program that hangs would write for ever.
    let watch = thread::spawn(move || {
        let end = end.recv_timeout(LONGEST_RUN);
        if end != Err(mpsc::RecvTimeoutError::Disconnected) {
            // It may just have ended.
            let _ = qemu.kill();
        }
        (end == Err(mpsc::RecvTimeoutError::Timeout), qemu.wait())
    });
    let printed = thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let counted = trace::calls(&program, prefix, BufReader::with_capacity(1 << 20, stderr));
    if counted.is_err() {
        // The rest of the run is of no use.
        let _ = ended.send(());
    }
    drop(ended);
    let (Ok((late, status)), Ok(printed)) = (watch.join(), printed.join()) else {
        bail!("reading what QEMU tells failed");
    };
    if late {
        bail!("the firmware was still running after {} s: does it hang?", LONGEST_RUN.as_secs());
    }
    let (calls, complaints) = counted?;
    let printed = printed.context("what the firmware printed is not text")?;
    if !status.context("waiting for QEMU failed")?.success() {
        bail!(
            "the firmware ended with failure on {}; it printed:\n{printed}{}",
            core.machine(),
            complaints.join("\n")
        );
    }
    Ok((printed, calls))
}

/// What this version of QEMU calls it.
fn one_instruction_at_a_time() -> Result<&'static [&'static str]> {
    let output = Command::new("qemu-system-arm").arg("--version").output().map_err(absent)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    Ok(if version >= (8, 1) { &["-accel", "tcg,one-insn-per-tb=on"] } else { &["-singlestep"] })
}

fn absent(error: std::io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::NotFound => {
            anyhow!(
                "qemu-system-arm is not in PATH: apt-get install qemu-system-arm (or your system's package)"
            )
        }
        _ => anyhow!("qemu-system-arm cannot be started: {error}"),
    }
}

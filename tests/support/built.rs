//! What cargo builds for the tests: the command and the firmware.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value;

use crate::needs::Missing;

/// The target of a Cortex-M0.
pub const CORTEX_M0: &str = "thumbv6m-none-eabi";
/// The target of a Cortex-M3: that of the sandwich device.
pub const CORTEX_M3: &str = "thumbv7m-none-eabi";
/// The target of a Cortex-M4 that computes with floating-point numbers.
pub const CORTEX_M4: &str = "thumbv7em-none-eabihf";
/// The target of a Cortex-M33.
pub const CORTEX_M33: &str = "thumbv8m.main-none-eabi";

/// One program at a time: they share most of what has to be built.
static BUILDING: Mutex<()> = Mutex::new(());

/// The root of the workspace.
///
/// # Panics
/// When this crate was moved out of it.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies in the workspace")
}

/// The command `microspan`.
///
/// # Panics
/// When it does not build.
pub fn microspan() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build(&["-p", "microspan-std", "--bin", "microspan"]))
}

/// A service of the host that takes part in a trace of boards: `pantry`, `shop` or `cellar`.
///
/// # Panics
/// When it does not build.
pub fn service(name: &str) -> PathBuf {
    build(&["-p", "microspan-example-service", "--bin", name])
}

/// A program of the firmware that is part of the kitchen, as an ELF file.
///
/// `MICROSPAN_FIRMWARE` names a target folder of cargo with firmware that is built already, by whatever toolchain.
///
/// # Errors
/// [`Missing`] when there is no compiler for the board.
///
/// # Panics
/// When it does not build.
pub fn firmware(program: &str) -> Result<PathBuf, Missing> {
    firmware_with(program, CORTEX_M3, &[])
}

/// Another program of the firmware, for one of the targets above. As [`firmware`].
///
/// # Errors
/// As [`firmware`].
///
/// # Panics
/// As [`firmware`].
pub fn bare_firmware(program: &str, target: &str) -> Result<PathBuf, Missing> {
    firmware_with(program, target, &["--no-default-features"])
}

/// An example of the firmware, for one of the targets above, with these features and no others. As [`firmware`].
///
/// # Errors
/// As [`firmware`].
///
/// # Panics
/// As [`firmware`].
pub fn example(program: &str, target: &str, features: &str) -> Result<PathBuf, Missing> {
    firmware_with(program, target, &["--no-default-features", "--features", features])
}

fn firmware_with(program: &str, target: &str, features: &[&str]) -> Result<PathBuf, Missing> {
    if let Some(folder) = env::var_os("MICROSPAN_FIRMWARE") {
        return Ok([Path::new(&folder), target.as_ref(), "firmware".as_ref(), program.as_ref()]
            .iter()
            .collect());
    }
    let _one = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    need_target(target)?;
    let what = ["-p", "microspan-firmware", "--bin", program, "--profile", "firmware", "--target", target];
    Ok(build(&[&what, features].concat()))
}

fn need_target(target: &str) -> Result<(), Missing> {
    if has_target(target) {
        return Ok(());
    }
    Err(Missing(format!(
        "the compiler has no standard library for {target}; run ./test, or rustup target add {target}"
    )))
}

fn has_target(target: &str) -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", target])
        .current_dir(root())
        .output();
    asked.is_ok_and(|answer| Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_dir())
}

/// Runs cargo and returns the program it made: cargo says where that is, wherever the target folder lies.
fn build(arguments: &[&str]) -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--message-format=json-render-diagnostics"])
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("cannot run cargo: {error}"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo build {arguments:?} failed:\n{told}");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)))
        .next_back()
        .unwrap_or_else(|| panic!("cargo build {arguments:?} made no program:\n{told}"))
}

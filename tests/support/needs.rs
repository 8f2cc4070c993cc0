//! What a test needs of the machine.
//!
//! On a plain host `cargo test` passes: a test whose needs are not met says so and ends. Where `MICROSPAN_REQUIRE_ALL`
//! is set, as `./test` sets it, the same test fails.
//! With `MICROSPAN_WITHOUT_BOARDS` no board is emulated, for who has those tests run apart.

use std::env;
use std::fmt;
use std::io::{self, Write};

/// Something is not on this machine: what, and how to get it.
#[derive(Debug)]
pub struct Missing(pub String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a test needs, or `None` when the test is to be skipped.
///
/// # Panics
/// When the need is not met and `MICROSPAN_REQUIRE_ALL` is set.
pub fn or_skip<T>(need: Result<T, Missing>) -> Option<T> {
    match need {
        Ok(found) => Some(found),
        Err(missing) if env::var_os("MICROSPAN_REQUIRE_ALL").is_some() => panic!("{missing}"),
        Err(missing) => {
            let test = std::thread::current().name().unwrap_or("a test").to_owned();
            // Not `eprintln!`, which the test runner keeps to itself while a test passes.
            let _ = writeln!(io::stderr(), "SKIPPED {test}: {missing}");
            None
        }
    }
}

/// Unwraps what the test needs, or leaves the test.
#[macro_export]
macro_rules! need {
    ($need:expr) => {
        match $crate::needs::or_skip($need) {
            Some(found) => found,
            None => return,
        }
    };
}

/// The program of this name, when the search path or the folder of the system's servers has it.
///
/// # Errors
/// [`Missing`], with `package` as what to install.
pub fn program(name: &str, package: &str) -> Result<std::path::PathBuf, Missing> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|candidate| candidate.is_file()).ok_or_else(|| {
        Missing(format!("`{name}` is not installed; run ./test, or apt-get install {package}"))
    })
}

/// The emulator of boards, unless they are left out.
///
/// # Errors
/// As [`program`], or that they are.
pub fn emulator() -> Result<std::path::PathBuf, Missing> {
    if env::var_os("MICROSPAN_WITHOUT_BOARDS").is_some() {
        return Err(Missing("MICROSPAN_WITHOUT_BOARDS is set; ./test qemu hammer has it".to_owned()));
    }
    program("qemu-system-arm", "qemu-system-arm")
}

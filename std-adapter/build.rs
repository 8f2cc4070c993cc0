//! Notes the version of the compiler, which the agent is told as the version of the language.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC");
    let version =
        rustc_version().or_else(|| std::env::var("CARGO_PKG_RUST_VERSION").ok()).unwrap_or_default();
    println!("cargo::rustc-env=MICROSPAN_RUSTC_VERSION={version}");
}

/// The second word of `rustc 1.95.0 (59807616e 2026-04-14)`.
fn rustc_version() -> Option<String> {
    let output = Command::new(std::env::var_os("RUSTC")?).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().nth(1).map(str::to_owned)
}

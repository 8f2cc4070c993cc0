//! A library that is instrumented, compiled for a program that has tracing off: nothing of the tracer is left in it.

use std::env;
use std::fs;
use std::process::Command;

use microspan_tests::built;

/// The assembly of the example library, with these features.
fn assembly(features: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("library.s");
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["rustc", "-p", "microspan-example-library", "--release", "--features", features, "--"])
        .args(["-C", "debuginfo=0", "--emit"])
        .arg(format!("asm={}", file.display()))
        .current_dir(built::root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(file).expect("the assembly")
}

/// Whether the assembly names anything of `microspan`, by the way in which Rust writes paths into symbols.
fn names_the_tracer(assembly: &str) -> bool {
    assembly.contains("9microspan")
}

#[test]
fn nothing_of_the_tracer_is_left_in_a_library_when_tracing_is_off() {
    let on = assembly("");
    let off = assembly("off");
    assert!(off.contains("make_sandwich"), "the library is compiled:\n{off}");
    assert!(names_the_tracer(&on), "the test sees what is there");
    assert!(!names_the_tracer(&off), "{off}");
}

//! What is linked into a release firmware that traces, and what must not be: an allocator, and the machinery of panics.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use microspan_tests::{built, need};
use object::read::elf::ElfFile32;
use object::{Endianness, Object, ObjectSymbol};

/// What only an allocator has, by the beginning of a function's name.
const ALLOCATOR: &[&str] =
    &["__rust_alloc", "__rust_dealloc", "__rust_realloc", "__rg_", "__rdl_", "alloc::", "malloc"];
/// What every panic goes through.
const PANICS: &[&str] = &["core::panicking::", "rust_begin_unwind"];

/// The functions that are linked into a program, as people write them, without the crate of what the compiler makes up.
fn functions(program: &Path) -> Vec<String> {
    let data = fs::read(program).expect("the program can be read");
    let file = ElfFile32::<Endianness>::parse(&*data).expect("the program is an ELF file");
    let mut functions: Vec<String> = file
        .symbols()
        .filter(ObjectSymbol::is_definition)
        .filter_map(|symbol| Some(format!("{:#}", rustc_demangle::demangle(symbol.name().ok()?))))
        .map(|name| name.trim_start_matches("__rustc::").to_owned())
        .collect();
    functions.sort();
    functions
}

fn begin<'f>(functions: &'f [String], with: &[&str]) -> Vec<&'f String> {
    functions.iter().filter(|name| with.iter().any(|start| name.starts_with(start))).collect()
}

fn assert_free_of(functions: &[String], what: &[&str]) {
    let found = begin(functions, what);
    assert!(found.is_empty(), "{found:#?} are linked");
}

#[test]
fn spans_are_recorded_without_an_allocator_and_without_a_panic() {
    let functions = functions(&need!(built::bare_firmware("size_spans", built::CORTEX_M4)));
    assert!(functions.iter().any(|name| name.contains("microspan::")), "no tracer is linked: {functions:#?}");
    assert_free_of(&functions, ALLOCATOR);
    assert_free_of(&functions, PANICS);
}

#[test]
fn spans_are_drained_without_an_allocator_and_without_a_panic() {
    let functions = functions(&need!(built::bare_firmware("size_tiny", built::CORTEX_M4)));
    assert!(
        functions.iter().any(|name| name.contains("microspan::drain")),
        "no drain is linked: {functions:#?}"
    );
    assert_free_of(&functions, ALLOCATOR);
    assert_free_of(&functions, PANICS);
}

#[test]
fn a_program_that_allocates_and_panics_is_found_out() {
    let functions = functions(&need!(built::bare_firmware("size_forbidden", built::CORTEX_M4)));
    assert!(!begin(&functions, ALLOCATOR).is_empty(), "no allocator was found: {functions:#?}");
    assert!(!begin(&functions, PANICS).is_empty(), "no panic was found: {functions:#?}");
}

#[test]
fn no_crate_under_the_core_has_std_or_alloc_switched_on() {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["tree", "--offline", "--package", "microspan", "--all-features", "--prefix", "none"])
        .args(["--target", "thumbv7em-none-eabihf", "--edges", "normal,no-proc-macro", "--format", "{p}|{f}"])
        .current_dir(built::root())
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8(output.stdout).expect("text");
    assert!(tree.lines().any(|line| line.starts_with("postcard ")), "{tree}");
    for line in tree.lines() {
        let (_, features) = line.split_once('|').expect("a crate and its features");
        let on =
            features.trim_end_matches(" (*)").split(',').find(|feature| ["std", "alloc"].contains(feature));
        assert_eq!(on, None, "{line}");
    }
}

#[test]
fn the_core_names_std_and_alloc_in_tests_only() {
    let mut sources = Vec::new();
    collect(&built::root().join("core/src"), &mut sources);
    assert!(sources.len() > 10, "{sources:?}");
    for path in sources {
        let text = fs::read_to_string(&path).expect("a source file");
        if let Some(line) = named(&text) {
            panic!("{}: {line}", path.display());
        }
    }
}

/// The first line of code outside tests that names `std` or `alloc`.
fn named(text: &str) -> Option<&str> {
    // Tests stand last in a file.
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let code = code.split("#[cfg(all(test").next().unwrap_or_default();
    let crates = ["std::", "alloc::", "extern crate std", "extern crate alloc"];
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .find(|line| crates.iter().any(|name| line.contains(name)))
}

#[test]
fn a_line_that_names_std_is_found_outside_tests_only() {
    assert_eq!(
        named("//! std::vec\nuse core::ptr;\n    use std::vec::Vec;\n"),
        Some("    use std::vec::Vec;")
    );
    assert_eq!(named("extern crate alloc;"), Some("extern crate alloc;"));
    assert_eq!(named("fn f() {}\n#[cfg(test)]\nmod tests {\n    use std::vec::Vec;\n}\n"), None);
    assert_eq!(named("#[cfg(all(test, not(loom)))]\nmod tests;\n"), None);
}

/// Whether tests alone have this file: the model of an interrupt, the atomics it steps through, and what says it is a test.
fn is_of_tests(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.ends_with("tests.rs")
        || name == "step.rs"
        || path.components().any(|part| part.as_os_str() == "model" || part.as_os_str() == "tests")
}

/// The source files in a folder, those of tests excepted.
fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, paths);
        } else if !is_of_tests(&path) {
            paths.push(path);
        }
    }
}

//! Who may import whom, as a test: crates by their manifests, modules of the adapter by their `use` lines. And how long a file is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use microspan_tests::built;
use serde_json::Value;

/// What of ours a crate may depend on, whatever the kind of dependency.
const CRATES: &[(&str, &[&str])] = &[
    ("microspan", &["microspan-macros"]),
    ("microspan-macros", &[]),
    ("microspan-std", &["microspan"]),
    ("microspan-firmware", &["microspan"]),
    ("microspan-example-library", &["microspan"]),
    ("microspan-example-service", &["microspan", "microspan-std"]),
    ("microspan-fuzz", &["microspan", "microspan-std"]),
    ("microspan-tests", &["microspan", "microspan-example-library", "microspan-macros", "microspan-std"]),
    ("microspan-benches", &["microspan", "microspan-macros", "microspan-std"]),
];

/// The modules of the adapter; one may import those of the lines above its own.
const MODULES: &[&[&str]] = &[
    &["error", "deadline", "interned"],
    &["model"],
    &["config", "clock", "threads", "log_events"],
    &["carrier", "correlation"],
    &["decode"],
    &["pipeline"],
    &["msgpack", "otlp", "print", "stats"],
    &["screen"],
    &["agent", "defmt", "elf", "standin"],
    &["otel", "tower", "layer"],
    &["daemon", "local"],
    &["opentracing"],
];

/// The most lines of a file.
const LINES: usize = 400;

/// Modules that perform no I/O and read no clock: bytes and time come from the caller.
const PURE: &[&str] = &["decode", "clock", "pipeline", "msgpack", "otlp", "model", "stats"];

#[test]
fn crates_depend_only_on_those_below_them() {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
        .current_dir(built::root())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata in JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let found: BTreeMap<&str, Vec<&str>> =
        packages.iter().map(|package| (name(package), ours(package))).collect();
    assert_eq!(found.len(), CRATES.len(), "a crate nobody wrote down: {found:?}");
    for (package, allowed) in CRATES {
        for dependency in &found[package] {
            assert!(allowed.contains(dependency), "{package} may not depend on {dependency}");
        }
    }
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap_or_default()
}

fn ours(package: &Value) -> Vec<&str> {
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    dependencies.map(name).filter(|name| name.starts_with("microspan")).collect()
}

/// The source files of a module of the adapter, those of its tests excepted.
fn sources(module: &str) -> Vec<(PathBuf, String)> {
    let source = built::root().join("std-adapter/src");
    let mut paths = vec![source.join(format!("{module}.rs"))];
    collect(&source.join(module), &mut paths);
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // What stands below is of the tests.
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
        (path, code)
    };
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        if path.is_dir() {
            collect(&path, paths);
        } else {
            paths.push(path);
        }
    }
}

/// The lines of code that say something other than a comment.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// The modules of its own crate that a text names: `crate::a::B`, `crate::{a, b::{C, D}}`.
fn imports(text: &str) -> Vec<String> {
    let text: String = code(text).collect();
    let name = |path: &str| -> String {
        path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut found = Vec::new();
    for path in text.split("crate::").skip(1) {
        let Some(group) = path.strip_prefix('{') else {
            found.push(name(path));
            continue;
        };
        let mut depth = 0;
        let inner = group.chars().take_while(|c| {
            depth += i32::from(*c == '{') - i32::from(*c == '}');
            depth >= 0
        });
        let (mut depth, mut parts) = (0, vec![String::new()]);
        for c in inner {
            depth += i32::from(c == '{') - i32::from(c == '}');
            match (c, depth, parts.last_mut()) {
                (',', 0, _) => parts.push(String::new()),
                (_, _, Some(part)) => part.push(c),
                _ => {}
            }
        }
        found.extend(parts.iter().map(|part| name(part)).filter(|name| !name.is_empty()));
    }
    found
}

#[test]
fn imports_are_found_alone_and_in_groups() {
    let text = "use crate::a::B;\nuse crate::{c, d::{E, F}, g};\n// crate::no\nfn f() { crate::h::i() }";
    assert_eq!(imports(text), ["a", "c", "d", "g", "h"]);
    assert_eq!(imports("use crate::{\n    a::B,\n    c,\n};"), ["a", "c"]);
}

#[test]
fn modules_of_the_adapter_import_only_those_before_them() {
    let mut before: Vec<&str> = Vec::new();
    for layer in MODULES {
        for module in *layer {
            for (path, text) in sources(module) {
                for imported in imports(&text) {
                    let fits = imported == *module || before.contains(&imported.as_str());
                    assert!(fits, "{} may not import `{imported}`", path.display());
                }
            }
        }
        before.extend(*layer);
    }
}

#[test]
fn every_module_of_the_adapter_has_its_place_in_the_order() {
    let library = fs::read_to_string(built::root().join("std-adapter/src/lib.rs")).expect("the library");
    let modules = library.lines().filter_map(|line| {
        let line = line.trim().strip_prefix("pub ").unwrap_or(line.trim());
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    for module in modules {
        assert!(
            MODULES.iter().any(|layer| layer.contains(&module)),
            "`{module}` is not in the order of modules"
        );
    }
}

#[test]
fn only_the_configuration_reads_the_environment() {
    let modules = MODULES.iter().copied().flatten().filter(|module| **module != "config");
    for (path, text) in modules.flat_map(|module| sources(module)).chain(sources("main")) {
        let reads = code(&text).find(|line| line.contains("env::var"));
        assert_eq!(reads, None, "{} reads the environment", path.display());
    }
}

#[test]
fn what_must_do_no_io_names_none() {
    let io = ["std::io", "std::fs", "std::net", "std::thread", "SystemTime", "Instant", "println!"];
    for (path, text) in PURE.iter().flat_map(|module| sources(module)) {
        for line in code(&text) {
            let named = io.iter().find(|name| line.contains(**name));
            assert_eq!(named, None, "{} does I/O: {line}", path.display());
        }
    }
}

#[test]
fn no_file_is_longer_than_can_be_taken_in() {
    let mut folders = vec![built::root().to_path_buf()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if path.is_dir() {
                let is_made = name == "target" || name.as_encoded_bytes().starts_with(b".");
                if !is_made {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let lines = fs::read_to_string(&path).expect("text").lines().count();
                assert!(lines <= LINES, "{} has {lines} lines, more than {LINES}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 100, "{seen} files");
}

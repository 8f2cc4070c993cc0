//! What versions of the wire left behind is read for ever as it was read first: `tests/golden/v3` and its like.
//!
//! A new version's files are written, once, by
//!
//! ```text
//! MICROSPAN_GOLDEN=write cargo test -p microspan-tests --test golden
//! ```
//!
//! which refuses where there are some; `MICROSPAN_GOLDEN=overwrite` is for a version that nobody has yet.

use std::fs;
use std::path::{Path, PathBuf};

use microspan::wire::VERSION;
use microspan_tests::{built, golden, shown};

fn folder() -> PathBuf {
    built::root().join("tests/golden")
}

fn shown_of(path: &Path, bytes: &[u8]) -> String {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("packet") => shown::packet(bytes),
        Some("stream") => shown::stream(bytes),
        Some("request") => shown::request(bytes),
        other => panic!("{}: a kind that nobody knows: {other:?}", path.display()),
    }
}

fn write(may_overwrite: bool) {
    let folder = folder().join(format!("v{VERSION}"));
    if may_overwrite && folder.exists() {
        fs::remove_dir_all(&folder).expect("the files that were there go");
    }
    assert!(!folder.exists(), "{} is there, and stays as it is", folder.display());
    fs::create_dir_all(&folder).expect("a folder");
    for (name, kind, bytes) in golden::all() {
        let path = folder.join(format!("{name}.{kind}"));
        fs::write(path.with_extension(format!("{kind}.txt")), shown_of(&path, &bytes)).expect("a text");
        fs::write(path.with_extension(format!("{kind}.bin")), bytes).expect("a file");
    }
}

#[test]
fn every_file_of_every_version_reads_as_it_did_at_first() {
    match std::env::var("MICROSPAN_GOLDEN").as_deref() {
        Ok("write") => write(false),
        Ok("overwrite") => write(true),
        Ok(other) => panic!("MICROSPAN_GOLDEN={other}: say write or overwrite"),
        Err(_) => {}
    }
    let mut versions: Vec<PathBuf> =
        fs::read_dir(folder()).expect("the versions").map(|entry| entry.expect("one").path()).collect();
    versions.sort();
    assert!(
        versions.contains(&folder().join(format!("v{VERSION}"))),
        "this version has no files: write them"
    );
    for version in versions {
        let files = fs::read_dir(&version).expect("files").map(|entry| entry.expect("a file").path());
        let mut files: Vec<_> =
            files.filter(|path| path.extension().is_some_and(|ending| ending == "bin")).collect();
        files.sort();
        assert!(files.len() >= 10, "{}: {files:?}", version.display());
        for path in files {
            let bytes = fs::read(&path).expect("a file");
            let text = fs::read_to_string(path.with_extension("txt")).expect("a text beside it");
            let shown = shown_of(&path.with_extension(""), &bytes);
            assert_eq!(shown, text, "{}", path.display());
        }
    }
}

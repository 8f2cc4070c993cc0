//! Every public item has an example of its own.

use std::fs;
use std::path::{Path, PathBuf};

/// What begins an item that anybody may use. Methods of traits have their trait's example.
const ITEMS: [&str; 8] = [
    "pub const fn ",
    "pub fn ",
    "pub unsafe fn ",
    "pub struct ",
    "pub enum ",
    "pub trait ",
    "pub const ",
    "macro_rules! ",
];

/// Files of which nothing is reached from outside.
const INSIDE: [&str; 6] =
    ["arena/cells.rs", "private.rs", "private/", "slot_ring.rs", "sync.rs", "sync/step.rs"];

/// Items that nobody names: what macros expand to, and what keeps a trait to this crate.
const UNNAMED: [&str; 4] =
    ["pub fn within<", "pub struct Within<", "pub const fn linked(", "pub trait Sealed "];

#[test]
fn every_public_item_has_an_example() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut without, mut found) = (Vec::new(), 0);
    for file in files(&source) {
        let name = file.strip_prefix(&source).unwrap().display().to_string().replace('\\', "/");
        if INSIDE.iter().any(|inside| name.starts_with(inside)) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let mut documents = String::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim_start();
            if ["///", "#[", "reason", ")]"].iter().any(|start| line.starts_with(start)) {
                documents.push_str(line);
                documents.push('\n');
                continue;
            }
            let is_item = ITEMS.iter().any(|item| line.starts_with(item));
            let is_named = !UNNAMED.iter().any(|unnamed| line.starts_with(unnamed));
            let is_public =
                is_named && !line.starts_with("macro_rules!") || documents.contains("#[macro_export]");
            if is_item && is_public && !documents.contains("#[doc(hidden)]") {
                found += 1;
                if !documents.contains("```") {
                    without.push(format!("{name}:{number} {line}"));
                }
            }
            documents.clear();
        }
    }
    assert!(without.is_empty(), "give an example to\n{}", without.join("\n"));
    assert!(found > 180, "{found} items were found in {}", source.display());
}

/// The files of a folder and of those in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

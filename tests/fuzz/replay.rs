//! The corpus, and noise, without a fuzzer.

use std::path::Path;

use microspan_fuzz::TARGETS;

#[test]
fn every_file_of_the_corpus_does_what_its_target_asks() {
    let (mut files, mut bytes) = (0, 0);
    for (name, target) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let mut paths: Vec<_> = std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.expect("an entry").path())
            .collect();
        paths.sort();
        assert!(!paths.is_empty(), "{name} has no corpus");
        for path in paths {
            println!("{}", path.display());
            let content = std::fs::read(&path).expect("a file");
            (files, bytes) = (files + 1, bytes + content.len());
            target(&content);
        }
    }
    assert!(files <= 200 && bytes <= 200_000, "{files} files of {bytes} bytes: a corpus is small");
}

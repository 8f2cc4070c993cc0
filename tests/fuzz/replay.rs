//! The corpus, and noise, without a fuzzer.

use std::path::Path;

use microspan_fuzz::TARGETS;
use microspan_fuzz::random::Random;
use microspan_std::elf::lines;

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

#[test]
fn a_program_for_debuggers_is_read_however_it_is_damaged() {
    let target = TARGETS.iter().find(|(name, _)| *name == "elf").expect("it is one of them").1;
    for version in [4, 5] {
        let path = format!("corpus/elf/lines-dwarf-{version}");
        let whole = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file");
        // A C compiler was told: in `kept` `serve`, in that `bake`.
        let found = lines(&whole, 0x400_118);
        assert!(found.iter().any(|line| line.starts_with("bake (a.c:1")), "{found:?}");
        assert!(found.last().is_some_and(|line| line.starts_with("serve (a.c:")), "{found:?}");
        let mut random = Random::new(version);
        for _ in 0..500 {
            let mut damaged = whole.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(damaged.len());
                damaged[at] = if random.below(2) == 0 { 0xff } else { random.below(256) as u8 };
            }
            target(&damaged);
        }
    }
}

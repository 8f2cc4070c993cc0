//! Files that are what they should be, and files that are anything.

mod debuggers;
mod made;

use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use made::{CONSTANTS, Made, VARIABLES};

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn write(folder: &Path, name: &str, made: &Made) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    fs::write(&path, made.bytes()).expect("a file");
    path
}

/// Has the next question look at files again.
fn wait(images: &Images) {
    let mut state = images.state.lock().expect("nobody failed");
    state.next_look = Instant::now();
    if let Some(alone) = &mut state.alone {
        alone.next_look = Instant::now();
    }
}

fn first(images: &Images, id: &[u8]) -> Option<String> {
    images.text(id, CONSTANTS.into(), 5)
}

#[test]
fn texts_are_found_where_the_program_finds_them() {
    let image = Image::read(&*Made::new(b"id", "breadbutter\u{e9}").bytes()).expect("a program");
    let at = |address: u32, length| image.text(address.into(), length);
    assert_eq!(at(CONSTANTS, 5), Some("bread"));
    assert_eq!(at(CONSTANTS + 5, 6), Some("butter"));
    assert_eq!(at(CONSTANTS + 5, 0), Some(""));
    assert_eq!(at(VARIABLES, 4), Some("warm"), "not where its first value is stored");
    assert_eq!(at(CONSTANTS + 13, 4), None, "it is stored there");
    assert_eq!(at(VARIABLES + 1, 4), None, "the last byte is beyond");
    assert_eq!(at(CONSTANTS - 1, 2), None);
    assert_eq!(at(CONSTANTS, 12), None, "half of a character");
    assert_eq!(image.text(u64::MAX, 1), None);
    assert_eq!(image.text(u64::MAX, u32::MAX), None);
}

#[test]
fn a_text_is_at_most_255_bytes_long() {
    let image = Image::read(&*Made::new(b"id", &"x".repeat(300)).bytes()).expect("a program");
    assert_eq!(image.text(CONSTANTS.into(), 255).map(str::len), Some(255));
    assert_eq!(image.text(CONSTANTS.into(), 256), None);
}

#[test]
fn a_build_id_is_found_in_segments_and_in_sections() {
    let mut made = Made::new(&[1; 20], "bread");
    assert_eq!(image::build_id(&*made.bytes()), Ok(Some(vec![1; 20])));
    made.note_in_segment = false;
    assert_eq!(image::build_id(&*made.bytes()), Ok(Some(vec![1; 20])));
    made.id = vec![1; 33];
    assert_eq!(image::build_id(&*made.bytes()), Ok(None), "longer than any");
    made.id = Vec::new();
    assert_eq!(image::build_id(&*made.bytes()), Ok(None));
}

#[test]
fn of_many_files_the_one_with_the_build_id_is_read() {
    let folder = folder();
    write(folder.path(), "a", &Made::new(b"one", "bread"));
    write(folder.path(), "deep/down/b", &Made::new(b"two", "wheat"));
    write(folder.path(), "deep/c", &Made::new(b"two", "wheat"));
    write(folder.path(), "no-id", &Made::new(b"", "sugar"));
    fs::write(folder.path().join("text"), "not ELF").expect("a file");
    let images = Images::open(vec![folder.path().into()]).expect("a folder will do");
    assert_eq!(first(&images, b"one").as_deref(), Some("bread"));
    assert_eq!(first(&images, b"two").as_deref(), Some("wheat"));
    assert_eq!(first(&images, b"three"), None);
    assert_eq!(first(&images, b""), None, "there is more than one");
}

#[test]
fn of_two_files_with_one_build_id_the_one_that_loads_more_is_read() {
    let folder = folder();
    let program = Made::new(b"id", "bread");
    write(folder.path(), "a.elf", &program);
    let for_debuggers = Made { constants: Vec::new(), variables: Vec::new(), ..program.clone() };
    (0..9).for_each(|n| drop(write(folder.path(), &format!("{n}.debug"), &for_debuggers)));
    write(folder.path(), "z.elf", &Made { claimed: 33 << 20, ..program });
    let images = Images::open(vec![folder.path().into()]).expect("a folder");
    assert_eq!(first(&images, b"id").as_deref(), Some("bread"));
}

#[test]
fn what_is_built_later_is_found_after_a_pause() {
    let folder = folder();
    write(folder.path(), "a", &Made::new(b"one", "bread"));
    let images = Images::open(vec![folder.path().into()]).expect("a folder will do");
    write(folder.path(), "b", &Made::new(b"two", "wheat"));
    assert_eq!(first(&images, b"two"), None, "it was looked at a moment ago");
    wait(&images);
    assert_eq!(first(&images, b"two").as_deref(), Some("wheat"));
    assert_eq!(first(&images, b"one").as_deref(), Some("bread"));
}

#[test]
fn a_file_that_was_written_again_is_no_longer_what_it_was() {
    let folder = folder();
    let path = write(folder.path(), "a", &Made::new(b"one", "bread"));
    let images = Images::open(vec![path]).expect("a program");
    write(folder.path(), "a", &Made::new(b"two", "wheat, not rye"));
    assert_eq!(first(&images, b"one"), None);
    wait(&images);
    assert_eq!(first(&images, b"two").as_deref(), Some("wheat"));
    assert_eq!(first(&images, b"one"), None);
    // What a device runs was read, and stays.
    write(folder.path(), "a", &Made::new(b"three", "oats."));
    wait(&images);
    assert_eq!(first(&images, b"three").as_deref(), Some("oats."));
    assert_eq!(first(&images, b"two").as_deref(), Some("wheat"));
}

#[test]
fn one_file_alone_does_for_a_device_that_tells_no_build_id() {
    let folder = folder();
    let path = write(folder.path(), "a", &Made::new(b"", "bread"));
    let images = Images::open(vec![path.clone()]).expect("a program");
    assert_eq!(first(&images, b"").as_deref(), Some("bread"));
    assert_eq!(first(&images, b"one"), None, "it may be another");
    write(folder.path(), "a", &Made::new(b"", "wheat, not rye"));
    wait(&images);
    assert_eq!(first(&images, b"").as_deref(), Some("wheat"));

    let other = write(folder.path(), "b", &Made::new(b"two", "wheat"));
    let error = Images::open(vec![path, other]).expect_err("nothing tells them apart");
    assert!(matches!(error, ElfError::NoBuildId { .. }), "{error}");
}

#[test]
fn what_is_no_program_is_refused_where_it_was_named() {
    let folder = folder();
    let refused = |path: PathBuf| Images::open(vec![path]).expect_err("it is no program");
    assert!(matches!(refused(folder.path().join("nothing")), ElfError::Unreadable { .. }));
    let text = folder.path().join("text");
    fs::write(&text, "not ELF").expect("a file");
    assert!(matches!(refused(text), ElfError::NotElf { .. }));
    let object = write(folder.path(), "o", &Made { kind: 1, ..Made::new(b"one", "bread") });
    assert!(matches!(refused(object), ElfError::NotLinked { .. }));
    let cut = write(folder.path(), "cut", &Made { claimed: 1_000, ..Made::new(b"one", "bread") });
    assert!(matches!(refused(cut), ElfError::NotElf { .. }));
    let large = write(folder.path(), "large", &Made { claimed: 1 << 25, ..Made::new(b"one", "bread") });
    assert!(matches!(refused(large), ElfError::TooLarge { .. }));
}

#[test]
fn programs_are_kept_up_to_a_size_the_one_asked_for_last_the_longest() {
    let folder = folder();
    const LARGE: u32 = 30 << 20;
    for number in 0..6_u8 {
        let path = write(
            folder.path(),
            &number.to_string(),
            &Made { claimed: LARGE, ..Made::new(&[number + 1], "bread") },
        );
        fs::OpenOptions::new()
            .write(true)
            .open(path)
            .and_then(|file| file.set_len(u64::from(LARGE) + 1_000))
            .expect("a larger file");
    }
    let images = Images::open(vec![folder.path().into()]).expect("a folder will do");
    for number in [1, 2, 3, 4, 1, 5] {
        assert_eq!(first(&images, &[number]).as_deref(), Some("bread"));
    }
    let state = images.state.lock().expect("nobody failed");
    let kept: Vec<u8> = state.kept.iter().map(|(id, _)| id[0]).collect();
    assert_eq!(kept, [5, 1, 4, 3]);
}

#[test]
fn a_program_that_tells_no_lines_is_at_hand_and_one_that_is_not_there_is_not() {
    let folder = folder();
    write(folder.path(), "a", &Made::new(b"one", "bread"));
    let images = Images::open(vec![folder.path().into()]).expect("a folder will do");
    assert_eq!(images.lines(b"one", 0x100), Some(Vec::new()));
    assert_eq!(images.lines(b"two", 0x100), None);
    assert_eq!(images.lines(b"", 0x100), None, "there may be more than one");
}

#[test]
fn who_asks_for_too_many_lines_is_told_later() {
    let folder = folder();
    let path = write(folder.path(), "a", &Made::new(b"one", "bread"));
    let images = Images::open(vec![path]).expect("a program");
    let spend = |time| images.state.lock().expect("nobody failed").spent = time;
    spend(CREDIT * 2);
    assert_eq!(images.lines(b"one", 0x100), None);
    assert_eq!(images.lines(b"", 0x100), None);
    spend(CREDIT / 2);
    assert_eq!(images.lines(b"one", 0x100), Some(Vec::new()));
    assert_eq!(images.lines(b"", 0x100), Some(Vec::new()), "it is the only one");
}

proptest! {
    #[test]
    fn a_damaged_file_is_read_or_refused(
        note_in_segment: bool,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
        whole: bool,
        address: u64,
        near in 0..64_u32,
        length in 0..300_u32,
    ) {
        let mut bytes = Made { note_in_segment, ..Made::new(&[7; 20], "breadbutterpickles") }.bytes();
        for (at, value) in damage {
            // Mostly where the headers are.
            let end = if value % 4 == 0 { bytes.len() } else { 52 + 3 * 32 };
            bytes[at.index(end)] = value;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = image::build_id(&*bytes);
        if let Ok(image) = Image::read(&*bytes) {
            prop_assert!(image.size() <= image::LOADABLE);
            for address in [address, u64::from(CONSTANTS + near), u64::from(VARIABLES + near)] {
                let text = image.text(address, length);
                prop_assert!(text.is_none_or(|text| text.len() == length as usize));
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..400), class in 1..3_u8) {
        let magic = [0x7f, b'E', b'L', b'F', class, 1, 1];
        for (byte, magic) in bytes.iter_mut().zip(magic) {
            *byte = magic;
        }
        let _ = (image::build_id(&*bytes), Image::read(&*bytes).map(|image| image.text(0, 1).map(str::len)));
    }
}

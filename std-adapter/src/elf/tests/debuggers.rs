//! What a file holds for debuggers that would take for ever.

use std::time::{Duration, Instant};

use crate::elf::lines;

/// A file with these lists of abbreviations and entries of one unit.
fn file(abbreviations: &[u8], entries: &[u8]) -> Vec<u8> {
    let mut unit = ((entries.len() + 7) as u32).to_le_bytes().to_vec();
    // Version 4, the first list of abbreviations, addresses of four bytes.
    unit.extend([4, 0, 0, 0, 0, 0, 4]);
    unit.extend(entries);
    let names = b"\0.debug_abbrev\0.debug_info\0.names\0";
    let parts = [(1_u32, 1_u32, abbreviations), (15, 1, &unit), (27, 3, &names[..])];
    let mut bytes = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let end = 52 + parts.iter().map(|(.., part)| part.len() as u32).sum::<u32>();
    bytes.extend([2, 0, 40, 0]);
    bytes.extend([1, 0, 0, end, 0].iter().flat_map(|word: &u32| word.to_le_bytes()));
    bytes.extend([52_u16, 32, 0, 40, 4, 3].iter().flat_map(|half| half.to_le_bytes()));
    parts.iter().for_each(|(.., part)| bytes.extend(*part));
    bytes.extend([0; 40]);
    let mut at = 52;
    for (name, kind, part) in parts {
        let size = part.len() as u32;
        let section = [name, kind, 0, 0, at, size, 0, 0, 1, 0];
        bytes.extend(section.iter().flat_map(|word| word.to_le_bytes()));
        at += size;
    }
    bytes
}

const UNIT: [u8; 5] = [1, 0x11, 1, 0, 0];

/// A function of so many attributes that take no room.
fn function(tag: u8, attributes: usize) -> Vec<u8> {
    let mut list = [&UNIT[..], &[2, tag, 0]].concat();
    list.extend([0x3f, 0x19].repeat(attributes));
    list.extend([0, 0, 0]);
    list
}

#[test]
fn attributes_without_number_are_read_as_long_as_there_is_time() {
    const FUNCTION: u8 = 0x2e;
    const VARIABLE: u8 = 0x34;
    for tag in [FUNCTION, VARIABLE] {
        let entries = [&[1][..], &[2; 400_000]].concat();
        let file = file(&function(tag, 120_000), &entries);
        let start = Instant::now();
        assert!(lines(&file, 0x100).is_empty());
        assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    }
}

#[test]
fn a_form_that_says_another_one_is_not_followed() {
    for (form, told) in [(&[8][..], 1), (&[0x16], 0)] {
        // A function called `bake` from 0x100 to 0x120.
        let list = [&UNIT[..], &[2, 0x2e, 0, 0x11, 1, 0x12, 6, 3], form, &[0, 0, 0]].concat();
        let mut entries = vec![1, 2, 0, 1, 0, 0, 0x20, 0, 0, 0];
        entries.extend(&[0x16, 8][..if told == 0 { 2 } else { 0 }]);
        entries.extend(b"bake\0\0");
        assert_eq!(lines(&file(&list, &entries), 0x104).len(), told);
    }
}

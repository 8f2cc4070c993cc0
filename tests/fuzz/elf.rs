//! The target `elf`.

use microspan_std::elf::{Image, lines};

use crate::counting;

/// What a program holds of a file is bounded by what it may load, 32 MB, whatever the file says of its parts.
const LOADED: isize = 33 << 20;
/// What a look for lines unpacks is of the sections for debuggers, and these are cut.
const UNPACKED: isize = 80 << 20;

/// Reads bytes as the ELF file of a program, and looks for texts and for lines in it.
pub fn elf(bytes: &[u8]) {
    look_for_lines(bytes);
    counting::forget_peak();
    let before = counting::held();
    let first = Image::parse(bytes);
    assert!(counting::peak() - before <= LOADED, "{} bytes of {}", counting::peak() - before, bytes.len());
    let again = Image::parse(bytes);
    assert_eq!(format!("{first:?}"), format!("{again:?}"));
    let Ok(image) = first else { return };
    assert!(image.build_id().len() <= 32);
    for chunk in bytes.chunks(4) {
        let mut address = [0; 8];
        address[..chunk.len()].copy_from_slice(chunk);
        let address = u64::from_le_bytes(address);
        for length in [0, 1, 5, 255, 256, u32::MAX] {
            for address in [address, address.wrapping_sub(1), address.wrapping_add(length.into())] {
                let text = image.text(address, length);
                assert!(text.is_none_or(|text| text.len() == length as usize && text.len() <= 255));
            }
        }
    }
}

/// Around where the program begins, if it says so: most addresses lie nowhere.
fn look_for_lines(bytes: &[u8]) {
    let word = bytes.get(24..32).and_then(|word| word.try_into().ok()).map_or(0, u64::from_le_bytes);
    let entry = if bytes.get(4) == Some(&1) { word & 0xffff_ffff } else { word };
    for address in (0..24).map(|step| entry.wrapping_sub(0x80).wrapping_add(8 * step)) {
        counting::forget_peak();
        let before = counting::held();
        let found = lines(bytes, address);
        assert!(
            counting::peak() - before <= UNPACKED,
            "{} bytes of {}",
            counting::peak() - before,
            bytes.len()
        );
        assert!(found.len() <= 32 && found.iter().all(|line| line.len() <= 1024), "{found:?}");
    }
}

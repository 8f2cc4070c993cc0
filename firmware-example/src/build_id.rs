//! Which build this is: the GNU build-id, which the linker writes into the image and into the ELF file alike.
//!
//! This is the program's and not the library's: the linker script names the program's memory, and without it the symbols
//! do not exist.

/// The build id of this program; empty when it was linked without `--build-id` or without `memory/build-id.x`.
#[cfg(target_os = "none")]
pub fn build_id() -> &'static [u8] {
    unsafe extern "C" {
        /// Where the note begins and ends; only their addresses mean something.
        safe static __build_id_start: u8;
        safe static __build_id_end: u8;
    }
    let (start, end) = (&raw const __build_id_start, &raw const __build_id_end);
    // SAFETY: the linker script puts both around one section, the start first, in flash that nobody writes.
    let note = unsafe { core::slice::from_raw_parts(start, end as usize - start as usize) };
    parse(note).unwrap_or_default()
}

/// What a note says: three words (the length of the name, that of the description, the kind), the name, the description,
/// both filled up to whole words.
#[cfg(any(target_os = "none", test))]
fn parse(note: &[u8]) -> Option<&[u8]> {
    /// `NT_GNU_BUILD_ID`.
    const KIND: u32 = 3;
    let (name_size, rest) = word(note)?;
    let (size, rest) = word(rest)?;
    let (kind, rest) = word(rest)?;
    let name = rest.get(..name_size as usize)?;
    let rest = rest.get(name_size.checked_next_multiple_of(4)? as usize..)?;
    (kind == KIND && name == b"GNU\0").then(|| rest.get(..size as usize))?
}

#[cfg(any(target_os = "none", test))]
fn word(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (word, rest) = bytes.split_first_chunk()?;
    Some((u32::from_ne_bytes(*word), rest))
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn note(name_size: u32, size: u32, kind: u32, rest: &[u8]) -> heapless::Vec<u8, 64> {
        let words = [name_size, size, kind].map(u32::to_ne_bytes);
        words.iter().flatten().chain(rest).copied().collect()
    }

    #[test]
    fn the_description_of_a_build_id_is_found() {
        assert_eq!(parse(&note(4, 5, 3, b"GNU\0\x01\x02\x03\x04\x05\0\0\0")), Some(&[1, 2, 3, 4, 5][..]));
        assert_eq!(parse(&note(4, 0, 3, b"GNU\0")), Some(&[][..]));
    }

    #[test]
    fn another_note_or_a_cut_one_is_none() {
        let whole = note(4, 2, 3, b"GNU\0\x01\x02");
        assert!(parse(&whole).is_some());
        for cut in 0..whole.len() {
            assert_eq!(parse(&whole[..cut]), None, "{cut} bytes");
        }
        assert_eq!(parse(&note(4, 2, 1, b"GNU\0\x01\x02")), None, "another kind");
        assert_eq!(parse(&note(3, 2, 3, b"CPU\0\x01\x02")), None, "another name");
        assert_eq!(parse(&note(u32::MAX, 2, 3, b"GNU\0\x01\x02")), None);
        assert_eq!(parse(&note(4, u32::MAX, 3, b"GNU\0\x01\x02")), None);
    }
}

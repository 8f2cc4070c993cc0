//! One ELF file: its build id, and what it loads.

use object::read::elf::{FileHeader, NoteIterator, ProgramHeader, SectionHeader};
use object::{Endianness, FileKind, ReadRef, elf};

/// How many bytes a program may load: more flash than a microcontroller has.
pub(super) const LOADABLE: u64 = 32 * 1024 * 1024;
/// The longest text that a device tells.
const TEXT: u32 = 255;
/// The longest build id.
const ID: usize = 32;
/// How many segments and sections are looked at.
pub(super) const PARTS: u32 = 16 * 1024;
/// How many notes are looked through, and how long one of them may be.
const NOTES: usize = 64;
const NOTE: u64 = 4096;

/// Why a file is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// It is something else, or damaged.
    NotElf,
    /// It was not linked: its texts have no addresses yet.
    NotLinked,
    /// It loads more than 32 MB.
    TooLarge,
}

impl From<object::read::Error> for Flaw {
    fn from(_: object::read::Error) -> Self {
        Self::NotElf
    }
}

/// What of a program lies in memory while it runs, with the values it begins with.
#[derive(Debug)]
pub struct Image {
    build_id: Vec<u8>,
    segments: Vec<Segment>,
}

#[derive(Debug)]
struct Segment {
    /// Where the program finds it: variables are found in RAM, wherever their first values are stored.
    address: u64,
    bytes: Box<[u8]>,
}

impl Image {
    /// Takes what a program loads out of the bytes of its ELF file, whatever they are.
    ///
    /// # Errors
    /// When they are no linked program, or a larger one than is taken.
    pub fn parse(file: &[u8]) -> Result<Self, Flaw> {
        Self::read(file)
    }

    /// Reads what a program loads, and little else of its file.
    pub(super) fn read<'a>(data: impl ReadRef<'a>) -> Result<Self, Flaw> {
        let build_id = build_id(data)?.unwrap_or_default();
        let segments = match FileKind::parse(data)? {
            FileKind::Elf32 => load::<elf::FileHeader32<Endianness>, _>(data)?,
            _ => load::<elf::FileHeader64<Endianness>, _>(data)?,
        };
        Ok(Self { build_id, segments })
    }

    /// The GNU build-id, of 1 to 32 bytes; empty when there is none.
    pub fn build_id(&self) -> &[u8] {
        &self.build_id
    }

    /// The text of `length` bytes, at most 255, that the program finds at this address.
    pub fn text(&self, address: u64, length: u32) -> Option<&str> {
        if length > TEXT {
            return None;
        }
        let text = self.segments.iter().find_map(|segment| {
            let start = usize::try_from(address.checked_sub(segment.address)?).ok()?;
            segment.bytes.get(start..start.checked_add(length as usize)?)
        })?;
        std::str::from_utf8(text).ok()
    }

    /// How many bytes it holds.
    pub(super) fn size(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes.len() as u64).sum()
    }
}

/// The GNU build-id of a linked program.
pub(super) fn build_id<'a>(data: impl ReadRef<'a>) -> Result<Option<Vec<u8>>, Flaw> {
    match FileKind::parse(data)? {
        FileKind::Elf32 => find_id::<elf::FileHeader32<Endianness>, _>(data),
        FileKind::Elf64 => find_id::<elf::FileHeader64<Endianness>, _>(data),
        _ => Err(Flaw::NotElf),
    }
}

/// How many bytes a linked program loads.
pub(super) fn size<'a>(data: impl ReadRef<'a>) -> Result<u64, Flaw> {
    match FileKind::parse(data)? {
        FileKind::Elf32 => sum::<elf::FileHeader32<Endianness>, _>(data),
        _ => sum::<elf::FileHeader64<Endianness>, _>(data),
    }
}

fn sum<'a, E: FileHeader<Endian = Endianness>, R: ReadRef<'a>>(data: R) -> Result<u64, Flaw> {
    let (_, endian, headers) = segments::<E, R>(data)?;
    let loaded = headers.iter().filter(|header| header.p_type(endian) == elf::PT_LOAD);
    Ok(loaded.fold(0, |sum: u64, header| sum.saturating_add(header.p_filesz(endian).into())))
}

fn segments<'a, E: FileHeader<Endian = Endianness>, R: ReadRef<'a>>(
    data: R,
) -> Result<(&'a E, Endianness, &'a [E::ProgramHeader]), Flaw> {
    let header = E::parse(data)?;
    let endian = header.endian()?;
    if !matches!(header.e_type(endian), elf::ET_EXEC | elf::ET_DYN) {
        return Err(Flaw::NotLinked);
    }
    if header.phnum(endian, data)? > PARTS {
        return Err(Flaw::NotElf);
    }
    Ok((header, endian, header.program_headers(endian, data)?))
}

fn load<'a, E: FileHeader<Endian = Endianness>, R: ReadRef<'a>>(data: R) -> Result<Vec<Segment>, Flaw> {
    let (_, endian, headers) = segments::<E, R>(data)?;
    let mut room = LOADABLE;
    let mut segments = Vec::new();
    for header in headers.iter().filter(|header| header.p_type(endian) == elf::PT_LOAD) {
        let size = header.p_filesz(endian).into();
        room = room.checked_sub(size).ok_or(Flaw::TooLarge)?;
        if size > 0 {
            let bytes = header.data(endian, data).map_err(|()| Flaw::NotElf)?.into();
            segments.push(Segment { address: header.p_vaddr(endian).into(), bytes });
        }
    }
    Ok(segments)
}

fn find_id<'a, E: FileHeader<Endian = Endianness>, R: ReadRef<'a>>(data: R) -> Result<Option<Vec<u8>>, Flaw> {
    let (header, endian, headers) = segments::<E, R>(data)?;
    let in_segments = headers
        .iter()
        .filter(|header| header.p_type(endian) == elf::PT_NOTE && header.p_filesz(endian).into() <= NOTE)
        .take(NOTES)
        .filter_map(|header| header.notes(endian, data).ok().flatten());
    if let Some(id) = in_segments.filter_map(|notes| id_of(notes, endian)).next() {
        return Ok(Some(id));
    }
    // A linker script that lists segments may have none for notes.
    if header.shnum(endian, data)? > PARTS {
        return Ok(None);
    }
    let sections = header.section_headers(endian, data)?;
    let in_sections = sections
        .iter()
        .filter(|section| section.sh_type(endian) == elf::SHT_NOTE && section.sh_size(endian).into() <= NOTE)
        .take(NOTES)
        .filter_map(|section| section.notes(endian, data).ok().flatten());
    Ok(in_sections.filter_map(|notes| id_of(notes, endian)).next())
}

fn id_of<E: FileHeader>(mut notes: NoteIterator<'_, E>, endian: E::Endian) -> Option<Vec<u8>> {
    while let Ok(Some(note)) = notes.next() {
        let is_id = note.name() == elf::ELF_NOTE_GNU && note.n_type(endian) == elf::NT_GNU_BUILD_ID;
        if is_id && (1..=ID).contains(&note.desc().len()) {
            return Some(note.desc().to_vec());
        }
    }
    None
}

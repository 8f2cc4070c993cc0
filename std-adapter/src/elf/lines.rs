//! From an address to the functions it lies in, and to where they stand in the source: what a file holds for debuggers.
//!
//! It is read anew for each address, as few are asked for, and nothing of it is kept. The crate `gimli` reads it; it is gone through
//! here and not by `addr2line`, which trusts a file: that calls itself as deep as functions nest, and gathers all before it answers.

mod entry;
mod place;

use std::cell::Cell;
use std::time::{Duration, Instant};

use gimli::{
    Abbreviation, DW_FORM_indirect, DebugAbbrev, DebugAbbrevOffset, DebugInfoOffset, DebugLineOffset, Dwarf,
    EndianSlice, Reader as _, RunTimeEndian, Section as _, SectionId, UnitHeader,
};
use object::read::elf::{FileHeader, SectionHeader};
use object::{Endianness, FileKind, ReadRef, elf};

use super::image::{Flaw, PARTS};
use entry::Entry;

/// How many bytes a file may hold for debuggers.
const DEBUG: u64 = 128 * 1024 * 1024;
/// The longest list of abbreviations, and the longest header of a table of lines, in bytes: more than compilers make of a unit.
/// What they are unpacked to is up to a hundred times as large.
const UNPACKED: usize = 256 * 1024;
/// How long an address is looked for.
const LOOKING: Duration = Duration::from_secs(2);
/// After how many steps it is looked whether that has passed.
const STEPS: usize = 4096;
/// How many functions of one address are told: those it lies in by inlining.
const FRAMES: usize = 32;
/// How much of a name or a path is told, in bytes.
const TOLD: usize = 256;

const NEEDED: [SectionId; 9] = [
    SectionId::DebugAbbrev,
    SectionId::DebugAddr,
    SectionId::DebugInfo,
    SectionId::DebugLine,
    SectionId::DebugLineStr,
    SectionId::DebugStr,
    SectionId::DebugStrOffsets,
    SectionId::DebugRanges,
    SectionId::DebugRngLists,
];

type Reader<'a> = EndianSlice<'a, RunTimeEndian>;
type Unit<'a> = gimli::Unit<Reader<'a>>;
type Value<'a> = gimli::AttributeValue<Reader<'a>>;

/// The functions that an address lies in, as far as the bytes of an ELF file tell, innermost first: `app::bake (src/app.rs:42)`.
/// Whatever the bytes are, at most 32, each of at most some 600 bytes.
pub fn lines(file: &[u8], address: u64) -> Vec<String> {
    read(file, address).unwrap_or_default()
}

/// The same of a file that is read as far as is needed.
pub(super) fn read<'a>(data: impl ReadRef<'a>, address: u64) -> Result<Vec<String>, Flaw> {
    let dwarf = match FileKind::parse(data)? {
        FileKind::Elf32 => sections::<elf::FileHeader32<Endianness>, _>(data)?,
        FileKind::Elf64 => sections::<elf::FileHeader64<Endianness>, _>(data)?,
        _ => return Err(Flaw::NotElf),
    };
    Ok(Lines { dwarf, steps: Cell::new(0), until: Instant::now() + LOOKING }.at(address))
}

fn sections<'a, E: FileHeader<Endian = Endianness>, R: ReadRef<'a>>(
    data: R,
) -> Result<Dwarf<Reader<'a>>, Flaw> {
    let header = E::parse(data)?;
    let endian = header.endian()?;
    if header.shnum(endian, data)? > PARTS {
        return Err(Flaw::NotElf);
    }
    let order = if endian == Endianness::Big { RunTimeEndian::Big } else { RunTimeEndian::Little };
    let table = header.sections(endian, data)?;
    let mut room = DEBUG;
    Dwarf::load(|id| {
        let named = || table.section_by_name(endian, id.name().as_bytes());
        let Some((_, section)) = NEEDED.contains(&id).then(named).flatten() else {
            return Ok(EndianSlice::new(&[], order));
        };
        if section.sh_flags(endian).contains(elf::SHF_COMPRESSED) {
            return Err(Flaw::NotElf);
        }
        room = room.checked_sub(section.sh_size(endian).into()).ok_or(Flaw::TooLarge)?;
        Ok(EndianSlice::new(section.data(endian, data)?, order))
    })
}

/// What one file holds for debuggers.
struct Lines<'a> {
    dwarf: Dwarf<Reader<'a>>,
    /// Since it was last looked whether the time has passed.
    steps: Cell<usize>,
    until: Instant,
}

impl<'a> Lines<'a> {
    fn at(&self, address: u64) -> Vec<String> {
        let mut units = self.dwarf.units();
        while let Ok(Some(header)) = units.next() {
            match self.in_unit(header, address) {
                Some(frames) if !frames.is_empty() => return frames,
                _ if Instant::now() >= self.until => break,
                _ => {}
            }
        }
        Vec::new()
    }

    /// Counts a step of a way that a file may make as long as it likes; `None`: it has taken too long.
    fn step(&self) -> Option<()> {
        self.steps(1)
    }

    /// Counts so many steps.
    fn steps(&self, count: usize) -> Option<()> {
        let steps = self.steps.get() + count;
        self.steps.set(steps % STEPS);
        (steps < STEPS || Instant::now() < self.until).then_some(())
    }

    /// Counts the attributes of an entry, of which one may have as many as a list of abbreviations has room for. `None`: it takes
    /// too long, or one may be of any form: that may say so as often as there is room, and no compiler makes any.
    fn attributes(&self, abbreviation: &Abbreviation) -> Option<()> {
        let all = abbreviation.attributes();
        self.steps(all.len())?;
        all.iter().all(|one| one.form() != DW_FORM_indirect).then_some(())
    }

    /// Those of a unit; `None`: it is not what it should be.
    fn in_unit(&self, header: UnitHeader<Reader<'a>>, address: u64) -> Option<Vec<String>> {
        let (unit, root) = self.unit(header)?;
        // One that does not say where it lies may lie anywhere.
        if root.has_place() && !self.covers(&unit, &root, address)? {
            return Some(Vec::new());
        }
        let mut place = self.place(&unit, address);
        let functions = self.functions(&unit, address)?;
        if functions.is_empty() {
            return Some(place.into_iter().collect());
        }
        let mut frames = Vec::new();
        for entry in functions.iter().rev() {
            let name = self.name(&unit, entry);
            let called = self.called(&unit, entry);
            frames.push(match (name, std::mem::replace(&mut place, called)) {
                (Some(name), Some(place)) => format!("{name} ({place})"),
                (name, place) => name.or(place)?,
            });
        }
        Some(frames)
    }

    /// Reads what a unit says of itself.
    fn unit(&self, header: UnitHeader<Reader<'a>>) -> Option<(Unit<'a>, Entry<'a>)> {
        let DebugAbbrevOffset(offset) = header.debug_abbrev_offset();
        let all = self.dwarf.debug_abbrev.reader().slice().get(offset..)?;
        let list = all.get(..UNPACKED).unwrap_or(all);
        let list = DebugAbbrev::from(EndianSlice::new(list, self.dwarf.debug_abbrev.reader().endian()));
        let abbreviations = list.abbreviations(DebugAbbrevOffset(0)).ok()?;
        let mut entries = header.entries_raw(&abbreviations, None).ok()?;
        let abbreviation = entries.read_abbreviation().ok()??;
        let root = self.read(&mut entries, abbreviation)?;
        if let Some(Value::DebugLineRef(offset)) = root.lines
            && !self.has_short_header(offset)?
        {
            return None;
        }
        let unit = Unit::new_with_abbreviations(&self.dwarf, header, abbreviations.into()).ok()?;
        Some((unit, root))
    }

    /// Whether the header of a table of lines is no longer than it may be: its paths are unpacked all at once.
    fn has_short_header(&self, DebugLineOffset(offset): DebugLineOffset) -> Option<bool> {
        let mut reader = *self.dwarf.debug_line.reader();
        reader.skip(offset).ok()?;
        let (_, format) = reader.read_initial_length().ok()?;
        if reader.read_u16().ok()? >= 5 {
            reader.skip(2).ok()?;
        }
        Some(reader.read_length(format).ok()? <= UNPACKED)
    }

    /// The unit in which something else than itself is told.
    fn unit_of(&self, offset: DebugInfoOffset) -> Option<(Unit<'a>, gimli::UnitOffset)> {
        let mut units = self.dwarf.units();
        while let Some(header) = units.next().ok()? {
            self.step()?;
            if let Some(offset) = offset.to_unit_offset(&header) {
                return Some((self.unit(header)?.0, offset));
            }
        }
        None
    }

    /// The text of an attribute, cut to what is told.
    fn text(&self, unit: &Unit<'a>, value: Value<'a>) -> Option<String> {
        let text = self.dwarf.attr_string(unit, value).ok()?.slice();
        Some(String::from_utf8_lossy(text.get(..TOLD).unwrap_or(text)).into_owned())
    }
}

//! A built program, as its ELF file tells it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use object::read::elf::{ElfFile32, FileHeader, SectionHeader};
use object::{Endianness, Object, ObjectSegment, ObjectSymbol, SymbolKind, elf};
use serde::Serialize;

/// What a program takes, without its stack.
#[derive(Clone, Copy, Serialize)]
pub struct Bytes {
    /// Code, constants, and the first values of variables.
    pub flash: u64,
    /// Variables.
    pub ram: u64,
}

/// A function.
pub struct Symbol {
    /// As the compiler calls it.
    pub name: String,
    /// Where it begins; even, the Thumb bit is left out.
    pub address: u32,
    /// How many bytes of code it has.
    pub size: u64,
}

/// A program for a 32-bit Arm core.
pub struct Program {
    segments: Vec<(u32, Vec<u8>)>,
    symbols: Vec<Symbol>,
    bytes: Bytes,
}

impl Program {
    /// Reads a program that was built.
    pub fn read(path: &Path) -> Result<Self> {
        let data =
            fs::read(path).with_context(|| format!("{} was built and cannot be read", path.display()))?;
        Self::parse(&data).with_context(|| format!("{} is not an ELF file of 32 bits", path.display()))
    }

    fn parse(data: &[u8]) -> object::Result<Self> {
        let file = ElfFile32::<Endianness>::parse(data)?;
        let mut segments = Vec::new();
        for segment in file.segments() {
            segments.push((segment.address() as u32, segment.data()?.to_vec()));
        }
        let symbols = file
            .symbols()
            .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
            .filter_map(|symbol| {
                let name = symbol.name().ok()?.to_owned();
                Some(Symbol { name, address: symbol.address() as u32 & !1, size: symbol.size() })
            })
            .collect();
        Ok(Self { segments, symbols, bytes: bytes(&file, data)? })
    }

    /// A program of these parts.
    #[cfg(test)]
    pub fn of(segments: Vec<(u32, Vec<u8>)>, symbols: Vec<Symbol>) -> Self {
        Self { segments, symbols, bytes: Bytes { flash: 0, ram: 0 } }
    }

    /// What it takes.
    pub fn bytes(&self) -> Bytes {
        self.bytes
    }

    /// Its functions.
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// The 16 bits at an address.
    pub fn half_word(&self, address: u32) -> Option<u16> {
        self.segments.iter().find_map(|(start, bytes)| {
            let at = address.checked_sub(*start)? as usize;
            let half = bytes.get(at..at.checked_add(2)?)?;
            Some(u16::from_le_bytes(half.try_into().ok()?))
        })
    }
}

fn bytes(file: &ElfFile32<'_, Endianness>, data: &[u8]) -> object::Result<Bytes> {
    let (header, endian) = (file.elf_header(), file.endian());
    let mut bytes = Bytes { flash: 0, ram: 0 };
    for section in header.section_headers(endian, data)? {
        let (flags, size) = (section.sh_flags(endian), u64::from(section.sh_size(endian)));
        if !flags.contains(elf::SHF_ALLOC) {
            continue;
        }
        if flags.contains(elf::SHF_WRITE) {
            bytes.ram += size;
        }
        if section.sh_type(endian) != elf::SHT_NOBITS {
            bytes.flash += size;
        }
    }
    Ok(bytes)
}

//! Flash and static RAM, read from the ELF.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use object::read::elf::{ElfFile32, FileHeader, SectionHeader};
use object::{Endianness, elf};
use serde::Serialize;

use crate::firmware::{self, MACHINE};
use crate::{OptLevel, Options};

/// Bytes that the tiny profile may add to an empty program.
const BUDGET: Bytes = Bytes { flash: 3 * 1_024, ram: 1_024 };

/// What a program takes, without its stack.
#[derive(Clone, Copy, Serialize)]
struct Bytes {
    /// Code, constants, and the first values of variables.
    flash: u64,
    /// Variables.
    ram: u64,
}

#[derive(Serialize)]
struct Figures {
    machine: &'static str,
    empty: Bytes,
    tiny: Bytes,
    added: Bytes,
}

/// Builds, measures, and prints.
pub fn run(options: &Options) -> Result<()> {
    let bytes = |program| measure(&firmware::build(program, options.opt_level)?);
    let (empty, tiny) = (bytes("size_empty")?, bytes("size_tiny")?);
    let added =
        Bytes { flash: tiny.flash.saturating_sub(empty.flash), ram: tiny.ram.saturating_sub(empty.ram) };
    let figures = Figures { machine: MACHINE, empty, tiny, added };
    if options.json {
        println!("{}", serde_json::to_string(&figures)?);
    } else {
        print(&figures, options.opt_level);
    }
    Ok(())
}

fn measure(program: &Path) -> Result<Bytes> {
    let data =
        fs::read(program).with_context(|| format!("{} was built and cannot be read", program.display()))?;
    sections(&data).with_context(|| format!("{} is not an ELF file of 32 bits", program.display()))
}

fn sections(data: &[u8]) -> object::Result<Bytes> {
    let file = ElfFile32::<Endianness>::parse(data)?;
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

fn print(figures: &Figures, opt_level: OptLevel) {
    println!("Bytes on QEMU's {} (Cortex-M4), opt-level {}", figures.machine, opt_level.name());
    println!("{:<48}{:>8}{:>8}", "program", "flash", "RAM");
    let rows = [
        ("empty", figures.empty),
        ("8 spans, 8 tags, a drain of 256 bytes", figures.tiny),
        ("added", figures.added),
        ("budget", BUDGET),
    ];
    for (name, Bytes { flash, ram }) in rows {
        println!("{name:<48}{flash:>8}{ram:>8}");
    }
}

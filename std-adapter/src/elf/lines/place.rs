//! Files and lines of the source.

use gimli::LineProgramHeader;

use super::entry::Entry;
use super::{Lines, Reader, Unit};

impl<'a> Lines<'a> {
    /// The file and the line of an address: `src/app.rs:42`.
    pub(super) fn place(&self, unit: &Unit<'a>, address: u64) -> Option<String> {
        let mut rows = unit.line_program.clone()?.rows();
        // The row before, if it begins or continues a run of instructions that was linked.
        let mut before: Option<(u64, u64, u64)> = None;
        let mut is_first = true;
        while let Some((header, row)) = rows.next_row().ok()? {
            self.step()?;
            if let Some((begin, file, line)) = before
                && (begin..row.address()).contains(&address)
            {
                return Some(shown(self.file(unit, header, file)?, line));
            }
            let is_linked = if is_first { row.address() != 0 } else { before.is_some() };
            is_first = row.end_sequence();
            let line = row.line().map_or(0, |line| line.get());
            before = (is_linked && !is_first).then_some((row.address(), row.file_index(), line));
        }
        None
    }

    /// Where a call stands that was inlined.
    pub(super) fn called(&self, unit: &Unit<'a>, entry: &Entry<'a>) -> Option<String> {
        let header = unit.line_program.as_ref()?.header();
        let file = self.file(unit, header, entry.call_file?)?;
        Some(shown(file, entry.call_line?))
    }

    /// The path of a file, within the folder in which it was compiled.
    fn file(&self, unit: &Unit<'a>, header: &LineProgramHeader<Reader<'a>>, index: u64) -> Option<String> {
        let file = header.file(index)?;
        let name = self.text(unit, file.path_name())?;
        let folder = if file.directory_index() == 0 { None } else { file.directory(header) };
        let path = match folder.and_then(|folder| self.text(unit, folder)) {
            Some(folder) if !name.starts_with('/') => format!("{folder}/{name}"),
            _ => name,
        };
        let own = unit.comp_dir.and_then(|folder| std::str::from_utf8(folder.slice()).ok());
        let within = own.and_then(|own| path.strip_prefix(own)?.strip_prefix('/'));
        Some(within.map_or_else(|| path.clone(), str::to_owned))
    }
}

/// What a compiler made itself has line 0.
fn shown(file: String, line: u64) -> String {
    if line == 0 { file } else { format!("{file}:{line}") }
}

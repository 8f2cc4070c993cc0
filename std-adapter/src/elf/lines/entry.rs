//! Functions and calls that were inlined: where they lie, and what they are called.

use gimli::{Abbreviation, AttributeValue, EntriesRaw, constants as dw};

use super::{FRAMES, Lines, Reader, TOLD, Unit, Value};

/// How often an entry may stand for another.
const ORIGINS: u8 = 8;

/// What is looked at of a unit, a function, or a call that was inlined.
#[derive(Default)]
pub(super) struct Entry<'a> {
    low: Option<Value<'a>>,
    high: Option<Value<'a>>,
    ranges: Option<Value<'a>>,
    name: Option<Value<'a>>,
    linkage_name: Option<Value<'a>>,
    /// The entry that says the rest.
    origin: Option<Value<'a>>,
    pub(super) call_file: Option<u64>,
    pub(super) call_line: Option<u64>,
    /// The table of lines.
    pub(super) lines: Option<Value<'a>>,
}

impl<'a> Entry<'a> {
    fn read(entries: &mut EntriesRaw<'_, Reader<'a>>, abbreviation: &Abbreviation) -> Option<Self> {
        let mut entry = Self::default();
        for specification in abbreviation.attributes() {
            let attribute = entries.read_attribute(*specification).ok()?;
            let value = attribute.value();
            match attribute.name() {
                dw::DW_AT_low_pc => entry.low = Some(value),
                dw::DW_AT_high_pc => entry.high = Some(value),
                dw::DW_AT_ranges => entry.ranges = Some(value),
                dw::DW_AT_name => entry.name = Some(value),
                dw::DW_AT_linkage_name => entry.linkage_name = Some(value),
                dw::DW_AT_abstract_origin | dw::DW_AT_specification => entry.origin = Some(value),
                dw::DW_AT_call_file => {
                    entry.call_file = match value {
                        AttributeValue::FileIndex(index) => Some(index),
                        value => value.udata_value(),
                    }
                }
                dw::DW_AT_call_line => entry.call_line = value.udata_value(),
                // Only what is taken for a line table's place: of several attributes the last one of this form.
                dw::DW_AT_stmt_list if matches!(value, AttributeValue::DebugLineRef(_)) => {
                    entry.lines = Some(value)
                }
                _ => {}
            }
        }
        Some(entry)
    }

    /// Whether it says where it lies.
    pub(super) fn has_place(&self) -> bool {
        self.ranges.is_some() || self.high.is_some()
    }
}

impl<'a> Lines<'a> {
    /// Reads an entry.
    pub(super) fn read(
        &self,
        entries: &mut EntriesRaw<'_, Reader<'a>>,
        abbreviation: &Abbreviation,
    ) -> Option<Entry<'a>> {
        self.attributes(abbreviation)?;
        Entry::read(entries, abbreviation)
    }

    /// Whether an address lies in an entry. Nothing lies at 0: a linker puts there what it has left out.
    pub(super) fn covers(&self, unit: &Unit<'a>, entry: &Entry<'a>, address: u64) -> Option<bool> {
        let is_in = |begin: u64, end: u64| begin != 0 && (begin..end).contains(&address);
        if let Some(value) = entry.ranges {
            let mut ranges = self.dwarf.attr_ranges(unit, value).ok()??;
            while let Some(range) = ranges.next().ok()? {
                self.step()?;
                if is_in(range.begin, range.end) {
                    return Some(true);
                }
            }
            return Some(false);
        }
        let (Some(low), Some(high)) = (entry.low, entry.high) else { return Some(false) };
        let Some(low) = self.dwarf.attr_address(unit, low).ok()? else { return Some(false) };
        let high = match self.dwarf.attr_address(unit, high).ok()? {
            Some(high) => high,
            None => low.saturating_add(high.udata_value()?),
        };
        Some(is_in(low, high))
    }

    /// The function that an address lies in, then the calls in it that were inlined, outermost first.
    pub(super) fn functions(&self, unit: &Unit<'a>, address: u64) -> Option<Vec<Entry<'a>>> {
        let mut entries = unit.header.entries_raw(&unit.abbreviations, None).ok()?;
        let mut found: Vec<(isize, Entry<'a>)> = Vec::new();
        while !entries.is_empty() {
            self.step()?;
            let depth = entries.next_depth();
            if found.first().is_some_and(|(outermost, _)| depth <= *outermost) {
                break;
            }
            let Some(abbreviation) = entries.read_abbreviation().ok()? else { continue };
            let is_function = abbreviation.tag() == dw::DW_TAG_subprogram;
            if !is_function && abbreviation.tag() != dw::DW_TAG_inlined_subroutine {
                self.attributes(abbreviation)?;
                entries.skip_attributes(abbreviation.attributes()).ok()?;
                continue;
            }
            let entry = self.read(&mut entries, abbreviation)?;
            if !self.covers(unit, &entry, address)? {
                continue;
            }
            // A function within another one is no call of it.
            let outer = if is_function { 0 } else { found.iter().take_while(|(at, _)| *at < depth).count() };
            found.truncate(outer);
            if is_function || (1..FRAMES).contains(&outer) {
                found.push((depth, entry));
            }
        }
        Some(found.into_iter().map(|(_, entry)| entry).collect())
    }

    /// What a function is called in the source.
    pub(super) fn name(&self, unit: &Unit<'a>, entry: &Entry<'a>) -> Option<String> {
        self.name_of(unit, entry, ORIGINS)
    }

    fn name_of(&self, unit: &Unit<'a>, entry: &Entry<'a>, left: u8) -> Option<String> {
        if let Some(name) = entry.linkage_name.or(entry.name) {
            return Some(demangled(self.text(unit, name)?));
        }
        let left = left.checked_sub(1)?;
        match entry.origin? {
            AttributeValue::UnitRef(offset) => self.name_of(unit, &self.entry(unit, offset)?, left),
            AttributeValue::DebugInfoRef(offset) => {
                let (unit, offset) = self.unit_of(offset)?;
                self.name_of(&unit, &self.entry(&unit, offset)?, left)
            }
            _ => None,
        }
    }

    fn entry(&self, unit: &Unit<'a>, offset: gimli::UnitOffset) -> Option<Entry<'a>> {
        let mut entries = unit.header.entries_raw(&unit.abbreviations, Some(offset)).ok()?;
        let abbreviation = entries.read_abbreviation().ok()??;
        self.read(&mut entries, abbreviation)
    }
}

/// A name of Rust as it was written, cut to what is told; another one as it is.
fn demangled(name: String) -> String {
    let Ok(rust) = rustc_demangle::try_demangle(&name) else { return name };
    let mut name = format!("{rust:#}");
    name.truncate(name.floor_char_boundary(TOLD));
    name
}

//! Whether a frame can be read within bounds.
//!
//! The table's own reader makes room for as many values as a frame says that it has, and calls itself as deep as a frame says that
//! they nest. Here a frame is gone through by the same formats first, which takes no room.

use std::collections::{BTreeMap, HashMap};

use defmt_decoder::{Table, Tag};
use defmt_parser::{Fragment, ParserMode, Type};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// How many values a frame may have: more than bytes, as some take none.
const VALUES: usize = 1 << 16;
/// How deep they may nest.
const DEPTH: u8 = 64;

/// The formats of a program's frames.
#[derive(Debug)]
pub(super) struct Formats {
    timestamp: Option<Format>,
    all: HashMap<u16, Format>,
}

/// What stands in a frame for a format: the kinds of its values.
#[derive(Debug)]
struct Format {
    /// It is a line, and no value.
    is_line: bool,
    all: Vec<Type>,
    /// Those between the bars, where it has some: as a value it is one of these.
    variants: Vec<Vec<Type>>,
}

/// A table as it is written out, which is the way to see into it.
#[derive(Deserialize)]
struct Written(Option<Entry>, BTreeMap<usize, Entry>, IgnoredAny, IgnoredAny);

#[derive(Deserialize)]
struct Entry((Tag, String), IgnoredAny);

impl Formats {
    /// Those of a table; `None`: it is not what this was written for.
    pub(super) fn of(table: &Table) -> Option<Self> {
        let written = rmp_serde::to_vec(table).ok()?;
        let Written(timestamp, entries, ..) = rmp_serde::from_slice(&written).ok()?;
        let all = entries
            .into_iter()
            .filter_map(|(index, entry)| Some((u16::try_from(index).ok()?, Format::of(&entry)?)));
        let all = all.collect();
        Some(Self { timestamp: timestamp.as_ref().and_then(Format::of), all })
    }

    /// Whether what a frame holds, without its framing, can be read within bounds.
    pub(super) fn admit(&self, bytes: &[u8]) -> bool {
        let mut walk = Walk { formats: self, bytes, room: VALUES };
        walk.frame().is_some()
    }
}

impl Format {
    fn of(Entry((tag, text), _): &Entry) -> Option<Self> {
        let is_line = matches!(tag, Tag::Trace | Tag::Debug | Tag::Info | Tag::Warn | Tag::Error);
        let has_variants = !is_line && text.contains('|');
        let variants = has_variants.then(|| text.split('|').map(types).collect::<Option<_>>()).flatten();
        Some(Self { is_line, all: types(text)?, variants: variants.unwrap_or_default() })
    }
}

/// The kinds of the values of a format, in the order in which they stand in a frame: each of them once.
fn types(text: &str) -> Option<Vec<Type>> {
    let mut types = BTreeMap::<usize, Type>::new();
    for fragment in defmt_parser::parse(text, ParserMode::ForwardsCompatible).ok()? {
        let Fragment::Parameter(parameter) = fragment else { continue };
        match (types.get_mut(&parameter.index), parameter.ty) {
            (Some(Type::BitField(all)), Type::BitField(part)) => {
                *all = all.start.min(part.start)..all.end.max(part.end);
            }
            (Some(_), _) => {}
            (None, kind) => _ = types.insert(parameter.index, kind),
        }
    }
    Some(types.into_values().collect())
}

struct Walk<'f, 'b> {
    formats: &'f Formats,
    bytes: &'b [u8],
    /// How many values there may be yet.
    room: usize,
}

impl<'f> Walk<'f, '_> {
    fn frame(&mut self) -> Option<()> {
        let index = self.short()?;
        if let Some(timestamp) = &self.formats.timestamp {
            self.values(&timestamp.all, 0)?;
        }
        self.values(&self.formats.all.get(&index)?.all, 0)
    }

    fn values(&mut self, types: &[Type], depth: u8) -> Option<()> {
        if depth > DEPTH {
            return None;
        }
        types.iter().try_for_each(|kind| {
            self.room = self.room.checked_sub(1)?;
            self.value(kind, depth)
        })
    }

    fn value(&mut self, kind: &Type, depth: u8) -> Option<()> {
        match kind {
            Type::I8 | Type::U8 | Type::Bool => self.skip(1),
            Type::I16 | Type::U16 | Type::IStr => self.skip(2),
            Type::I32 | Type::U32 | Type::Isize | Type::Usize | Type::F32 | Type::Char => self.skip(4),
            Type::I64 | Type::U64 | Type::F64 => self.skip(8),
            Type::I128 | Type::U128 => self.skip(16),
            Type::BitField(range) => {
                let bytes =
                    usize::from(range.end.checked_sub(1)? / 8).checked_sub((range.start / 8).into())?;
                self.skip((bytes + 1).next_power_of_two())
            }
            Type::Str | Type::U8Slice => {
                let len = self.long()?;
                self.skip(len)
            }
            Type::U8Array(len) => self.skip(*len),
            Type::Debug | Type::Display => {
                let end = self.bytes.iter().position(|byte| *byte == 0xff)?;
                self.skip(end + 1)
            }
            Type::Format => {
                let format = self.format()?;
                self.one_of(format, depth)
            }
            Type::FormatSlice => {
                let len = self.long()?;
                self.several(len, depth)
            }
            Type::FormatArray(len) => self.several(*len, depth),
            Type::FormatSequence => loop {
                let index = self.short()?;
                if index == 0 {
                    return Some(());
                }
                self.room = self.room.checked_sub(1)?;
                // Here bars are none.
                let format = self.formats.all.get(&index).filter(|format| !format.is_line)?;
                self.values(&format.all, depth + 1)?;
            },
        }
    }

    /// So many values of one format.
    fn several(&mut self, len: usize, depth: u8) -> Option<()> {
        self.room = self.room.checked_sub(len)?;
        let format = self.format()?;
        (0..len).try_for_each(|_| self.one_of(format, depth))
    }

    /// A value of a format, before which stands which of its variants it is.
    fn one_of(&mut self, format: &'f Format, depth: u8) -> Option<()> {
        let values = match format.variants.len() {
            0 => &format.all,
            // One byte, if that holds the number of bars.
            1..=256 => format.variants.get(usize::from(*self.take(1)?.first()?))?,
            _ => format.variants.get(usize::from(self.short()?))?,
        };
        self.values(values, depth + 1)
    }

    /// The format of a value.
    fn format(&mut self) -> Option<&'f Format> {
        let index = self.short()?;
        self.formats.all.get(&index).filter(|format| !format.is_line)
    }

    fn short(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_le_bytes)
    }

    fn long(&mut self) -> Option<usize> {
        let number = self.take(4)?.try_into().ok().map(u32::from_le_bytes)?;
        usize::try_from(number).ok()
    }

    fn skip(&mut self, len: usize) -> Option<()> {
        self.take(len).map(drop)
    }

    fn take(&mut self, len: usize) -> Option<&[u8]> {
        let (taken, rest) = self.bytes.split_at_checked(len)?;
        self.bytes = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Formats of these tags and texts, at 1 and so on.
    fn table(formats: &[(&str, &str)]) -> Table {
        let entry = |(tag, text): &(&str, &str)| serde_json::json!({"string": {"tag": tag, "string": text}, "raw_symbol": ""});
        let entries = formats.iter().enumerate().map(|(at, format)| ((at + 1).to_string(), entry(format)));
        let entries: serde_json::Map<_, _> = entries.collect();
        let written = serde_json::json!({
            "timestamp": entry(&("Timestamp", "{=u8:us}")), "entries": entries, "bitflags": {}, "encoding": "Rzcobs"
        });
        serde_json::from_value(written).expect("a table")
    }

    /// Whether a frame is admitted, which then has to be read whole.
    fn is_read(table: &Table, frame: &[u8]) -> bool {
        let is_admitted = Formats::of(table).expect("formats").admit(frame);
        if is_admitted {
            let (_, consumed) = table.decode(frame).expect("what is admitted is read");
            assert_eq!(consumed, frame.len());
        }
        is_admitted
    }

    #[test]
    fn a_frame_that_its_device_sent_is_read() {
        let table = table(&[
            ("Info", "{=[?]} {=u16}|{=str}"),
            ("Derived", "Bread {{ slices: {=u8} }}"),
            ("Derived", "None|Some({=?})"),
            ("Warn", "{0=2..5} {0=8..10} {1=[u8]} {2=[u8; 2]} {3=bool}"),
            ("Error", "{=__internal_FormatSequence} {=?}"),
            ("Info", "{=[?; 2]} {=__internal_Display} {=istr} {=f64}"),
            ("Write", "{=u8} | {=u8}"),
        ]);
        let frames: [&[u8]; 6] = [
            &[1, 0, 9, 2, 0, 0, 0, 2, 0, 7, 8, 5, 0, 3, 0, 0, 0, b'r', b'y', b'e'],
            &[1, 0, 9, 2, 0, 0, 0, 3, 0, 0, 1, 2, 0, 7, 5, 0, 0, 0, 0, 0],
            &[1, 0, 9, 0, 0, 0, 0, 2, 0, 5, 0, 0, 0, 0, 0],
            &[4, 0, 9, 0xff, 0xff, 1, 0, 0, 0, 7, 1, 2, 1],
            &[5, 0, 9, 2, 0, 7, 7, 0, 8, 8, 0, 0, 2, 0, 9],
            &[6, 0, 9, 2, 0, 7, 8, b'x', 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ];
        for frame in frames {
            assert!(is_read(&table, frame), "{frame:?}");
            for short in 0..frame.len() {
                assert!(!is_read(&table, &frame[..short]), "{frame:?} up to {short}");
            }
        }
    }

    #[test]
    fn a_frame_that_says_more_than_there_is_room_for_is_not_read() {
        let table =
            table(&[("Info", "{=[?]}"), ("Derived", "Nothing"), ("Info", "{=?}"), ("Derived", "{=?}")]);
        assert!(is_read(&table, &[1, 0, 9, 0, 0xff, 0, 0, 2, 0]), "values that take no room");
        for count in [[0, 0, 1, 0], [0xff, 0xff, 0xff, 0xff]] {
            assert!(!is_read(&table, &[&[1, 0, 9], &count[..], &[2, 0]].concat()), "{count:?}");
        }
        let nested = |depth| [&[3, 0, 9][..], &[4, 0].repeat(depth), &[2, 0]].concat();
        assert!(is_read(&table, &nested(40)));
        assert!(!is_read(&table, &nested(40_000)));
        assert!(!is_read(&table, &[3, 0, 9, 1, 0]), "a line is no value");
    }
}

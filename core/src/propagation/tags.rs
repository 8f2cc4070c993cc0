//! The tags of a trace that travel with it: those under `_dd.p.`.

use super::shown::Shown;
use core::fmt::{self, Display, Write};

/// Before the names of tags that travel.
const PREFIX: &str = "_dd.p.";
/// The upper half of the trace's id, which is a part of its identity here and no tag.
const TID: &str = "tid";
/// How it was decided on the trace.
pub(super) const DM: &str = "dm";
/// The rate by which it was.
pub(super) const KSR: &str = "ksr";
/// What nobody passes on any more.
const REFUSED: &str = "upstream_services";
/// The greatest of the numbers behind the `-` of a `dm`.
const MECHANISMS: u64 = 255;
/// Tags beyond so many do not travel: each is looked for in all that follow it.
const MOST_TAGS: usize = 64;
/// Nor do those beyond so many bytes of the member `dd`, twice what a tracer writes.
const MOST_READ: usize = 512;

/// Why tags that came in a header do not hold.
pub(super) enum TagsError {
    TooLong,
    Malformed,
}

/// The tags of a trace, as the header that brought them has them.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Tags<'c> {
    #[default]
    None,
    /// The text of `x-datadog-tags`: `_dd.p.key=value,...`.
    Datadog(&'c str),
    /// Items of the member `dd` of `tracestate`: `t.key:value;...`.
    Member(&'c str),
}

/// A tag that travels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag<'c> {
    /// Its key behind `_dd.p.`.
    pub(super) key: &'c str,
    pub(super) value: TagValue<'c>,
}

/// A value as it stood in a header.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct TagValue<'c> {
    raw: &'c str,
    /// A tilde stands for an equals sign.
    is_member: bool,
}

impl<'c> Tags<'c> {
    /// The tags of `x-datadog-tags`.
    pub(super) fn datadog(header: &'c str, longest: usize) -> Result<Self, TagsError> {
        if header.len() > longest {
            return Err(TagsError::TooLong);
        }
        if header.is_empty() {
            return Ok(Self::None);
        }
        let pairs = header.strip_suffix(',').unwrap_or(header);
        if pairs.split(',').all(is_pair) { Ok(Self::Datadog(pairs)) } else { Err(TagsError::Malformed) }
    }

    /// The tags of the member `dd` of `tracestate`: of a long one those at its beginning.
    pub(super) fn member(text: &'c str) -> Self {
        let cut = text.get(..=MOST_READ).map(|start| start.rsplit_once(';').map_or("", |(items, _)| items));
        Self::Member(cut.unwrap_or(text))
    }

    /// The upper half of the trace's id, as its text; of several the last.
    pub(super) fn tid(self) -> Option<&'c str> {
        self.all().filter(|tag| tag.key == TID).last().map(|tag| tag.value.raw)
    }

    /// Whether there is a `dm` that names no mechanism.
    pub(super) fn has_bad_decision(self) -> bool {
        self.all().filter(|tag| tag.key == DM).last().is_some_and(|tag| !tag.is_decision())
    }

    /// The tags to pass on: each key once, of several the last.
    pub(super) fn iter(self) -> impl Iterator<Item = Tag<'c>> + Clone {
        self.all()
            .enumerate()
            .filter(move |(index, tag)| {
                let is_last = self.all().skip(index + 1).all(|later| later.key != tag.key);
                is_last && tag.key != TID && tag.key != REFUSED && (tag.key != DM || tag.is_decision())
            })
            .map(|(_, tag)| tag)
    }

    fn all(self) -> impl Iterator<Item = Tag<'c>> + Clone {
        let (text, between, assigns, prefix, is_member) = match self {
            Self::None => ("", ',', '=', PREFIX, false),
            Self::Datadog(text) => (text, ',', '=', PREFIX, false),
            Self::Member(text) => (text, ';', ':', "t.", true),
        };
        let tags = text.split(between).filter_map(move |item| {
            let (key, value) = item.split_once(assigns)?;
            let key = key.strip_prefix(prefix)?;
            let raw = if is_member { value } else { value.trim_matches(' ') };
            Some(Tag { key, value: TagValue { raw, is_member } })
        });
        tags.take(MOST_TAGS)
    }
}

impl Tag<'_> {
    /// Whether it can stand in `x-datadog-tags`.
    pub(super) fn fits_datadog(&self) -> bool {
        let is_key = self.key.bytes().all(|byte| matches!(byte, 0x21..=0x7e) && byte != b'=');
        is_key
            && self.value.chars().any(|c| c != ' ')
            && self.value.chars().all(|c| matches!(c, ' '..='~') && c != ',')
    }

    fn is_decision(&self) -> bool {
        let number = self.value.raw.strip_prefix('-').and_then(super::parse::decimal);
        let has_zeros = self.value.raw.len() > 2 && self.value.raw.starts_with("-0");
        number.is_some_and(|number| number <= MECHANISMS) && !has_zeros
    }
}

/// Whether an item of `x-datadog-tags` is a key and a value of the characters they may have.
fn is_pair(item: &str) -> bool {
    let Some((key, value)) = item.split_once('=') else { return false };
    let is_key = !key.is_empty() && key.bytes().all(|byte| matches!(byte, 0x21..=0x7e));
    is_key && !value.trim_matches(' ').is_empty() && value.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
}

impl<'c> TagValue<'c> {
    /// A value that stands for itself.
    pub(super) fn plain(raw: &'c str) -> Self {
        Self { raw, is_member: false }
    }

    /// A value out of a member of `tracestate`.
    pub(super) fn of_member(raw: &'c str) -> Self {
        Self { raw, is_member: true }
    }

    pub(super) fn is(&self, text: &str) -> bool {
        self.chars().eq(text.chars())
    }
}

impl TagValue<'_> {
    fn chars(&self) -> impl Iterator<Item = char> {
        let is_member = self.is_member;
        self.raw.chars().map(move |c| if is_member && c == '~' { '=' } else { c })
    }

    /// What shows it in a member of `tracestate`.
    pub(super) fn for_member(self) -> impl Display {
        Shown(move |f: &mut fmt::Formatter<'_>| self.chars().try_for_each(|c| f.write_char(member_char(c))))
    }
}

impl Display for TagValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars().try_for_each(|c| f.write_char(c))
    }
}

/// What stands for a character of a value in a member of `tracestate`.
pub(super) fn member_char(c: char) -> char {
    match c {
        ',' | ';' | '~' => '_',
        '=' => '~',
        ' '..='~' => c,
        _ => '_',
    }
}

/// What stands for a character of a key there.
pub(super) fn member_key_char(c: char) -> char {
    match c {
        ',' | ' ' | '=' => '_',
        '!'..='~' => c,
        _ => '_',
    }
}

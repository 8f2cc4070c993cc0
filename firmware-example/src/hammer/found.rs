//! The tags of one span, as they came out.

use microspan::wire::{Span, Tag, TagValue, Text};

use super::lane::{Lane, checksum};
use super::set::Set;
use super::text;
use super::words::{Word, Words};

/// A span's own tags.
pub(super) struct Found {
    pub(super) number: Option<u32>,
    pub(super) parents: Set,
    time: Option<u32>,
    check: Option<u32>,
    text: Option<bool>,
    /// Its tags are not as a lane sets them.
    odd: bool,
    /// All its tags.
    pub(super) tags: u32,
}

impl Found {
    /// Reads the tags of a span.
    pub(super) fn of(span: &Span<'_>, words: &Words) -> Self {
        let mut found = Self {
            number: None,
            parents: Set::NONE,
            time: None,
            check: None,
            text: None,
            odd: false,
            tags: 0,
        };
        // The number first: the others are compared with it.
        let number = |tag: &Tag<'_>| words.read(tag.key) == Some(Word::Number);
        found.number = span.tags.filter(number).find_map(|tag| small(tag.value));
        for tag in span.tags {
            found.tags += 1;
            found.take(words.read(tag.key), tag.value);
        }
        found
    }

    fn take(&mut self, key: Option<Word>, value: TagValue<'_>) {
        let once = |place: &mut Option<u32>| match (place.is_some(), small(value)) {
            (false, Some(value)) => {
                *place = Some(value);
                true
            }
            _ => false,
        };
        let fits = match key {
            Some(Word::Number) => self.number == small(value),
            Some(Word::Time) => once(&mut self.time),
            Some(Word::Check) => once(&mut self.check),
            Some(Word::Parent) => small(value).is_some_and(|parent| {
                let new = !self.parents.contains(parent);
                self.parents.insert(parent);
                new
            }),
            Some(Word::Text) => {
                let expected = self.number.map(text);
                let same = expected.is_none_or(|expected| is_text(value, &expected));
                self.text.replace(same).is_none() && same
            }
            Some(Word::Hit) => self.number.is_none_or(|number| small(value) == Some(number)),
            _ => false,
        };
        self.odd |= !fits;
    }

    /// Whether its tags fit each other, and all are there unless the span says that it lost some.
    pub(super) fn is_whole(&self, lost: bool) -> bool {
        if self.odd {
            return false;
        }
        match (self.number, self.time, self.check) {
            (Some(number), Some(time), Some(check)) => {
                lost || check == checksum(number, time, &self.parents)
                    && self.text.is_some() == Lane::has_text(number)
            }
            _ => lost,
        }
    }

    /// Whether its time lies in the span.
    pub(super) fn is_timely(&self, span: &Span<'_>) -> bool {
        self.time.is_none_or(|time| u64::from(time.wrapping_sub(span.start as u32)) <= span.duration)
    }
}

fn small(value: TagValue<'_>) -> Option<u32> {
    match value {
        TagValue::U64(value) => u32::try_from(value).ok(),
        _ => None,
    }
}

fn is_text(value: TagValue<'_>, expected: &[u8]) -> bool {
    matches!(value, TagValue::Text(Text::Inline(text)) if text.as_bytes() == expected)
}

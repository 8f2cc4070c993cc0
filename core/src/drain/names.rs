//! The strings that a drain has told its listeners, known by address.

use crate::arena::MAX_NAME;
use crate::tag::cut;
use crate::wire::{ADDRESS, FIRST_NAME, Text};
use heapless::Vec;

/// How a session tells its listeners the strings of its program: names, keys, static values.
///
/// ```
/// use microspan::Names;
/// assert_eq!(Names::default(), Names::InBand);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Names {
    /// Each once, by an index that stands for it from then on, and again in turn.
    #[default]
    InBand,
    /// By where they lie in the program, which takes no table: a [`Drain<MTU, 0>`](crate::Drain) links none. The host
    /// needs the program's ELF file, which it knows by the [build id](crate::Drain::set_build_id). For programs that lie
    /// where their ELF file says, as firmware does.
    ByAddress,
}

/// Where strings get their indices, however many a table has.
pub(crate) trait Texts {
    /// As [`Table::text`].
    fn text(&mut self, text: &'static str) -> Text<'static>;
}

impl<const N: usize> Texts for Table<N> {
    #[inline]
    fn text(&mut self, text: &'static str) -> Text<'static> {
        Table::text(self, text)
    }
}

/// A table of static strings. An index, once given, stays.
pub(super) struct Table<const N: usize> {
    names: Vec<&'static str, N>,
    /// How many of them went out.
    told: usize,
    /// Which of them goes out again next.
    turn: usize,
    /// Where names were found last, by their addresses: so that a look does not take longer the more names there are.
    found: [u8; FOUND],
    /// Strings are told by their addresses, and the table is not used.
    pub(super) by_address: bool,
}

/// A power of two.
const FOUND: usize = 16;

impl<const N: usize> Table<N> {
    pub(super) const fn new() -> Self {
        Self { names: Vec::new(), told: 0, turn: 0, found: [0; FOUND], by_address: false }
    }

    /// The form in which a string goes on the wire that need not be told first.
    #[inline(always)]
    pub(super) fn form(&mut self, text: &'static str) -> Option<u32> {
        if self.by_address {
            return Some(ADDRESS.into());
        }
        Some(self.known(text)?.wrapping_add(FIRST_NAME))
    }

    /// The index of a string, if it has one.
    #[inline(always)]
    fn known(&mut self, text: &'static str) -> Option<u32> {
        if N == 0 {
            return None;
        }
        let at = (text.as_ptr().addr() >> 2) ^ (text.as_ptr().addr() >> 6);
        let index = usize::from(self.found.get(at % FOUND).copied().unwrap_or(0));
        if self.names.get(index).is_some_and(|name| same(name, text)) {
            return Some(index as u32);
        }
        self.find(text, at % FOUND)
    }

    #[inline(never)]
    fn find(&mut self, text: &'static str, at: usize) -> Option<u32> {
        let index = self.names.iter().position(|name| same(name, text))?;
        if let (Some(found), Ok(index)) = (self.found.get_mut(at), u8::try_from(index)) {
            *found = index;
        }
        Some(index as u32)
    }

    /// How a string goes on the wire: by its address, by its index, or in full when the table is full.
    #[inline(never)]
    pub(super) fn text(&mut self, text: &'static str) -> Text<'static> {
        let text = cut(text, MAX_NAME);
        if text.is_empty() {
            return Text::Inline("");
        }
        if self.by_address {
            return Text::at(text);
        }
        match self.known(text) {
            Some(index) => Text::Name(index),
            None if N == 0 => Text::Inline(text),
            None => match self.names.push(text) {
                Ok(()) => Text::Name(self.names.len() as u32 - 1),
                Err(_) => Text::Inline(text),
            },
        }
    }

    /// The next name that has not gone out.
    pub(super) fn news(&self) -> Option<(u32, &'static str)> {
        self.at(self.told)
    }

    /// Has all names go out again, unless some are on their way already.
    pub(super) fn tell_all(&mut self) {
        if self.news().is_none() {
            self.told = 0;
        }
    }

    /// Has all names go out again, from the first.
    pub(super) fn tell_all_from_the_first(&mut self) {
        self.told = 0;
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// [`news`](Self::news) went out.
    pub(super) fn told(&mut self) {
        self.told += 1;
    }

    /// The name whose turn it is to go out again.
    pub(super) fn again(&self) -> Option<(u32, &'static str)> {
        self.at(self.turn).filter(|_| self.turn < self.told)
    }

    /// [`again`](Self::again) went out.
    pub(super) fn turn(&mut self) {
        self.turn = if self.turn + 1 < self.told { self.turn + 1 } else { 0 };
    }

    fn at(&self, index: usize) -> Option<(u32, &'static str)> {
        if N == 0 {
            return None;
        }
        self.names.get(index).map(|name| (index as u32, *name))
    }
}

/// Whether two strings are one, by their addresses.
#[inline(always)]
fn same(one: &str, other: &str) -> bool {
    core::ptr::eq(one.as_ptr(), other.as_ptr()) && one.len() == other.len()
}

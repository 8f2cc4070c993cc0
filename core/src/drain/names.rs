//! The strings that a drain has told its listeners, known by address.

use crate::arena::MAX_NAME;
use crate::tag::cut;
use crate::wire::Text;
use heapless::Vec;

/// Where strings get their indices, however many a table has.
pub(crate) trait Texts {
    /// As [`Names::text`].
    fn text(&mut self, text: &'static str) -> Text<'static>;
}

impl<const N: usize> Texts for Names<N> {
    #[inline]
    fn text(&mut self, text: &'static str) -> Text<'static> {
        Names::text(self, text)
    }
}

/// A table of static strings. An index, once given, stays.
pub(super) struct Names<const N: usize> {
    names: Vec<&'static str, N>,
    /// How many of them went out.
    told: usize,
    /// Which of them goes out again next.
    turn: usize,
    /// Where names were found last, by their addresses: so that a look does not take longer the more names there are.
    found: [u8; FOUND],
}

/// A power of two.
const FOUND: usize = 16;

impl<const N: usize> Names<N> {
    pub(super) const fn new() -> Self {
        Self { names: Vec::new(), told: 0, turn: 0, found: [0; FOUND] }
    }

    /// The index of a string, if it has one.
    #[inline(always)]
    pub(super) fn known(&mut self, text: &'static str) -> Option<u32> {
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

    /// How a string goes on the wire: by its index, or in full when the table is full.
    #[inline(never)]
    pub(super) fn text(&mut self, text: &'static str) -> Text<'static> {
        let text = cut(text, MAX_NAME);
        match self.known(text) {
            Some(index) => Text::Name(index),
            None if text.is_empty() => Text::Inline(""),
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

    /// Has all names go out again.
    pub(super) fn tell_all(&mut self) {
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
        self.names.get(index).map(|name| (index as u32, *name))
    }
}

/// Whether two strings are one, by their addresses.
#[inline(always)]
fn same(one: &str, other: &str) -> bool {
    core::ptr::eq(one.as_ptr(), other.as_ptr()) && one.len() == other.len()
}

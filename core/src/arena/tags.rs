//! A span's tags: a chain of cells, newest first.
//!
//! The head of the chain is one word in the span's slot that others may change while the owner runs: a tag is pushed by
//! compare-exchange. The word also holds the round of the slot's use, so that a push that was overtaken by the slot's
//! next use fails instead of landing there.
//!
//! A cell in a chain is not written again, so a tag that is set once more takes another cell. Whoever looks at an open span could
//! see half of a value, a late writer would have no head to fail at, and every first tag would pay for a search of its key.

use super::cells::Cells;
use super::kept::content;
use super::{ArenaView, Cause, CellSlot, STEPS, SpanSlot, TAGS};
use crate::slot_ring::{By, CHAINED};
use crate::sync::Ordering;
use crate::tag::{CellBody, Kind, Word};

// The head of a chain: a link, two marks, and 14 bits of round. A link is two bits, which in the word of a cell say that it
// is in a chain, and 14 bits of cell index + 1 (0: no cell). So a cell's word begins with what the head was before it.
pub(super) const LINK: u32 = (1 << 16) - 1;
pub(super) const LINKED: u32 = CHAINED;
/// The span is an error.
pub(crate) const ERROR: u32 = 1 << 16;
/// The span lost a tag.
pub(crate) const LOST: u32 = 1 << 17;
const ROUND: u32 = 18;

/// The cell that a push writes last: the oldest of those that it puts before a chain.
pub(super) struct Last {
    pub(super) slot: &'static CellSlot,
    pub(super) handle: u32,
    /// What stands for its words in a check.
    pub(super) content: u32,
}

/// The cell, by its index + 1, that a link, a head or the word of a cell names; 0: none.
#[inline(always)]
pub(super) const fn first(link: u32) -> u32 {
    (link & LINK) >> 2
}

impl ArenaView {
    /// Sets a tag of a span to one value of two words. `note`: [`note_of`] the kind and the key.
    #[inline(always)]
    pub(crate) fn scalar(
        &self,
        by: By<'static>,
        handle: u32,
        key: Word,
        note: u32,
        [low, high]: [Word; 2],
    ) -> Result<(), Cause> {
        let Some(cell) = self.cells.claim(by, 0, STEPS) else { return Err(Cause::TagsFull) };
        // SAFETY: claimed above.
        unsafe { cell.slot.write(CellBody([key, low, high])) };
        let last = Last { slot: cell.slot, handle: cell.handle, content: self.content([key, low, high]) };
        self.push(handle, self.link(cell.handle), &last, note)
    }

    /// Sets a tag of a span to a string: its first bytes lie beside the key, the others in further cells.
    pub(crate) fn text(
        &self,
        by: By<'static>,
        handle: u32,
        key: &'static str,
        text: &str,
    ) -> Result<(), Cause> {
        let mut cells = Cells::new(self, by, handle);
        cells.text(key, text, 0)?;
        cells.push()
    }

    /// Puts the cells from `link` to `last`, whose word is then `note` and the link to what was first, at the head of a
    /// span's chain.
    #[inline(always)]
    pub(super) fn push(&self, handle: u32, link: u32, last: &Last, note: u32) -> Result<(), Cause> {
        let pushed = self.change_head(handle, |head| {
            let word = note | head & LINK;
            last.slot.chain(word);
            if let Some(kept) = &self.kept {
                kept.seal_cell(last.handle & (self.cells.capacity() - 1), handle, word, last.content);
            }
            head & !LINK | link
        });
        if pushed { Ok(()) } else { self.push_failed(link, last.slot, note) }
    }

    #[cold]
    #[inline(never)]
    fn push_failed(&self, link: u32, last: &CellSlot, note: u32) -> Result<(), Cause> {
        last.chain(note | LINKED);
        self.free_cells(first(link), 0);
        Err(Cause::Stale)
    }

    /// Sets marks ([`ERROR`], [`LOST`]) on a span; `false` when that span is no longer there.
    #[inline(always)]
    pub(crate) fn mark(&self, handle: u32, marks: u32) -> bool {
        self.change_head(handle, |head| head | marks)
    }

    /// Takes marks away again; `false` as for [`mark`](Self::mark).
    pub(crate) fn unmark(&self, handle: u32, marks: u32) -> bool {
        self.change_head(handle, |head| head & !marks)
    }

    /// Whether a span that may be finished has these marks.
    pub(crate) fn has_marks(&self, handle: u32, marks: u32) -> bool {
        self.spans.slot(handle).shared[TAGS].load(Ordering::Relaxed) & marks != 0
    }

    /// Counts a tag that was lost, and marks its span.
    #[cold]
    #[inline(never)]
    pub(crate) fn lost_tag(&self, core: usize, handle: u32, cause: Cause) {
        self.count(core, cause);
        if cause != Cause::Stale {
            self.mark(handle, LOST);
        }
    }

    /// Changes the head of a span's chain; `false` when that span is no longer there.
    ///
    /// The loop goes round again only when another context changed the head in between.
    #[inline(always)]
    fn change_head(&self, handle: u32, change: impl Fn(u32) -> u32) -> bool {
        let word = &self.spans.slot(handle).shared[TAGS];
        let mut head = word.load(Ordering::Relaxed);
        let round = self.empty_chain(handle) >> ROUND;
        while head >> ROUND == round {
            match word.compare_exchange_weak(head, change(head), Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => head = now,
            }
        }
        false
    }

    /// The head of the chain of a span that has no tags.
    #[inline(always)]
    pub(super) fn empty_chain(&self, handle: u32) -> u32 {
        self.spans.round(handle) << ROUND | LINKED
    }

    /// Whether a word is the head of this span's chain, and not what the slot's last use left, or nothing yet.
    pub(super) fn is_chain_of(&self, head: u32, handle: u32) -> bool {
        let empty = self.empty_chain(handle);
        head >> ROUND == empty >> ROUND && head & LINKED == LINKED
    }

    /// The head of the chain of a span that was given back.
    pub(super) fn closed_chain(&self, handle: u32) -> u32 {
        closed(self.empty_chain(handle))
    }

    /// What stands for the words of a cell in its check, where there is one.
    #[inline(always)]
    pub(super) fn content(&self, words: [Word; 3]) -> u32 {
        if self.kept.is_some() { content(words) } else { 0 }
    }

    /// The link to a cell.
    #[inline(always)]
    pub(super) fn link(&self, cell: u32) -> u32 {
        (((cell & (self.cells.capacity() - 1)) + 1) << 2) | LINKED
    }

    /// Frees the cells of whatever span was in a slot.
    pub(super) fn free_chain(&self, slot: &SpanSlot) {
        let head = close(slot, slot.shared[TAGS].load(Ordering::Relaxed));
        self.free_cells(first(head), 0);
    }

    /// Frees the cells of a chain from `link` up to, and without, `end`.
    pub(super) fn free_cells(&self, mut link: u32, end: u32) {
        // A chain is at most as long as the ring; the bound keeps a broken one from holding the drain.
        for _ in 0..self.cells.capacity() {
            if link == end || link == 0 {
                return;
            }
            let word = self.cells.slot(link - 1).chained();
            #[cfg(not(target_os = "none"))]
            if word & LONG != 0 {
                self.forget_long(link - 1);
            }
            self.cells.free_chained(link - 1);
            link = first(word);
        }
    }
}

/// Closes the chain of a slot, whose head was or is `head`, against pushes, and takes its head.
///
/// A head with another round: a push that comes now fails, instead of landing in the slot's next use.
#[inline(always)]
pub(super) fn close(slot: &SpanSlot, head: u32) -> u32 {
    slot.shared[TAGS].swap(closed(head), Ordering::Acquire)
}

/// An empty chain of another round.
#[inline(always)]
const fn closed(head: u32) -> u32 {
    (head >> ROUND << ROUND) ^ 1 << 31 | LINKED
}

/// What stands in the word of a cell above the link: the kind, and the length of the key.
#[inline(always)]
pub(crate) const fn note_of(kind: Kind, key_len: usize) -> u32 {
    (kind as u32) << 16 | (key_len as u32) << 20
}

/// The bit above says that the cell is an attribute of the event or link before it.
pub(super) const ATTRIBUTE: u32 = 1 << 28;

/// The bit above says that the cell holds the number of a text that is kept elsewhere.
#[cfg(not(target_os = "none"))]
pub(super) const LONG: u32 = 1 << 29;

/// The kind and the length of the key that stand in the word of a cell.
#[inline]
pub(super) const fn noted(word: u32) -> (Kind, u8) {
    (Kind::from_bits(word >> 16), (word >> 20) as u8)
}

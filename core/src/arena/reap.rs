//! The drain's side of the arena: finished spans, their tags, and giving both back.

use super::{ArenaView, CELL, ROUND, SpanBody, TAGS, TRACE};
use crate::sync::Ordering;
use crate::tag::{CellBody, FIRST, Kind, WORD, Word, bits_of, first_bytes, unpack};
use core::{slice, str};

impl ArenaView {
    /// The next finished span from slot `from` on, for the one drain.
    pub(crate) fn next_finished(&self, from: u32) -> Option<Finished> {
        let handle = self.spans.next_finished(from)?;
        let shared = &self.spans.slot(handle).shared;
        Some(Finished {
            handle,
            trace: shared[TRACE].load(Ordering::Relaxed),
            head: shared[TAGS].load(Ordering::Acquire),
            // SAFETY: seen finished, by an acquire load, by the one drain.
            body: unsafe { self.spans.read(handle) },
        })
    }

    /// Gives back the slot and the cells of a span that the drain has taken.
    pub(crate) fn free(&self, span: &Finished) {
        // A head with another round: a push that comes now fails, instead of landing in the slot's next use.
        let closed = (self.spans.round(span.handle) ^ 0x8000) << ROUND;
        let head = self.spans.slot(span.handle).shared[TAGS].swap(closed, Ordering::Acquire);
        // Tags that came after the span was read came after it was finished.
        for _ in self.chain(head & CELL, span.head & CELL).filter(|tag| tag.kind != Kind::More) {
            self.count_stale();
        }
        self.free_cells(head & CELL, 0);
        self.spans.free(span.handle);
    }

    /// The tags of a span that the drain has taken, newest first.
    pub(crate) fn tags(&self, span: &Finished) -> impl Iterator<Item = Cell> + Clone {
        self.chain(span.head & CELL, 0).filter(|cell| cell.kind != Kind::More)
    }

    fn chain(&self, link: u32, end: u32) -> Chain {
        Chain { arena: *self, link, end, left: self.cells.capacity() }
    }
}

/// A finished span, as the drain sees it.
#[derive(Clone, Copy)]
pub(crate) struct Finished {
    pub(crate) handle: u32,
    pub(crate) trace: u32,
    head: u32,
    body: SpanBody,
}

impl Finished {
    pub(crate) fn name(&self) -> &'static str {
        // SAFETY: `start` stored the address and length of a `&'static str`.
        unsafe { static_str(self.body.name, self.body.name_len as usize) }
    }

    pub(crate) fn parent(&self) -> u32 {
        self.body.parent
    }

    /// The low 40 bits of the tick of its start.
    pub(crate) fn start(&self) -> u64 {
        self.body.start as u64 | (self.body.start_high as u64) << 32
    }

    /// The low 40 bits of the tick of its end.
    pub(crate) fn end(&self) -> u64 {
        self.body.end as u64 | (self.body.end_high as u64) << 32
    }

    pub(crate) fn has(&self, marks: u32) -> bool {
        self.head & marks != 0
    }
}

/// A tag, as the drain sees it.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    arena: ArenaView,
    link: u32,
    pub(crate) kind: Kind,
    key_len: u8,
    words: [Word; 3],
}

impl Cell {
    pub(crate) fn key(&self) -> &'static str {
        // SAFETY: the cell is not of kind `More` (`tags` leaves those out), so `scalar` or `pack_first` stored
        // the address and length of a `&'static str`.
        unsafe { static_str(self.words[0], self.key_len as usize) }
    }

    /// The number of a scalar, as bits.
    pub(crate) fn bits(&self) -> u64 {
        bits_of([self.words[1], self.words[2]])
    }

    /// The text of a static string.
    pub(crate) fn fixed(&self) -> Option<&'static str> {
        // SAFETY: of this kind, the words are the address and length of a `&'static str`.
        (self.kind == Kind::Static).then(|| unsafe { static_str(self.words[1], self.words[2].addr()) })
    }

    /// The length of a dynamic string, and its pieces; the last ones are padded.
    pub(crate) fn pieces(&self) -> (u8, impl Iterator<Item = Piece>) {
        let [len, first @ ..] = first_bytes([self.words[1], self.words[2]]);
        let more = self.arena.chain(self.arena.cells.note(self.link - 1) & CELL, 0);
        let more =
            more.take_while(|cell| cell.kind == Kind::More).map(|cell| Piece::More(cell.words.map(unpack)));
        (len, core::iter::once(Piece::First(first)).chain(more))
    }
}

/// Some bytes of a dynamic string.
pub(crate) enum Piece {
    First([u8; FIRST]),
    More([[u8; WORD]; 3]),
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        match self {
            Piece::First(bytes) => bytes,
            Piece::More(words) => words.as_flattened(),
        }
    }
}

#[derive(Clone)]
struct Chain {
    arena: ArenaView,
    link: u32,
    end: u32,
    left: u32,
}

impl Iterator for Chain {
    type Item = Cell;

    fn next(&mut self) -> Option<Cell> {
        if self.link == self.end || self.link == 0 || self.left == 0 {
            return None;
        }
        self.left -= 1;
        let link = self.link;
        let note = self.arena.cells.note(link - 1);
        self.link = note & CELL;
        // SAFETY: the cell is in the chain of a span that the one drain acquired and has not freed.
        let CellBody(words) = unsafe { self.arena.cells.read(link - 1) };
        let kind = Kind::from_bits(note >> 14);
        Some(Cell { arena: self.arena, link, kind, key_len: (note >> 18) as u8, words })
    }
}

/// # Safety
///
/// The address and length are those of a `&'static str`.
unsafe fn static_str(address: *const u8, len: usize) -> &'static str {
    // SAFETY: the caller's promise.
    unsafe { str::from_utf8_unchecked(slice::from_raw_parts(address, len)) }
}

//! A span's tags: a chain of cells, newest first.
//!
//! The head of the chain is one word in the span's slot that others may change while the owner runs: a tag is pushed by
//! compare-exchange. The word also holds the round of the slot's use, so that a push that was overtaken by the slot's
//! next use fails instead of landing there.

use super::{ArenaView, Cause, MAX_NAME, MAX_STR, STEPS, TAGS};
use crate::slot_ring::Mode;
use crate::sync::Ordering;
use crate::tag::{CellBody, FIRST, Kind, MORE, Value, Word, cut, pack_first, pack3, words_of};
use core::ptr;

// The head of a chain: 14 bits of cell index + 1 (0: no cell), two marks, and above them the round.
pub(super) const CELL: u32 = (1 << 14) - 1;
/// The span is an error.
pub(crate) const ERROR: u32 = 1 << 14;
/// The span lost a tag.
pub(crate) const LOST: u32 = 1 << 15;
pub(super) const ROUND: u32 = 16;

impl ArenaView {
    /// Sets a tag of a span. A tag that finds no cells, or a span that is no longer there, is counted, on `core()`.
    #[inline(always)]
    pub(crate) fn tag(
        &self,
        mode: Mode,
        core: impl Fn() -> usize + Copy,
        handle: u32,
        key: &'static str,
        value: Value<'_>,
    ) {
        let done = match value {
            Value::Bool(v) => self.scalar(mode, handle, key, Kind::Bool, words_of(v as u64)),
            Value::U64(v) => self.scalar(mode, handle, key, Kind::U64, words_of(v)),
            Value::I64(v) => self.scalar(mode, handle, key, Kind::I64, words_of(v as u64)),
            Value::F32(v) => self.scalar(mode, handle, key, Kind::F32, words_of(v.to_bits() as u64)),
            Value::F64(v) => self.scalar(mode, handle, key, Kind::F64, words_of(v.to_bits())),
            Value::Static(v) => {
                let v = cut(v, MAX_NAME);
                let words = [v.as_ptr(), ptr::without_provenance(v.len())];
                self.scalar(mode, handle, key, Kind::Static, words)
            }
            Value::Str(v) => self.text(mode, handle, key, v),
        };
        if let Err(cause) = done {
            self.lost_tag(core(), handle, cause);
        }
    }

    #[inline(always)]
    fn scalar(
        &self,
        mode: Mode,
        handle: u32,
        key: &'static str,
        kind: Kind,
        [low, high]: [Word; 2],
    ) -> Result<(), Cause> {
        let key = cut(key, MAX_NAME);
        let cell = self.cells.claim(mode, 0, STEPS).ok_or(Cause::TagsFull)?;
        // SAFETY: claimed above.
        unsafe { self.cells.write(cell, CellBody([key.as_ptr(), low, high])) };
        self.link(handle, cell, cell, kind, key.len())
    }

    /// A string: its first bytes lie beside the key, the others in further cells.
    #[inline(never)]
    fn text(&self, mode: Mode, handle: u32, key: &'static str, text: &str) -> Result<(), Cause> {
        let key = cut(key, MAX_NAME);
        let short = cut(text, MAX_STR);
        let kind = if short.len() == text.len() { Kind::Str } else { Kind::Cut };
        let bytes = short.as_bytes();
        let (head, rest) = bytes.split_at_checked(FIRST).unwrap_or((bytes, &[]));

        // From the last piece to the first, so that each cell is written with its successor known.
        let mut next = 0;
        let mut last = None;
        let claim = |next| {
            let cell = self.cells.claim(mode, 0, STEPS);
            cell.ok_or(Cause::TagsFull).inspect_err(|_| self.free_cells(next, 0))
        };
        for piece in rest.chunks(MORE).rev() {
            let cell = claim(next)?;
            // SAFETY: claimed above.
            unsafe { self.cells.write(cell, CellBody(pack3(piece))) };
            self.cells.set_note(cell, note(next, Kind::More, 0));
            next = self.link_to(cell);
            last = last.or(Some(cell));
        }
        let cell = claim(next)?;
        // SAFETY: claimed above.
        unsafe { self.cells.write(cell, CellBody(pack_first(key, short.len() as u8, head))) };
        self.cells.set_note(cell, note(next, kind, key.len()));
        match last {
            Some(last) => self.link(handle, cell, last, Kind::More, 0),
            None => self.link(handle, cell, cell, kind, key.len()),
        }
    }

    /// Puts the cells from `first` to `last` at the head of a span's chain.
    #[inline(always)]
    fn link(&self, handle: u32, first: u32, last: u32, kind: Kind, key_len: usize) -> Result<(), Cause> {
        let link = self.link_to(first);
        let linked = self.change_head(handle, |head| {
            self.cells.set_note(last, note(head & CELL, kind, key_len));
            head & !CELL | link
        });
        if linked {
            return Ok(());
        }
        self.cells.set_note(last, note(0, kind, key_len));
        self.free_cells(link, 0);
        Err(Cause::Stale)
    }

    /// Sets marks ([`ERROR`], [`LOST`]) on a span; `false` when that span is no longer there.
    #[inline(always)]
    pub(crate) fn mark(&self, handle: u32, marks: u32) -> bool {
        self.change_head(handle, |head| head | marks)
    }

    /// Whether a span that may be finished has these marks.
    pub(crate) fn has_marks(&self, handle: u32, marks: u32) -> bool {
        self.spans.slot(handle).shared[TAGS].load(Ordering::Relaxed) & marks != 0
    }

    #[cold]
    fn lost_tag(&self, core: usize, handle: u32, cause: Cause) {
        self.count(core, cause);
        if cause == Cause::TagsFull {
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
        let round = self.spans.round(handle) as u16 as u32;
        while head >> ROUND == round {
            match word.compare_exchange_weak(head, change(head), Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => head = now,
            }
        }
        false
    }

    /// How a cell is named in a chain.
    #[inline(always)]
    fn link_to(&self, cell: u32) -> u32 {
        (cell & (self.cells.capacity() - 1)) + 1
    }

    /// Closes the chain of a slot against pushes and takes its head.
    ///
    /// A head with another round: a push that comes now fails, instead of landing in the slot's next use.
    pub(super) fn close_chain(&self, handle: u32) -> u32 {
        let closed = (self.spans.round(handle) ^ 0x8000) << ROUND;
        self.spans.slot(handle).shared[TAGS].swap(closed, Ordering::Acquire)
    }

    /// Frees the cells of whatever span was in a slot.
    pub(super) fn free_chain(&self, handle: u32) {
        let head = self.close_chain(handle);
        self.free_cells(head & CELL, 0);
    }

    /// Frees the cells of a chain from `link` up to, and without, `end`.
    pub(super) fn free_cells(&self, mut link: u32, end: u32) {
        // A chain is at most as long as the ring; the bound keeps a broken one from holding the drain.
        for _ in 0..self.cells.capacity() {
            if link == end || link == 0 {
                return;
            }
            let next = self.cells.note(link - 1) & CELL;
            self.cells.free(link - 1);
            link = next;
        }
    }
}

/// What stands in a cell's word beside its state: the next cell, the kind, and the length of the key.
#[inline(always)]
const fn note(next: u32, kind: Kind, key_len: usize) -> u32 {
    next | (kind as u32) << 14 | (key_len as u32) << 18
}

//! The drain's side of the arena: finished spans, their tags, and giving both back.

use super::cells::PRIORITY;
use super::span::forget_interrupt;
#[cfg(not(target_os = "none"))]
use super::tags::LONG;
use super::tags::{ATTRIBUTE, close, first, noted};
use super::{
    ArenaView, Cause, END_HIGH, INTERRUPT, NAME_LEN, PARENT, ROOT, START_HIGH, SpanBody, SpanSlot, TAGS,
};
use crate::span_context::{CONTEXT, SpanContext};
use crate::sync::Ordering;
use crate::tag::{CellBody, FIRST, FULL, Kind, Value, WORD, Word, bits_of, first_bytes, unpack};
use crate::wire::Elsewhere;
use core::{slice, str};

impl ArenaView {
    /// Takes the span in slot `from`, if it is finished, for the one drain.
    #[inline(always)]
    pub(crate) fn next_finished(&self, from: u32) -> Option<Finished> {
        let handle = self.spans.take(from)?;
        let slot = self.spans.slot(handle);
        Some(Finished { handle, slot, head: slot.shared[TAGS].load(Ordering::Acquire) })
    }

    /// Takes the next finished span from slot `from` on; looks at `steps` slots at most.
    pub(crate) fn next_finished_within(&self, from: u32, steps: u32) -> Option<Finished> {
        let mut step = 0;
        while step < steps {
            step += self.spans.until_finished(from.wrapping_add(step), steps - step)?;
            // Somebody may have overwritten it meanwhile.
            if let Some(finished) = self.next_finished(from.wrapping_add(step)) {
                return Some(finished);
            }
            step += 1;
        }
        None
    }

    /// How many slots for spans there are.
    pub(crate) const fn capacity(&self) -> u32 {
        self.spans.capacity()
    }

    /// The name of a span.
    ///
    /// # Safety
    ///
    /// The caller holds what `start` returned for this handle and has not finished it.
    pub(crate) unsafe fn name(&self, handle: u32) -> &'static str {
        let len = self.spans.slot(handle).bytes[NAME_LEN].load(Ordering::Relaxed);
        // SAFETY: the caller's promise: nobody but the caller writes what `start` wrote, the address and length of a
        // `&'static str`.
        unsafe { static_str(self.spans.slot(handle).read_part(|body| &raw const (*body).name), len.into()) }
    }

    /// The low 40 bits of the tick of a span's start.
    ///
    /// # Safety
    ///
    /// As for [`name`](Self::name).
    #[cfg(not(target_os = "none"))]
    pub(crate) unsafe fn start_of(&self, handle: u32) -> u64 {
        let slot = self.spans.slot(handle);
        // SAFETY: the caller's promise: nobody but the caller writes what `start` wrote.
        let low = unsafe { slot.read_part(|body| &raw const (*body).start) };
        u64::from(low) | u64::from(slot.bytes[START_HIGH].load(Ordering::Relaxed)) << 32
    }

    /// Gives back a span that the drain has looked at and does not take now.
    #[inline]
    pub(crate) fn put_back(&self, span: &Finished) {
        self.spans.put_back(span.handle);
    }

    /// Gives back the slot and the cells of a span that the drain has taken.
    #[inline(always)]
    pub(crate) fn free(&self, core: impl FnOnce() -> usize, span: &Finished) {
        let head = first(close(span.slot, span.head));
        if head != 0 {
            self.free_tags(core(), head, first(span.head));
        }
        forget_interrupt(span.slot);
        self.spans.free_slot(span.slot, span.handle);
    }

    /// Frees the cells from `head` on; those before `seen` came after the span was read, so after it was finished.
    #[inline(never)]
    fn free_tags(&self, core: usize, head: u32, seen: u32) {
        let late = self.chain(head, seen).filter(Cell::is_own).count();
        if late != 0 {
            self.count_some(core, Cause::Stale, late as u32);
        }
        self.free_cells(head, 0);
    }

    /// The tags of a span that the drain has taken, and its events and links, newest first; of several tags with one key, the
    /// newest.
    pub(crate) fn tags(&self, span: &Finished) -> impl Iterator<Item = Cell> + Clone {
        let (arena, head) = (*self, first(span.head));
        let all = move |end| arena.chain(head, end).filter(Cell::is_own);
        all(0).filter(move |tag| all(tag.link).all(|newer| !newer.hides(tag)))
    }

    /// The cells from a link on. Their span is the drain's, or it is read as `read.rs` says.
    pub(super) fn chain(&self, link: u32, end: u32) -> Chain {
        Chain { arena: *self, link, end, left: self.cells.capacity() }
    }
}

/// A finished span that the drain has not given back.
pub(crate) struct Finished {
    pub(crate) handle: u32,
    slot: &'static SpanSlot,
    head: u32,
}

impl Finished {
    /// The handle of the root of its trace; its own: it is the root.
    #[inline(always)]
    pub(crate) fn root(&self) -> u32 {
        self.slot.shared[ROOT].load(Ordering::Relaxed)
    }

    /// The handle of its parent; of a root, that of the span it has a link to; 0: none.
    #[inline(always)]
    pub(crate) fn parent(&self) -> u32 {
        self.slot.shared[PARENT].load(Ordering::Relaxed)
    }

    /// The number of the interrupt it was started in; 0: none.
    #[inline(always)]
    pub(crate) fn interrupt(&self) -> u8 {
        self.byte(INTERRUPT)
    }

    #[inline(always)]
    pub(crate) fn name(&self) -> &'static str {
        // SAFETY: `begin` stored the address and length of a `&'static str`.
        unsafe { static_str(self.body().name, self.byte(NAME_LEN).into()) }
    }

    /// The low 40 bits of the tick of its start.
    #[inline(always)]
    pub(crate) fn start(&self) -> u64 {
        u64::from(self.body().start) | u64::from(self.byte(START_HIGH)) << 32
    }

    /// The low 40 bits of the tick of its end.
    #[inline(always)]
    pub(crate) fn end(&self) -> u64 {
        u64::from(self.body().end) | u64::from(self.byte(END_HIGH)) << 32
    }

    /// The bits from 32 to 39 of its start, the ones below, and the low 32 bits of its length; `None`: start and end
    /// differ in more, or the end is before the start.
    #[inline(always)]
    pub(crate) fn near(&self) -> Option<(u8, u32, u32)> {
        let (high, body) = (self.byte(START_HIGH), self.body());
        if self.byte(END_HIGH) != high {
            return None;
        }
        Some((high, body.start, body.end.checked_sub(body.start)?))
    }

    #[inline(always)]
    pub(crate) fn has(&self, marks: u32) -> bool {
        self.head & marks != 0
    }

    #[inline(always)]
    pub(crate) fn has_tags(&self) -> bool {
        first(self.head) != 0
    }

    #[inline(always)]
    fn byte(&self, byte: usize) -> u8 {
        self.slot.bytes.get(byte).map_or(0, |byte| byte.load(Ordering::Relaxed))
    }

    #[inline(always)]
    fn body(&self) -> SpanBody {
        // SAFETY: taken, by an acquire exchange, by the one drain. `start`
        // and `finish` wrote all of it.
        unsafe { self.slot.read() }
    }
}

/// A tag, as the drain sees it.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    arena: ArenaView,
    link: u32,
    pub(crate) kind: Kind,
    key_len: u8,
    is_attribute: bool,
    words: [Word; 3],
}

impl Cell {
    /// Keys are compared by address: two strings of one text may count as two, of which the host takes the newer.
    fn hides(&self, older: &Self) -> bool {
        let is_same = core::ptr::eq(self.words[0], older.words[0]) && self.key_len == older.key_len;
        (is_same || self.kind == Kind::RemoteParent) && self.kind.hides(older.kind)
    }

    /// Which it is of the ring, by its index + 1.
    pub(super) fn place(&self) -> u32 {
        self.link
    }

    /// Whether it is no plain tag.
    pub(crate) fn is_beyond(&self) -> bool {
        self.kind as u8 >= Kind::Removed as u8
    }

    /// Whether it is a tag, or says that there is none of its key.
    pub(crate) fn is_tag(&self) -> bool {
        self.is_own() && !self.is_group() && self.kind != Kind::Baggage
    }

    fn is_group(&self) -> bool {
        matches!(self.kind, Kind::Event | Kind::Link | Kind::RemoteLink | Kind::RemoteParent)
    }

    /// Whether it belongs to no other cell.
    pub(super) fn is_own(&self) -> bool {
        self.kind != Kind::More && !self.is_attribute
    }

    /// Its key; of an event its name.
    pub(crate) fn key(&self) -> &'static str {
        if matches!(self.kind, Kind::Link | Kind::RemoteLink | Kind::RemoteParent | Kind::More) {
            return "";
        }
        // SAFETY: the first word of every other kind is the address of a `&'static str`, of this length.
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

    /// What it holds; `None`: a dynamic string.
    pub(crate) fn value(&self) -> Option<Value<'static>> {
        Some(match self.kind {
            Kind::Bool => Value::Bool(self.bits() != 0),
            Kind::U64 => Value::U64(self.bits()),
            Kind::I64 => Value::I64(self.bits() as i64),
            Kind::F32 => Value::F32(f32::from_bits(self.bits() as u32)),
            Kind::F64 => Value::F64(f64::from_bits(self.bits())),
            Kind::Static => Value::Static(self.fixed()?),
            _ => return None,
        })
    }

    /// The number of a text that is kept elsewhere, if this is one.
    #[cfg(not(target_os = "none"))]
    pub(crate) fn long(&self) -> Option<u64> {
        let is_long = self.kind == Kind::Cut && self.arena.cells.slot(self.link - 1).chained() & LONG != 0;
        is_long.then(|| self.bits())
    }

    /// Shows a text that is kept elsewhere; whether this is one.
    #[cfg(not(target_os = "none"))]
    pub(crate) fn show_long(&self, look: impl FnMut(&str)) -> bool {
        self.long().is_some_and(|number| {
            self.arena.show_long(number, look);
            true
        })
    }

    /// The length of a dynamic string, and its pieces; the last ones are padded.
    pub(crate) fn pieces(&self) -> (u8, impl Iterator<Item = Piece>) {
        let bytes = first_bytes([self.words[1], self.words[2]]);
        let (len, first) = if bytes.len() == FULL && self.kind == Kind::Full {
            (FULL as u8, Piece::Full(bytes))
        } else {
            let [len, own @ ..] = bytes;
            (len, Piece::First(own))
        };
        (len, core::iter::once(first).chain(self.more().map(Piece::More)))
    }

    /// The handles of the span that a link leads to and of its trace's root; 0: not known.
    pub(crate) fn linked(&self) -> [u32; 2] {
        [self.words[0].addr() as u32, self.words[1].addr() as u32]
    }

    /// The context of a span of elsewhere.
    pub(crate) fn context(&self) -> SpanContext {
        let Elsewhere { ids, sampling_priority } = self.elsewhere();
        let mut bytes = [0; CONTEXT];
        let mut to = bytes.iter_mut();
        ids.for_each(|piece| piece.as_ref().iter().zip(&mut to).for_each(|(from, to)| *to = *from));
        SpanContext::of(bytes, sampling_priority)
    }

    /// The same, in pieces.
    pub(crate) fn elsewhere(&self) -> Elsewhere<impl Iterator<Item = Piece>> {
        let priority = self.words[0].addr();
        let sampling_priority = (priority & PRIORITY != 0).then_some(priority as i8);
        Elsewhere { ids: self.more().map(Piece::More), sampling_priority }
    }

    /// The attributes of an event or a link, in the order in which they were given.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = Cell> + Clone {
        self.behind().take_while(|cell| !cell.is_own()).filter(|cell| cell.kind != Kind::More)
    }

    /// The bytes of the further cells that it has.
    fn more(&self) -> impl Iterator<Item = [[u8; WORD]; 3]> {
        self.behind().take_while(|cell| cell.kind == Kind::More).map(|cell| cell.words.map(unpack))
    }

    fn behind(&self) -> Chain {
        self.arena.chain(first(self.arena.cells.slot(self.link - 1).chained()), 0)
    }
}

/// Some bytes of a dynamic string.
pub(crate) enum Piece {
    Full([u8; FIRST + 1]),
    First([u8; FIRST]),
    More([[u8; WORD]; 3]),
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        match self {
            Piece::Full(bytes) => bytes,
            Piece::First(bytes) => bytes,
            Piece::More(words) => words.as_flattened(),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Chain {
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
        let word = self.arena.cells.slot(link - 1).chained();
        self.link = first(word);
        // SAFETY: the cell is in the chain of a span that the one drain acquired and has not freed, or keeps while it is read.
        let CellBody(words) = unsafe { self.arena.cells.slot(link - 1).read() };
        let (kind, key_len) = noted(word);
        let is_attribute = word & ATTRIBUTE != 0;
        Some(Cell { arena: self.arena, link, kind, key_len, is_attribute, words })
    }
}

/// # Safety
///
/// The address and length are those of a `&'static str`.
unsafe fn static_str(address: *const u8, len: usize) -> &'static str {
    // SAFETY: the caller's promise.
    unsafe { str::from_utf8_unchecked(slice::from_raw_parts(address, len)) }
}

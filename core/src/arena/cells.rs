//! Cells that are pushed onto a span's chain as one: all of them or none.

use super::tags::{ATTRIBUTE, LINK, LINKED, Last, first, note_of};
use super::{ArenaView, Cause, MAX_NAME, MAX_STATIC, MAX_STR, STEPS};
use crate::drain::{BEYOND, Beyond};
use crate::slot_ring::By;
use crate::span_context::{CONTEXT, SpanContext};
use crate::sync::Ordering;
use crate::tag::{CellBody, FIRST, Kind, MORE, Value, Word, cut, in_one_cell, pack_first, pack3, words_of};
use core::ptr;

/// The most attributes of an event or a link.
const ATTRIBUTES: usize = 255;

/// Cells that are filled from the last to the first, so that each is written with its successor known. What is not pushed
/// because a cell was missing is free again.
pub(super) struct Cells<'a> {
    pub(super) arena: &'a ArenaView,
    by: By<'static>,
    /// The span that they are for.
    handle: u32,
    /// The link to the one that was filled last.
    next: u32,
    /// The one that was filled first.
    last: Option<Last>,
}

impl<'a> Cells<'a> {
    #[inline(always)]
    pub(super) fn new(arena: &'a ArenaView, by: By<'static>, handle: u32) -> Self {
        Self { arena, by, handle, next: LINKED, last: None }
    }

    /// Fills a cell before the others.
    #[inline(always)]
    pub(super) fn put(&mut self, words: [Word; 3], note: u32) -> Result<(), Cause> {
        let Some(cell) = self.arena.cells.claim(self.by, 0, STEPS) else {
            return self.give_up();
        };
        // SAFETY: claimed above.
        unsafe { cell.slot.write(CellBody(words)) };
        let word = note | self.next;
        cell.slot.chain(word);
        let content = self.arena.content(words);
        if let Some(kept) = &self.arena.kept {
            let index = cell.handle & (self.arena.cells.capacity() - 1);
            kept.seal_cell(index, self.handle, word, content);
        }
        self.next = self.arena.link(cell.handle);
        self.last.get_or_insert(Last { slot: cell.slot, handle: cell.handle, content });
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn give_up(&self) -> Result<(), Cause> {
        self.arena.free_cells(first(self.next), 0);
        Err(Cause::TagsFull)
    }

    /// A string under a key.
    #[inline(always)]
    pub(super) fn text(&mut self, key: &'static str, text: &str, marks: u32) -> Result<(), Cause> {
        let short = cut(text, MAX_STR);
        let kind = if short.len() == text.len() { Kind::Str } else { Kind::Cut };
        self.string(kind, key, short, marks)
    }

    /// A string of at most [`MAX_STR`] bytes: the first ones beside the key.
    #[inline(always)]
    pub(super) fn string(
        &mut self,
        kind: Kind,
        key: &'static str,
        text: &str,
        marks: u32,
    ) -> Result<(), Cause> {
        let key = cut(key, MAX_NAME);
        let bytes = text.as_bytes();
        let (head, rest) = bytes.split_at_checked(FIRST).unwrap_or((bytes, &[]));
        self.bytes(rest)?;
        self.put(pack_first(key, text.len() as u8, head), note_of(kind, key.len()) | marks)
    }

    /// Bytes behind a cell that is put next.
    #[inline(always)]
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Cause> {
        for piece in bytes.chunks(MORE).rev() {
            self.put(pack3(piece), note_of(Kind::More, 0))?;
        }
        Ok(())
    }

    /// The ids of a context behind a cell of this kind, which says its priority.
    fn context(&mut self, kind: Kind, context: &SpanContext) -> Result<(), Cause> {
        self.bytes(&context.to_bytes())?;
        let priority = context.sampling_priority.map_or(0, |priority| PRIORITY | usize::from(priority as u8));
        self.put([ptr::without_provenance(priority), ptr::null(), ptr::null()], note_of(kind, 0))
    }

    fn attribute(&mut self, key: &'static str, value: Value<'_>) -> Result<(), Cause> {
        let key = cut(key, MAX_NAME);
        let (kind, [low, high]) = match in_one_cell(value, MAX_STATIC) {
            Ok(cell) => cell,
            #[cfg(not(target_os = "none"))]
            Err(long) if long.len() > MAX_STR => {
                let number = self.arena.keep_long(&mut |whole| _ = whole.write_str(long));
                return self.long(key, long, number, ATTRIBUTE);
            }
            Err(long) => return self.text(key, long, ATTRIBUTE),
        };
        self.put([key.as_ptr(), low, high], note_of(kind, key.len()) | ATTRIBUTE)
    }

    fn attributes(&mut self, attributes: &[(&'static str, Value<'_>)]) -> Result<(), Cause> {
        if attributes.len() > ATTRIBUTES {
            return Err(Cause::TagsOversize);
        }
        attributes.iter().rev().try_for_each(|(key, value)| self.attribute(key, *value))
    }

    /// Puts them at the head of a span's chain.
    #[inline(always)]
    pub(super) fn push(self) -> Result<(), Cause> {
        match &self.last {
            Some(last) => self.arena.push(self.handle, self.next, last, last.slot.chained() & !LINK),
            None => Ok(()),
        }
    }
}

/// A priority is told, in the low 8 bits.
pub(super) const PRIORITY: usize = 1 << 8;
const _: () = assert!(CONTEXT.is_multiple_of(MORE));

/// What is said of an event or a link.
pub(crate) type Attributes<'a> = &'a [(&'static str, Value<'a>)];

impl ArenaView {
    /// Has the drain know what writes such cells. Whoever sees one of them pushed sees this.
    #[inline]
    pub(super) fn use_beyond(&self) {
        let beyond = &self.state.beyond;
        if beyond.load(Ordering::Relaxed).is_null() {
            let way = (&raw const BEYOND).cast_mut();
            let _ = beyond.compare_exchange(ptr::null_mut(), way, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// What writes them; `None`: there are none.
    pub(crate) fn beyond(&self) -> Option<&'static Beyond> {
        // SAFETY: null, or the address of a `static` that nobody changes.
        unsafe { self.state.beyond.load(Ordering::Relaxed).as_ref() }
    }

    /// Hides what was set under a key before.
    pub(crate) fn remove_tag(&self, by: By<'static>, handle: u32, key: &'static str) -> Result<(), Cause> {
        self.use_beyond();
        let key = cut(key, MAX_NAME);
        let note = note_of(Kind::Removed, key.len());
        self.scalar(by, handle, key.as_ptr(), note, [ptr::null(); 2])
    }

    /// Adds an event at a tick.
    pub(crate) fn event(
        &self,
        by: By<'static>,
        handle: u32,
        name: &'static str,
        time: u64,
        attributes: Attributes<'_>,
    ) -> Result<(), Cause> {
        let name = cut(name, MAX_NAME);
        let [low, high] = words_of(time);
        self.use_beyond();
        let mut cells = Cells::new(self, by, handle);
        cells.attributes(attributes)?;
        cells.put([name.as_ptr(), low, high], note_of(Kind::Event, name.len()))?;
        cells.push()
    }

    /// Adds a link to a span of this arena.
    pub(crate) fn link_to(
        &self,
        by: By<'static>,
        handle: u32,
        linked: u32,
        attributes: Attributes<'_>,
    ) -> Result<(), Cause> {
        let words = [linked, self.last_root(linked), 0].map(|word| ptr::without_provenance(word as usize));
        self.use_beyond();
        let mut cells = Cells::new(self, by, handle);
        cells.attributes(attributes)?;
        cells.put(words, note_of(Kind::Link, 0))?;
        cells.push()
    }

    /// Adds a link to a span of elsewhere.
    pub(crate) fn link_to_remote(
        &self,
        by: By<'static>,
        handle: u32,
        context: &SpanContext,
        attributes: Attributes<'_>,
    ) -> Result<(), Cause> {
        self.use_beyond();
        let mut cells = Cells::new(self, by, handle);
        cells.attributes(attributes)?;
        cells.context(Kind::RemoteLink, context)?;
        cells.push()
    }

    /// Says which span of elsewhere is the parent of a root.
    pub(crate) fn remote_parent(
        &self,
        by: By<'static>,
        handle: u32,
        context: &SpanContext,
    ) -> Result<(), Cause> {
        self.use_beyond();
        let mut cells = Cells::new(self, by, handle);
        cells.context(Kind::RemoteParent, context)?;
        cells.push()
    }

    /// Sets an item of baggage; one that is too long is not set at all.
    pub(crate) fn baggage(
        &self,
        by: By<'static>,
        handle: u32,
        key: &'static str,
        value: &str,
    ) -> Result<(), Cause> {
        if value.len() > MAX_STR {
            return Err(Cause::TagsOversize);
        }
        self.use_beyond();
        let mut cells = Cells::new(self, by, handle);
        cells.string(Kind::Baggage, key, value, 0)?;
        cells.push()
    }
}

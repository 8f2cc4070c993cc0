//! Span slots and tag cells, each in a [`SlotRing`]: starting, tagging, finishing, reaping.
//!
//! A span's tags are a chain of cells, newest first. The head of the chain is one word in the span's slot that
//! others may change while the owner runs: a tag is pushed by compare-exchange. The word also holds the round
//! of the slot's use, so that a push that was overtaken by the slot's next use fails instead of landing there.

use crate::slot_ring::{SlotRing, SlotRingView};
use crate::sync::{AtomicBool, AtomicU32, Ordering, compiler_fence, const_unless_loom, fence};
use crate::tag::{CellBody, FIRST, Kind, MORE, Value, Word, cut, pack_first, pack3, words_of};
use core::ptr;

mod reap;
pub(crate) use reap::{Cell, Finished};

/// The longest dynamic string a tag can hold, in bytes; a longer one is cut and marked as cut.
pub const MAX_STR: usize = 255;

/// The longest name, key or static string, in bytes; a longer one is cut. With its index it fits a record.
pub(crate) const MAX_NAME: usize = 250;

/// How far a claim looks before it calls a ring full.
const STEPS: u32 = 32;

/// The memory of a tracer: `SPANS` span slots and `TAGS` tag cells, in a `static`.
///
/// Both are powers of two: 4 to 65,536 spans, 4 to 8,192 tags; anything else does not compile. On a 32-bit core a
/// span takes 32 bytes and a tag 16; a dynamic string of more than 7 bytes takes further cells of 12 bytes.
///
/// ```
/// use microspan::Arena;
/// static ARENA: Arena<16, 32> = Arena::new();
/// ```
pub struct Arena<const SPANS: usize, const TAGS: usize> {
    spans: SlotRing<SpanBody, 2, SPANS>,
    cells: SlotRing<CellBody, 0, TAGS>,
    state: State,
}

impl<const SPANS: usize, const TAGS: usize> Arena<SPANS, TAGS> {
    const_unless_loom! {
        /// An empty arena.
        #[allow(clippy::new_without_default, reason = "it belongs in a static, which no Default can fill")]
        pub fn new() -> Self {
            const { assert!(SPANS <= 1 << 16, "an arena has at most 65,536 spans") };
            const { assert!(TAGS <= 1 << 13, "an arena has at most 8,192 tags") };
            Self { spans: SlotRing::new(), cells: SlotRing::new(), state: State::new() }
        }
    }

    pub(crate) const fn view(&'static self) -> ArenaView {
        ArenaView { spans: &self.spans, cells: &self.cells, state: &self.state }
    }
}

/// What there is once an arena.
pub(crate) struct State {
    /// 0 while spans are recorded: a load and a branch when they are not.
    pub(crate) disabled: AtomicBool,
    /// The handle of the current span; 0: none.
    current: AtomicU32,
    /// Whether a drain has been made.
    pub(crate) drained: AtomicBool,
    /// Spans that found no free slot.
    pub(crate) spans_full: AtomicU32,
    /// Tags that found no free cells.
    pub(crate) tags_full: AtomicU32,
    /// Operations on a span that was finished.
    pub(crate) stale: AtomicU32,
    /// Spans that did not fit a packet.
    pub(crate) spans_oversize: AtomicU32,
    /// Tags that did not fit a packet.
    pub(crate) tags_oversize: AtomicU32,
}

impl State {
    const_unless_loom! {
        fn new() -> Self {
            Self {
                disabled: AtomicBool::new(false),
                current: AtomicU32::new(0),
                drained: AtomicBool::new(false),
                spans_full: AtomicU32::new(0),
                tags_full: AtomicU32::new(0),
                stale: AtomicU32::new(0),
                spans_oversize: AtomicU32::new(0),
                tags_oversize: AtomicU32::new(0),
            }
        }
    }
}

/// What of a span its owner alone touches: 20 bytes on a 32-bit core.
#[derive(Clone, Copy)]
struct SpanBody {
    name: *const u8,
    parent: u32,
    start: u32,
    end: u32,
    start_high: u8,
    end_high: u8,
    name_len: u8,
}

// SAFETY: `name` is the address of a `&'static str`, which any context may read.
unsafe impl Send for SpanBody {}

// The words of a span slot that others may touch while it is open.
const TAGS: usize = 0;
const TRACE: usize = 1;

// The head of a chain: 14 bits of cell index + 1 (0: no cell), two marks, and above them the round.
const CELL: u32 = (1 << 14) - 1;
/// The span is an error.
pub(crate) const ERROR: u32 = 1 << 14;
/// The span lost a tag.
pub(crate) const LOST: u32 = 1 << 15;
const ROUND: u32 = 16;

/// An arena, whatever its size.
#[derive(Clone, Copy)]
pub(crate) struct ArenaView {
    spans: &'static SlotRingView<SpanBody, 2>,
    cells: &'static SlotRingView<CellBody, 0>,
    pub(crate) state: &'static State,
}

impl ArenaView {
    /// The handle of the current span, which may be finished; 0 when there is none.
    #[inline(always)]
    pub(crate) fn current(&self) -> u32 {
        let current = self.state.current.load(Ordering::Relaxed);
        compiler_fence(Ordering::Acquire);
        current
    }

    /// The current span belongs to one core: its interrupts see the stores before this one, which takes no barrier.
    #[inline(always)]
    fn set_current(&self, handle: u32) {
        compiler_fence(Ordering::Release);
        self.state.current.store(handle, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(crate) fn is_open(&self, handle: u32) -> bool {
        self.spans.is_open(handle)
    }

    /// The handle of the root of an open span's trace; `None` when that span is no longer open.
    #[inline(always)]
    pub(crate) fn root(&self, handle: u32) -> Option<u32> {
        let root = self.spans.slot(handle).shared[TRACE].load(Ordering::Relaxed);
        // A handle that is open after this look was so before it. If another core has reused the slot meanwhile, what
        // was read came by its release store, behind which the slot is no longer this handle's.
        fence(Ordering::Acquire);
        self.spans.is_open(handle).then_some(root)
    }

    /// Starts a span, makes it the current one, and returns its handle and that of the one that was current.
    /// `None`: no slot was free.
    #[inline(always)]
    pub(crate) fn start(&self, name: &'static str, now: impl FnOnce() -> u64) -> Option<(u32, u32)> {
        let Some(handle) = self.spans.claim(STEPS) else {
            self.state.spans_full.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let previous = self.current();
        let (parent, root) = match self.root(previous) {
            Some(root) => (previous, root),
            None => (0, handle),
        };
        let shared = &self.spans.slot(handle).shared;
        shared[TRACE].store(root, Ordering::Release);
        shared[TAGS].store(self.spans.round(handle) << ROUND, Ordering::Relaxed);
        let name = cut(name, MAX_NAME);
        let start = now();
        let body = SpanBody {
            name: name.as_ptr(),
            parent,
            start: start as u32,
            end: 0,
            start_high: (start >> 32) as u8,
            end_high: 0,
            name_len: name.len() as u8,
        };
        // SAFETY: claimed above.
        unsafe { self.spans.write(handle, body) };
        self.set_current(handle);
        Some((handle, previous))
    }

    /// Finishes a span and makes the one before it current again, unless another has become current since.
    ///
    /// # Safety
    ///
    /// The caller holds what [`start`](Self::start) returned for this handle and has not finished it.
    #[inline(always)]
    pub(crate) unsafe fn finish(&self, handle: u32, previous: u32, end: u64) {
        // SAFETY: the caller's promise; `start` wrote the body.
        unsafe {
            self.spans.update(handle, |body| {
                body.end = end as u32;
                body.end_high = (end >> 32) as u8;
            });
        }
        if self.current() == handle {
            self.set_current(previous);
        }
        self.spans.finish(handle);
    }

    /// Sets a tag of a span. A tag that finds no cells, or a span that is no longer there, is counted.
    #[inline(always)]
    pub(crate) fn tag(&self, handle: u32, key: &'static str, value: Value<'_>) {
        match value {
            Value::Bool(v) => self.scalar(handle, key, Kind::Bool, words_of(v as u64)),
            Value::U64(v) => self.scalar(handle, key, Kind::U64, words_of(v)),
            Value::I64(v) => self.scalar(handle, key, Kind::I64, words_of(v as u64)),
            Value::F32(v) => self.scalar(handle, key, Kind::F32, words_of(v.to_bits() as u64)),
            Value::F64(v) => self.scalar(handle, key, Kind::F64, words_of(v.to_bits())),
            Value::Static(v) => {
                let v = cut(v, MAX_NAME);
                self.scalar(handle, key, Kind::Static, [v.as_ptr(), ptr::without_provenance(v.len())]);
            }
            Value::Str(v) => self.text(handle, key, v),
        }
    }

    #[inline(always)]
    fn scalar(&self, handle: u32, key: &'static str, kind: Kind, [low, high]: [Word; 2]) {
        let key = cut(key, MAX_NAME);
        let Some(cell) = self.cells.claim(STEPS) else { return self.lost_tag(handle) };
        // SAFETY: claimed above.
        unsafe { self.cells.write(cell, CellBody([key.as_ptr(), low, high])) };
        self.link(handle, cell, cell, kind, key.len());
    }

    /// A string: its first bytes lie beside the key, the others in further cells.
    #[inline(never)]
    fn text(&self, handle: u32, key: &'static str, text: &str) {
        let key = cut(key, MAX_NAME);
        let short = cut(text, MAX_STR);
        let kind = if short.len() == text.len() { Kind::Str } else { Kind::Cut };
        let bytes = short.as_bytes();
        let (head, rest) = bytes.split_at_checked(FIRST).unwrap_or((bytes, &[]));

        // From the last piece to the first, so that each cell is written with its successor known.
        let mut next = 0;
        let mut last = None;
        for piece in rest.chunks(MORE).rev() {
            let Some(cell) = self.cells.claim(STEPS) else {
                self.free_cells(next, 0);
                return self.lost_tag(handle);
            };
            // SAFETY: claimed above.
            unsafe { self.cells.write(cell, CellBody(pack3(piece))) };
            self.cells.set_note(cell, note(next, Kind::More, 0));
            next = self.link_to(cell);
            last = last.or(Some(cell));
        }
        let Some(cell) = self.cells.claim(STEPS) else {
            self.free_cells(next, 0);
            return self.lost_tag(handle);
        };
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
    fn link(&self, handle: u32, first: u32, last: u32, kind: Kind, key_len: usize) {
        let link = self.link_to(first);
        let linked = self.change_head(handle, |head| {
            self.cells.set_note(last, note(head & CELL, kind, key_len));
            head & !CELL | link
        });
        if !linked {
            self.cells.set_note(last, note(0, kind, key_len));
            self.free_cells(link, 0);
        }
    }

    /// Sets marks ([`ERROR`], [`LOST`]) on a span.
    #[inline(always)]
    pub(crate) fn mark(&self, handle: u32, marks: u32) {
        self.change_head(handle, |head| head | marks);
    }

    #[cold]
    fn lost_tag(&self, handle: u32) {
        self.state.tags_full.fetch_add(1, Ordering::Relaxed);
        self.mark(handle, LOST);
    }

    /// Changes the head of a span's chain; `false`, and counted, when that span is no longer there.
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
        self.count_stale();
        false
    }

    #[cold]
    pub(crate) fn count_stale(&self) {
        self.state.stale.fetch_add(1, Ordering::Relaxed);
    }

    /// How a cell is named in a chain.
    #[inline(always)]
    fn link_to(&self, cell: u32) -> u32 {
        (cell & (self.cells.capacity() - 1)) + 1
    }

    /// Frees the cells of a chain from `link` up to, and without, `end`.
    fn free_cells(&self, mut link: u32, end: u32) {
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

impl ArenaView {
    /// Makes a span the current one; returns the one that was.
    #[inline]
    pub(crate) fn enter(&self, handle: u32) -> u32 {
        let previous = self.current();
        self.set_current(handle);
        previous
    }

    /// Makes `previous` the current span, if it is now `handle`.
    #[inline]
    pub(crate) fn leave(&self, handle: u32, previous: u32) {
        if self.current() == handle {
            self.set_current(previous);
        }
    }
}

/// What stands in a cell's word beside its state: the next cell, the kind, and the length of the key.
#[inline(always)]
const fn note(next: u32, kind: Kind, key_len: usize) -> u32 {
    next | (kind as u32) << 14 | (key_len as u32) << 18
}

#[cfg(all(test, not(loom)))]
mod tests;

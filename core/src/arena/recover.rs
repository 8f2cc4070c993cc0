//! What a reset has left in an arena, made an arena again: sound spans that are finished, and their sound tags.
//!
//! Nothing that is found is believed before its check is right, and a string is looked for in the program's memory, never
//! where an address leads. What this writes it writes in an order that a further reset finds sound, so it may be stopped
//! anywhere and begun anew.

use super::kept::{KeptView, SOUND, begun, ended};
use super::tags::{ATTRIBUTE, LINK, LINKED, LOST, first, note_of, noted};
use super::{ArenaView, END_HIGH, ERROR, NAME_LEN, PARENT, ROOT, START_HIGH, SpanSlot, TAGS};
use crate::clock::ahead40;
use crate::recorder::{REASONS, Reset};
use crate::slot_ring::{Found, Mode};
use crate::sync::Ordering;
use crate::tag::{Kind, Word, words_of};

/// The tags that tell of a reset, and are found again after the next one: each lies in one place.
static REASON: &str = "reset.reason";
static PC: &str = "reset.pc";
static LR: &str = "reset.lr";
static DAMAGED: &str = "reset.damaged";
static TYPE: &str = "error.type";
static TYPE_OF_RESET: &str = "Reset";

/// The bits of a time that a slot keeps.
const BITS_40: u64 = (1 << 40) - 1;

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovery {
    /// Spans, and how many of them were open.
    pub(crate) spans: u32,
    pub(crate) open: u32,
    /// Slots that had held a span and were not sound, and chains that were not.
    pub(crate) damaged: u32,
    /// The last time that anything tells of.
    pub(crate) time: u64,
}

/// What a slot holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Held {
    Nothing,
    Damaged,
    Open(u32),
    Finished(u32),
}

/// The strings of the program.
#[derive(Clone, Copy)]
pub(crate) struct Strings(pub(crate) &'static [u8]);

impl Strings {
    /// The address of the string that is there and has this length, if there is one.
    fn at(&self, address: Word, len: usize) -> Option<Word> {
        if len == 0 {
            return (!address.is_null()).then_some(address);
        }
        let own = [REASON, PC, LR, DAMAGED, TYPE, TYPE_OF_RESET].into_iter().chain(REASONS);
        let mut own = own.filter(|own| own.len() == len && core::ptr::eq(own.as_ptr(), address));
        let found = own.next().or_else(|| {
            let from = address.addr().checked_sub(self.0.as_ptr().addr())?;
            core::str::from_utf8(self.0.get(from..from.checked_add(len)?)?).ok()
        });
        found.map(str::as_ptr)
    }
}

impl ArenaView {
    /// Makes what is found an arena of finished spans. `since`: a time that the session had come to.
    pub(crate) fn recover(&self, kept: &KeptView, strings: Strings, reset: &Reset, since: u64) -> Recovery {
        let mut found = Recovery { time: since, ..Recovery::default() };
        for index in 0..self.cells.capacity() {
            let cell = self.cells.slot(index);
            cell.chain(cell.chained() & !SOUND);
        }
        for index in 0..self.spans.capacity() {
            let held = self.held(kept, strings, index);
            match held {
                Held::Open(handle) | Held::Finished(handle) => {
                    found.spans += 1;
                    found.open += u32::from(matches!(held, Held::Open(_)));
                    found.damaged += u32::from(!self.mend_chain(kept, strings, handle));
                    found.time = self.later(handle, held, found.time);
                }
                Held::Damaged | Held::Nothing => {
                    found.damaged += u32::from(held == Held::Damaged);
                    self.spans.free_found(index);
                }
            }
        }
        for index in 0..self.cells.capacity() {
            let cell = self.cells.slot(index);
            let word = cell.chained();
            if word & SOUND == 0 { self.cells.free_chained(index) } else { cell.chain(word & !SOUND) }
        }
        for index in 0..self.spans.capacity() {
            match self.held(kept, strings, index) {
                Held::Open(handle) => {
                    self.mark(handle, ERROR);
                    self.tell(handle, reset, found.damaged, true);
                    // SAFETY: it is open, and its guard is of before the reset.
                    unsafe { self.close(handle, Some(found.time)) };
                }
                Held::Finished(handle) => {
                    if self.spans.slot(handle).shared[ROOT].load(Ordering::Relaxed) == handle {
                        self.tell(handle, reset, found.damaged, false);
                    }
                    self.spans.finish(handle);
                }
                Held::Damaged | Held::Nothing => (),
            }
        }
        found
    }

    /// Makes all of it as new.
    pub(crate) fn clear(&self, kept: &KeptView) {
        for index in 0..self.spans.capacity() {
            let slot = self.spans.slot(index);
            slot.shared.iter().for_each(|word| word.store(0, Ordering::Relaxed));
            slot.bytes.iter().for_each(|byte| byte.store(0, Ordering::Relaxed));
        }
        self.spans.clear();
        self.cells.clear();
        kept.clear();
        self.dropped.iter().for_each(|core| core.iter().for_each(|count| count.store(0, Ordering::Relaxed)));
    }

    /// Looks at a slot.
    fn held(&self, kept: &KeptView, strings: Strings, index: u32) -> Held {
        let (handle, is_finished) = match self.spans.found_at(index) {
            Found::Free => return Held::Nothing,
            Found::Wrong => return Held::Damaged,
            Found::Used { handle, is_finished } => (handle, is_finished),
        };
        let slot = self.spans.slot(handle);
        let [head, root, parent] = [TAGS, ROOT, PARENT]
            .map(|word| slot.shared.get(word).map_or(0, |word| word.load(Ordering::Relaxed)));
        let [len, start_high, end_high] = [NAME_LEN, START_HIGH, END_HIGH]
            .map(|byte| slot.bytes.get(byte).map_or(0, |byte| byte.load(Ordering::Relaxed)));
        if !self.is_chain_of(head, handle) {
            // One that was being started, or given back.
            return if is_finished { Held::Damaged } else { Held::Nothing };
        }
        if root == 0 && !is_finished {
            // The root of a trace that is not recorded.
            return Held::Nothing;
        }
        // SAFETY: nobody else has the arena; of any bytes the body is one, and none of it is used before the check is right.
        let body = unsafe { slot.read() };
        let seal = kept.span(index).map_or(0, |seal| seal.load(Ordering::Relaxed));
        let start = u64::from(start_high) << 32 | u64::from(body.start);
        let begun = begun(handle, (parent, root), (body.name, len), start);
        let is_open = seal == begun;
        if !is_open && seal != ended(begun, body.end, end_high) {
            return Held::Damaged;
        }
        let Some(name) = strings.at(body.name, len.into()) else { return Held::Damaged };
        // The address may have come through a reset: from here on it is that of a string of this program.
        // SAFETY: nobody else has the arena; the part is a field of the body.
        unsafe { slot.write_part(|body| &raw mut (*body).name, name) };
        // Which of both it is, the check tells: the end is written before the word says that it is finished.
        if is_open { Held::Open(handle) } else { Held::Finished(handle) }
    }

    /// Cuts the chain of a sound span where it is not sound, and marks its cells; whether all of it was sound.
    fn mend_chain(&self, kept: &KeptView, strings: Strings, handle: u32) -> bool {
        let slot = self.spans.slot(handle);
        let head = slot.shared[TAGS].load(Ordering::Relaxed);
        let (sound, is_whole) = self.sound_cells(kept, strings, handle, first(head));
        if !is_whole {
            self.cut_chain(kept, slot, handle, sound);
        }
        let mut link = first(slot.shared[TAGS].load(Ordering::Relaxed));
        for _ in 0..self.cells.capacity() {
            if link == 0 {
                break;
            }
            let cell = self.cells.slot(link - 1);
            let word = cell.chained();
            cell.chain(word | SOUND);
            link = first(word);
        }
        is_whole
    }

    /// How many cells of a chain are sound and whole, and whether that is all of it.
    fn sound_cells(&self, kept: &KeptView, strings: Strings, handle: u32, mut link: u32) -> (u32, bool) {
        // What is whole so far: a group of cells is so when the next one begins.
        let (mut whole, mut is_simple) = (0, true);
        for count in 0..self.cells.capacity() {
            if link == 0 {
                return (count, true);
            }
            let index = link - 1;
            if index >= self.cells.capacity() {
                break;
            }
            let cell = self.cells.slot(index);
            let word = cell.chained();
            // SAFETY: nobody else has the arena; of any bytes the body is one, and none of it is used before the check is right.
            let mut body = unsafe { cell.read() };
            let is_sound = word & LINKED == LINKED
                && word & 1 == 0
                && word & SOUND == 0
                && kept.is_sound(index, handle, word, body.0);
            let (kind, key_len) = noted(word);
            let begins = kind != Kind::More && word & ATTRIBUTE == 0;
            if is_simple || begins && is_sound {
                whole = count;
            }
            if !is_sound || strings.settle(kind, key_len, &mut body.0).is_none() {
                break;
            }
            // SAFETY: nobody else has the arena.
            unsafe { cell.write(body) };
            if kind as u8 >= Kind::Removed as u8 && kind != Kind::More {
                self.use_beyond();
            }
            is_simple = begins && (kind as u8) < Kind::Str as u8;
            link = first(word);
        }
        (whole, false)
    }

    /// Has the chain of a span end after so many cells, and marks that it lost some.
    fn cut_chain(&self, kept: &KeptView, slot: &SpanSlot, handle: u32, sound: u32) {
        let head = slot.shared[TAGS].load(Ordering::Relaxed) | LOST;
        let Some(before) = sound.checked_sub(1) else {
            slot.shared[TAGS].store(head & !LINK | LINKED, Ordering::Relaxed);
            return;
        };
        slot.shared[TAGS].store(head, Ordering::Relaxed);
        let mut link = first(head);
        for _ in 0..before {
            link = first(self.cells.slot(link.wrapping_sub(1)).chained());
        }
        let cell = self.cells.slot(link.wrapping_sub(1));
        let word = cell.chained() & !LINK | LINKED;
        // SAFETY: nobody else has the arena, and the cell is sound.
        let body = unsafe { cell.read() };
        cell.chain(word);
        kept.seal_cell(link.wrapping_sub(1), handle, word, super::kept::content(body.0));
    }

    /// The later of a time and the last one that a span tells.
    fn later(&self, handle: u32, held: Held, time: u64) -> u64 {
        let slot = self.spans.slot(handle);
        let byte = |byte: usize| slot.bytes.get(byte).map_or(0, |byte| byte.load(Ordering::Relaxed));
        // SAFETY: nobody else has the arena, and all of a sound span was written that is looked at.
        let body = unsafe { slot.read() };
        let (low, high) = match held {
            Held::Finished(_) => (body.end, byte(END_HIGH)),
            _ => (body.start, byte(START_HIGH)),
        };
        let tick = u64::from(high) << 32 | u64::from(low);
        time.max(time.saturating_add_signed(ahead40(tick, time & BITS_40)))
    }

    /// Tags a span with what there is to tell of the reset.
    fn tell(&self, handle: u32, reset: &Reset, damaged: u32, was_open: bool) {
        let text = |text: &'static str| [text.as_ptr(), core::ptr::without_provenance(text.len())];
        self.set(handle, REASON, Kind::Static, text(reset.reason_text()));
        if was_open {
            self.set(handle, TYPE, Kind::Static, text(TYPE_OF_RESET));
        }
        let damaged = (damaged != 0).then_some(damaged);
        for (key, value) in [(PC, reset.pc), (LR, reset.lr), (DAMAGED, damaged)] {
            if let Some(value) = value {
                self.set(handle, key, Kind::U64, words_of(value.into()));
            }
        }
    }

    /// Sets a tag, if it was not set before a further reset.
    fn set(&self, handle: u32, key: &'static str, kind: Kind, value: [Word; 2]) {
        let head = self.spans.slot(handle).shared[TAGS].load(Ordering::Relaxed);
        let mut cells = self.chain(first(head), 0);
        if cells.any(|cell| cell.is_tag() && cell.kind == kind && core::ptr::eq(cell.key(), key)) {
            return;
        }
        let by = Mode::Shared.into();
        if let Err(cause) = self.scalar(by, handle, key.as_ptr(), note_of(kind, key.len()), value) {
            self.lost_tag(0, handle, cause);
        }
    }
}

impl Strings {
    /// Has the addresses in a cell be those of strings of this program; `None`: one is not.
    fn settle(&self, kind: Kind, key_len: u8, words: &mut [Word; 3]) -> Option<()> {
        let [key, low, high] = words;
        if !matches!(kind, Kind::Link | Kind::RemoteLink | Kind::RemoteParent | Kind::More) {
            *key = self.at(*key, key_len.into())?;
        }
        if kind == Kind::Static {
            *low = self.at(*low, high.addr())?;
        }
        Some(())
    }
}

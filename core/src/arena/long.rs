//! On hosts: texts that are longer than tag cells hold.
//!
//! Such a text lies with whoever keeps it for the arena, and takes one cell, which says its number. Whoever frees the cell has it
//! forgotten, so that it lives as long as the cell: until its span is drained, or overwritten, or the tag was not set.

use super::cells::Cells;
use super::tags::{LONG, first, note_of};
use super::{ArenaView, Cause, MAX_NAME, MAX_STR};
use crate::slot_ring::By;
use crate::sync::Ordering;
use crate::tag::{Kind, bits_of, cut, words_of};
use core::fmt;
use core::num::NonZeroU64;

/// Keeps texts of more than [`MAX_STR`] bytes, which tags, events and links of a tracer are set to; for hosts, where there is
/// memory for that. See [`Tracer::keep_long_texts`](crate::Tracer::keep_long_texts).
///
/// All three are called by whoever sets a tag, reads one, or drains.
///
/// - `keep` keeps what it is given to write, and returns a number that it never returned before. `None`: it has no room, and the
///   text is cut as it is without it.
/// - `show` shows the text of a number. It MUST do so until that is forgotten, and not afterwards.
/// - `forget` is told each number once, when nobody needs its text any more.
///
/// None may set a tag of the same tracer.
///
/// ```
/// use microspan::LongTexts;
/// use std::collections::BTreeMap;
/// use std::num::NonZeroU64;
/// use std::sync::Mutex;
///
/// static KEPT: Mutex<(u64, BTreeMap<u64, String>)> = Mutex::new((0, BTreeMap::new()));
/// static LONG: LongTexts = LongTexts::new(
///     |text| {
///         let mut kept = KEPT.lock().unwrap();
///         kept.0 += 1;
///         let number = kept.0;
///         kept.1.insert(number, text.to_string()); // without a bound: an example
///         NonZeroU64::new(number)
///     },
///     |number, look| KEPT.lock().unwrap().1.get(&number).into_iter().for_each(|text| look(text)),
///     |number| _ = KEPT.lock().unwrap().1.remove(&number),
/// );
/// ```
#[derive(Debug)]
pub struct LongTexts {
    keep: fn(fmt::Arguments<'_>) -> Option<NonZeroU64>,
    show: Show,
    forget: fn(u64),
}

/// Shows the text of a number.
type Show = fn(u64, &mut dyn FnMut(&str));

impl LongTexts {
    /// Who keeps, shows and forgets.
    ///
    /// ```
    /// use microspan::LongTexts;
    /// static NOBODY: LongTexts = LongTexts::new(|_| None, |_, _| (), |_| ());
    /// ```
    pub const fn new(
        keep: fn(fmt::Arguments<'_>) -> Option<NonZeroU64>,
        show: Show,
        forget: fn(u64),
    ) -> Self {
        Self { keep, show, forget }
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for LongTexts {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "LongTexts");
    }
}

impl ArenaView {
    /// Has this keep texts from here on, unless something does already.
    pub(crate) fn keep_long_texts(&self, by: &'static LongTexts) {
        let by = core::ptr::from_ref(by).cast_mut();
        let nobody = core::ptr::null_mut();
        let _ = self.state.long.compare_exchange(nobody, by, Ordering::Release, Ordering::Relaxed);
    }

    fn long_texts(&self) -> Option<&'static LongTexts> {
        // SAFETY: null, or made of a reference that lives for ever, to what nobody changes.
        unsafe { self.state.long.load(Ordering::Acquire).as_ref() }
    }

    /// The number of a text that was kept. None outlives a reset, and who closes what a panic left waits for nobody.
    fn keep_long(&self, text: fmt::Arguments<'_>) -> Option<NonZeroU64> {
        if self.kept.is_some() || self.has_panicked() {
            return None;
        }
        (self.long_texts()?.keep)(text)
    }

    /// Shows a text that is kept; nothing, if its cell was freed meanwhile.
    pub(crate) fn show_long(&self, number: u64, mut look: impl FnMut(&str)) {
        if let Some(texts) = self.long_texts() {
            (texts.show)(number, &mut look);
        }
    }

    fn forget_number(&self, number: u64) {
        if let Some(texts) = self.long_texts() {
            (texts.forget)(number);
        }
    }

    /// Frees cells as [`free_cells`](Self::free_cells) does, from one on that holds the number of a text. A function of its own, so
    /// that the others are freed as fast as without.
    #[cold]
    #[inline(never)]
    pub(super) fn free_long(&self, mut link: u32, end: u32) {
        for _ in 0..self.cells.capacity() {
            if link == end || link == 0 {
                return;
            }
            let cell = self.cells.slot(link - 1);
            let word = cell.chained();
            if word & LONG != 0 {
                // SAFETY: the caller frees the cell, so it is the caller's; it was written before it was chained.
                let [_, low, high] = unsafe { cell.read() }.0;
                self.forget_number(bits_of([low, high]));
            }
            self.cells.free_chained(link - 1);
            link = first(word);
        }
    }

    /// Sets a tag of a span to a long text.
    #[cold]
    #[inline(never)]
    pub(super) fn long_str(
        &self,
        by: By<'static>,
        handle: u32,
        key: &'static str,
        text: &str,
    ) -> Result<(), Cause> {
        self.long_text(by, handle, key, text, format_args!("{text}"))
    }

    /// Sets a tag of a span to a long text, of which the beginning is at hand.
    #[cold]
    pub(crate) fn long_text(
        &self,
        by: By<'static>,
        handle: u32,
        key: &'static str,
        beginning: &str,
        whole: fmt::Arguments<'_>,
    ) -> Result<(), Cause> {
        let mut cells = Cells::new(self, by, handle);
        cells.long(key, beginning, whole, 0)?;
        cells.push()
    }
}

impl Cells<'_> {
    /// A long text under a key: where nobody keeps it, its beginning.
    #[cold]
    #[inline(never)]
    pub(super) fn long(
        &mut self,
        key: &'static str,
        beginning: &str,
        whole: fmt::Arguments<'_>,
        marks: u32,
    ) -> Result<(), Cause> {
        let Some(number) = self.arena.keep_long(whole) else {
            return self.string(Kind::Cut, key, cut(beginning, MAX_STR), marks);
        };
        let key = cut(key, MAX_NAME);
        let [low, high] = words_of(number.get());
        self.put([key.as_ptr(), low, high], note_of(Kind::Cut, key.len()) | LONG | marks)
            .inspect_err(|_| self.arena.forget_number(number.get()))
    }
}

//! The checks of an arena that outlives a reset: one for each span, one for each cell.
//!
//! A check takes in one part after another by a rotation of what it was and an addition, which is one instruction on a
//! Cortex-M4. Both are one-to-one, so whatever else changes one part changes the check. They lie beside the rings, so that an arena without
//! a recorder pays neither room nor time for them.

use super::{ArenaView, NAME_LEN, PARENT, ROOT, START_HIGH, SpanSlot};
use crate::recorder::header::{Header, Progress};
use crate::sync::{AtomicU32, Ordering, compiler_fence};
use crate::tag::Word;

/// What an arena has that outlives a reset.
#[derive(Clone, Copy)]
pub(crate) struct KeptView {
    pub(crate) header: &'static Header,
    spans: &'static [AtomicU32],
    cells: &'static [AtomicU32],
}

/// The bit of a cell's word that says, while an image is looked through, that the cell is in a sound chain. Nothing else uses it.
pub(super) const SOUND: u32 = 1 << 31;

/// What stands for a span up to its end.
#[inline(always)]
pub(super) fn begun(handle: u32, (parent, root): (u32, u32), (name, len): (Word, u8), start: u64) -> u32 {
    let sum = take(take(take(handle, parent), root), short(name));
    take(take(sum, start as u32), (start >> 32) as u8 as u32 | u32::from(len) << 8)
}

/// What stands for it with its end.
#[inline(always)]
pub(super) fn ended(begun: u32, end: u32, high: u8) -> u32 {
    take(take(begun, end), high.into())
}

/// Takes a part in.
#[inline(always)]
fn take(sum: u32, part: u32) -> u32 {
    part.wrapping_add(sum.rotate_right(11))
}

/// What stands for the words of a cell.
#[inline(always)]
pub(super) fn content([first, second, third]: [Word; 3]) -> u32 {
    take(take(short(first), short(second)), short(third))
}

/// An address or a number of any width.
#[inline(always)]
fn short(word: Word) -> u32 {
    let wide = word.addr() as u64;
    if size_of::<Word>() == 4 { wide as u32 } else { take(wide as u32, (wide >> 32) as u32) }
}

impl KeptView {
    pub(crate) const fn new(
        header: &'static Header,
        spans: &'static [AtomicU32],
        cells: &'static [AtomicU32],
    ) -> Self {
        Self { header, spans, cells }
    }

    /// The check of a span.
    #[inline(always)]
    pub(super) fn span(&self, index: u32) -> Option<&'static AtomicU32> {
        self.spans.get(index as usize)
    }

    /// Writes the check of a cell of a span: `content` stands for its words.
    #[inline(always)]
    pub(super) fn seal_cell(&self, index: u32, handle: u32, word: u32, content: u32) {
        if let Some(seal) = self.cells.get(index as usize) {
            seal.store(cell(handle, word, content), Ordering::Relaxed);
        }
    }

    /// Whether the check of a cell is right.
    pub(super) fn is_sound(&self, index: u32, handle: u32, word: u32, words: [Word; 3]) -> bool {
        let seal = self.cells.get(index as usize).map(|seal| seal.load(Ordering::Relaxed));
        seal == Some(cell(handle, word & !SOUND, content(words)))
    }

    pub(super) fn clear(&self) {
        self.spans.iter().chain(self.cells).for_each(|seal| seal.store(0, Ordering::Relaxed));
    }
}

#[inline(always)]
fn cell(handle: u32, word: u32, content: u32) -> u32 {
    take(take(content, word), handle)
}

impl ArenaView {
    /// Writes the end of an open span, and what it adds to its check.
    ///
    /// # Safety
    ///
    /// The caller has the open span of this handle to itself.
    #[inline(always)]
    pub(super) unsafe fn write_end(&self, handle: u32, slot: &SpanSlot, end: u32, high: u8) {
        // SAFETY: the caller's promise; the part is a field of the body.
        unsafe { slot.write_part(|body| &raw mut (*body).end, end) };
        slot.bytes[super::END_HIGH].store(high, Ordering::Relaxed);
        if let Some(kept) = &self.kept
            && let Some(seal) = kept.span(handle & (self.spans.capacity() - 1))
        {
            let begun = seal.load(Ordering::Relaxed);
            // The check tells whether there is an end, so the end comes first.
            compiler_fence(Ordering::Release);
            seal.store(ended(begun, end, high), Ordering::Relaxed);
        }
    }

    /// Whether the check of an open span stands for its beginning alone. Where it does not, its owner was stopped after it had
    /// written the end, or the span is damaged.
    ///
    /// # Safety
    ///
    /// All that a start writes is there, and the caller has the span to itself.
    pub(super) unsafe fn lacks_end(&self, handle: u32, slot: &SpanSlot) -> bool {
        let Some(seal) = self.kept.as_ref().and_then(|kept| kept.span(handle & (self.spans.capacity() - 1)))
        else {
            return true;
        };
        let [root, parent] =
            [ROOT, PARENT].map(|word| slot.shared.get(word).map_or(0, |word| word.load(Ordering::Relaxed)));
        let [len, high] = [NAME_LEN, START_HIGH]
            .map(|byte| slot.bytes.get(byte).map_or(0, |byte| byte.load(Ordering::Relaxed)));
        // SAFETY: the caller's promise; a start writes both.
        let (name, low) = unsafe {
            (slot.read_part(|body| &raw const (*body).name), slot.read_part(|body| &raw const (*body).start))
        };
        let start = u64::from(high) << 32 | u64::from(low);
        seal.load(Ordering::Relaxed) == begun(handle, (parent, root), (name, len), start)
    }

    /// Keeps the time of tick 0, for the boot after a reset.
    pub(crate) fn keep_base(&self, base: u64) {
        if let Some(kept) = &self.kept {
            kept.header.keep_base(base);
        }
    }

    /// Keeps where the session stands, for the boot after a reset.
    #[inline]
    pub(crate) fn keep(&self, next_packet: u32, spans: u32, latest: u64, time: u64) {
        if let Some(kept) = &self.kept {
            kept.header.keep(&Progress { next_packet, spans, latest: (latest >> 16) as u32, time });
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn any_two_bits_of_a_word_of_a_span_change_its_check() {
        let name = |address: usize| core::ptr::without_provenance(address);
        let check = |parts: [u64; 7]| {
            let [handle, parent, root, address, len, start, end] = parts;
            let family = (parent as u32, root as u32);
            let begun = begun(handle as u32, family, (name(address as usize), len as u8), start);
            ended(begun, end as u32, (end >> 32) as u8)
        };
        let parts = [0x1234_0001, 0x1230_0001, 0x1230_0001, 0x0800_1234, 9, 0x12_3456_789a, 0x12_3456_80ff];
        for (part, bits) in [32, 32, 32, 32, 8, 40, 40].into_iter().enumerate() {
            for bit in 0..bits {
                for other in
                    (bit..bits).filter(|other| other / 32 == bit / 32).step_by(if cfg!(miri) { 9 } else { 1 })
                {
                    let mut changed = parts;
                    changed[part] ^= 1 << bit | 1 << other;
                    assert_ne!(check(changed), check(parts), "bits {bit} and {other} of part {part}");
                }
            }
        }
    }
}

//! Claiming a slot: a free one, a reserved one, or one that is finished and not reaped.

use super::{By, Claimed, FENCED, FINISHED, FREE, Mode, OPEN, PIECE, STATE, Slot, SlotRingView};
use crate::sync::{Ordering, fence};

impl<T, const W: usize, const B: usize> SlotRingView<T, W, B> {
    /// Has a slot whose word is `word` go over to an open use with this stamp, if it is still as it was.
    #[inline(always)]
    fn open(&self, mode: Mode, slot: &Slot<T, W, B>, word: u32, stamp: u32) -> bool {
        match mode {
            Mode::Shared => {
                let to = stamp | OPEN;
                if slot.word.compare_exchange(word, to, FENCED, Ordering::Relaxed).is_err() {
                    return false;
                }
            }
            Mode::Exclusive => slot.word.store(stamp | OPEN, Ordering::Relaxed),
        }
        // Acquires what the last user released; and who sees what is stored from here on also sees that the slot has
        // changed hands.
        fence(Ordering::AcqRel);
        true
    }

    /// Claims a free slot within `steps` steps, but none of the first `reserved` ones. `None`: they were all taken.
    #[inline(always)]
    pub(crate) fn claim(&self, by: By<'_>, reserved: u32, steps: u32) -> Option<Claimed<'_, T, W, B>> {
        // The slot that the hint names is free but for long-lived uses.
        let hint = by.own.unwrap_or(&self.hint);
        let place = hint.load(Ordering::Relaxed);
        let index = place & self.mask();
        if index >= reserved
            && !(by.own.is_some() && begins_piece(place))
            && let Some(claimed) = self.claim_at(by, index)
        {
            return Some(claimed);
        }
        self.claim_further(by, reserved, steps)
    }

    /// Claims this slot, if it is free.
    #[inline(always)]
    fn claim_at(&self, by: By<'_>, index: u32) -> Option<Claimed<'_, T, W, B>> {
        let slot = self.slot(index);
        let word = slot.word.load(FENCED);
        let handle = word | index;
        // A handle that named nothing would be open for those who look at what is current, where nothing is.
        if word & STATE != FREE || handle == 0 || !self.open(by.mode, slot, word, word) {
            return None;
        }
        by.own.unwrap_or(&self.hint).store(handle.wrapping_add(1), Ordering::Relaxed);
        Some(Claimed { handle, slot })
    }

    /// The whole of a claim.
    #[cold]
    #[inline(never)]
    fn claim_further(&self, by: By<'_>, reserved: u32, steps: u32) -> Option<Claimed<'_, T, W, B>> {
        let mask = self.mask();
        let hint = by.own.unwrap_or(&self.hint);
        let (place, before) = (hint.load(Ordering::Relaxed), self.hint.load(Ordering::Relaxed));
        let mut index = place & mask;
        if by.own.is_some() && begins_piece(place) {
            index = self.next_piece(place);
        }
        if self.skip_0() && index == 0 {
            index = 1;
        }
        for step in 0..steps {
            index = index.max(reserved);
            if let Some(claimed) = self.claim_at(by, index) {
                return Some(claimed);
            }
            // First one after the other; then all over the ring, past a cluster of long-lived uses, or of young ones which
            // an old hint ran back to.
            let stride = if step < steps / 2 || self.capacity() <= steps {
                1
            } else {
                self.capacity() / steps * 2 + 1
            };
            index = (index + stride) & mask;
            if by.own.is_some() && stride == 1 && begins_piece(index) {
                index = self.next_piece(before);
            }
        }
        // The next claim goes on here, but in no later round: claims that fail use up no handles.
        hint.store(place & !mask | index, Ordering::Relaxed);
        if by.own.is_some() {
            let now = self.hint.load(Ordering::Relaxed);
            self.hint.store(before & !mask | now & mask, Ordering::Relaxed);
        }
        None
    }

    /// The first slot of the next piece of the ring, for who claims by a hint of its own; it was in the round of `place` last.
    #[inline]
    fn next_piece(&self, place: u32) -> u32 {
        let mask = self.mask();
        let piece = self.hint.fetch_add(PIECE, Ordering::Relaxed);
        // Handles grow with the order of their claims: the ring's round follows whoever is ahead.
        let ahead = (place & !mask).wrapping_sub(piece & !mask) as i32;
        if ahead > 0 {
            self.hint.fetch_add(ahead as u32, Ordering::Relaxed);
        }
        piece & mask
    }

    /// Has the next use of the first slot be another one if its handle would be 0, as in a new ring; whether that was so.
    fn skip_0(&self) -> bool {
        let word = &self.slot(0).word;
        // Looked at first: an exchange takes the line from who uses that slot.
        word.load(Ordering::Relaxed) == FREE
            && word
                .compare_exchange(FREE, self.capacity() | FREE, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// The handle of the next use of a finished slot that is not freed before, whose word is `word`: not 0.
    fn overwriting(&self, word: u32, index: u32) -> u32 {
        match self.next_stamp(word) | index {
            0 => self.capacity(),
            handle => handle,
        }
    }

    /// Claims one of the first `reserved` slots: a free one, or the oldest finished one for whose use `may` answers yes. Also
    /// whether that was so.
    #[inline(never)]
    pub(crate) fn claim_reserved(
        &self,
        mode: Mode,
        reserved: u32,
        may: impl Fn(&Slot<T, W, B>) -> bool,
    ) -> Option<(Claimed<'_, T, W, B>, bool)> {
        self.skip_0();
        let look = |index| {
            let slot = self.slot(index);
            (index, slot, slot.word.load(Ordering::Relaxed))
        };
        let free = (0..reserved).map(look).find_map(|(index, slot, word)| {
            let claimed = word & STATE == FREE && self.open(mode, slot, word, word);
            claimed.then_some(Claimed { handle: word | index, slot })
        });
        if let Some(claimed) = free {
            return Some((claimed, false));
        }
        let finished =
            (0..reserved).map(look).filter(|(_, slot, word)| word & STATE == FINISHED && may(slot));
        let round = self.hint.load(Ordering::Relaxed);
        let (index, slot, word) = finished.max_by_key(|(_, _, word)| round.wrapping_sub(*word))?;
        let handle = self.overwriting(word, index);
        let claimed = Claimed { handle, slot };
        self.open(Mode::Shared, slot, word, handle & !self.mask()).then_some((claimed, true))
    }

    /// Where the next claim looks first. Claims go round, so this slot was claimed the longest ago.
    pub(crate) fn oldest(&self) -> u32 {
        self.hint.load(Ordering::Relaxed)
    }

    /// Claims the first finished slot from `oldest` on but for the first `reserved` ones, for whose use `may` answers yes; looks
    /// at `steps` slots at most. What was in it is lost: the caller counts it.
    #[inline(never)]
    pub(crate) fn claim_finished(
        &self,
        oldest: u32,
        reserved: u32,
        steps: u32,
        may: impl Fn(&Slot<T, W, B>) -> bool,
    ) -> Option<Claimed<'_, T, W, B>> {
        (0..steps).map(|step| oldest.wrapping_add(step) & self.mask()).find_map(|index| {
            let slot = self.slot(index);
            let word = slot.word.load(Ordering::Relaxed);
            if index < reserved || word & STATE != FINISHED || !may(slot) {
                return None;
            }
            let handle = self.overwriting(word, index);
            self.open(Mode::Shared, slot, word, handle & !self.mask()).then(|| {
                self.hint.store(handle.wrapping_add(1), Ordering::Relaxed);
                Claimed { handle, slot }
            })
        })
    }
}

/// Whether the slot at this index is the first of a piece, and therefore not yet taken by who comes to it from the slot before.
#[inline(always)]
const fn begins_piece(index: u32) -> bool {
    index & (PIECE - 1) == 0
}

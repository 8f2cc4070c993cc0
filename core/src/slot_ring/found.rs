//! A ring that was found in memory after a reset. Nobody else uses it.

use super::{FINISHED, FREE, OPEN, STATE, SlotRingView, TAKEN};
use crate::sync::Ordering;

/// What the word of a slot says.
pub(crate) enum Found {
    /// It is free.
    Free,
    /// No ring writes such a word.
    Wrong,
    /// It is in use.
    Used {
        handle: u32,
        /// It says finished; otherwise that it is open, or that the drain has taken it.
        is_finished: bool,
    },
}

impl<T, const W: usize, const B: usize> SlotRingView<T, W, B> {
    /// What the word of a slot says.
    pub(crate) fn found_at(&self, index: u32) -> Found {
        let word = self.slot(index).word.load(Ordering::Relaxed);
        let handle = word & !STATE | index;
        match word & STATE {
            _ if word & !STATE & self.mask() != 0 => Found::Wrong,
            FREE => Found::Free,
            OPEN | TAKEN | FINISHED if handle != 0 => {
                Found::Used { handle, is_finished: word & STATE == FINISHED }
            }
            _ => Found::Wrong,
        }
    }

    /// Frees a slot, whatever was in it.
    pub(crate) fn free_found(&self, index: u32) {
        let slot = self.slot(index);
        let word = slot.word.load(Ordering::Relaxed) & !self.mask();
        slot.word.store(word | FREE, Ordering::Relaxed);
    }

    /// Makes it as new.
    pub(crate) fn clear(&self) {
        self.hint.store(0, Ordering::Relaxed);
        self.slots.iter().for_each(|slot| slot.word.store(FREE, Ordering::Relaxed));
    }
}

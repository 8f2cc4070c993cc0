//! Closing spans whose guards will not come to it.

use super::{ArenaView, ROOT, START_HIGH, TAGS};
use crate::sync::{Ordering, compiler_fence, fence};

impl ArenaView {
    /// Says that there was a panic: nothing is recorded any more. Whether it is the first.
    pub(crate) fn panicked(&self) -> bool {
        self.state.disabled.store(true, Ordering::Relaxed);
        !self.state.panicked.swap(true, Ordering::AcqRel)
    }

    /// Whether the arena was not looked at since the reset.
    pub(crate) fn is_asleep(&self) -> bool {
        self.state.asleep.load(Ordering::Relaxed)
    }

    /// Whether there was a panic.
    pub(crate) fn has_panicked(&self) -> bool {
        self.state.panicked.load(Ordering::Acquire)
    }

    /// Takes the session over from its drain; `false`: somebody has.
    pub(crate) fn take_over(&self) -> bool {
        !self.state.taken_over.swap(true, Ordering::AcqRel)
    }

    /// The open span in the slot of this index. The root of a trace that is not recorded is none, and one that is only being started is none: not all of it is there.
    pub(crate) fn open_at(&self, index: u32) -> Option<u32> {
        let handle = self.spans.open_at(index).filter(|handle| *handle != 0)?;
        // The chain of its tags is what a start writes last.
        let [root, head] = [ROOT, TAGS].map(|word| {
            self.spans.slot(handle).shared.get(word).map_or(0, |word| word.load(Ordering::Relaxed))
        });
        compiler_fence(Ordering::Acquire);
        fence(Ordering::Acquire);
        (root != 0 && self.is_chain_of(head, handle)).then_some(handle)
    }

    /// Finishes an open span in the place of its guard, unless its end is written already; `None`: at its start.
    ///
    /// # Safety
    ///
    /// [`open_at`](Self::open_at) has returned the handle, there was a panic, and the guard's owner does not go on.
    pub(crate) unsafe fn close(&self, handle: u32, end: Option<u64>) {
        let slot = self.spans.slot(handle);
        let (end, high) = match end {
            Some(end) => (end as u32, (end >> 32) as u8),
            // SAFETY: all that a start writes is there.
            None => unsafe {
                let start = slot.read_part(|body| &raw const (*body).start);
                (start, slot.bytes[START_HIGH].load(Ordering::Relaxed))
            },
        };
        // SAFETY: the span is open, all of its start is there, and the caller has it in its owner's place.
        unsafe {
            // An end that its owner wrote stands.
            if self.lacks_end(handle, slot) {
                self.write_end(handle, slot, end, high);
            }
        }
        self.spans.finish(handle);
    }

    /// Gives back a span that the drain had taken when it was stopped, if the slot of this index has one.
    pub(crate) fn give_back(&self, index: u32) {
        self.spans.give_back(index);
    }
}

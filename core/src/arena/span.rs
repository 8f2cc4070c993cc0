//! Starting and finishing a span.

use super::current::byte;
use super::{
    ArenaView, Cause, Core, END_HIGH, ERROR, Here, INTERRUPT, MAX_NAME, NAME_LEN, PARENT, ROOT, START_HIGH,
    STEPS, SpanBody, TAGS, tags,
};
use crate::context::Interrupts;
use crate::slot_ring::Mode;
use crate::sync::{Ordering, fence};
use crate::tag::cut;

/// How far a claim that may overwrite looks for a slot that is free.
const STEPS_TO_FREE: u32 = 8;

/// A span that was started.
#[derive(Clone, Copy)]
pub(crate) struct Started {
    pub(crate) handle: u32,
    /// What becomes current again after it.
    pub(crate) previous: u32,
}

impl ArenaView {
    /// Starts a span, makes it the current one here, and returns it. `None`: there was no slot for it, which is counted.
    #[inline(always)]
    pub(crate) fn start(
        &self,
        mode: Mode,
        here: Here,
        interrupts: Interrupts,
        name: &'static str,
        now: impl FnOnce() -> u64,
    ) -> Option<Started> {
        let Some(core) = self.cores.get(here.core) else {
            self.count(here.core, Cause::SpansFull);
            return None;
        };
        let mut birth = self.birth(core, here);
        if birth.enters && interrupts == Interrupts::Roots {
            birth.root = 0;
        }
        let handle = self.claim_span(mode, here, birth.root == 0)?;
        let root = if birth.root == 0 { handle } else { birth.root };
        self.begin(handle, here, name, birth.parent, root, now);
        core.set_current(here, handle);
        Some(Started { handle, previous: birth.previous })
    }

    /// Writes what a span begins with.
    #[inline(always)]
    fn begin(
        &self,
        handle: u32,
        here: Here,
        name: &'static str,
        parent: u32,
        root: u32,
        now: impl FnOnce() -> u64,
    ) {
        let slot = self.spans.slot(handle);
        // Who sees what is stored from here on also sees that the slot has changed hands.
        fence(Ordering::Release);
        slot.shared[ROOT].store(root, Ordering::Relaxed);
        slot.shared[PARENT].store(parent, Ordering::Relaxed);
        slot.shared[TAGS].store(self.spans.round(handle) << tags::ROUND, Ordering::Relaxed);
        let name = cut(name, MAX_NAME);
        slot.bytes[NAME_LEN].store(name.len() as u8, Ordering::Relaxed);
        slot.bytes[INTERRUPT].store(byte(here.interrupt), Ordering::Relaxed);
        let start = now();
        slot.bytes[START_HIGH].store((start >> 32) as u8, Ordering::Relaxed);
        // SAFETY: the caller claimed it.
        unsafe { self.spans.write(handle, SpanBody { name: name.as_ptr(), start: start as u32, end: 0 }) };
    }

    /// Finishes a span and makes the one before it current again, if it is the current one here.
    ///
    /// # Safety
    ///
    /// The caller holds what [`start`](Self::start) returned for this handle and has not finished it.
    #[inline(always)]
    pub(crate) unsafe fn finish(&self, here: Here, Started { handle, previous }: Started, end: u64) {
        self.leave(here, handle, previous);
        // SAFETY: the caller's promise; `start` wrote the body.
        unsafe { self.spans.update(handle, |body| body.end = end as u32) };
        self.spans.slot(handle).bytes[END_HIGH].store((end >> 32) as u8, Ordering::Relaxed);
        self.spans.finish(handle);
    }

    /// A slot for a span.
    #[inline(always)]
    fn claim_span(&self, mode: Mode, here: Here, is_root: bool) -> Option<u32> {
        let full = self.full;
        if full.reserved == 0 && !full.overwrite {
            let handle = self.spans.claim(mode, 0, STEPS);
            if handle.is_none() {
                self.count(here.core, Cause::SpansFull);
            }
            return handle;
        }
        self.claim_by_policy(mode, here, is_root)
    }

    /// A slot for a span where some are reserved, or finished ones may be overwritten.
    #[inline(never)]
    pub(super) fn claim_by_policy(&self, mode: Mode, here: Here, entitled: bool) -> Option<u32> {
        let full = self.full;
        if entitled && full.reserved != 0 {
            if let Some((handle, overwritten)) =
                self.spans.claim_reserved(mode, full.reserved, full.overwrite)
            {
                return Some(if overwritten { self.overwrite(here, handle) } else { handle });
            }
        }
        let steps = if full.overwrite { STEPS_TO_FREE } else { STEPS };
        if let Some(handle) = self.spans.claim(mode, full.reserved, steps) {
            return Some(handle);
        }
        if full.overwrite {
            // Where slots are kept for errors, an error is kept also in a slot that is not.
            let may = |head: u32| full.reserved == 0 || head & ERROR == 0;
            let found = self
                .spans
                .claim_finished(full.reserved, STEPS, |slot| may(slot.shared[TAGS].load(Ordering::Relaxed)));
            if let Some(handle) = found {
                return Some(self.overwrite(here, handle));
            }
        }
        let refused = full.reserved != 0 && !entitled;
        self.count(here.core, if refused { Cause::SpansReserved } else { Cause::SpansFull });
        None
    }

    /// Counts the finished span whose slot `handle` has just taken, and frees its tags.
    fn overwrite(&self, here: Here, handle: u32) -> u32 {
        self.count(here.core, Cause::SpansOverwritten);
        self.free_chain(handle);
        handle
    }

    /// Records an error that happened in a span that found no slot: a span of its own, without length, in a slot that is
    /// reserved. `None`: there is none, and the error is not recorded.
    #[cold]
    pub(crate) fn start_error(&self, mode: Mode, here: Here, now: u64) -> Option<u32> {
        if self.full.reserved == 0 {
            return None;
        }
        let core: &Core = self.cores.get(here.core)?;
        let birth = self.birth(core, here);
        let (handle, overwritten) =
            self.spans.claim_reserved(mode, self.full.reserved, self.full.overwrite)?;
        if overwritten {
            self.overwrite(here, handle);
        }
        let root = if birth.root == 0 { handle } else { birth.root };
        self.begin(handle, here, DROPPED, birth.parent, root, || now);
        Some(handle)
    }
}

/// The name of a span that stands for one which was dropped, and is here for its error.
const DROPPED: &str = "dropped_span_error";

//! Starting and finishing a span.

use super::current::{Birth, byte};
use super::kept::begun;
use super::{
    ArenaView, Cause, Core, ERROR, Here, INTERRUPT, Judge, Kin, MAX_NAME, NAME_LEN, PARENT, ROOT, START_HIGH,
    STEPS, SpanSlot, TAGS,
};
use crate::clock::Clock;
use crate::context::Interrupts;
use crate::slot_ring::{Claimed, Mode};
use crate::sync::{Ordering, compiler_fence};
use crate::tag::cut;

pub(super) type ClaimedSpan = Claimed<'static, super::SpanBody, { super::WORDS }, { super::BYTES }>;

/// How far a claim that may overwrite looks for a slot that is free.
const STEPS_TO_FREE: u32 = 8;

/// A span that was started.
#[derive(Clone, Copy)]
pub(crate) struct Started {
    /// 0: it is not recorded.
    pub(crate) handle: u32,
    /// What becomes current again after it. Of the root of a trace that is not recorded, its own handle; of anything else that
    /// is not, 0.
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
        clock: &dyn Clock,
        judge: &Judge,
    ) -> Option<Started> {
        if here.interrupt != 0 || self.full.asks {
            let kin = if judge.exists() { self.kin(here) } else { Kin::Unknown };
            match kin {
                Kin::Out => return Some(Started::OUT),
                Kin::Recorded if here.interrupt == 0 && self.full.reserved == 0 => (),
                _ => return self.start_in_context(mode, here, interrupts, name, clock, judge),
            }
        }
        let Some(core) = self.cores.get(here.core) else {
            self.count(here.core, Cause::SpansFull);
            return None;
        };
        let Claimed { handle, slot } = self.claim_span(mode, here)?;
        let current = core.current(here);
        let (parent, root) = match self.root(current) {
            Some(root) => (current, root),
            None => self.nearest_and_root(current, handle),
        };
        self.begin(handle, slot, name, parent, root, clock);
        core.set_current(here, handle);
        Some(Started { handle, previous: parent })
    }

    /// The same in an interrupt, or where it has to be known before the claim whether the span is a root.
    #[inline(never)]
    fn start_in_context(
        &self,
        mode: Mode,
        here: Here,
        interrupts: Interrupts,
        name: &'static str,
        clock: &dyn Clock,
        judge: &Judge,
    ) -> Option<Started> {
        let Some(core) = self.cores.get(here.core) else {
            self.count(here.core, Cause::SpansFull);
            return None;
        };
        let Birth { previous, parent, enters } = self.birth(core, here);
        let alone = enters && interrupts == Interrupts::Roots;
        let (parent, root) = self.parent_and_root(parent);
        let is_out = parent != 0 && root == 0;
        if is_out && !alone {
            return Some(Started::OUT);
        }
        // A link to what is not recorded would lead nowhere.
        let parent = if is_out { 0 } else { parent };
        let root = if alone || parent == 0 { None } else { Some(root) };
        let claimed = self.claim_by_policy(mode, here, root.is_none())?;
        let started = self.begin_judged((mode, here), claimed, (parent, root), name, clock, judge);
        Some(self.become_current(core, here, started, previous))
    }

    /// The same, as a child of the open span that is named; of 0: as a root. A parent that is not open is counted, as is `None`, a
    /// parent of another arena: the span becomes a root.
    pub(crate) fn start_under(
        &self,
        mode: Mode,
        here: Here,
        parent: Option<u32>,
        name: &'static str,
        clock: &dyn Clock,
        judge: &Judge,
    ) -> Option<Started> {
        let Some(core) = self.cores.get(here.core) else {
            self.count(here.core, Cause::SpansFull);
            return None;
        };
        let born = parent.filter(|parent| *parent != 0).and_then(|parent| Some((parent, self.root(parent)?)));
        if born.is_none() && parent != Some(0) {
            self.count(here.core, Cause::Stale);
        }
        let previous = self.birth(core, here).previous;
        let claimed = self.claim_by_policy(mode, here, born.is_none())?;
        let family = born.map_or((0, None), |(parent, root)| (parent, Some(root)));
        let started = self.begin_judged((mode, here), claimed, family, name, clock, judge);
        Some(self.become_current(core, here, started, previous))
    }

    /// Writes what a span begins with.
    #[inline(always)]
    pub(super) fn begin(
        &self,
        handle: u32,
        slot: &SpanSlot,
        name: &'static str,
        parent: u32,
        root: u32,
        clock: &dyn Clock,
    ) {
        slot.shared[ROOT].store(root, Ordering::Relaxed);
        slot.shared[PARENT].store(parent, Ordering::Relaxed);
        let name = cut(name, MAX_NAME);
        slot.bytes[NAME_LEN].store(name.len() as u8, Ordering::Relaxed);
        let start = clock.now();
        slot.bytes[START_HIGH].store((start >> 32) as u8, Ordering::Relaxed);
        // SAFETY: the caller claimed it; the parts are fields of the body. `finish` writes the third.
        unsafe {
            slot.write_part(|body| &raw mut (*body).name, name.as_ptr());
            slot.write_part(|body| &raw mut (*body).start, start as u32);
        }
        if let Some(kept) = &self.kept
            && let Some(seal) = kept.span(handle & (self.spans.capacity() - 1))
        {
            let begun = begun(handle, (parent, root), (name.as_ptr(), name.len() as u8), start);
            seal.store(begun, Ordering::Relaxed);
        }
        // Last: who comes into a start knows by this whether all of it is there.
        compiler_fence(Ordering::Release);
        slot.shared[TAGS].store(self.empty_chain(handle), Ordering::Relaxed);
    }

    /// Finishes a span and makes the one before it current again, if it is the current one here.
    ///
    /// # Safety
    ///
    /// The caller holds what [`start`](Self::start) returned for this handle and has not finished it.
    #[inline(always)]
    pub(crate) unsafe fn finish(&self, here: Here, Started { handle, previous }: Started, end: u64) {
        self.leave(here, handle, previous);
        let slot = self.spans.slot(handle);
        // SAFETY: the caller's promise.
        unsafe { self.write_end(handle, slot, end as u32, (end >> 32) as u8) };
        self.spans.finish(handle);
    }

    /// A slot for a span.
    #[inline(always)]
    fn claim_span(&self, mode: Mode, here: Here) -> Option<ClaimedSpan> {
        if self.full.overwrite {
            return self.claim_by_policy(mode, here, false);
        }
        let claimed = self.spans.claim(self.span_by(mode, here.core), 0, STEPS);
        if claimed.is_none() {
            self.count(here.core, Cause::SpansFull);
        }
        claimed
    }

    /// A slot for a span where some are reserved, or finished ones may be overwritten.
    #[inline(never)]
    pub(super) fn claim_by_policy(&self, mode: Mode, here: Here, entitled: bool) -> Option<ClaimedSpan> {
        let full = self.full;
        if entitled
            && full.reserved != 0
            && let Some(claimed) = self.claim_reserved(mode, here)
        {
            return Some(claimed);
        }
        let steps = if full.overwrite { STEPS_TO_FREE } else { STEPS };
        // A claim that fails looks elsewhere the next time.
        let oldest = self.spans.oldest();
        if let Some(claimed) = self.spans.claim(self.span_by(mode, here.core), full.reserved, steps) {
            return Some(claimed);
        }
        if full.overwrite {
            // Where slots are kept for errors, an error is kept also in a slot that is not.
            let may = |slot: &SpanSlot| {
                let head = slot.shared[TAGS].load(Ordering::Relaxed);
                (full.reserved == 0 || head & ERROR == 0) && !self.is_read()
            };
            let found = self.spans.claim_finished(oldest, full.reserved, STEPS, may);
            if let Some(claimed) = &found {
                self.overwrite(here, claimed.slot);
                return found;
            }
        }
        let refused = full.reserved != 0 && !entitled;
        self.count(here.core, if refused { Cause::SpansReserved } else { Cause::SpansFull });
        None
    }

    /// A slot that is reserved.
    fn claim_reserved(&self, mode: Mode, here: Here) -> Option<ClaimedSpan> {
        let full = self.full;
        let (claimed, overwritten) =
            self.spans.claim_reserved(mode, full.reserved, |_| full.overwrite && !self.is_read())?;
        if overwritten {
            self.overwrite(here, claimed.slot);
        }
        Some(claimed)
    }

    /// Counts the finished span whose slot was just claimed, and frees its tags.
    fn overwrite(&self, here: Here, slot: &SpanSlot) {
        self.count(here.core, Cause::SpansOverwritten);
        self.free_chain(slot);
        forget_interrupt(slot);
    }

    /// Records an error that happened in a span that found no slot: a span of its own, without length, in a slot that is
    /// reserved. `None`: there is none, and the error is not recorded.
    #[cold]
    pub(crate) fn start_error(&self, mode: Mode, here: Here, clock: &dyn Clock) -> Option<u32> {
        if self.full.reserved == 0 {
            return None;
        }
        let core: &Core = self.cores.get(here.core)?;
        let birth = self.birth(core, here);
        if self.is_out(birth.parent) {
            return None;
        }
        let Claimed { handle, slot } = self.claim_reserved(mode, here)?;
        slot.bytes[INTERRUPT].store(byte(here.interrupt), Ordering::Relaxed);
        let (parent, root) = self.parent_and_root(birth.parent);
        self.begin(handle, slot, DROPPED, parent, if parent == 0 { handle } else { root }, clock);
        Some(handle)
    }
}

/// Sets back what only the span of an interrupt sets.
#[inline(always)]
pub(super) fn forget_interrupt(slot: &SpanSlot) {
    slot.bytes[INTERRUPT].store(0, Ordering::Relaxed);
}

/// The name of a span that stands for one which was dropped, and is here for its error.
const DROPPED: &str = "dropped_span_error";

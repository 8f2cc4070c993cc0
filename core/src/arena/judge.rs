//! Traces that are not recorded: their verdict, and the mark by which what starts in them knows.
//!
//! The root of such a trace holds a slot, as any open span does, so that it can be current, be left and entered again, and
//! end on another core. The root of its trace is 0 there, which is no span's handle; when it ends the slot is freed at once.

use super::current::byte;
use super::span::{ClaimedSpan, Started, forget_interrupt};
use super::{ArenaView, Cause, Core, Here, INTERRUPT, PARENT, ROOT, SpanSlot, TAGS, note_of};
use crate::clock::Clock;
use crate::sampler::{Root, Sampler, Verdict, matches};
use crate::slot_ring::{Claimed, Mode};
use crate::sync::Ordering;
use crate::tag::{Kind, words_of};

/// The rate of the rule that kept a trace, as a tag of its root: Datadog's name for it.
const RULE: &str = "_dd.rule_psr";
/// The effective rate of the limit it was kept under.
const LIMIT: &str = "_dd.limit_psr";

/// Who decides which traces are recorded.
#[derive(Clone, Copy)]
pub(crate) struct Judge {
    pub(crate) sampler: Option<&'static Sampler>,
    /// Patterns on the resources of roots whose traces are not recorded.
    pub(crate) filter: &'static [&'static str],
    /// The service of the root: the tracer's, or its own.
    pub(crate) service: &'static str,
    /// The resource of the root; `None`: its name is.
    pub(crate) resource: Option<&'static str>,
}

impl Judge {
    /// Nobody: all are.
    pub(crate) const NONE: Self = Self { sampler: None, filter: &[], service: "", resource: None };

    /// The same, of a root that has a service or a resource of its own.
    pub(crate) fn of(&self, service: Option<&'static str>, resource: Option<&'static str>) -> Self {
        Self { service: service.unwrap_or(self.service), resource, ..*self }
    }

    /// Whether there is anything to ask.
    #[inline(always)]
    pub(crate) const fn exists(&self) -> bool {
        self.sampler.is_some() || !self.filter.is_empty()
    }
}

/// A kind of trace.
pub(super) enum Kin {
    /// It is recorded, and the current span is open.
    Recorded,
    /// It is not recorded.
    Out,
    /// The current span does not say: there is none, or it ended elsewhere.
    Unknown,
}

/// A slot that was claimed and holds, by its handle, a span or the root of a trace that is not recorded.
pub(super) enum Begun {
    Recorded(u32),
    Out(u32),
}

impl Started {
    /// What starts in a trace that is not recorded.
    pub(super) const OUT: Self = Self { handle: 0, previous: 0 };
}

impl ArenaView {
    /// Whether an open span is the root of a trace that is not recorded.
    #[inline(always)]
    pub(crate) fn is_out(&self, handle: u32) -> bool {
        self.full.asks && handle != 0 && self.root(handle) == Some(0)
    }

    /// In what kind of trace that starts which starts here.
    #[inline(always)]
    pub(super) fn kin(&self, here: Here) -> Kin {
        let current = self.cores.get(here.core).map_or(0, |core| core.current(here));
        match if current == 0 { None } else { self.root(current) } {
            None => Kin::Unknown,
            Some(0) => Kin::Out,
            Some(_) => Kin::Recorded,
        }
    }

    /// Decides on the trace of a root; `Err`: it is not recorded, and why.
    pub(super) fn judge(
        &self,
        judge: &Judge,
        handle: u32,
        name: &str,
        clock: &dyn Clock,
    ) -> Result<Verdict, Cause> {
        let root = Root { name, service: judge.service, resource: judge.resource.unwrap_or(name) };
        if judge.filter.iter().any(|pattern| matches(pattern, root.resource)) {
            return Err(Cause::TracesFiltered);
        }
        let id = || self.session().map(|session| session.span_id(self.counter_of(handle)));
        match judge.sampler.map(|sampler| sampler.verdict(&root, id, clock)) {
            Some(Verdict::Drop) => Err(Cause::TracesSampledOut),
            verdict => Ok(verdict.unwrap_or(Verdict::Undecided)),
        }
    }

    /// Writes what a span begins with in a slot that was claimed for it. Of its parent and the root of its trace; without the
    /// latter it is a root and judged.
    pub(super) fn begin_judged(
        &self,
        place: (Mode, Here),
        Claimed { handle, slot }: ClaimedSpan,
        (parent, root): (u32, Option<u32>),
        name: &'static str,
        clock: &dyn Clock,
        judge: &Judge,
    ) -> Begun {
        slot.bytes[INTERRUPT].store(byte(place.1.interrupt), Ordering::Relaxed);
        let is_judged = root.is_none() && judge.exists();
        match if is_judged { self.judge(judge, handle, name, clock) } else { Ok(Verdict::Undecided) } {
            Ok(verdict) => {
                self.begin(handle, slot, name, parent, root.unwrap_or(handle), clock);
                self.mark_kept(place, handle, verdict);
                Begun::Recorded(handle)
            }
            Err(cause) => {
                self.count(place.1.core, cause);
                self.begin_out(handle, slot, parent);
                Begun::Out(handle)
            }
        }
    }

    /// Makes what has begun the current span here; `previous` is so again after it.
    pub(super) fn become_current(&self, core: &Core, here: Here, begun: Begun, previous: u32) -> Started {
        let (Begun::Recorded(handle) | Begun::Out(handle)) = begun;
        let started = match begun {
            Begun::Recorded(handle) => Started { handle, previous },
            Begun::Out(handle) => self.hold_out(handle, previous),
        };
        core.set_current(here, handle);
        started
    }

    /// Marks the root of a trace that is kept with what it was kept by.
    fn mark_kept(&self, (mode, here): (Mode, Here), root: u32, verdict: Verdict) {
        let Verdict::Keep { rule, limit } = verdict else { return };
        let by = self.cell_by(mode, || here.core);
        for (key, rate) in [(RULE, Some(rule)), (LIMIT, limit)] {
            let Some(rate) = rate else { continue };
            let (note, value) = (note_of(Kind::F32, key.len()), words_of(rate.to_bits().into()));
            if let Err(cause) = self.scalar(by, root, key.as_ptr(), note, value) {
                self.lost_tag(here.core, root, cause);
            }
        }
    }

    /// Writes that a slot holds the root of a trace that is not recorded.
    fn begin_out(&self, handle: u32, slot: &SpanSlot, parent: u32) {
        slot.shared[ROOT].store(0, Ordering::Relaxed);
        slot.shared[PARENT].store(parent, Ordering::Relaxed);
        slot.shared[TAGS].store(self.empty_chain(handle), Ordering::Relaxed);
    }

    /// What the guard of such a root gets.
    fn hold_out(&self, handle: u32, previous: u32) -> Started {
        // SAFETY: the caller claimed the slot; the part is a field of the body.
        unsafe { self.spans.slot(handle).write_part(|body| &raw mut (*body).start, previous) };
        Started { handle: 0, previous: handle }
    }

    /// Opens another root in the trace that is not recorded and current here, for what goes on without being current.
    /// `None`: there is no such trace, or no slot.
    pub(crate) fn begin_out_apart(&self, mode: Mode, here: Here) -> Option<Started> {
        let birth = self.birth(self.cores.get(here.core)?, here);
        if !self.is_out(birth.parent) {
            return None;
        }
        let Claimed { handle, slot } = self.claim_by_policy(mode, here, true)?;
        self.begin_out(handle, slot, 0);
        Some(self.hold_out(handle, 0))
    }

    /// What becomes current again after the root of a trace that is not recorded.
    ///
    /// # Safety
    ///
    /// The caller holds the `previous` of what [`hold_out`](Self::hold_out) returned and has not ended it.
    pub(crate) unsafe fn before_out(&self, handle: u32) -> u32 {
        // SAFETY: the caller owns the slot; `hold_out` wrote the part, a field of the body.
        unsafe { self.spans.slot(handle).read_part(|body| &raw const (*body).start) }
    }

    /// Ends the root of a trace that is not recorded.
    ///
    /// # Safety
    ///
    /// As [`before_out`](Self::before_out).
    pub(crate) unsafe fn finish_out(&self, here: Here, handle: u32) {
        // SAFETY: the caller's promise.
        self.leave(here, handle, unsafe { self.before_out(handle) });
        let slot = self.spans.slot(handle);
        self.free_chain(slot);
        forget_interrupt(slot);
        if self.full.overwrite {
            self.spans.free_unused(handle);
        } else {
            self.spans.free_slot(slot, handle);
        }
    }
}

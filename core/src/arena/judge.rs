//! Traces that are not recorded: their verdict, and the mark by which what starts in them knows.
//!
//! The root of such a trace holds a slot, as any open span does, so that it can be current, be left and entered again, and
//! end on another core. The root of its trace is 0 there, which is no span's handle; when it ends the slot is freed at once.

use super::span::{Started, forget_interrupt};
use super::{ArenaView, Cause, Here, PARENT, ROOT, SpanSlot, TAGS, note_of};
use crate::clock::Clock;
use crate::id::{Session, widen};
use crate::sampler::{Sampler, Verdict, matches};
use crate::slot_ring::{Claimed, Mode};
use crate::sync::Ordering;
use crate::tag::{Kind, words_of};

/// The rate of the rule that kept a trace, as a tag of its root: Datadog's name for it.
const RULE: &str = "_dd.rule_psr";
/// The effective rate of the limit it was kept under.
const LIMIT: &str = "_dd.limit_psr";

/// How much of the newest counter the arena need not know: what is left is far below the half of 2^32 to which a
/// handle tells its counter.
const UNKNOWN: u32 = 30;

/// Who decides which traces are recorded.
#[derive(Clone, Copy)]
pub(crate) struct Judge {
    pub(crate) sampler: Option<&'static Sampler>,
    /// Patterns on the names of roots whose traces are not recorded.
    pub(crate) filter: &'static [&'static str],
    /// The service of the roots.
    pub(crate) service: &'static str,
}

impl Judge {
    /// Nobody: all are.
    pub(crate) const NONE: Self = Self { sampler: None, filter: &[], service: "" };

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
        root: u32,
        name: &str,
        clock: &dyn Clock,
    ) -> Result<Verdict, Cause> {
        if judge.filter.iter().any(|pattern| matches(pattern, name)) {
            return Err(Cause::TracesFiltered);
        }
        let id = || self.session().map(|session| session.span_id(self.counter_of(root)));
        match judge.sampler.map(|sampler| sampler.verdict(name, judge.service, id, clock)) {
            Some(Verdict::Drop) => Err(Cause::TracesSampledOut),
            verdict => Ok(verdict.unwrap_or(Verdict::Undecided)),
        }
    }

    /// Marks the root of a trace that is kept with what it was kept by.
    pub(super) fn mark_kept(&self, mode: Mode, here: Here, root: u32, verdict: Verdict) {
        let Verdict::Keep { rule, limit } = verdict else { return };
        for (key, rate) in [(RULE, Some(rule)), (LIMIT, limit)] {
            let Some(rate) = rate else { continue };
            let (note, value) = (note_of(Kind::F32, key.len()), words_of(rate.to_bits().into()));
            if let Err(cause) = self.scalar(mode, root, key.as_ptr(), note, value) {
                self.lost_tag(here.core, root, cause);
            }
        }
    }

    /// Opens the root of a trace that is not recorded in a slot that was claimed for it.
    pub(super) fn begin_out(&self, handle: u32, slot: &SpanSlot, parent: u32, previous: u32) -> Started {
        slot.shared[ROOT].store(0, Ordering::Relaxed);
        slot.shared[PARENT].store(parent, Ordering::Relaxed);
        slot.shared[TAGS].store(self.empty_chain(handle), Ordering::Relaxed);
        // SAFETY: the caller claimed it; the part is a field of the body.
        unsafe { slot.write_part(|body| &raw mut (*body).start, previous) };
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
        Some(self.begin_out(handle, slot, 0, 0))
    }

    /// What becomes current again after the root of a trace that is not recorded.
    ///
    /// # Safety
    ///
    /// The caller holds the `previous` of what [`begin_out`](Self::begin_out) returned and has not ended it.
    pub(crate) unsafe fn before_out(&self, handle: u32) -> u32 {
        // SAFETY: the caller owns the slot; `begin_out` wrote the part, a field of the body.
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
            self.spans.free(handle);
        }
    }

    /// Begins the session; `false`: it has begun already.
    pub(crate) fn begin_session(&self, session: Session) -> bool {
        let begins = !self.state.drained.swap(true, Ordering::AcqRel);
        if begins {
            let [low, high] = &self.state.key;
            low.store(session.0 as u32, Ordering::Relaxed);
            high.store((session.0 >> 32) as u32, Ordering::Relaxed);
            self.state.keyed.store(true, Ordering::Release);
        }
        begins
    }

    /// The session, once it has begun.
    fn session(&self) -> Option<Session> {
        let [low, high] = &self.state.key;
        let half = |word: &crate::sync::AtomicU32| u64::from(word.load(Ordering::Relaxed));
        self.state.keyed.load(Ordering::Acquire).then(|| Session::new(half(low) | half(high) << 32))
    }

    /// Takes note of the newest counter drained.
    pub(crate) fn note_newest(&self, counter: u64) {
        self.state.newest.store((counter >> UNKNOWN) as u32, Ordering::Relaxed);
    }

    /// The counter of a span that starts now.
    fn counter_of(&self, handle: u32) -> u64 {
        widen(u64::from(self.state.newest.load(Ordering::Relaxed)) << UNKNOWN, handle)
    }
}

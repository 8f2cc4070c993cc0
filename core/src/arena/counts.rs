//! What was dropped: by cause, and on which core.

use super::ArenaView;
use crate::sync::{AtomicU32, Ordering};

/// Why something was dropped: one for each field of [`Stats`], with the number that it has on the wire.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// let span = TRACER.trace("request");
/// let late = span.as_ref().unwrap();
/// drop(span);
/// late.set_tag("too", "late");
/// assert_eq!(TRACER.stats().stale, 1); // as the host counts `Cause::Stale`
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Cause {
    /// [`Stats::spans_full`].
    SpansFull = 0,
    /// [`Stats::spans_reserved`].
    SpansReserved = 1,
    /// [`Stats::spans_overwritten`].
    SpansOverwritten = 2,
    /// [`Stats::spans_oversize`].
    SpansOversize = 3,
    /// [`Stats::tags_full`].
    TagsFull = 4,
    /// [`Stats::tags_oversize`].
    TagsOversize = 5,
    /// [`Stats::stale`].
    Stale = 6,
    /// [`Stats::traces_sampled_out`].
    TracesSampledOut = 7,
    /// [`Stats::traces_filtered`].
    TracesFiltered = 8,
}

impl Cause {
    const ALL: [Self; CAUSES] = [
        Self::SpansFull,
        Self::SpansReserved,
        Self::SpansOverwritten,
        Self::SpansOversize,
        Self::TagsFull,
        Self::TagsOversize,
        Self::Stale,
        Self::TracesSampledOut,
        Self::TracesFiltered,
    ];

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// How many causes there are.
pub(crate) const CAUSES: usize = 9;

/// What a tracer dropped since its start, by cause; each count wraps at 2^32.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// let held: Vec<Span> = (0..17).map(|_| TRACER.trace("open")).collect(); // the arena has 16 slots
/// assert_eq!((TRACER.stats().spans_full, TRACER.stats().stale), (1, 0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Stats {
    /// Spans that found no free slot, or, however empty the arena is, none that is theirs: on a core, or a thread, for which it has no
    /// place.
    pub spans_full: u32,
    /// Spans that found only slots that are [reserved](crate::Tracer::reserve) for roots and errors.
    pub spans_reserved: u32,
    /// Finished spans that were [overwritten](crate::Tracer::overwrite) before the drain took them.
    pub spans_overwritten: u32,
    /// Spans that did not fit a packet of the drain's MTU, even without their tags.
    pub spans_oversize: u32,
    /// Tags, events, links and items of baggage that found no free cells; their spans live on and are marked.
    pub tags_full: u32,
    /// Those that did not fit a packet beside their span, or were too long to be set; the span goes without them and is marked.
    pub tags_oversize: u32,
    /// Those that were set on a span that was finished, and errors.
    pub stale: u32,
    /// Traces that the [sampler](crate::Tracer::sampler) had not recorded, by its rules or its limit.
    pub traces_sampled_out: u32,
    /// Traces that the [filter](crate::Tracer::filter) had not recorded.
    pub traces_filtered: u32,
}

impl Stats {
    /// All spans that were dropped, whatever the cause.
    ///
    /// ```
    /// use microspan::{Cause, Stats};
    /// let stats = Stats::of(|cause| if cause == Cause::SpansFull { 3 } else { 0 });
    /// assert_eq!(stats.spans_dropped(), 3);
    /// ```
    pub fn spans_dropped(&self) -> u32 {
        let not_started = self.spans_full.wrapping_add(self.spans_reserved);
        not_started.wrapping_add(self.spans_overwritten).wrapping_add(self.spans_oversize)
    }

    /// All tags that were dropped, whatever the cause.
    ///
    /// ```
    /// use microspan::{Cause, Stats};
    /// let stats = Stats::of(|cause| if cause == Cause::TagsFull { 3 } else { 0 });
    /// assert_eq!(stats.tags_dropped(), 3);
    /// ```
    pub fn tags_dropped(&self) -> u32 {
        self.tags_full.wrapping_add(self.tags_oversize).wrapping_add(self.stale)
    }

    /// The same without the traces that were not recorded on purpose.
    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(crate) fn losses(self) -> Self {
        Self { traces_sampled_out: 0, traces_filtered: 0, ..self }
    }

    /// The counts that `count` gives for each cause.
    ///
    /// ```
    /// use microspan::{Cause, Stats};
    /// let stats = Stats::of(|cause| if cause == Cause::Stale { 7 } else { 0 });
    /// assert_eq!(stats.stale, 7);
    /// ```
    pub fn of(count: impl Fn(Cause) -> u32) -> Self {
        Self {
            spans_full: count(Cause::SpansFull),
            spans_reserved: count(Cause::SpansReserved),
            spans_overwritten: count(Cause::SpansOverwritten),
            spans_oversize: count(Cause::SpansOversize),
            tags_full: count(Cause::TagsFull),
            tags_oversize: count(Cause::TagsOversize),
            stale: count(Cause::Stale),
            traces_sampled_out: count(Cause::TracesSampledOut),
            traces_filtered: count(Cause::TracesFiltered),
        }
    }
}

impl ArenaView {
    /// Counts a drop on a core; on one that the arena has no place for, on the last.
    #[cold]
    #[inline(never)]
    pub(crate) fn count(&self, core: usize, cause: Cause) {
        self.count_some(core, cause, 1);
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn count_some(&self, core: usize, cause: Cause, more: u32) {
        if let Some(count) = self.counter(core.min(self.cores.len() - 1), cause as usize) {
            count.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// The count of a core and a cause, by their numbers.
    pub(crate) fn counter(&self, core: usize, cause: usize) -> Option<&'static AtomicU32> {
        self.dropped.get(core)?.get(cause)
    }

    /// How many cores the arena serves.
    pub(crate) fn cores(&self) -> usize {
        self.cores.len()
    }

    /// What was dropped on one core.
    pub(crate) fn stats_of(&self, core: usize) -> Stats {
        Stats::of(|cause| self.counter(core, cause as usize).map_or(0, |count| count.load(Ordering::Relaxed)))
    }

    /// What was dropped on all cores.
    pub(crate) fn stats(&self) -> Stats {
        Stats::of(|cause| {
            let counts = (0..self.cores()).filter_map(|core| self.counter(core, cause as usize));
            counts.fold(0, |sum, count| sum.wrapping_add(count.load(Ordering::Relaxed)))
        })
    }
}

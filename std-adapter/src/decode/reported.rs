//! What devices say of themselves in counts: what they dropped, and what happened at their callsites.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use microspan::Cause;
use microspan::wire::Text as WireText;

use super::names::{Named, Names};
use crate::model::Text;

/// How many callsites of a session are kept: more than a device's table has.
const CALLSITES: usize = 2048;

/// How many names of callsites a report holds; what is beyond goes under [`OTHERS`].
const REPORTED: usize = 4096;

/// The name a device, too, has for callsites that found no place.
const OTHERS: &str = "(other callsites)";

/// What was dropped on devices, by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Dropped {
    /// Spans that found no free slot.
    pub spans_full: u64,
    /// Spans that found only slots reserved for roots and errors.
    pub spans_reserved: u64,
    /// Finished spans that were overwritten by newer ones.
    pub spans_overwritten: u64,
    /// Spans that fit no packet.
    pub spans_oversize: u64,
    /// Tags that found no free cell.
    pub tags_full: u64,
    /// Tags that fit no packet beside their span.
    pub tags_oversize: u64,
    /// Tags and errors set on a span that was finished.
    pub stale: u64,
    /// Traces that the device's sampler had not recorded.
    pub traces_sampled_out: u64,
    /// Traces that the device's filter had not recorded.
    pub traces_filtered: u64,
}

impl Dropped {
    /// Spans, whatever the cause.
    pub fn spans(&self) -> u64 {
        [self.spans_full, self.spans_reserved, self.spans_overwritten, self.spans_oversize]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// Tags, whatever the cause.
    pub fn tags(&self) -> u64 {
        [self.tags_full, self.tags_oversize, self.stale].into_iter().fold(0, u64::saturating_add)
    }

    /// Traces that were not recorded on purpose; nobody knows of how many spans.
    pub fn traces(&self) -> u64 {
        self.traces_sampled_out.saturating_add(self.traces_filtered)
    }

    /// The sum of both.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            spans_full: self.spans_full.saturating_add(other.spans_full),
            spans_reserved: self.spans_reserved.saturating_add(other.spans_reserved),
            spans_overwritten: self.spans_overwritten.saturating_add(other.spans_overwritten),
            spans_oversize: self.spans_oversize.saturating_add(other.spans_oversize),
            tags_full: self.tags_full.saturating_add(other.tags_full),
            tags_oversize: self.tags_oversize.saturating_add(other.tags_oversize),
            stale: self.stale.saturating_add(other.stale),
            traces_sampled_out: self.traces_sampled_out.saturating_add(other.traces_sampled_out),
            traces_filtered: self.traces_filtered.saturating_add(other.traces_filtered),
        }
    }

    fn of(count: impl Fn(Cause) -> u64) -> Self {
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

/// What happened at the callsites of one name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Callsite {
    /// Spans that were to start there, dropped ones included.
    pub started: u64,
    /// Spans that were finished.
    pub finished: u64,
    /// Spans that were finished and are errors.
    pub errored: u64,
    /// Spans that found no slot.
    pub dropped: u64,
}

/// What devices say of themselves, all sessions together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reported {
    /// What was dropped on each core that dropped anything. Cores of several devices that have one number stand together.
    pub cores: BTreeMap<u8, Dropped>,
    /// What happened at callsites, by the name of their spans; at most 4,096 names, and `(other callsites)`.
    pub callsites: BTreeMap<String, Callsite>,
}

impl Reported {
    /// What was dropped on all cores.
    pub fn dropped(&self) -> Dropped {
        self.cores.values().fold(Dropped::default(), |sum, core| sum.plus(core))
    }

    pub(crate) fn add_callsite(&mut self, name: &str, counts: [u64; 4]) {
        let has_room = self.callsites.len() < REPORTED || self.callsites.contains_key(name);
        let site = self.callsites.entry((if has_room { name } else { OTHERS }).to_owned()).or_default();
        let [started, finished, errored, dropped] = counts;
        site.started = site.started.saturating_add(started);
        site.finished = site.finished.saturating_add(finished);
        site.errored = site.errored.saturating_add(errored);
        site.dropped = site.dropped.saturating_add(dropped);
    }
}

/// A count that only grows, and wraps at 2^32 on the wire.
#[derive(Debug, Clone, Copy)]
struct Count(u64);

impl Count {
    /// Takes what is told, unless it is from before what was told last.
    fn tell(&mut self, told: u32) {
        let ahead = told.wrapping_sub(self.0 as u32);
        if ahead <= i32::MAX as u32 {
            self.0 = self.0.saturating_add(ahead.into());
        }
    }
}

/// What one session says of itself in counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// At most 256 cores and nine causes.
    dropped: HashMap<(u8, Cause), Count>,
    callsites: HashMap<Named, [Count; 4]>,
}

impl Counts {
    pub(super) fn dropped(&mut self, core: u8, cause: Cause, count: u32) {
        self.dropped.entry((core, cause)).or_insert(Count(count.into())).tell(count);
    }

    /// Takes the counts of a callsite; `false`: there are too many.
    #[must_use]
    pub(super) fn callsite(&mut self, name: WireText<'_>, told: [u32; 4]) -> bool {
        let name = Named::from(name);
        if self.callsites.len() >= CALLSITES && !self.callsites.contains_key(&name) {
            return false;
        }
        let counts = self.callsites.entry(name).or_insert(told.map(|count| Count(count.into())));
        counts.iter_mut().zip(told).for_each(|(count, told)| count.tell(told));
        true
    }

    pub(super) fn add_to(&self, reported: &mut Reported, names: &Names) {
        let cores: BTreeSet<u8> = self.dropped.keys().map(|(core, _)| *core).collect();
        for core in cores {
            let count = |cause| self.dropped.get(&(core, cause)).map_or(0, |count| count.0);
            let sum = reported.cores.entry(core).or_default();
            *sum = sum.plus(&Dropped::of(count));
        }
        for (name, counts) in &self.callsites {
            let name = names.find(name, true).unwrap_or_else(|| Text::from(""));
            reported.add_callsite(&name, counts.map(|count| count.0));
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        (self.dropped.len(), self.callsites.len())
    }
}

//! The books: what the lanes made, what the sink saw, and what the tracer says it dropped.

use core::fmt;
use core::sync::atomic::Ordering;

use microspan::{Stats, Tracer};

use super::lane::Lane;
use super::sink::Sink;

/// Counts that a program adds to its report.
const EXTRAS: usize = 5;

/// The balance of a run. Displayed: a line of JSON.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    made: u32,
    drained: u32,
    tags_made: u32,
    tags_drained: u32,
    stats: Stats,
    ambiguous: u32,
    unknown: u32,
    extras: [(&'static str, u32); EXTRAS],
    faults: u32,
    first_fault: Option<(&'static str, u32)>,
}

impl Report {
    /// The balance, when every span is finished and drained, and the last packet had a sync.
    pub(super) fn of<const KIN: usize>(
        lanes: &[Lane],
        tracer: &Tracer,
        drained: u32,
        sink: &Sink<KIN>,
    ) -> Self {
        let total = |count: fn(&Lane) -> u32| lanes.iter().map(count).fold(0, u32::wrapping_add);
        let stats = tracer.stats();
        let mut report = Self {
            made: total(Lane::made),
            drained,
            tags_made: total(|lane| lane.tags.load(Ordering::Relaxed)),
            tags_drained: sink.tags,
            stats,
            ambiguous: sink.ambiguous,
            unknown: sink.unknown,
            extras: [("", 0); EXTRAS],
            faults: sink.faults,
            first_fault: sink.first_fault,
        };
        let tags_out = report.tags_drained.wrapping_add(stats.tags_dropped());
        let late = total(|lane| lane.late.load(Ordering::Relaxed));
        let wrong = total(|lane| lane.wrong.load(Ordering::Relaxed));
        report.expect(
            "spans made, and spans drained and dropped",
            report.made,
            drained.wrapping_add(stats.spans_dropped()),
        );
        report.expect("spans drained, and spans that came", drained, sink.spans);
        report.expect("tags set too late, and stale ones", late, stats.stale);
        report.expect("times that the current span was not the right one", 0, wrong);
        let lost = lanes
            .iter()
            .zip(sink.seen)
            .map(|(lane, (count, _))| lane.recorded.load(Ordering::Relaxed).wrapping_sub(count));
        report.expect(
            "spans recorded, and spans that came or were overwritten",
            stats.spans_overwritten,
            lost.sum(),
        );
        if stats.spans_overwritten == 0 {
            report.expect("tags made, and tags drained and dropped", report.tags_made, tags_out);
            report.expect("spans that have children and never came", 0, sink.missing());
            for (lane, (count, sum)) in lanes.iter().zip(sink.seen) {
                report.expect(lane.name, lane.recorded.load(Ordering::Relaxed), count);
                if stats.tags_full == 0 {
                    report.expect(lane.name, lane.sum.load(Ordering::Relaxed), sum);
                }
            }
        } else if sink.missing() > stats.spans_overwritten || tags_out > report.tags_made {
            report.fault("more was lost than was overwritten", sink.missing());
        }
        if !sink.knows_drops(tracer) {
            report.fault("the packets do not tell what was dropped", stats.spans_full);
        }
        report
    }

    /// Adds a count to what is displayed; up to five.
    #[must_use]
    pub fn with(mut self, name: &'static str, count: u32) -> Self {
        if let Some(place) = self.extras.iter_mut().find(|(name, _)| name.is_empty()) {
            *place = (name, count);
        }
        self
    }

    /// Whether nothing was wrong.
    pub fn is_right(&self) -> bool {
        self.faults == 0
    }

    fn expect(&mut self, what: &'static str, expected: u32, found: u32) {
        if expected != found {
            self.fault(what, found.wrapping_sub(expected));
        }
    }

    fn fault(&mut self, what: &'static str, number: u32) {
        self.faults += 1;
        self.first_fault.get_or_insert((what, number));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { made, drained, tags_made, tags_drained, stats, ambiguous, unknown, faults, .. } = self;
        write!(f, "{{\"spans_made\":{made},\"spans_drained\":{drained}")?;
        write!(f, ",\"spans_dropped\":{}", stats.spans_dropped())?;
        write!(f, ",\"spans_overwritten\":{}", stats.spans_overwritten)?;
        write!(f, ",\"tags_made\":{tags_made},\"tags_drained\":{tags_drained}")?;
        write!(f, ",\"tags_dropped\":{}", stats.tags_dropped())?;
        write!(f, ",\"stale\":{},\"ambiguous\":{ambiguous},\"unknown\":{unknown}", stats.stale)?;
        for (name, count) in self.extras.iter().filter(|(name, _)| !name.is_empty()) {
            write!(f, ",\"{name}\":{count}")?;
        }
        if let Some((what, number)) = self.first_fault {
            write!(f, ",\"first_fault\":\"{what}: {number:#x}\"")?;
        }
        write!(f, ",\"faults\":{faults}}}")
    }
}

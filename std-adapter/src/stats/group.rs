//! What is counted of spans that are alike.

use libdd_ddsketch::DDSketch;

use crate::model::Span;

/// Spans that are alike.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) hits: u64,
    pub(super) errors: u64,
    pub(super) top_level_hits: u64,
    /// Nanoseconds.
    pub(super) duration: u64,
    pub(super) ok: DDSketch,
    pub(super) failed: DDSketch,
}

impl Group {
    pub(super) fn add(&mut self, span: &Span, is_top_level: bool) {
        let duration = span.duration.max(0).unsigned_abs();
        self.hits += 1;
        self.errors += u64::from(span.error);
        self.top_level_hits += u64::from(is_top_level);
        self.duration = self.duration.saturating_add(duration);
        let sketch = if span.error { &mut self.failed } else { &mut self.ok };
        // It refuses what is negative or not finite, which no duration is.
        let _ = sketch.add(duration as f64);
    }

    /// Counts what another counted.
    pub(super) fn merge(&mut self, other: &Self) {
        self.hits += other.hits;
        self.errors += other.errors;
        self.top_level_hits += other.top_level_hits;
        self.duration = self.duration.saturating_add(other.duration);
        for (sketch, other) in [(&mut self.ok, &other.ok), (&mut self.failed, &other.failed)] {
            // What a bin says of itself lies in that bin.
            for (value, count) in other.ordered_bins().into_iter().filter(|(_, count)| *count > 0.0) {
                let _ = sketch.add_with_count(value, count);
            }
        }
    }
}

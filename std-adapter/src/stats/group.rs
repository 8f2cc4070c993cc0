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
}

//! Tags of all spans that the program sets while it runs.

use microspan::Tracer;

use super::spans::convert;
use crate::model::Source;

/// What this process says of itself, beside what its configuration does.
pub(super) struct Said {
    tracer: &'static Tracer,
    source: Source,
    /// Which changes it knows of.
    told: u32,
}

impl Said {
    /// Nothing more than `source` says.
    pub(super) fn new(tracer: &'static Tracer, source: Source) -> Self {
        Self { tracer, source, told: 0 }
    }

    /// The same with what was set since, if anything was.
    pub(super) fn news(&mut self) -> Option<&Source> {
        let Self { tracer, source, told } = self;
        let is_new = tracer.new_global_tags(told, |key, value| {
            if let Some(value) = convert(value, false) {
                source.set_tag(key, value);
            }
        });
        is_new.then_some(source)
    }
}

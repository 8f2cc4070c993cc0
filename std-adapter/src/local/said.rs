//! Tags of all spans that the program sets while it runs.

use microspan::Tracer;

use super::spans::convert;
use crate::config::Tagging;
use crate::model::Source;

/// What this process says of itself, beside what its configuration does.
#[derive(Clone)]
pub(super) struct Said {
    tracer: &'static Tracer,
    source: Source,
    /// What the configuration says, which holds.
    tagging: Tagging,
    /// Which changes it knows of.
    told: u32,
}

impl Said {
    /// Nothing more than `source` says.
    pub(super) fn new(tracer: &'static Tracer, source: Source, tagging: Tagging) -> Self {
        Self { tracer, source, tagging, told: 0 }
    }

    /// The same with what was set since, if anything was.
    pub(super) fn news(&mut self) -> Option<&Source> {
        let Self { tracer, source, tagging, told } = self;
        let is_new = tracer.new_global_tags(told, |key, value| {
            if let Some(value) = convert(value, false) {
                source.set_tag(key, value);
            }
        });
        if !is_new {
            return None;
        }
        if tagging.env.is_some() {
            source.tags.retain(|(key, _)| key != "env");
        }
        // The configured version is that of the configured service.
        if tagging.version.is_some() && (source.service.is_none() || source.service == tagging.service) {
            source.tags.retain(|(key, _)| key != "version");
            source.version = None;
        }
        Some(source)
    }
}

//! What a trace says of who made it, and which of its spans are kept, for forms that have places of their own for that.

use super::Trace;
use crate::model::{Span, Tag, Text};

/// What marks a single span that is kept.
const SINGLE: &str = "_dd.span_sampling.mechanism";

/// Who made a trace.
#[derive(Debug)]
pub(crate) struct About<'a> {
    /// Tags of all of its spans, unless a span has one of the same key, or says that it does not hold for it.
    pub(crate) tags: &'a [Tag],
    /// The session, in 32 hex digits.
    pub(crate) runtime_id: &'a str,
    pub(crate) language: &'a str,
    pub(crate) process_id: Option<u32>,
    /// What the device is called, if it is one.
    pub(crate) device: Option<&'a Text>,
    /// Which build of its program runs.
    pub(crate) build_id: Option<&'a Text>,
}

impl Trace {
    pub(crate) fn about(&self) -> About<'_> {
        let context = &*self.context;
        About {
            tags: &context.tags,
            runtime_id: &context.runtime_id,
            language: &context.language,
            process_id: context.process_id,
            device: context.device.as_ref(),
            build_id: context.build_id.as_ref(),
        }
    }

    /// The version of a span's service, if it is known.
    pub(crate) fn version_of(&self, span: &Span) -> Option<&Text> {
        self.context.version.as_ref().filter(|_| self.versioned == span.service)
    }

    /// The spans that are kept: all, or those that a rule for single spans picked out of a trace that is not.
    pub fn kept_spans(&self) -> impl Iterator<Item = &Span> {
        let is_kept = self.is_kept();
        self.spans.iter().filter(move |span| is_kept || span.tag(SINGLE).is_some())
    }
}

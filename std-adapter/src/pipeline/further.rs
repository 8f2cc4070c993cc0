//! What the tags depend on that a span has beside its own, so that it is seen which spans have the same.

use std::sync::Arc;

use super::Trace;
use super::context::Context;
use super::rates::Verdict;

/// On what the tags of a span beside its own depend, as long as its own have none of their keys.
#[derive(Debug, Clone)]
pub(crate) struct Further {
    context: Arc<Context>,
    kind: Kind,
    /// Of the first span of a chunk.
    verdict: Option<Verdict>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Kind {
    /// Of the first span of a chunk: the high half of its trace's id, and whether it is a root.
    first: Option<(u64, bool)>,
    is_top_level: bool,
    is_versioned: bool,
    is_of_main_service: bool,
}

impl Trace {
    /// On what the further tags of the span at `index` depend; `None`: on more than can be told.
    pub(crate) fn further(&self, index: usize) -> Option<Further> {
        let kind = self.kind(index)?;
        let verdict = self.verdict.clone().filter(|_| index == 0);
        Some(Further { context: self.context.clone(), kind, verdict })
    }

    /// Whether that is the same as was told of another span.
    #[inline]
    pub(crate) fn has_further(&self, index: usize, told: &Further) -> bool {
        Arc::ptr_eq(&self.context, &told.context)
            && self.kind(index) == Some(told.kind)
            && (index != 0 || self.verdict == told.verdict)
    }

    #[inline]
    fn kind(&self, index: usize) -> Option<Kind> {
        let span = self.spans.get(index).filter(|span| span.extra.is_none())?;
        Some(Kind {
            first: (index == 0).then(|| ((span.trace_id >> 64) as u64, span.is_local_root())),
            is_top_level: self.is_top_level(index),
            is_versioned: self.versioned == span.service,
            is_of_main_service: span.service.as_ref() == Some(&self.context.service),
        })
    }
}

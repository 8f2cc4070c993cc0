//! What happens to a trace between its being gathered and its being sent: filters, sampling, hiding.

use std::sync::Arc;

use super::Trace;
use super::context::Context;
use super::decided::Decisions;
use super::filter::{TraceFilter, pass, root};
use super::recent::Recent;
use super::replace;
use super::sampling::Sampler;
use super::table::Key;
use crate::config::{Config, Filters, ReplaceRule};
use crate::model::{Span, Text};

/// How many traces that were dropped are remembered, for the parts of them that come later.
const REMEMBERED: usize = 8_192;

/// The steps in their order.
pub(super) struct Stage {
    filters: Filters,
    of_agent: Filters,
    own: Vec<Box<dyn TraceFilter>>,
    dropped: Recent<Key, ()>,
    sampler: Sampler,
    replace: Arc<[ReplaceRule]>,
    mapping: Vec<(Text, Text)>,
}

impl Stage {
    /// One that lets everything pass, and renames these services.
    pub(super) fn new(mapping: Vec<(Text, Text)>) -> Self {
        Self {
            filters: Filters::default(),
            of_agent: Filters::default(),
            own: Vec::new(),
            dropped: Recent::new(REMEMBERED),
            sampler: Sampler::default(),
            replace: Arc::new([]),
            mapping,
        }
    }

    pub(super) fn configured(config: &Config) -> Self {
        Self {
            filters: config.filters.clone(),
            sampler: Sampler::new(config.sampling.clone()),
            replace: config.replace.as_slice().into(),
            ..Self::new(config.tagging.mapping.clone())
        }
    }

    pub(super) fn rules(&self) -> Arc<[ReplaceRule]> {
        self.replace.clone()
    }

    pub(super) fn decisions(&self) -> Arc<Decisions> {
        self.sampler.decisions().clone()
    }

    pub(super) fn add_filter(&mut self, filter: Box<dyn TraceFilter>) {
        self.own.push(filter);
    }

    pub(super) fn set_agent_filters(&mut self, filters: Filters) {
        self.of_agent = filters;
    }

    /// Whether what becomes of a trace depends on its root, so that no part of it should go out before.
    pub(super) fn waits_for_roots(&self) -> bool {
        !self.filters.is_empty() || !self.of_agent.is_empty()
    }

    pub(super) fn rename(&self, spans: &mut [Span]) {
        for (from, to) in &self.mapping {
            for span in spans.iter_mut().filter(|span| span.service.as_ref() == Some(from)) {
                span.service = Some(to.clone());
            }
        }
    }

    /// Whether a program's own filters have to be asked.
    pub(super) fn has_own(&self) -> bool {
        !self.own.is_empty()
    }

    /// Whether a trace goes on; one of which a part was dropped does not.
    pub(super) fn keep(&mut self, spans: &mut [Span], context: &Context) -> bool {
        if !self.has_own() && !self.waits_for_roots() {
            return true;
        }
        let Some(first) = spans.first() else { return true };
        let key = (first.trace_id, first.source.runtime_id);
        if self.dropped.get(&key).is_some() {
            return false;
        }
        let is_kept = spans.get(root(spans)).is_none_or(|root| {
            [&self.filters, &self.of_agent].into_iter().all(|filters| pass(filters, root, context))
        }) && self.own.iter_mut().all(|filter| filter.keep(spans));
        if !is_kept {
            self.sampler.decisions().forget(key.0);
            self.dropped.insert(key, ());
        }
        is_kept
    }

    /// Decides of a trace, and hides what is not to leave.
    pub(super) fn finish(&mut self, trace: &mut Trace, now: u64) {
        self.sampler.judge(trace, now);
        if self.replace.is_empty() {
            return;
        }
        trace.spans.iter_mut().for_each(|span| replace::apply(&self.replace, span));
        if let Some(clean) = trace.context.clean.clone() {
            trace.context = clean;
        }
    }
}

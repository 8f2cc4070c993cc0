//! What happens to a trace between its being gathered and its being sent: filters, sampling, hiding.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::ahead::as_gathered;
use super::context::Context;
use super::decided::Decisions;
use super::decision::{LIMIT, PRIORITY, RULE};
use super::filter::{TraceFilter, pass, passes_so_far, root};
use super::recent::Recent;
use super::replace;
use super::said::Said;
use super::sampling::Sampler;
use super::table::Key;
use super::{Rates, Trace};
use crate::config::{Config, Filters, ReplaceRule};
use crate::model::{Span, Text};

/// How many traces are remembered that were dropped, or of which a part passed by what its root was then, for the parts that come later.
const REMEMBERED: usize = 8_192;

/// The steps in their order.
pub(super) struct Stage {
    filters: Filters,
    of_agent: Filters,
    own: Vec<Box<dyn TraceFilter>>,
    /// How often one of them panicked.
    panics: u64,
    /// Whether they pass.
    judged: Recent<Key, bool>,
    said: Said,
    /// Whether a root that is neither open nor in a part is gone.
    knows_roots: bool,
    sampler: Sampler,
    replace: Arc<[ReplaceRule]>,
    mapping: Vec<(Text, Text)>,
    /// Those of the tags of open roots that somebody looks at.
    keys: Vec<Text>,
}

impl Stage {
    /// One that lets everything pass, and renames these services.
    pub(super) fn new(mapping: Vec<(Text, Text)>) -> Self {
        Self {
            filters: Filters::default(),
            of_agent: Filters::default(),
            own: Vec::new(),
            panics: 0,
            judged: Recent::new(REMEMBERED),
            said: Said::default(),
            knows_roots: false,
            sampler: Sampler::default(),
            replace: Arc::new([]),
            mapping,
            keys: Vec::new(),
        }
        .with_keys()
    }

    pub(super) fn configured(config: &Config) -> Self {
        Self {
            filters: config.filters.clone(),
            sampler: Sampler::new(config.sampling.clone()),
            replace: config.replace.as_slice().into(),
            ..Self::new(config.tagging.mapping.clone())
        }
        .with_keys()
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

    pub(super) fn know_roots(&mut self) {
        self.knows_roots = true;
    }

    pub(super) fn set_agent_filters(&mut self, filters: Filters) {
        self.of_agent = filters;
        self.note_keys();
    }

    fn with_keys(mut self) -> Self {
        self.note_keys();
        self
    }

    fn note_keys(&mut self) {
        let decisions = self.sampler.decisions();
        let of_rules = decisions.rules().iter().flat_map(|rule| &rule.tags).map(|(key, _)| key.as_str());
        let of_filters = [&self.filters, &self.of_agent].into_iter();
        let of_filters = of_filters.flat_map(|filters| filters.require.iter().chain(&filters.reject));
        let mut keys: Vec<&str> = of_rules.chain(of_filters.map(|filter| filter.key.as_str())).collect();
        keys.extend([RULE, LIMIT]);
        keys.sort_unstable();
        keys.dedup();
        self.keys = keys.into_iter().map(Text::new).collect();
    }

    /// The keys of those tags of open roots that somebody looks at.
    pub(super) fn keys(&self) -> &[Text] {
        &self.keys
    }

    /// Whether what becomes of a trace depends on its root, so that no part of it should go out before.
    pub(super) fn waits_for_roots(&self) -> bool {
        !self.filters.is_empty() || !self.of_agent.is_empty()
    }

    /// Makes of a root that is open what it would be if it were gathered.
    pub(super) fn see(&self, open: &mut Span, trace_id: u128, context: &Context) {
        as_gathered(open, trace_id, context, &self.mapping);
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

    /// How often one of them panicked.
    pub(super) fn panics(&self) -> u64 {
        self.panics
    }

    /// Whether a program's own filters let a trace pass; one that panics does not.
    fn ask_own(&mut self, spans: &mut [Span]) -> bool {
        let Self { own, panics, .. } = self;
        own.iter_mut().all(|filter| {
            // What a panic leaves of the trace is dropped, and what it leaves of the filter is the filter's.
            catch_unwind(AssertUnwindSafe(|| filter.keep(spans))).unwrap_or_else(|payload| {
                *panics += 1;
                // It is the program's too, and may panic when it is let go.
                _ = catch_unwind(AssertUnwindSafe(|| drop(payload))).map_err(mem::forget);
                false
            })
        })
    }

    /// Whether a trace goes on; one of which a part was dropped does not, and lists let all of one pass of which the root did, or a part
    /// by what the root, if that is `open`, was then.
    pub(super) fn keep(
        &mut self,
        key: Key,
        spans: &mut [Span],
        open: Option<&Span>,
        context: &Context,
    ) -> bool {
        if !self.has_own() && !self.waits_for_roots() {
            return true;
        }
        let Some(first) = spans.first() else { return true };
        let began = began_trace(first).then_some(first.trace_id);
        let is_late = !first.is_local_root() && self.said.knows(key);
        let known = self.judged.get(&key).copied().or(is_late.then_some(true));
        let lists = [&self.filters, &self.of_agent];
        let passes = known.unwrap_or_else(|| match open {
            Some(root) => lists.iter().all(|filters| passes_so_far(filters, root, context)),
            None => spans
                .get(root(spans))
                .is_none_or(|root| lists.iter().all(|filters| pass(filters, root, context))),
        });
        let is_kept = passes && self.ask_own(spans);
        // A root that continues a trace is not the only one of it: its caller may be open here too.
        if let Some(id) = began.filter(|_| !is_kept) {
            self.sampler.decisions().forget(id);
        }
        if known != Some(is_kept) && (!is_kept || open.is_some()) {
            self.judged.insert(key, is_kept);
        }
        is_kept
    }

    /// Has a part that comes after its root say what that said of the trace.
    pub(super) fn repeat(&self, key: Key, spans: &mut [Span]) {
        spans.first_mut().into_iter().for_each(|first| self.said.repeat(key, first));
    }

    /// Decides of a trace, and hides what is not to leave.
    pub(super) fn finish(
        &mut self,
        key: Key,
        trace: &mut Trace,
        open: Option<Span>,
        rates: &Rates,
        now: u64,
    ) {
        if let Some(root) = trace.spans.first().filter(|first| first.is_local_root()) {
            let is_decided = root.tag(PRIORITY).is_some();
            if is_decided || self.waits_for_roots() {
                self.said.note(key, root);
            }
            if is_decided && began_trace(root) {
                self.sampler.decisions().close(root.trace_id);
            }
        }
        let is_late = self.knows_roots && open.is_none() && !trace.has_root();
        let undecided = trace.spans.first().filter(|first| is_late && first.tag(PRIORITY).is_none());
        let late = undecided.map(|first| first.trace_id);
        self.sampler.judge(trace, open, rates, now);
        late.into_iter().for_each(|id| self.sampler.decisions().close(id));
        if self.replace.is_empty() {
            return;
        }
        trace.spans.iter_mut().for_each(|span| replace::apply(&self.replace, span));
        if let Some(clean) = trace.context.clean.clone() {
            trace.context = clean;
        }
    }
}

/// Whether the trace has no root before this one.
fn began_trace(span: &Span) -> bool {
    span.parent_id == 0 && !span.remote_parent
}

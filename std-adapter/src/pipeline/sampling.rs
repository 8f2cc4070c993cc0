//! The host's sampler: for traces of which nobody has decided, and for single spans of those that are not kept.
//!
//! The first rule that is for the trace's root holds, or else the rate of all others, both under the limit. One id and one rate
//! are decided alike by every tracer of Datadog.

use std::borrow::Cow;
use std::sync::Arc;

use microspan::__private::matches;

use super::context::Context;
use super::decided::{Decided, Decisions};
use super::decision::PRIORITY;
use super::filter::root;
use super::limiter::Limiter;
use super::rates::keeps;
use super::{Rates, Trace};
use crate::config::{Sampling, SamplingRule, SpanRule};
use crate::model::{Span, Text, Value, find};

/// Decides by rules.
#[derive(Default)]
pub(super) struct Sampler {
    decisions: Arc<Decisions>,
    spans: SpanSampler,
}

impl Sampler {
    pub(super) fn new(sampling: Sampling) -> Self {
        let decisions = Arc::new(Decisions::new(&sampling));
        let spans = sampling.spans.into_iter().map(|rule| {
            let limiter = rule.max_per_second.map(Limiter::new);
            (rule, limiter)
        });
        Self { decisions, spans: SpanSampler { rules: spans.collect() } }
    }

    /// What is decided, for who hands traces on.
    pub(super) fn decisions(&self) -> &Arc<Decisions> {
        &self.decisions
    }

    /// Decides of a trace of which nobody has, once for all of its parts; then of its single spans. `open`: its root as it is so far,
    /// if that is open.
    pub(super) fn judge(&mut self, trace: &mut Trace, open: Option<Span>, rates: &Rates, now: u64) {
        let Trace { spans, context, verdict, .. } = &mut *trace;
        let Some(first) = spans.first() else { return };
        if first.tag(PRIORITY).is_none() {
            let id = first.trace_id;
            let decided = match (open, spans.get(root(spans))) {
                (Some(open), _) => Some(self.decisions.early(id, now, || open, context, rates)),
                (None, Some(root)) => self.decisions.gathered(root, verdict, context, now),
                (None, None) => None,
            };
            match decided {
                Some(Decided::ByRule(decision)) => {
                    spans.first_mut().into_iter().for_each(|first| decision.write(first));
                    *verdict = None;
                }
                Some(Decided::ByAgent(then)) => *verdict = then,
                None => {}
            }
        }
        if !self.spans.rules.is_empty() && !trace.is_kept() {
            self.spans.judge(&mut trace.spans, now);
        }
    }
}

pub(super) fn is_for(rule: &SamplingRule, root: &Span, context: &Context) -> bool {
    let is =
        |pattern: &Option<String>, text: &str| pattern.as_ref().is_none_or(|pattern| matches(pattern, text));
    is(&rule.service, root.service.as_deref().unwrap_or_default())
        && is(&rule.name, &root.name)
        && is(&rule.resource, root.resource.as_deref().unwrap_or(&root.name))
        && rule.tags.iter().all(|(key, pattern)| match tag(root, context, key) {
            // What a fraction looks like is nobody's promise.
            Some(value) if matches!(*value, Value::Float(value) if value.fract() != 0.0) => {
                pattern.bytes().all(|byte| byte == b'*')
            }
            Some(value) => matches(pattern, &value.to_string()),
            None => false,
        })
}

/// A root's own tag, or that of its source or the configuration.
pub(super) fn tag<'a>(root: &'a Span, context: &'a Context, key: &str) -> Option<Cow<'a, Value>> {
    if let Some(own) = root.tag(key) {
        return Some(Cow::Borrowed(own));
    }
    let common = find(&context.tags, key).filter(|_| !root.is_removed(key));
    common.map(Cow::Borrowed).or_else(|| context.of_root(root, key).map(Cow::Owned))
}

/// Keeps single spans of traces that are not kept.
#[derive(Default)]
struct SpanSampler {
    rules: Vec<(SpanRule, Option<Limiter>)>,
}

impl SpanSampler {
    fn judge(&mut self, spans: &mut [Span], now: u64) {
        for span in spans {
            let service = span.service.as_deref().unwrap_or_default();
            let mut rules = self.rules.iter_mut();
            let rule =
                rules.find(|(rule, _)| matches(&rule.service, service) && matches(&rule.name, &span.name));
            let Some((rule, limiter)) = rule else { continue };
            if keeps(rule.rate, span.span_id) && limiter.as_mut().is_none_or(|limiter| limiter.take(now).0) {
                let tags = [
                    ("_dd.span_sampling.mechanism", Some(8.0)),
                    ("_dd.span_sampling.rule_rate", Some(rule.rate)),
                    ("_dd.span_sampling.max_per_second", rule.max_per_second),
                ];
                let tags =
                    tags.into_iter().filter_map(|(key, value)| Some((Text::from(key), Value::Float(value?))));
                span.tags.retain(|(key, _)| !key.starts_with("_dd.span_sampling."));
                span.tags.extend(tags);
            }
        }
    }
}

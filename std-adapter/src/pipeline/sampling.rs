//! The host's sampler: for traces of which nobody has decided, and for single spans of those that are not kept.
//!
//! The first rule that is for the trace's root holds, or else the rate of all others, both under the limit. One id and one rate
//! are decided alike by every tracer of Datadog.

use microspan::__private::matches;

use super::Trace;
use super::context::Context;
use super::decision::{Decision, PRIORITY};
use super::filter::root;
use super::limiter::Limiter;
use super::rates::keeps;
use super::recent::Recent;
use crate::config::{Sampling, SamplingRule, SpanRule};
use crate::model::{Span, Text, Value, find};

/// How many decisions are remembered, for the parts of their traces that come later.
const REMEMBERED: usize = 8_192;

/// Decides by rules.
#[derive(Default)]
pub(super) struct Sampler {
    rules: Vec<SamplingRule>,
    limiter: Option<Limiter>,
    spans: SpanSampler,
    /// `None`: the agent decides.
    decided: Recent<u128, Option<Decision>>,
}

impl Sampler {
    pub(super) fn new(sampling: Sampling) -> Self {
        let mut rules = sampling.rules;
        rules.extend(sampling.rate.map(SamplingRule::new));
        let spans = sampling.spans.into_iter().map(|rule| {
            let limiter = rule.max_per_second.map(Limiter::new);
            (rule, limiter)
        });
        Self {
            rules,
            limiter: sampling.limit.map(Limiter::new),
            spans: SpanSampler { rules: spans.collect() },
            decided: Recent::new(REMEMBERED),
        }
    }

    /// Decides of a trace of which nobody has, once for all of its parts; then of its single spans.
    pub(super) fn judge(&mut self, trace: &mut Trace, now: u64) {
        let Trace { spans, context, verdict, .. } = &mut *trace;
        let Some(first) = spans.first() else { return };
        if !self.rules.is_empty() && first.tag(PRIORITY).is_none() {
            let id = first.trace_id;
            let decision = match self.decided.get(&id) {
                Some(decision) => *decision,
                None => spans.get(root(spans)).and_then(|root| self.decide(root, context, now)),
            };
            self.decided.insert(id, decision);
            if let (Some(decision), Some(first)) = (decision, spans.first_mut()) {
                decision.write(first);
                *verdict = None;
            }
        }
        if !self.spans.rules.is_empty() && !trace.is_kept() {
            self.spans.judge(&mut trace.spans, now);
        }
    }

    /// `None`: no rule is for it.
    fn decide(&mut self, root: &Span, context: &Context, now: u64) -> Option<Decision> {
        let rule = self.rules.iter().find(|rule| is_for(rule, root, context))?;
        let mut decision = Decision { priority: -1, mechanism: rule.mechanism, rate: rule.rate, limit: None };
        if keeps(rule.rate, root.trace_id as u64) {
            let (is_taken, effective) =
                self.limiter.as_mut().map_or((true, 1.0), |limiter| limiter.take(now));
            decision.limit = Some(effective);
            decision.priority = if is_taken { 2 } else { -1 };
        }
        Some(decision)
    }
}

fn is_for(rule: &SamplingRule, root: &Span, context: &Context) -> bool {
    let is =
        |pattern: &Option<String>, text: &str| pattern.as_ref().is_none_or(|pattern| matches(pattern, text));
    is(&rule.service, root.service.as_deref().unwrap_or_default())
        && is(&rule.name, &root.name)
        && is(&rule.resource, root.resource.as_deref().unwrap_or(&root.name))
        && rule.tags.iter().all(|(key, pattern)| match tag(root, context, key) {
            // What a fraction looks like is nobody's promise.
            Some(Value::Float(value)) if value.fract() != 0.0 => pattern.bytes().all(|byte| byte == b'*'),
            Some(value) => matches(pattern, &value.to_string()),
            None => false,
        })
}

/// A span's own tag, or that of its source or the configuration.
pub(super) fn tag<'a>(span: &'a Span, context: &'a Context, key: &str) -> Option<&'a Value> {
    span.tag(key).or_else(|| find(&context.tags, key).filter(|_| !span.is_removed(key)))
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
                span.tags.extend(tags);
            }
        }
    }
}

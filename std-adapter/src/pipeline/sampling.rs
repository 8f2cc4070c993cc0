//! The host's sampler: for traces of which nobody has decided, and for single spans of those that are not kept.
//!
//! In this order: the first rule that is for the trace's root, then the rate of all others, both under the limit; then the
//! agent's rate for the root's service and env; otherwise the trace is kept. One id and one rate are decided alike by every tracer
//! of Datadog.

use std::collections::HashMap;

use microspan::__private::matches;

use super::context::Context;
use super::decision::{AGENT, Decision, PRIORITY, RULE};
use super::filter::root;
use super::limiter::Limiter;
use super::recent::Recent;
use crate::config::{Sampling, SamplingRule};
use crate::model::{Span, Text, Value, find};

/// The factor by which all of Datadog's tracers decide alike of one id.
const KNUTH: u64 = 1_111_111_111_111_111_111;

/// How many decisions are remembered, for the parts of their traces that come later.
const REMEMBERED: usize = 8_192;

/// Decides, by rules and by the agent's rates.
#[derive(Default)]
pub(super) struct Sampler {
    rules: Vec<SamplingRule>,
    limiter: Option<Limiter>,
    /// The agent's rates by `service:..,env:..`.
    rates: HashMap<String, f64>,
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
            rates: HashMap::new(),
            spans: SpanSampler { rules: spans.collect() },
            decided: Recent::new(REMEMBERED),
        }
    }

    pub(super) fn set_rates(&mut self, rates: HashMap<String, f64>) {
        self.rates = rates;
    }

    /// Decides of a trace of which nobody has, once for all of its parts; then of its single spans.
    pub(super) fn judge(&mut self, spans: &mut [Span], context: &Context, now: u64) {
        let Some(first) = spans.first() else { return };
        if first.tag(PRIORITY).is_none() && !(self.rules.is_empty() && self.rates.is_empty()) {
            let id = first.trace_id;
            let decision = match self.decided.get(&id) {
                Some(decision) => *decision,
                None => spans.get(root(spans)).and_then(|root| self.decide(root, context, now)),
            };
            self.decided.insert(id, decision);
            if let (Some(decision), Some(first)) = (decision, spans.first_mut()) {
                decision.write(first);
            }
        }
        self.spans.judge(spans, now);
    }

    fn decide(&mut self, root: &Span, context: &Context, now: u64) -> Option<Decision> {
        let id = root.trace_id as u64;
        if let Some(rule) = self.rules.iter().find(|rule| is_for(rule, root, context)) {
            let mut decision =
                Decision { priority: -1, mechanism: rule.mechanism, by: RULE, rate: rule.rate, limit: None };
            if keeps(rule.rate, id) {
                let (is_taken, effective) =
                    self.limiter.as_mut().map_or((true, 1.0), |limiter| limiter.take(now));
                decision.limit = Some(effective);
                decision.priority = if is_taken { 2 } else { -1 };
            }
            return Some(decision);
        }
        let service = root.service.as_deref().unwrap_or_default();
        let env = tag(root, context, "env").map(ToString::to_string).unwrap_or_default();
        let rate = *self.rates.get(&format!("service:{service},env:{env}"))?;
        let priority = i64::from(keeps(rate, id));
        Some(Decision { priority, mechanism: 1, by: AGENT, rate, limit: None })
    }
}

/// Whether an id is among the share that is kept.
fn keeps(rate: f64, id: u64) -> bool {
    rate >= 1.0 || rate > 0.0 && id.wrapping_mul(KNUTH) <= (rate * u64::MAX as f64) as u64
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
    rules: Vec<(crate::config::SpanRule, Option<Limiter>)>,
}

impl SpanSampler {
    fn judge(&mut self, spans: &mut [Span], now: u64) {
        let is_kept = !matches!(spans.first().and_then(|first| first.tag(PRIORITY)), Some(Value::Int(..=0)));
        if is_kept || self.rules.is_empty() {
            return;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_kept_where_datadogs_tracers_keep_it() {
        for (rate, kept, dropped) in [
            (
                0.5,
                &[1, 100, 1000, 3_936_498_394, (1 << 63) - 1, 1 << 63][..],
                &[10, (1 << 63) + 1, u64::MAX][..],
            ),
            (0.25, &[1, 100, 1000, 3_936_498_394], &[10, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, u64::MAX]),
            (0.1, &[1, 100, 3_936_498_394], &[10, 1000]),
        ] {
            assert!(kept.iter().all(|id| keeps(rate, *id)), "kept at {rate}");
            assert!(dropped.iter().all(|id| !keeps(rate, *id)), "dropped at {rate}");
        }
        assert!(keeps(1.0, u64::MAX) && !keeps(0.0, 0));
    }
}

//! What a program says itself: it wins over the environment.

use super::agent::{API_VERSION, PARTIAL_FLUSH, PARTIAL_FLUSH_MIN, PARTS, STATS, URL};
use super::filters::{IGNORE, REGEX_REJECT, REGEX_REQUIRE, REJECT, REQUIRE};
use super::logs::{INJECTION, LONG_IDS};
use super::propagation::{
    BAGGAGE_BYTES, BAGGAGE_ITEMS, BEHAVIOR, EXTRACT, FIRST, INJECT, OT_BAGGAGE, OTEL, STYLE, TAGS_LENGTH,
};
use super::recording::{LONG_IDS as LONG_TRACE_IDS, STACK};
use super::replace::REPLACE;
use super::sampling::{LIMIT, RATE, RULES, SPAN_RULES, SPAN_RULES_FILE};
use super::tagging::{ENV, SERVICE, VERSION};
use super::writer::{AGENT_TIMEOUT, BUFFER, INTERVAL, PAYLOAD};
use super::{
    ApiVersion, Config, Filters, Logs, Origin, PartialFlush, Propagation, ReplaceRule, SamplingRule,
    SpanRule, Writer,
};
use crate::model::{Tag, Text, Value};

impl Config {
    /// Where the agent is.
    #[must_use]
    pub fn with_agent_url(mut self, url: impl Into<String>) -> Self {
        self.agent_url = url.into();
        self.say(&[URL], PARTS)
    }

    /// Which form traces are sent in.
    #[must_use]
    pub fn with_api_version(mut self, version: ApiVersion) -> Self {
        self.api_version = version;
        self.say(&[API_VERSION], &[])
    }

    /// Whether this program traces itself.
    #[must_use]
    pub fn with_trace_enabled(mut self, is_enabled: bool) -> Self {
        self.trace_enabled = is_enabled;
        self.say(&["DD_TRACE_ENABLED"], &[])
    }

    /// Whether spans are counted here, and traces that are sampled out are not sent.
    #[must_use]
    pub fn with_stats_computation(mut self, is_enabled: bool) -> Self {
        self.stats_computation = is_enabled;
        self.say(&[STATS], &[])
    }

    /// When payloads go out, how much waits for that, and how long the agent may take.
    #[must_use]
    pub fn with_writer(mut self, writer: Writer) -> Self {
        self.writer = writer;
        self.say(&[INTERVAL, BUFFER, PAYLOAD, AGENT_TIMEOUT], &[])
    }

    /// What lines of logs say of their spans.
    #[must_use]
    pub fn with_logs(mut self, logs: Logs) -> Self {
        self.logs = logs;
        self.say(&[INJECTION, LONG_IDS], &[])
    }

    /// Whether the ids of traces that begin in this program have 128 bits.
    #[must_use]
    pub fn with_long_trace_ids(mut self, are_long: bool) -> Self {
        self.long_trace_ids = are_long;
        self.say(&[LONG_TRACE_IDS], &[])
    }

    /// How many calls a panic's stack has at most.
    #[must_use]
    pub fn with_stack_frames(mut self, most: usize) -> Self {
        self.stack_frames = most;
        self.say(&[STACK], &[])
    }

    /// When a trace whose root is still open goes out in part.
    #[must_use]
    pub fn with_partial_flush(mut self, flush: PartialFlush) -> Self {
        self.partial_flush = flush;
        self.say(&[PARTIAL_FLUSH, PARTIAL_FLUSH_MIN], &[])
    }

    /// The main service.
    #[must_use]
    pub fn with_service(mut self, service: &str) -> Self {
        self.tagging.service = Some(Text::new(service));
        self.say(&[SERVICE], &[])
    }

    /// The deployment environment.
    #[must_use]
    pub fn with_env(mut self, env: &str) -> Self {
        self.tagging.env = Some(Text::new(env));
        self.say(&[ENV], &[])
    }

    /// The version of the main service.
    #[must_use]
    pub fn with_version(mut self, version: &str) -> Self {
        self.tagging.version = Some(Text::new(version));
        self.say(&[VERSION], &[])
    }

    /// A tag of all spans, beside those of `DD_TAGS` or in the place of the one with its key. A span's own tag wins over it.
    #[must_use]
    pub fn with_tag(mut self, key: &str, value: &str) -> Self {
        let tag: Tag = (Text::new(key), Value::Str(Text::new(value)));
        self.tagging.tags.retain(|(known, _)| known != key);
        self.tagging.tags.push(tag);
        self.say(&["DD_TAGS"], &[])
    }

    /// The rules for traces.
    #[must_use]
    pub fn with_sampling_rules(mut self, rules: Vec<SamplingRule>) -> Self {
        self.sampling.rules = rules;
        self.say(&[RULES], &[])
    }

    /// The share of traces that no rule is for.
    #[must_use]
    pub fn with_sample_rate(mut self, rate: f64) -> Self {
        self.sampling.rate = Some(rate);
        self.say(&[RATE], &[])
    }

    /// How many traces a second rules and the rate keep; `None`: any number.
    #[must_use]
    pub fn with_rate_limit(mut self, limit: Option<f64>) -> Self {
        self.sampling.limit = limit;
        self.say(&[LIMIT], &[])
    }

    /// The rules for single spans.
    #[must_use]
    pub fn with_span_sampling_rules(mut self, rules: Vec<SpanRule>) -> Self {
        self.sampling.spans = rules;
        self.say(&[SPAN_RULES], &[SPAN_RULES_FILE])
    }

    /// Which traces are dropped.
    #[must_use]
    pub fn with_filters(mut self, filters: Filters) -> Self {
        self.filters = filters;
        self.say(&[IGNORE, REQUIRE, REJECT, REGEX_REQUIRE, REGEX_REJECT], &[])
    }

    /// What is hidden in the traces that are sent.
    #[must_use]
    pub fn with_replace_rules(mut self, rules: Vec<ReplaceRule>) -> Self {
        self.replace = rules;
        self.say(&[REPLACE], &[])
    }

    /// Which headers are read and written, and how.
    #[must_use]
    pub fn with_propagation(mut self, propagation: Propagation) -> Self {
        self.propagation = propagation;
        let settings =
            [EXTRACT, INJECT, FIRST, BEHAVIOR, TAGS_LENGTH, BAGGAGE_ITEMS, BAGGAGE_BYTES, OT_BAGGAGE];
        self.say(&settings, &[STYLE, OTEL])
    }

    /// Notes that the program said these settings: what is wrong with their variables, and with others from which they
    /// may come, is of no interest any more.
    pub(super) fn say(mut self, settings: &[&'static str], others: &[&str]) -> Self {
        self.origins.extend(settings.iter().map(|setting| (*setting, Origin::Program)));
        let is_of_interest = |variable| !settings.contains(&variable) && !others.contains(&variable);
        self.warnings.retain(|warning| is_of_interest(warning.variable));
        self
    }
}

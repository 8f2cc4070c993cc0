//! The list of all settings.

use std::fmt;

use microspan::propagation::{Behavior, Style};
use serde_json::Value;

use super::agent::{API_VERSION, EXTERNAL_ENV, PARTIAL_FLUSH, PARTIAL_FLUSH_MIN, PARTS, STATS, URL};
use super::filters::{IGNORE, REGEX_REJECT, REGEX_REQUIRE, REJECT, REQUIRE};
use super::logs::{self, INJECTION};
use super::otlp::{ENDPOINT, EXPORTERS, HEADERS, PROTOCOL, TIMEOUT};
use super::propagation::{
    BAGGAGE_BYTES, BAGGAGE_ITEMS, BEHAVIOR, EXTRACT, FIRST, INJECT, OT_BAGGAGE, OTEL, STYLE, TAGS_LENGTH,
};
use super::quoted::without_password;
use super::recording::{self, STACK};
use super::replace::REPLACE;
use super::sampling::{LIMIT, RATE, RULES, SPAN_RULES, SPAN_RULES_FILE};
use super::tagging::{BAGGAGE, ENV, MAPPING, OTEL_RESOURCE, OTEL_SERVICE, SERVICE, TAGS, VERSION};
use super::writer::{AGENT_TIMEOUT, BUFFER, INTERVAL, PAYLOAD};
use super::{BaggageKeys, Config, Origin, TagFilter, TagValue};

/// A setting as it is in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its variable.
    pub name: &'static str,
    /// Its value, in the form in which the variable has it; empty: none.
    pub value: String,
    /// Where that comes from.
    pub origin: Origin,
    /// Whether anything here goes by it.
    pub is_used: bool,
}

/// Variables that become part of a setting with another name.
const PARTS_OF_OTHERS: &[(&str, &[&str])] = &[
    (URL, PARTS),
    (SERVICE, &[OTEL_SERVICE, OTEL_RESOURCE]),
    (SPAN_RULES, &[SPAN_RULES_FILE]),
    (EXTRACT, &[STYLE, OTEL]),
    (ENDPOINT[0], ENDPOINT),
    (HEADERS[0], HEADERS),
    (TIMEOUT[0], TIMEOUT),
    (PROTOCOL[0], PROTOCOL),
];

/// Of the variables that are set, those of Datadog's and OpenTelemetry's that nothing goes by.
pub(super) fn unused<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let is_theirs = |name: &&str| name.starts_with("DD_") || name.starts_with("OTEL_");
    let is_used = |name: &str| {
        let part = PARTS_OF_OTHERS.iter().find(|(_, parts)| parts.contains(&name));
        let name = part.map_or(name, |(setting, _)| setting);
        is_gone_by(name)
    };
    names.filter(is_theirs).filter(|name| !is_used(name)).map(str::to_owned).collect()
}

/// Whether something goes by a setting.
fn is_gone_by(name: &str) -> bool {
    let otlp = [ENDPOINT[0], HEADERS[0], TIMEOUT[0], PROTOCOL[0]];
    USED.contains(&name) || cfg!(feature = "otlp") && otlp.contains(&name)
}

/// Settings that something goes by, whatever the features.
const USED: &[&str] = &[
    API_VERSION,
    EXTERNAL_ENV,
    "DD_TRACE_ENABLED",
    STATS,
    URL,
    INTERVAL,
    BUFFER,
    PAYLOAD,
    AGENT_TIMEOUT,
    PARTIAL_FLUSH,
    PARTIAL_FLUSH_MIN,
    SERVICE,
    ENV,
    VERSION,
    TAGS,
    BAGGAGE,
    MAPPING,
    RULES,
    RATE,
    LIMIT,
    SPAN_RULES,
    IGNORE,
    REQUIRE,
    REJECT,
    REGEX_REQUIRE,
    REGEX_REJECT,
    REPLACE,
    EXTRACT,
    INJECT,
    FIRST,
    BEHAVIOR,
    TAGS_LENGTH,
    BAGGAGE_ITEMS,
    BAGGAGE_BYTES,
    OT_BAGGAGE,
    INJECTION,
    logs::LONG_IDS,
    recording::LONG_IDS,
    STACK,
    EXPORTERS,
    "NO_COLOR",
];

impl Config {
    /// Each setting as it is in effect.
    pub fn settings(&self) -> Vec<Setting> {
        let (tagging, sampling, propagation) = (&self.tagging, &self.sampling, &self.propagation);
        let text = |text: &Option<crate::model::Text>| text.as_deref().unwrap_or_default().to_owned();
        let baggage = match &tagging.baggage {
            BaggageKeys::All => "*".to_owned(),
            BaggageKeys::These(keys) => list(keys.iter().map(ToString::to_string)),
        };
        let all = [
            (URL, without_password(&self.agent_url)),
            (EXPORTERS, self.exporters.to_string()),
            (ENDPOINT[0], without_password(&self.otlp.url)),
            (HEADERS[0], list(self.otlp.headers.iter().map(|(name, _)| format!("{name}=...")))),
            (TIMEOUT[0], self.otlp.timeout.as_millis().to_string()),
            (PROTOCOL[0], "http/protobuf".to_owned()),
            (API_VERSION, self.api_version.name().to_owned()),
            (EXTERNAL_ENV, self.external_env.clone().unwrap_or_default()),
            ("DD_TRACE_ENABLED", self.trace_enabled.to_string()),
            (STATS, self.stats_computation.to_string()),
            (INTERVAL, self.writer.interval.as_secs_f64().to_string()),
            (BUFFER, self.writer.buffer_bytes.to_string()),
            (PAYLOAD, self.writer.payload_bytes.to_string()),
            (AGENT_TIMEOUT, self.writer.timeout.as_secs_f64().to_string()),
            (PARTIAL_FLUSH, self.partial_flush.enabled.to_string()),
            (PARTIAL_FLUSH_MIN, self.partial_flush.min_spans.to_string()),
            (SERVICE, text(&tagging.service)),
            (ENV, text(&tagging.env)),
            (VERSION, text(&tagging.version)),
            (TAGS, list(tagging.tags.iter().map(|(key, value)| format!("{key}:{value}")))),
            (MAPPING, list(tagging.mapping.iter().map(|(from, to)| format!("{from}:{to}")))),
            (BAGGAGE, baggage),
            (RULES, json(sampling.rules.iter().map(super::SamplingRule::to_json))),
            (RATE, sampling.rate.map(|rate| rate.to_string()).unwrap_or_default()),
            (LIMIT, sampling.limit.map_or_else(|| "-1".to_owned(), |limit| limit.to_string())),
            (SPAN_RULES, json(sampling.spans.iter().map(super::SpanRule::to_json))),
            (IGNORE, list(self.filters.ignore_resources.iter().map(quoted))),
            (REQUIRE, tags(&self.filters.require, false)),
            (REJECT, tags(&self.filters.reject, false)),
            (REGEX_REQUIRE, tags(&self.filters.require, true)),
            (REGEX_REJECT, tags(&self.filters.reject, true)),
            (REPLACE, json(self.replace.iter().map(super::ReplaceRule::to_json))),
            (EXTRACT, styles(&propagation.extract)),
            (INJECT, styles(&propagation.inject)),
            (FIRST, propagation.extract_first.to_string()),
            (BEHAVIOR, behavior(propagation.behavior).to_owned()),
            (TAGS_LENGTH, propagation.tags_length.to_string()),
            (BAGGAGE_ITEMS, propagation.baggage_items.to_string()),
            (BAGGAGE_BYTES, propagation.baggage_bytes.to_string()),
            (OT_BAGGAGE, propagation.ot_baggage.to_string()),
            (INJECTION, self.logs.are_injected.to_string()),
            (recording::LONG_IDS, self.long_trace_ids.to_string()),
            (logs::LONG_IDS, self.logs.long_ids.to_string()),
            (STACK, self.stack_frames.to_string()),
            ("NO_COLOR", if self.no_color { "1" } else { "" }.to_owned()),
        ];
        let setting =
            |(name, value)| Setting { name, value, origin: self.origin(name), is_used: is_gone_by(name) };
        all.into_iter().map(setting).collect()
    }
}

impl fmt::Debug for Config {
    /// Without a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By name, so that a field that comes is not forgotten.
        let Self {
            agent_url,
            exporters,
            otlp,
            api_version,
            external_env,
            trace_enabled,
            stats_computation,
            writer,
            partial_flush,
            tagging,
            sampling,
            filters,
            replace,
            propagation,
            logs,
            long_trace_ids,
            stack_frames,
            no_color,
            warnings,
            origins,
            unused,
        } = self;
        f.debug_struct("Config")
            .field("agent_url", &without_password(agent_url))
            .field("exporters", &exporters)
            .field("otlp", &otlp)
            .field("api_version", &api_version)
            .field("external_env", &external_env)
            .field("trace_enabled", &trace_enabled)
            .field("stats_computation", &stats_computation)
            .field("writer", &writer)
            .field("partial_flush", &partial_flush)
            .field("tagging", &tagging)
            .field("sampling", &sampling)
            .field("filters", &filters)
            .field("replace", &replace)
            .field("propagation", &propagation)
            .field("logs", &logs)
            .field("long_trace_ids", &long_trace_ids)
            .field("stack_frames", &stack_frames)
            .field("no_color", &no_color)
            .field("warnings", &warnings)
            .field("origins", &origins)
            .field("unused", &unused)
            .finish()
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(",")
}

fn json(rules: impl Iterator<Item = Value>) -> String {
    let rules: Vec<Value> = rules.collect();
    if rules.is_empty() { String::new() } else { Value::Array(rules).to_string() }
}

fn styles(styles: &[Style]) -> String {
    if styles.is_empty() {
        "none".to_owned()
    } else {
        list(styles.iter().map(|style| style.name().to_owned()))
    }
}

fn behavior(behavior: Behavior) -> &'static str {
    match behavior {
        Behavior::Continue => "continue",
        Behavior::Restart => "restart",
        Behavior::Ignore => "ignore",
    }
}

/// A pattern as a field of a list with commas.
fn quoted(pattern: &regex::Regex) -> String {
    let text = pattern.as_str();
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// The tags of one kind: with patterns, or without.
fn tags(filters: &[TagFilter], matching: bool) -> String {
    let shown = filters.iter().filter_map(|filter| match &filter.value {
        TagValue::Any if !matching => Some(filter.key.clone()),
        TagValue::Exactly(value) if !matching => Some(format!("{}:{value}", filter.key)),
        TagValue::Matching(pattern) if matching => Some(format!("{}:{pattern}", filter.key)),
        _ => None,
    });
    shown.collect::<Vec<_>>().join(" ")
}

//! The configuration, as the suite asks for it.

use microspan_std::config::Config;
use serde_json::{Map, Value, json};

/// The suite's names of settings, and the variables they are told from.
const SETTINGS: [(&str, &str); 10] = [
    ("dd_service", "DD_SERVICE"),
    ("dd_env", "DD_ENV"),
    ("dd_version", "DD_VERSION"),
    ("dd_tags", "DD_TAGS"),
    ("dd_trace_enabled", "DD_TRACE_ENABLED"),
    ("dd_trace_agent_url", "DD_TRACE_AGENT_URL"),
    ("dd_trace_sample_rate", "DD_TRACE_SAMPLE_RATE"),
    ("dd_trace_rate_limit", "DD_TRACE_RATE_LIMIT"),
    ("dd_trace_propagation_style", "DD_TRACE_PROPAGATION_STYLE_EXTRACT"),
    ("dd_logs_injection", "DD_LOGS_INJECTION"),
];

/// What there is nothing of here, which therefore is off.
const OFF: [&str; 5] = [
    "dd_trace_debug",
    "dd_runtime_metrics_enabled",
    "dd_profiling_enabled",
    "dd_data_streams_enabled",
    "dd_trace_otel_enabled",
];

/// Each setting that the suite knows, in text; `null`: not set.
pub fn shown(config: &Config) -> String {
    let effective = config.settings();
    let value = |variable: &str| {
        let setting = effective.iter().find(|setting| setting.name == variable)?;
        Some(setting.value.as_str()).filter(|value| !value.is_empty())
    };
    let mut told: Map<String, Value> =
        SETTINGS.iter().map(|(name, variable)| ((*name).to_owned(), json!(value(variable)))).collect();
    told.extend(OFF.iter().map(|name| ((*name).to_owned(), json!("false"))));
    json!({ "config": told }).to_string()
}

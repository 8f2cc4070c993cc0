//! Unified service tagging.

use super::reader::Reader;
use crate::model::{Tag, Text, Value};

pub(super) const SERVICE: &str = "DD_SERVICE";
pub(super) const OTEL_SERVICE: &str = "OTEL_SERVICE_NAME";
pub(super) const OTEL_RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";
pub(super) const ENV: &str = "DD_ENV";
pub(super) const VERSION: &str = "DD_VERSION";
pub(super) const TAGS: &str = "DD_TAGS";
pub(super) const BAGGAGE: &str = "DD_TRACE_BAGGAGE_TAG_KEYS";
pub(super) const MAPPING: &str = "DD_SERVICE_MAPPING";

/// Unified service tagging: what is said of every span that does not say otherwise itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tagging {
    /// The main service.
    pub service: Option<Text>,
    /// The deployment environment: `prod`, `staging`, ...
    pub env: Option<Text>,
    /// The version of the service.
    pub version: Option<Text>,
    /// Tags of all spans.
    pub tags: Vec<Tag>,
    /// Which baggage is shown as tags.
    pub baggage: BaggageKeys,
    /// Services that go by another name: from, to.
    pub mapping: Vec<(Text, Text)>,
}

/// The keys of baggage that becomes tags of a local root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaggageKeys {
    /// All of them.
    All,
    /// These.
    These(Vec<Text>),
}

impl BaggageKeys {
    /// Reads a list with commas, in which `*` means all.
    pub(super) fn parse(list: &str) -> Self {
        let keys: Vec<&str> = list.split(',').map(str::trim).filter(|key| !key.is_empty()).collect();
        if keys.contains(&"*") { Self::All } else { Self::These(keys.into_iter().map(Text::new).collect()) }
    }

    /// Whether this key is one of them.
    pub fn contain(&self, key: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(keys) => keys.iter().any(|known| known == key),
        }
    }
}

impl Default for BaggageKeys {
    /// Datadog's: `user.id`, `session.id` and `account.id`.
    fn default() -> Self {
        Self::parse("user.id,session.id,account.id")
    }
}

pub(super) fn read(reader: &mut Reader) -> Tagging {
    let mut tags = reader.read(TAGS, &[TAGS], |value| Ok(parse_tags(value))).unwrap_or_default();
    let said = |value: &str| Ok(value.to_owned());
    let mut in_tags = |key: &str, reader: &mut Reader, setting| {
        let value = take_tag(&mut tags, key)?;
        reader.came_from(setting, TAGS);
        Some(value)
    };
    let service = reader
        .read(SERVICE, &[SERVICE, OTEL_SERVICE], said)
        .or_else(|| in_tags("service", reader, SERVICE))
        .or_else(|| in_resource(reader, SERVICE, &["service.name"]));
    let version = reader.read(VERSION, &[VERSION], said).or_else(|| in_tags("version", reader, VERSION));
    let version = version.or_else(|| in_resource(reader, VERSION, &["service.version"]));
    let env = reader.read(ENV, &[ENV], said).or_else(|| in_tags("env", reader, ENV));
    let env =
        env.or_else(|| in_resource(reader, ENV, &["deployment.environment.name", "deployment.environment"]));
    // They have fields of their own, and `git.*` describes the build, which is not a property of each span.
    tags.retain(|(key, _)| {
        !matches!(key.as_str(), "service" | "version" | "env") && !key.starts_with("git.")
    });
    Tagging {
        service: service.map(Text::from),
        env: env.map(Text::from),
        version: version.map(Text::from),
        tags: tags.into_iter().map(|(key, value)| (Text::from(key), Value::Str(Text::from(value)))).collect(),
        baggage: reader.read(BAGGAGE, &[BAGGAGE], |value| Ok(BaggageKeys::parse(value))).unwrap_or_default(),
        mapping: reader.read_list(MAPPING, parse_mapping).unwrap_or_default(),
    }
}

/// What OpenTelemetry's list of attributes says under the first of these keys that it has.
fn in_resource(reader: &mut Reader, setting: &'static str, keys: &[&str]) -> Option<String> {
    let (_, list) = reader.first(&[OTEL_RESOURCE])?;
    let pairs = list.split(',').filter_map(|pair| pair.split_once('='));
    let pairs = pairs.map(|(key, value)| (key.trim(), value.trim()));
    let value = keys.iter().find_map(|wanted| {
        let (_, value) = pairs.clone().rfind(|(key, value)| key == wanted && !value.is_empty())?;
        Some(value.to_owned())
    })?;
    reader.came_from(setting, OTEL_RESOURCE);
    Some(value)
}

/// `from:to,...`.
fn parse_mapping(list: &str) -> (Vec<(Text, Text)>, Vec<String>) {
    let (mut mapping, mut wrong) = (Vec::new(), Vec::new());
    for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        match item.split_once(':').map(|(from, to)| (from.trim(), to.trim())) {
            Some((from, to)) if !from.is_empty() && !to.is_empty() => {
                mapping.push((Text::new(from), Text::new(to)));
            }
            _ => wrong.push(format!("`{item}` is not `from:to`")),
        }
    }
    (mapping, wrong)
}

/// `DD_TAGS`: separated by commas if there is any, otherwise by spaces; each item is split at its first colon, both
/// sides trimmed; without a colon the value is empty, without a key the item is skipped; of two with the same key the
/// later counts.
pub(super) fn parse_tags(text: &str) -> Vec<(String, String)> {
    let separator = if text.contains(',') { ',' } else { ' ' };
    let mut tags: Vec<(String, String)> = Vec::new();
    for item in text.split(separator) {
        let (key, value) = item.split_once(':').unwrap_or((item, ""));
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() {
            continue;
        }
        match tags.iter_mut().find(|(k, _)| k == key) {
            Some((_, earlier)) => value.clone_into(earlier),
            None => tags.push((key.to_owned(), value.to_owned())),
        }
    }
    tags
}

/// The value of a tag, unless it is empty.
fn take_tag(tags: &mut [(String, String)], key: &str) -> Option<String> {
    tags.iter_mut().find(|(k, v)| k == key && !v.is_empty()).map(|(_, v)| std::mem::take(v))
}

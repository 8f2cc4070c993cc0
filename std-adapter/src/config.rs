//! The configuration, read from the environment once, at start.
//!
//! This is the only module that looks at environment variables. It reads Datadog's own (`DD_TRACE_AGENT_URL`,
//! `DD_AGENT_HOST`, `DD_TRACE_AGENT_PORT`, `DD_SERVICE`, `DD_ENV`, `DD_VERSION`, `DD_TAGS`,
//! `DD_TRACE_BAGGAGE_TAG_KEYS`, `DD_TRACE_ENABLED`), with Datadog's precedence, and `NO_COLOR`. An empty variable counts as unset. A value that cannot be used never stops a program: it becomes a
//! [`Warning`] that says what is used instead.

use std::fmt;

use crate::model::{Tag, Text, Value};

/// Where an agent listens when nobody says otherwise.
const DEFAULT_HOST: &str = "localhost";
const DEFAULT_PORT: u16 = 8126;

/// What the environment asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The agent's URL as given or put together; the agent client judges whether it can be used.
    pub agent_url: String,
    /// What to say of spans whose source says less.
    pub tagging: Tagging,
    /// Whether the user asked for output without colour.
    pub no_color: bool,
    /// Whether this program traces itself.
    pub trace_enabled: bool,
    /// What was found unusable, and what is used instead.
    pub warnings: Vec<Warning>,
}

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
    fn parse(list: &str) -> Self {
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

/// A variable that holds something unusable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The variable.
    pub variable: &'static str,
    /// What it holds.
    pub value: String,
    /// What is wrong with it, and what is used instead.
    pub instead: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=`{}`: {}", self.variable, self.value, self.instead)
    }
}

impl Config {
    /// Reads the environment of this process.
    pub fn from_env() -> Self {
        // A variable that is not Unicode cannot be one of ours spelled right; its readable part makes a better warning
        // than its absence.
        Self::from_vars(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        }))
    }

    /// Reads variables given as pairs of name and value.
    pub fn from_vars<N: AsRef<str>, V: Into<String>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut found = Found::default();
        for (name, value) in variables {
            found.take(name.as_ref(), value.into());
        }
        found.into_config()
    }
}

/// The variables that are set, before anything is made of them.
#[derive(Default)]
struct Found {
    url: Option<String>,
    host: Option<String>,
    port: Option<String>,
    service: Option<String>,
    env: Option<String>,
    version: Option<String>,
    tags: Option<String>,
    baggage: Option<String>,
    no_color: bool,
    trace_enabled: Option<String>,
}

impl Found {
    fn take(&mut self, name: &str, value: String) {
        if value.is_empty() {
            return;
        }
        match name {
            "DD_TRACE_AGENT_URL" => self.url = Some(value),
            "DD_AGENT_HOST" => self.host = Some(value),
            "DD_TRACE_AGENT_PORT" => self.port = Some(value),
            "DD_SERVICE" => self.service = Some(value),
            "DD_ENV" => self.env = Some(value),
            "DD_VERSION" => self.version = Some(value),
            "DD_TAGS" => self.tags = Some(value),
            "DD_TRACE_BAGGAGE_TAG_KEYS" => self.baggage = Some(value),
            "DD_TRACE_ENABLED" => self.trace_enabled = Some(value),
            "NO_COLOR" => self.no_color = true,
            _ => {}
        }
    }

    fn into_config(self) -> Config {
        let mut warnings = Vec::new();
        let agent_url = match self.url {
            Some(url) => url,
            None => address(self.host.as_deref(), self.port, &mut warnings),
        };

        let mut tags = parse_tags(self.tags.as_deref().unwrap_or_default());
        let service = self.service.or_else(|| take_tag(&mut tags, "service"));
        let version = self.version.or_else(|| take_tag(&mut tags, "version"));
        let env = self.env.or_else(|| take_tag(&mut tags, "env"));
        // They have fields of their own, and `git.*` describes the build, which is not a property of each span.
        tags.retain(|(key, _)| {
            !matches!(key.as_str(), "service" | "version" | "env") && !key.starts_with("git.")
        });

        let tagging = Tagging {
            service: service.map(Text::from),
            env: env.map(Text::from),
            version: version.map(Text::from),
            tags: tags
                .into_iter()
                .map(|(key, value)| (Text::from(key), Value::Str(Text::from(value))))
                .collect(),
            baggage: self.baggage.as_deref().map(BaggageKeys::parse).unwrap_or_default(),
        };
        let trace_enabled = truth("DD_TRACE_ENABLED", self.trace_enabled, true, &mut warnings);
        Config { agent_url, tagging, no_color: self.no_color, trace_enabled, warnings }
    }
}

/// The agent's URL from a host and a port.
fn address(host: Option<&str>, port: Option<String>, warnings: &mut Vec<Warning>) -> String {
    let host = host.unwrap_or(DEFAULT_HOST);
    let port = match port {
        None => DEFAULT_PORT,
        Some(value) => match value.parse::<u16>() {
            Ok(port) if port != 0 => port,
            _ => {
                let instead = format!("not a port (1 to 65535); {DEFAULT_PORT} is used");
                warnings.push(Warning { variable: "DD_TRACE_AGENT_PORT", value, instead });
                DEFAULT_PORT
            }
        },
    };
    if host.contains(':') && !host.starts_with('[') {
        format!("http://[{host}]:{port}")
    } else {
        format!("http://{host}:{port}")
    }
}

/// A variable that says yes or no.
fn truth(variable: &'static str, value: Option<String>, default: bool, warnings: &mut Vec<Warning>) -> bool {
    let Some(value) = value else { return default };
    match value.trim().to_ascii_lowercase().as_str() {
        "true" | "1" => true,
        "false" | "0" => false,
        _ => {
            let instead = format!("neither `true` nor `false`; `{default}` is used");
            warnings.push(Warning { variable, value, instead });
            default
        }
    }
}

/// `DD_TAGS`: separated by commas if there is any, otherwise by spaces; each item is split at its first colon, both
/// sides trimmed; without a colon the value is empty, without a key the item is skipped; of two with the same key the
/// later counts.
fn parse_tags(text: &str) -> Vec<(String, String)> {
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

#[cfg(test)]
mod tests;

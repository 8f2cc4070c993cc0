//! What a tracer is told when it is made.

use std::fmt;

use super::error::ConfigError;
use crate::config::{self, Filters, Sampling};
use crate::model::{Text, Value};

/// The keys of a configuration that is given as pairs.
pub mod keys {
    /// The agent's host: a text.
    pub const AGENT_HOSTNAME: &str = "agent_hostname";
    /// Whether the agent is spoken to by HTTPS, which this client cannot: a truth.
    pub const AGENT_HTTPS: &str = "agent_https";
    /// The agent's port: a number.
    pub const AGENT_PORT: &str = "agent_port";
    /// Whether a key that is not known is an error: a truth.
    pub const DEBUG: &str = "debug";
    /// Whether anything is recorded: a truth.
    pub const ENABLED: &str = "enabled";
    /// Tags of all spans: pairs.
    pub const GLOBAL_TAGS: &str = "global_tags";
    /// Whether the agent may say which traces to keep, which it always may: a truth.
    pub const PRIORITY_SAMPLING: &str = "priority_sampling";
    /// The share of traces that is kept, from 0 to 1: a number.
    pub const SAMPLER: &str = "sampler";
    /// Regular expressions of resources whose traces are dropped (`FILTERS`): a list.
    pub const SETTINGS: &str = "settings";
    /// The path of the agent's socket: a text.
    pub const UDS_PATH: &str = "uds_path";
}

/// What a tracer is told when it is made: the keys of Datadog's tracers for OpenTracing.
///
/// What is not said here is as the environment has it (`DD_*`).
///
/// ```
/// use microspan_std::opentracing::Config;
/// let config = Config::new().agent_hostname("agent").agent_port(8126).global_tag("team", "bread").sample_rate(0.5);
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "it is to be given to a tracer"]
pub struct Config {
    pub(super) agent: Agent,
    pub(super) debug: bool,
    pub(super) enabled: Option<bool>,
    pub(super) global_tags: Vec<(String, String)>,
    sampling: Option<Sampling>,
    rate: Option<f64>,
    priority_sampling: Option<bool>,
    filters: Filters,
}

/// Where the agent is.
#[derive(Debug, Clone, Default)]
pub(super) struct Agent {
    hostname: Option<String>,
    is_https: Option<bool>,
    port: Option<u16>,
    socket: Option<String>,
}

/// The value of a key.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Setting {
    /// A truth.
    Truth(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
    /// Texts by their keys.
    Pairs(Vec<(String, String)>),
}

macro_rules! from {
    ($($from:ty => $make:expr),* $(,)?) => {$(
        impl From<$from> for Setting {
            fn from(value: $from) -> Self {
                #[allow(clippy::redundant_closure_call, reason = "a closure says how")]
                ($make)(value)
            }
        }
    )*};
}
from!(bool => Self::Truth, f64 => Self::Number, u16 => |port: u16| Self::Number(port.into()), i32 => |number: i32| Self::Number(number.into()),
    &str => |text: &str| Self::Text(text.to_owned()), String => Self::Text, Vec<String> => Self::List,
    Vec<(String, String)> => Self::Pairs);

impl Config {
    /// Everything as the environment says.
    pub fn new() -> Self {
        Self::default()
    }

    /// A configuration that is given by its [`keys`].
    ///
    /// ```
    /// use microspan_std::opentracing::{Config, keys};
    /// let config = Config::from_pairs([(keys::AGENT_HOSTNAME, "agent".into()), (keys::DEBUG, true.into())]);
    /// assert!(config.is_ok());
    /// let misspelt = Config::from_pairs([("agent_hostnam", "agent".into()), (keys::DEBUG, true.into())]);
    /// assert!(misspelt.is_err());
    /// ```
    ///
    /// # Errors
    /// The value of a key is of another kind, or `debug` is set and there is a key that nobody knows. Without `debug` that is
    /// told in the log.
    pub fn from_pairs<K: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, Setting)>,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::new();
        let mut unknown = Vec::new();
        for (key, setting) in pairs {
            config = match config.with(key.as_ref(), setting)? {
                Ok(config) => config,
                Err(config) => {
                    unknown.push(key.as_ref().to_owned());
                    config
                }
            };
        }
        for key in unknown {
            if config.debug {
                return Err(ConfigError::UnknownKey(key));
            }
            log::warn!("the tracer's configuration has a key that nobody knows: `{key}`");
        }
        Ok(config)
    }

    /// The same with a key; the inner `Err`: without it, as nobody knows it.
    fn with(self, key: &str, setting: Setting) -> Result<Result<Self, Self>, ConfigError> {
        let wrong = |key, needed| Err(ConfigError::WrongKind { key, needed });
        Ok(Ok(match (key, setting) {
            (keys::AGENT_HOSTNAME, Setting::Text(host)) => self.agent_hostname(host),
            (keys::AGENT_HOSTNAME, _) => return wrong(keys::AGENT_HOSTNAME, "a text"),
            (keys::AGENT_HTTPS, Setting::Truth(is_https)) => self.agent_https(is_https),
            (keys::AGENT_HTTPS, _) => return wrong(keys::AGENT_HTTPS, "true or false"),
            (keys::AGENT_PORT, Setting::Number(port)) if (1.0..65_536.0).contains(&port) => {
                self.agent_port(port as u16)
            }
            (keys::AGENT_PORT, _) => return wrong(keys::AGENT_PORT, "a number from 1 to 65535"),
            (keys::DEBUG, Setting::Truth(debug)) => self.debug(debug),
            (keys::DEBUG, _) => return wrong(keys::DEBUG, "true or false"),
            (keys::ENABLED, Setting::Truth(enabled)) => self.enabled(enabled),
            (keys::ENABLED, _) => return wrong(keys::ENABLED, "true or false"),
            (keys::GLOBAL_TAGS, Setting::Pairs(tags)) => {
                tags.into_iter().fold(self, |config, (key, value)| config.global_tag(key, value))
            }
            (keys::GLOBAL_TAGS, _) => return wrong(keys::GLOBAL_TAGS, "pairs of texts"),
            (keys::PRIORITY_SAMPLING, Setting::Truth(is_on)) => self.priority_sampling(is_on),
            (keys::PRIORITY_SAMPLING, _) => return wrong(keys::PRIORITY_SAMPLING, "true or false"),
            (keys::SAMPLER, Setting::Number(rate)) if (0.0..=1.0).contains(&rate) => self.sample_rate(rate),
            (keys::SAMPLER, _) => return wrong(keys::SAMPLER, "a number from 0 to 1"),
            (keys::SETTINGS, Setting::List(resources)) => {
                let (filters, unusable) = Filters::from_lists(&resources, [&[], &[]], [&[], &[]]);
                if let Some(why) = unusable.first() {
                    log::warn!("a filter of the tracer's configuration is left out: {why}");
                }
                self.filters(filters)
            }
            (keys::SETTINGS, _) => return wrong(keys::SETTINGS, "a list of regular expressions"),
            (keys::UDS_PATH, Setting::Text(path)) => self.uds_path(path),
            (keys::UDS_PATH, _) => return wrong(keys::UDS_PATH, "a text"),
            _ => return Ok(Err(self)),
        }))
    }

    /// The agent's host.
    pub fn agent_hostname(mut self, host: impl Into<String>) -> Self {
        self.agent.hostname = Some(host.into());
        self
    }

    /// Whether the agent is spoken to by HTTPS. This client cannot, so that there is no tracer then.
    pub fn agent_https(mut self, is_https: bool) -> Self {
        self.agent.is_https = Some(is_https);
        self
    }

    /// The agent's port.
    pub fn agent_port(mut self, port: u16) -> Self {
        self.agent.port = Some(port);
        self
    }

    /// The path of the agent's socket; host and port count for nothing then.
    pub fn uds_path(mut self, path: impl Into<String>) -> Self {
        self.agent.socket = Some(path.into());
        self
    }

    /// Whether a key that nobody knows is an error of [`from_pairs`](Self::from_pairs).
    pub fn debug(mut self, debug: bool) -> Self {
        self.debug = debug;
        self
    }

    /// Whether anything is recorded.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = Some(enabled);
        self
    }

    /// A tag of all spans.
    pub fn global_tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.global_tags.push((key.into(), value.into()));
        self
    }

    /// The share of traces that is kept, from 0 to 1.
    pub fn sample_rate(mut self, rate: f64) -> Self {
        self.rate = Some(rate.clamp(0.0, 1.0));
        self
    }

    /// Which traces are kept.
    pub fn sampler(mut self, sampling: Sampling) -> Self {
        self.sampling = Some(sampling);
        self
    }

    /// Whether the agent may say which traces to keep. It always may: nothing but a line in the log follows from `false`.
    pub fn priority_sampling(mut self, is_on: bool) -> Self {
        self.priority_sampling = Some(is_on);
        self
    }

    /// Which traces are dropped as if they had never been.
    pub fn filters(mut self, filters: Filters) -> Self {
        self.filters.extend(filters);
        self
    }

    /// What the program is traced by: what the environment says, and this.
    pub(super) fn over(&self, mut config: config::Config, service: Option<&str>) -> config::Config {
        if let Some(url) = self.agent.url(&config.agent_url) {
            config.agent_url = url;
        }
        if let Some(enabled) = self.enabled {
            config.trace_enabled = enabled;
        }
        if let Some(service) = service {
            config.tagging.service = Some(Text::new(service));
        }
        let tags = self.global_tags.iter();
        config.tagging.tags.extend(tags.map(|(key, value)| (Text::new(key), Value::Str(Text::new(value)))));
        if let Some(sampling) = &self.sampling {
            config.sampling = sampling.clone();
        }
        config.sampling.rate = self.rate.or(config.sampling.rate);
        config.filters.extend(self.filters.clone());
        if self.priority_sampling == Some(false) {
            log::warn!("the agent says which traces to keep, whatever `priority_sampling` says");
        }
        config
    }
}

impl Agent {
    /// Its URL, if anything is said of it; what is not said is that of `before`.
    fn url(&self, before: &str) -> Option<String> {
        if let Some(path) = &self.socket {
            return Some(format!("unix://{path}"));
        }
        if self.hostname.is_none() && self.is_https.is_none() && self.port.is_none() {
            return None;
        }
        let known = before.strip_prefix("http://").map(|rest| rest.split('/').next().unwrap_or(rest));
        let (host, port) = known.and_then(|known| known.rsplit_once(':')).unwrap_or(("localhost", "8126"));
        let scheme = if self.is_https == Some(true) { "https" } else { "http" };
        let host = self.hostname.as_deref().unwrap_or(host);
        let port: &dyn fmt::Display = self.port.as_ref().map_or(&port, |port| port);
        Some(format!("{scheme}://{host}:{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(config: &Config, variables: &[(&str, &str)]) -> String {
        config.over(config::Config::from_vars(variables.iter().copied()), None).agent_url
    }

    #[test]
    fn what_is_said_goes_over_what_the_environment_says() {
        let other = [("DD_AGENT_HOST", "other"), ("DD_TRACE_AGENT_PORT", "9")];
        assert_eq!(url(&Config::new(), &other), "http://other:9");
        assert_eq!(url(&Config::new().agent_port(7), &other), "http://other:7");
        assert_eq!(url(&Config::new().agent_hostname("mine"), &other), "http://mine:9");
        assert_eq!(url(&Config::new().agent_https(true), &other), "https://other:9");
        assert_eq!(url(&Config::new().uds_path("/run/agent").agent_port(7), &other), "unix:///run/agent");

        let env = config::Config::from_vars([("DD_SERVICE", "shop"), ("DD_TAGS", "a:b")]);
        let config =
            Config::new().enabled(false).sample_rate(0.5).global_tag("c", "d").over(env, Some("till"));
        assert_eq!((config.trace_enabled, config.sampling.rate), (false, Some(0.5)));
        assert_eq!(config.tagging.service, Some(Text::from("till")));
        assert_eq!(config.tagging.tags.len(), 2);
    }

    #[test]
    fn each_key_has_its_kind_and_an_unknown_one_is_an_error_in_debug() {
        let all = [
            (keys::AGENT_HOSTNAME, "agent".into()),
            (keys::AGENT_HTTPS, false.into()),
            (keys::AGENT_PORT, 9_126_u16.into()),
            (keys::ENABLED, true.into()),
            (keys::GLOBAL_TAGS, vec![("team".to_owned(), "bread".to_owned())].into()),
            (keys::PRIORITY_SAMPLING, true.into()),
            (keys::SAMPLER, 0.25.into()),
            (keys::SETTINGS, vec!["GET /health".to_owned()].into()),
            (keys::DEBUG, true.into()),
        ];
        let config = Config::from_pairs(all).unwrap().over(config::Config::new(), None);
        assert_eq!((config.agent_url.as_str(), config.sampling.rate), ("http://agent:9126", Some(0.25)));
        assert_eq!((config.filters.ignore_resources.len(), config.tagging.tags.len()), (1, 1));
        for key in [
            keys::AGENT_HOSTNAME,
            keys::AGENT_HTTPS,
            keys::AGENT_PORT,
            keys::DEBUG,
            keys::ENABLED,
            keys::GLOBAL_TAGS,
            keys::PRIORITY_SAMPLING,
            keys::SAMPLER,
            keys::SETTINGS,
            keys::UDS_PATH,
        ] {
            let wrong = Config::from_pairs([(key, Setting::Number(-1.0))]);
            assert!(matches!(wrong, Err(ConfigError::WrongKind { key: told, .. }) if told == key), "{key}");
        }
        assert!(Config::from_pairs([("agent", true.into())]).is_ok());
        let debug = Config::from_pairs([("agent", true.into()), (keys::DEBUG, true.into())]);
        assert!(matches!(debug, Err(ConfigError::UnknownKey(key)) if key == "agent"));
    }
}

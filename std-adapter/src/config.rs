//! The configuration, read from the environment once, at start.
//!
//! This is the only module that looks at environment variables: Datadog's own, with Datadog's precedence, those of
//! OpenTelemetry's exporter, and `NO_COLOR`. An empty variable counts as unset. A value that cannot be used becomes one [`Warning`] that
//! says what is used instead; only an address that is none of an agent's is an error where spans are to go there. What a program says itself, by the `with_` methods, wins over the environment.
//!
//! [`Config::settings`] tells each value, where it comes from, and whether anything here goes by it: the command
//! `microspan config` prints that. [`Config::unused`] names variables of Datadog's that are set and change nothing. Among them
//! is `DD_TRACE_WRAP_SPAN_NAME_INCLUDE_CLASS`: [`wrap`](macro@microspan::wrap) names spans when a program is compiled.
//!
//! ```
//! use microspan_std::config::{Config, Origin};
//!
//! let config = Config::from_vars([("DD_SERVICE", "gateway"), ("DD_ENV", "lab")]).with_env("prod");
//! assert_eq!(config.tagging.service.as_deref(), Some("gateway"));
//! assert_eq!(config.tagging.env.as_deref(), Some("prod"));
//! assert_eq!(config.origin("DD_SERVICE"), Origin::Variable("DD_SERVICE"));
//! assert_eq!(config.origin("DD_ENV"), Origin::Program);
//! ```
//!
//! | file | idea |
//! | --- | --- |
//! | `config.rs` | all settings together |
//! | `config/reader.rs` | a variable to a value, its origin and its warning |
//! | `config/agent.rs`, `config/url.rs` | where the agent is, and how it is spoken to; which URLs can be one's |
//! | `config/writer.rs` | when payloads go out, how much waits, how long the agent may take |
//! | `config/otlp.rs` | whether traces go to the agent, in OpenTelemetry's protocol, or both ways |
//! | `config/tagging.rs` | service, env, version, tags |
//! | `config/sampling.rs` | rules for traces and for single spans |
//! | `config/filters.rs`, `config/replace.rs` | which traces go nowhere; what is hidden in the others |
//! | `config/propagation.rs` | headers |
//! | `config/logs.rs` | what lines of logs say of their spans |
//! | `config/recording.rs` | ids, and stacks of panics |
//! | `config/program.rs` | what a program says itself |
//! | `config/shown.rs` | the list of all settings, and no password in it |
//! | `config/quoted.rs` | what others wrote, as a log may show it |
//! | `config/patterns.rs` | regular expressions within bounds of time and memory |

mod agent;
mod filters;
mod logs;
mod otlp;
mod patterns;
mod program;
mod propagation;
mod quoted;
mod reader;
mod recording;
mod replace;
mod sampling;
mod shown;
mod tagging;
pub(crate) mod url;
mod writer;

use std::collections::BTreeMap;

pub use agent::{ApiVersion, PartialFlush};
pub use filters::{Filters, TagFilter, TagValue};
pub use logs::Logs;
pub use otlp::{Exporters, Otlp};
pub use propagation::Propagation;
pub(crate) use quoted::{quote, without_password};
pub use reader::{Origin, Warning};
pub use replace::{ReplaceRule, Target};
pub use sampling::{Sampling, SamplingRule, SpanRule};
pub use shown::Setting;
pub use tagging::{BaggageKeys, Tagging};
pub use writer::Writer;

use agent::EXTERNAL_ENV;
use reader::Reader;

/// What the environment and the program ask for.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// The agent's URL as given or put together; one that cannot be used is warned of here, and refused by the client.
    pub agent_url: String,
    /// Where traces go.
    pub exporters: Exporters,
    /// Where they go in OpenTelemetry's protocol, and how.
    pub otlp: Otlp,
    /// Which form traces are sent in.
    pub api_version: ApiVersion,
    /// What the cluster says of this process, for the agent to find its container by.
    pub external_env: Option<String>,
    /// Whether this program traces itself.
    pub trace_enabled: bool,
    /// Whether spans are counted here, and traces that are sampled out are not sent: [`stats`](crate::stats).
    pub stats_computation: bool,
    /// When payloads go out, how much waits for that, and how long the agent may take.
    pub writer: Writer,
    /// When a trace whose root is still open goes out in part.
    pub partial_flush: PartialFlush,
    /// What to say of spans whose source says less.
    pub tagging: Tagging,
    /// Which traces and spans are kept.
    pub sampling: Sampling,
    /// Which traces are dropped as if they had never been.
    pub filters: Filters,
    /// What is hidden in those that are sent.
    pub replace: Vec<ReplaceRule>,
    /// Which headers are read and written, and how.
    pub propagation: Propagation,
    /// What lines of logs say of their spans.
    pub logs: Logs,
    /// Whether the ids of traces that begin in this program have 128 bits, of which the upper are the Unix seconds of its start and
    /// 32 zeros. Those of devices have 128 always: a device tells them to others before anybody reads a variable.
    pub long_trace_ids: bool,
    /// How many calls a panic's stack has at most, the innermost; 0: it is not taken.
    pub stack_frames: usize,
    /// Whether the user asked for output without colour.
    pub no_color: bool,
    /// What was found unusable, and what is used instead.
    pub warnings: Vec<Warning>,
    origins: BTreeMap<&'static str, Origin>,
    unused: Vec<String>,
}

impl Config {
    /// The defaults: nothing of the environment.
    pub fn new() -> Self {
        Self::from_vars::<&str, String>([])
    }

    /// Reads the environment of this process.
    pub fn from_env() -> Self {
        // A variable that is not Unicode cannot be one of ours spelled right; its readable part makes a better warning
        // than its absence.
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        });
        Self::read(Reader::new(variables), agent::socket())
    }

    /// Reads variables given as pairs of name and value.
    pub fn from_vars<N: AsRef<str>, V: Into<String>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        Self::read(Reader::new(variables), None)
    }

    fn read(mut reader: Reader, socket: Option<String>) -> Self {
        // Only a clear yes is one, for Datadog's tracers.
        let trace_enabled = reader.truth_or("DD_TRACE_ENABLED", true, false);
        let stats_computation = reader.truth(agent::STATS, false);
        let no_color = reader.read("NO_COLOR", &["NO_COLOR"], |_| Ok(true)).unwrap_or(false);
        let mut config = Self {
            agent_url: agent::url(&mut reader, socket),
            exporters: otlp::exporters(&mut reader),
            otlp: otlp::read(&mut reader),
            api_version: agent::api_version(&mut reader),
            external_env: reader.read(EXTERNAL_ENV, &[EXTERNAL_ENV], |value| Ok(value.to_owned())),
            trace_enabled,
            stats_computation,
            writer: writer::read(&mut reader),
            partial_flush: agent::partial_flush(&mut reader),
            tagging: tagging::read(&mut reader),
            sampling: sampling::read(&mut reader),
            filters: filters::read(&mut reader),
            replace: replace::read(&mut reader),
            propagation: propagation::read(&mut reader),
            logs: logs::read(&mut reader),
            long_trace_ids: recording::long_trace_ids(&mut reader),
            stack_frames: recording::stack_frames(&mut reader),
            no_color,
            warnings: Vec::new(),
            origins: BTreeMap::new(),
            unused: shown::unused(reader.names()),
        };
        (config.warnings, config.origins) = reader.finish();
        config
    }

    /// Where the value of a setting comes from; `name` is that of its variable, as [`settings`](Self::settings) has it.
    pub fn origin(&self, name: &str) -> Origin {
        self.origins.get(name).copied().unwrap_or(Origin::Default)
    }

    /// The variables of Datadog's that are set and that nothing here goes by.
    pub fn unused(&self) -> &[String] {
        &self.unused
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;

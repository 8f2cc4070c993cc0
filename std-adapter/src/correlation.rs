//! The current span in the lines of a log, so that Datadog shows them together.
//!
//! [`prefix`] is what a formatter writes before a line, and [`Correlation::each`] the same field by field; for `tracing_subscriber` there
//! is `layer::Correlated`. Whoever started the span, it is that of [`microspan::current_span`].
//!
//! Service, environment and version are those that [`init`](crate::init) was called with, or else the environment's, whatever service a
//! span has of its own; they are told as the program's spans go out with them. With `DD_LOGS_INJECTION=false` nothing is said, and with `DD_TRACE_128_BIT_TRACEID_LOGGING_ENABLED=false` only the lower half of a trace's
//! id, as a number: see [`Logs`].
//!
//! A logger for `log`, in the way of `env_logger`'s `Builder::format`:
//!
//! ```
//! use std::io::Write;
//!
//! use microspan_std::correlation;
//!
//! fn format(line: &mut impl Write, record: &log::Record) -> std::io::Result<()> {
//!     // [INFO] dd.service=bakery dd.env=prod dd.trace_id=.. dd.span_id=.. the oven is warm
//!     writeln!(line, "[{}] {}{}", record.level(), correlation::prefix(), record.args())
//! }
//! # let mut line = Vec::new();
//! # let record = log::Record::builder().args(format_args!("the oven is warm")).level(log::Level::Info).build();
//! # format(&mut line, &record).unwrap();
//! # assert_eq!(line, b"[INFO] the oven is warm\n"); // there is no span
//! ```

use std::fmt;
use std::sync::OnceLock;

use microspan::{SpanContext, SpanRef};

use crate::config::{Config, Logs, Tagging};
use crate::model::Text;
use crate::model::normal::{self, SERVICE, UNNAMED_SERVICE, VALUE};

/// The span that a line of a log belongs to: shown as Datadog's log pipelines read it.
///
/// ```
/// use microspan_std::correlation::Correlation;
/// // In the formatter of a logger:
/// if let Some(span) = Correlation::current() {
///     span.each(|name, value| eprintln!("{name}: {value}")); // dd.trace_id: .. and so on
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correlation<'t> {
    /// The span.
    pub context: SpanContext,
    /// Service, environment and version, which stand before it.
    pub tagging: Option<&'t Tagging>,
    /// Whether all 128 bits of the trace's id are told, in hexadecimal; otherwise its lower half, as a number.
    pub long_ids: bool,
}

impl Correlation<'static> {
    /// That of the current span of the program's tracer; `None`: there is none, or lines are to say nothing.
    pub fn current() -> Option<Self> {
        Self::of(&microspan::current_span()?)
    }

    /// That of a span; `None`: it is finished, or lines are to say nothing.
    pub fn of(span: &SpanRef) -> Option<Self> {
        let Settings { tagging, logs } = settings();
        let context = span.context().filter(|_| logs.are_injected)?;
        Some(Self { context, tagging: Some(tagging), long_ids: logs.long_ids })
    }
}

impl Correlation<'_> {
    /// Its parts: names and values, for formats of fields such as JSON.
    pub fn each(&self, mut field: impl FnMut(&'static str, &dyn fmt::Display)) {
        if let Some(tagging) = self.tagging {
            for (name, value) in
                [("dd.service", &tagging.service), ("dd.env", &tagging.env), ("dd.version", &tagging.version)]
            {
                if let Some(value) = value {
                    field(name, value);
                }
            }
        }
        let SpanContext { trace_id, span_id, .. } = self.context;
        // An id that fits 64 bits is told as a number, as Datadog's tracers tell it.
        match u64::try_from(trace_id) {
            Err(_) if self.long_ids => field("dd.trace_id", &format_args!("{trace_id:032x}")),
            _ => field("dd.trace_id", &(trace_id as u64)),
        }
        field("dd.span_id", &span_id);
    }
}

impl fmt::Display for Correlation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut result, mut space) = (Ok(()), "");
        self.each(|name, value| {
            if result.is_ok() {
                result = write!(f, "{space}{name}={value}");
                space = " ";
            }
        });
        result
    }
}

/// What a line that is written now begins with: the current span and a space, or nothing.
pub fn prefix() -> Prefix {
    Prefix(Correlation::current())
}

/// The beginning of a line: see [`prefix`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prefix(Option<Correlation<'static>>);

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |span| write!(f, "{span} "))
    }
}

/// What lines say beside the span.
struct Settings {
    tagging: Tagging,
    logs: Logs,
}

impl Settings {
    /// As spans go out: to the agent in its form, in OpenTelemetry's protocol as the program wrote it.
    fn of(config: &Config) -> Self {
        let mut tagging = config.tagging.clone();
        let mut service = tagging.service.take().unwrap_or(Text::constant(UNNAMED_SERVICE));
        service.truncate(SERVICE);
        for (from, to) in &tagging.mapping {
            if service == *from {
                service = to.clone();
            }
        }
        for text in [&mut tagging.env, &mut tagging.version].into_iter().flatten() {
            text.truncate(VALUE);
        }
        if config.exporters.agent || !config.exporters.otlp {
            service = Text::new(&normal::service(&service));
            let env = tagging.env.take().map(|env| Text::new(&normal::env(&env)));
            // Of one that has nothing the agent keeps, nothing is stored.
            tagging.env = env.filter(|env| !env.is_empty());
        }
        tagging.service = Some(service);
        Self { tagging, logs: config.logs }
    }
}

/// As the tracer of this process was made.
static SETTLED: OnceLock<Settings> = OnceLock::new();

/// As the environment said when it was first asked, where there is no such tracer.
static OF_ENVIRONMENT: OnceLock<Settings> = OnceLock::new();

/// Has lines say what this says; the first call holds.
pub(crate) fn settle(config: &Config) {
    _ = SETTLED.set(Settings::of(config));
}

fn settings() -> &'static Settings {
    let of_environment = || OF_ENVIRONMENT.get_or_init(|| Settings::of(&Config::from_env()));
    SETTLED.get().unwrap_or_else(of_environment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_line_names_the_span_and_whose_it_is() {
        let config = Config::from_vars([("DD_SERVICE", "bakery"), ("DD_ENV", "lab")]);
        let context = SpanContext { trace_id: 0xabc << 64 | 7, span_id: 9, sampling_priority: None };
        let of_both = Correlation { context, tagging: Some(&config.tagging), long_ids: true };
        assert_eq!(
            of_both.to_string(),
            "dd.service=bakery dd.env=lab dd.trace_id=0000000000000abc0000000000000007 dd.span_id=9"
        );
        let short = "dd.trace_id=7 dd.span_id=9";
        assert_eq!(Correlation { tagging: None, long_ids: false, ..of_both }.to_string(), short);
        let context = SpanContext { trace_id: 7, ..context };
        assert_eq!(Correlation { context, tagging: None, long_ids: true }.to_string(), short);
    }

    #[test]
    fn a_program_without_a_name_has_the_one_that_its_spans_go_out_with() {
        assert_eq!(Settings::of(&Config::new()).tagging.service.as_deref(), Some(UNNAMED_SERVICE));
    }

    #[test]
    fn a_line_has_service_environment_and_version_as_spans_go_out_with_them() {
        let told = |more: &[(&'static str, &str)]| {
            let ours = [("DD_SERVICE", "My Service_1"), ("DD_ENV", "1 The Lab"), ("DD_VERSION", "V 1")];
            let config = Config::from_vars(ours.iter().chain(more).copied());
            let Tagging { service, env, version, .. } = Settings::of(&config).tagging;
            [service, env, version].map(|text| text.map(|text| text.to_string()).unwrap_or_default())
        };
        assert_eq!(told(&[]), ["my_service_1", "the_lab", "V 1"]);
        assert_eq!(told(&[("DD_SERVICE_MAPPING", "My Service_1:The Mill")]), ["the_mill", "the_lab", "V 1"]);
        assert_eq!(told(&[("DD_ENV", "1"), ("DD_SERVICE", " ! ")]), ["unnamed-rust-service", "", "V 1"]);
        let long = "a".repeat(VALUE + 1);
        let [service, _, version] = told(&[("DD_SERVICE", &long), ("DD_VERSION", &long)]);
        assert_eq!((service.len(), version.len()), (SERVICE, VALUE));
        #[cfg(feature = "otlp")]
        assert_eq!(told(&[("OTEL_TRACES_EXPORTER", "otlp")]), ["My Service_1", "1 The Lab", "V 1"]);
    }

    #[test]
    fn without_a_span_there_is_nothing_to_name() {
        assert_eq!(Correlation::current(), None);
        assert_eq!(prefix().to_string(), "");
    }
}

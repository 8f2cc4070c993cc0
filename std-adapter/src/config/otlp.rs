//! Whether traces go to the agent, in OpenTelemetry's protocol, or both ways; and where to.
//!
//! These are OpenTelemetry's own variables. That there is an endpoint does not yet send traces there: in many clusters all
//! programs are told one, for whatever they have. `OTEL_TRACES_EXPORTER` or the program says that they do.

use std::fmt;
use std::time::Duration;

#[cfg(feature = "otlp")]
use super::Config;
use super::quoted::shown;
use super::reader::Reader;
use super::without_password;

pub(super) const EXPORTERS: &str = "OTEL_TRACES_EXPORTER";
/// What is said of traces alone goes before what is said of everything.
pub(super) const ENDPOINT: &[&str] = &["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
pub(super) const HEADERS: &[&str] = &["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
pub(super) const TIMEOUT: &[&str] = &["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
pub(super) const PROTOCOL: &[&str] = &["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

/// The path that an endpoint for everything takes traces at.
const PATH: &str = "/v1/traces";

const DEFAULT_ENDPOINT: &str = "http://localhost:4318";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where traces go. Without the feature `otlp` that is the agent or nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exporters {
    /// To the Datadog agent.
    pub agent: bool,
    /// To an endpoint of OpenTelemetry's protocol.
    pub otlp: bool,
}

impl Default for Exporters {
    fn default() -> Self {
        Self { agent: true, otlp: false }
    }
}

impl fmt::Display for Exporters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.agent, self.otlp) {
            (true, true) => "datadog,otlp",
            (true, false) => "datadog",
            (false, true) => "otlp",
            (false, false) => "none",
        })
    }
}

/// Where traces go in OpenTelemetry's protocol, if they do.
#[derive(Clone, PartialEq, Eq)]
pub struct Otlp {
    /// The URL that they are posted to, path and all.
    pub url: String,
    /// Headers of each request, such as keys.
    pub headers: Vec<(String, String)>,
    /// The longest time for one request.
    pub timeout: Duration,
}

impl Otlp {
    /// Sets a header; one of its name that is there already goes.
    pub(super) fn set_header(&mut self, name: String, value: String) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        self.headers.push((name, value));
    }
}

impl fmt::Debug for Otlp {
    /// Without the values of headers, which may be keys, and without a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Otlp")
            .field("url", &without_password(&self.url))
            .field("headers", &names)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// What a program says itself.
#[cfg(feature = "otlp")]
impl Config {
    /// Whether traces go to the agent.
    #[must_use]
    pub fn with_agent(mut self, is_used: bool) -> Self {
        self.exporters.agent = is_used;
        self.say(&[EXPORTERS], &[])
    }

    /// Traces go to this URL by OTLP too; `/v1/traces` is added unless it ends so.
    #[must_use]
    pub fn with_otlp(mut self, url: &str) -> Self {
        self.exporters.otlp = true;
        self.otlp.url = below(url);
        self.say(&[EXPORTERS, ENDPOINT[0]], ENDPOINT)
    }

    /// Traces go by OTLP too, to where the environment or the default says.
    #[must_use]
    pub fn with_otlp_as_configured(mut self) -> Self {
        self.exporters.otlp = true;
        self.say(&[EXPORTERS], &[])
    }

    /// A header of requests by OTLP, such as a key, in the place of one with its name.
    #[must_use]
    pub fn with_otlp_header(mut self, name: &str, value: &str) -> Self {
        self.otlp.set_header(name.to_owned(), value.to_owned());
        self.say(&[HEADERS[0]], HEADERS)
    }

    /// The longest time for one request by OTLP.
    #[must_use]
    pub fn with_otlp_timeout(mut self, timeout: Duration) -> Self {
        self.otlp.timeout = timeout;
        self.say(&[TIMEOUT[0]], TIMEOUT)
    }
}

/// Where traces are taken by an endpoint for everything.
pub(super) fn below(url: &str) -> String {
    let base = url.trim_end_matches('/');
    if base.ends_with(PATH) { base.to_owned() } else { format!("{base}{PATH}") }
}

pub(super) fn exporters(reader: &mut Reader) -> Exporters {
    let parse = |value: &str| {
        let mut found = Exporters { agent: false, otlp: false };
        for name in value.split(',').map(str::trim) {
            match name {
                "otlp" if cfg!(feature = "otlp") => found.otlp = true,
                "otlp" => return Err("this program was built without OTLP; `datadog` is used".to_owned()),
                "datadog" => found.agent = true,
                "none" => {}
                _ => {
                    return Err(format!(
                        "`{}` is none of `datadog`, `otlp` and `none`; `datadog` is used",
                        shown(name)
                    ));
                }
            }
        }
        Ok(found)
    };
    reader.read(EXPORTERS, &[EXPORTERS], parse).unwrap_or_default()
}

pub(super) fn read(reader: &mut Reader) -> Otlp {
    let [own, common] = [&ENDPOINT[..1], &ENDPOINT[1..]];
    let url = reader
        .read(ENDPOINT[0], own, |url| Ok(url.to_owned()))
        .or_else(|| reader.read(ENDPOINT[0], common, |url| Ok(below(url))))
        .unwrap_or_else(|| below(DEFAULT_ENDPOINT));
    let timeout = reader.read(TIMEOUT[0], TIMEOUT, |value| match value.parse() {
        Ok(milliseconds) if milliseconds > 0 => Ok(Duration::from_millis(milliseconds)),
        _ => Err(format!("not a number of milliseconds; {} is used", DEFAULT_TIMEOUT.as_millis())),
    });
    let protocol = |value: &str| match value {
        "http/protobuf" => Ok(()),
        _ => Err("only `http/protobuf` is spoken, and is used".to_owned()),
    };
    let mut otlp = Otlp { url, headers: Vec::new(), timeout: timeout.unwrap_or(DEFAULT_TIMEOUT) };
    reader.read(PROTOCOL[0], PROTOCOL, protocol);
    headers(reader, &mut otlp);
    otlp
}

/// `name=value,...`, each value with percent signs as in a URL. What is wrong is told without its value.
fn headers(reader: &mut Reader, otlp: &mut Otlp) {
    let Some((variable, list)) = reader.first(HEADERS) else { return };
    let mut wrong = 0;
    for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let pair = item.split_once('=').map(|(name, value)| (name.trim(), decoded(value.trim())));
        match pair {
            Some((name, Some(value))) if !name.is_empty() => otlp.set_header(name.to_owned(), value),
            _ => wrong += 1,
        }
    }
    reader.came_from(HEADERS[0], variable);
    if wrong > 0 {
        let instead = format!("{wrong} items are not `name=value`; the rest is used");
        reader.warn(variable, "...".to_owned(), instead);
    }
}

/// Without percent signs; `None`: they stand for nothing.
fn decoded(value: &str) -> Option<String> {
    let mut parts = value.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        bytes.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    #[cfg(feature = "otlp")]
    use super::super::Origin;
    use super::*;

    fn config(variables: &[(&str, &str)]) -> Config {
        Config::from_vars(variables.iter().copied())
    }

    #[test]
    fn without_variables_traces_go_to_the_agent_alone() {
        let config = config(&[]);
        assert_eq!(config.exporters, Exporters { agent: true, otlp: false });
        assert_eq!(config.otlp.url, "http://localhost:4318/v1/traces");
        assert_eq!((config.otlp.headers.len(), config.otlp.timeout), (0, Duration::from_secs(10)));
    }

    #[test]
    fn an_endpoint_alone_sends_nothing_there() {
        let config = config(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")]);
        assert_eq!(config.exporters, Exporters::default());
        assert_eq!(config.otlp.url, "http://collector:4318/v1/traces");
    }

    #[test]
    fn the_exporters_are_a_list_and_one_that_is_not_there_is_warned_of() {
        for (list, shown) in [
            ("otlp", Some("otlp").filter(|_| cfg!(feature = "otlp"))),
            ("datadog", Some("datadog")),
            ("otlp, datadog", Some("datadog,otlp").filter(|_| cfg!(feature = "otlp"))),
            ("none", Some("none")),
            ("zipkin", None),
        ] {
            let config = config(&[("OTEL_TRACES_EXPORTER", list)]);
            assert_eq!(config.exporters.to_string(), shown.unwrap_or("datadog"), "{list}");
            assert_eq!(config.warnings.len(), usize::from(shown.is_none()), "{:?}", config.warnings);
            assert!(config.unused().is_empty());
        }
    }

    #[test]
    #[cfg(feature = "otlp")]
    fn an_endpoint_for_traces_is_taken_as_it_is_and_wins() {
        let both = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:1/base/"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://b:2/traces"),
        ];
        assert_eq!(config(&both[..1]).otlp.url, "http://a:1/base/v1/traces");
        let found = config(&both);
        assert_eq!(found.otlp.url, "http://b:2/traces");
        assert_eq!(found.origin(ENDPOINT[0]), Origin::Variable(ENDPOINT[0]));
        let said = found.with_otlp("http://c:3");
        assert_eq!((said.otlp.url.as_str(), said.exporters.otlp), ("http://c:3/v1/traces", true));
        assert_eq!(said.with_otlp("http://c:3/v1/traces/").otlp.url, "http://c:3/v1/traces");
    }

    #[test]
    fn headers_are_decoded_and_neither_shown_nor_warned_of_with_their_values() {
        let list = "api-key=s%65cret, x = a b ,bad,worse=%zz,Api-Key=se%2Cret";
        let config = config(&[("OTEL_EXPORTER_OTLP_HEADERS", list)]);
        let pairs = [("x", "a b"), ("Api-Key", "se,ret")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(config.otlp.headers, pairs);
        let warned: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            warned,
            ["OTEL_EXPORTER_OTLP_HEADERS=`...`: 2 items are not `name=value`; the rest is used"]
        );
        let shown = format!("{config:?} {:?}", config.settings());
        assert!(shown.contains("Api-Key") && !shown.contains("se,ret"), "{shown}");
    }

    #[test]
    fn no_url_is_shown_with_its_password() {
        let variables = [
            ("DD_TRACE_AGENT_URL", "http://u:secret@agent:8126"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://u:secret@collector:4318"),
        ];
        let config = config(&variables);
        let shown = format!("{config:?} {:?}", config.settings());
        assert!(shown.contains("...@agent") && shown.contains("...@collector"), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[test]
    fn a_timeout_is_milliseconds_and_one_protocol_is_spoken() {
        let timeout = |value| config(&[("OTEL_EXPORTER_OTLP_TIMEOUT", value)]).otlp.timeout.as_millis();
        assert_eq!([timeout("250"), timeout("0"), timeout("1s")], [250, 10_000, 10_000]);
        let warned = |value| config(&[("OTEL_EXPORTER_OTLP_PROTOCOL", value)]).warnings.len();
        assert_eq!([warned("http/protobuf"), warned("grpc")], [0, 1]);
    }

    #[test]
    #[cfg(feature = "otlp")]
    fn what_is_said_of_otlp_is_shown_with_its_origin_and_nothing_of_it_counts_as_unused() {
        let variables = [
            ("OTEL_TRACES_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:1"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "key=x"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ];
        let config = config(&variables);
        assert_eq!(config.unused(), ["OTEL_EXPORTER_OTLP_COMPRESSION"]);
        let shown: Vec<String> = config
            .settings()
            .iter()
            .filter(|setting| setting.name.starts_with("OTEL_"))
            .map(|setting| {
                format!("{}={} {} {}", setting.name, setting.value, setting.origin, setting.is_used)
            })
            .collect();
        assert_eq!(
            shown,
            [
                "OTEL_TRACES_EXPORTER=otlp OTEL_TRACES_EXPORTER true",
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://a:1/v1/traces OTEL_EXPORTER_OTLP_ENDPOINT true",
                "OTEL_EXPORTER_OTLP_TRACES_HEADERS=key=... OTEL_EXPORTER_OTLP_TRACES_HEADERS true",
                "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=250 OTEL_EXPORTER_OTLP_TIMEOUT true",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf OTEL_EXPORTER_OTLP_PROTOCOL true",
            ]
        );
    }
}

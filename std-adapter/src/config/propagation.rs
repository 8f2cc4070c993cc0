//! Headers: which are read and written, and how.

use microspan::propagation::{Behavior, Propagator, Style};

use super::quoted::shown;
use super::reader::Reader;

pub(super) const STYLE: &str = "DD_TRACE_PROPAGATION_STYLE";
pub(super) const EXTRACT: &str = "DD_TRACE_PROPAGATION_STYLE_EXTRACT";
pub(super) const INJECT: &str = "DD_TRACE_PROPAGATION_STYLE_INJECT";
pub(super) const OTEL: &str = "OTEL_PROPAGATORS";
pub(super) const FIRST: &str = "DD_TRACE_PROPAGATION_EXTRACT_FIRST";
pub(super) const BEHAVIOR: &str = "DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT";
pub(super) const TAGS_LENGTH: &str = "DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH";
pub(super) const BAGGAGE_ITEMS: &str = "DD_TRACE_BAGGAGE_MAX_ITEMS";
pub(super) const BAGGAGE_BYTES: &str = "DD_TRACE_BAGGAGE_MAX_BYTES";
pub(super) const OT_BAGGAGE: &str = "DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED";

/// Every style, in the order in which Datadog names them.
const STYLES: [Style; 5] = [Style::Datadog, Style::TraceContext, Style::B3Multi, Style::B3, Style::Baggage];

/// Which headers are read and written, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Propagation {
    /// The styles that are read, the first that has a context first.
    pub extract: Vec<Style>,
    /// The styles that are written.
    pub inject: Vec<Style>,
    /// Whether only the first style is read.
    pub extract_first: bool,
    /// What becomes of a trace that comes in.
    pub behavior: Behavior,
    /// The most bytes of `x-datadog-tags`; 0: none are read or written.
    pub tags_length: usize,
    /// The most items of baggage that are written.
    pub baggage_items: usize,
    /// The most bytes of baggage that are written.
    pub baggage_bytes: usize,
    /// Whether baggage is read and written as OpenTracing has it, too.
    pub ot_baggage: bool,
}

impl Propagation {
    /// What reads and writes headers like this.
    ///
    /// ```
    /// use microspan_std::config::Config;
    /// let config = Config::from_vars([("DD_TRACE_PROPAGATION_STYLE", "b3")]);
    /// let headers = [("b3", "000000000000000a-000000000000000b-1")];
    /// assert!(config.propagation.propagator().extract(headers.as_slice()).context.is_some());
    /// ```
    pub fn propagator(&self) -> Propagator {
        let propagator = Propagator::new()
            .extract_styles(&self.extract)
            .inject_styles(&self.inject)
            .behavior(self.behavior)
            .longest_tags(self.tags_length)
            .baggage_limits(self.baggage_items, self.baggage_bytes);
        if self.extract_first { propagator.extract_first() } else { propagator }
    }
}

impl Default for Propagation {
    fn default() -> Self {
        let styles = vec![Style::Datadog, Style::TraceContext, Style::Baggage];
        Self {
            extract: styles.clone(),
            inject: styles,
            extract_first: false,
            behavior: Behavior::Continue,
            tags_length: 512,
            baggage_items: 64,
            baggage_bytes: 8192,
            ot_baggage: false,
        }
    }
}

pub(super) fn read(reader: &mut Reader) -> Propagation {
    let default = Propagation::default();
    let mut count = |name, default| {
        let instead = format!("not a number; {default} is used");
        reader.count(name, (0, "less than 0; 0 is used"), instead).unwrap_or(default)
    };
    let tags_length = count(TAGS_LENGTH, default.tags_length);
    let baggage_items = count(BAGGAGE_ITEMS, default.baggage_items);
    let baggage_bytes = count(BAGGAGE_BYTES, default.baggage_bytes);
    let behavior = reader.read(BEHAVIOR, &[BEHAVIOR], |value| match value.to_ascii_lowercase().as_str() {
        "continue" => Ok(Behavior::Continue),
        "restart" => Ok(Behavior::Restart),
        "ignore" => Ok(Behavior::Ignore),
        _ => Err("none of `continue`, `restart` and `ignore`; `continue` is used".to_owned()),
    });
    Propagation {
        extract: styles(reader, EXTRACT).unwrap_or(default.extract),
        inject: styles(reader, INJECT).unwrap_or(default.inject),
        extract_first: reader.truth(FIRST, false),
        behavior: behavior.unwrap_or(default.behavior),
        tags_length,
        baggage_items,
        baggage_bytes,
        ot_baggage: reader.truth(OT_BAGGAGE, false),
    }
}

/// The styles of one direction: its own variable, or that of both, or OpenTelemetry's.
fn styles(reader: &mut Reader, own: &'static str) -> Option<Vec<Style>> {
    let (variable, value) = reader.first(&[own, STYLE, OTEL])?;
    let (mut styles, mut wrong) = (Vec::new(), Vec::new());
    let mut is_none = false;
    for name in value.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty())
    {
        let style = match name.as_str() {
            "b3 single header" => Some(Style::B3),
            _ => STYLES.into_iter().find(|style| style.name() == name),
        };
        match style {
            Some(style) if !styles.contains(&style) => styles.push(style),
            Some(_) => {}
            None if name == "none" => is_none = true,
            None => wrong.push(format!("`{name}` is no style")),
        }
    }
    let is_usable = is_none || !styles.is_empty();
    if !wrong.is_empty() {
        let used = if is_usable { "the rest is used" } else { "`datadog,tracecontext,baggage` is used" };
        reader.warn(variable, value, format!("{}; {used}", shown(&wrong.join(", "))));
    }
    if !is_usable {
        return None;
    }
    reader.came_from(own, variable);
    Some(if is_none { Vec::new() } else { styles })
}

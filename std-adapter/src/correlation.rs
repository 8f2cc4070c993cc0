//! The current span in the lines of a log, so that Datadog shows them together.

use std::fmt;

use microspan::SpanContext;

use crate::config::Tagging;

/// The span that a line of a log belongs to: shown as Datadog's log pipelines read it.
///
/// ```
/// use microspan_std::correlation::Correlation;
/// // In the formatter of a logger, for `log` or `tracing`:
/// if let Some(span) = Correlation::current(None) {
///     eprintln!("{span} the oven is warm"); // dd.trace_id=.. dd.span_id=.. the oven is warm
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correlation<'t> {
    /// The span.
    pub context: SpanContext,
    /// Service, environment and version, which stand before it.
    pub tagging: Option<&'t Tagging>,
}

impl<'t> Correlation<'t> {
    /// That of the current span of the program's tracer; `None`: there is none.
    pub fn current(tagging: Option<&'t Tagging>) -> Option<Self> {
        Some(Self { context: microspan::current_span()?.context()?, tagging })
    }

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
            Ok(short) => field("dd.trace_id", &short),
            Err(_) => field("dd.trace_id", &format_args!("{trace_id:032x}")),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_line_names_the_span_and_whose_it_is() {
        let config = Config::from_vars([("DD_SERVICE", "bakery"), ("DD_ENV", "lab")]);
        let context = SpanContext { trace_id: 0xabc << 64 | 7, span_id: 9, sampling_priority: None };
        let shown = Correlation { context, tagging: Some(&config.tagging) }.to_string();
        assert_eq!(
            shown,
            "dd.service=bakery dd.env=lab dd.trace_id=0000000000000abc0000000000000007 dd.span_id=9"
        );
        let context = SpanContext { trace_id: 7, ..context };
        assert_eq!(Correlation { context, tagging: None }.to_string(), "dd.trace_id=7 dd.span_id=9");
    }

    #[test]
    fn without_a_span_there_is_nothing_to_name() {
        assert_eq!(Correlation::current(None), None);
    }
}

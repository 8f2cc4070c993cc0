//! The lines of `tracing_subscriber` with the span that each belongs to.

use std::fmt;

use serde_json::Value;
use tracing_core::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::correlation::Correlation;

/// A format of lines that says before each which span it belongs to, as [`correlation`](crate::correlation) has it, and otherwise is what
/// another is. A line outside of every span is as it was.
///
/// ```
/// use microspan_std::layer::{Correlated, MicrospanLayer};
/// use tracing_subscriber::fmt;
/// use tracing_subscriber::layer::SubscriberExt;
///
/// let subscriber = tracing_subscriber::registry()
///     .with(MicrospanLayer::new())
///     .with(fmt::layer().map_event_format(Correlated::new)); // and `.init()`
/// # let _ = subscriber;
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Correlated<F> {
    inner: F,
    is_json: bool,
}

impl<F> Correlated<F> {
    /// Lines of text: `dd.service=.. dd.trace_id=.. dd.span_id=..` and a space stand before each.
    pub fn new(inner: F) -> Self {
        Self { inner, is_json: false }
    }

    /// Lines of JSON (`fmt::layer().json()`): each object has the same as its first fields. A line that is no object is as it was.
    pub fn in_json(inner: F) -> Self {
        Self { inner, is_json: true }
    }
}

impl<S, N, F> FormatEvent<S, N> for Correlated<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let span = super::span_of(event, |id| super::of(&context.span(id)?));
        let correlation = span.and_then(|span| Correlation::of(&span));
        if self.is_json {
            let mut object = Object { out: writer, correlation, is_begun: false };
            return self.inner.format_event(context, Writer::new(&mut object), event);
        }
        if let Some(correlation) = correlation {
            write!(writer, "{correlation} ")?;
        }
        self.inner.format_event(context, writer, event)
    }
}

/// Writes on, and fields of its own behind the brace that comes first.
struct Object<'w> {
    out: Writer<'w>,
    /// What is still to be said.
    correlation: Option<Correlation<'static>>,
    /// Whether it was said, and nothing after that.
    is_begun: bool,
}

impl Object<'_> {
    fn begin(&mut self, correlation: &Correlation<'_>) -> fmt::Result {
        let (mut result, mut before) = (Ok(()), '{');
        correlation.each(|name, value| {
            if result.is_ok() {
                result = write!(self.out, "{before}\"{name}\":{}", Value::String(value.to_string()));
                before = ',';
            }
        });
        self.is_begun = true;
        result
    }
}

impl fmt::Write for Object<'_> {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        if text.is_empty() {
            return Ok(());
        }
        if let Some(correlation) = self.correlation.take()
            && let Some(rest) = text.strip_prefix('{')
        {
            self.begin(&correlation)?;
            text = rest;
        }
        if self.is_begun && !text.is_empty() {
            self.is_begun = false;
            if !text.starts_with('}') {
                self.out.write_char(',')?;
            }
        }
        self.out.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use microspan::SpanContext;

    fn written(parts: &[&str]) -> String {
        let mut line = String::new();
        let context = SpanContext { trace_id: 7, span_id: 9, sampling_priority: None };
        let correlation = Some(Correlation { context, tagging: None, long_ids: true });
        let mut object = Object { out: Writer::new(&mut line), correlation, is_begun: false };
        parts.iter().for_each(|part| object.write_str(part).unwrap());
        line
    }

    #[test]
    fn the_fields_come_first_however_an_object_is_written() {
        let whole = r#"{"dd.trace_id":"7","dd.span_id":"9","a":{"b":1}}"#;
        assert_eq!(written(&[r#"{"a":{"b":1}}"#]), whole);
        assert_eq!(written(&["", "{", "", "\"a\":", "{", r#""b":1}}"#]), whole);
        assert_eq!(written(&["{", "}"]), r#"{"dd.trace_id":"7","dd.span_id":"9"}"#);
    }

    #[test]
    fn what_is_no_object_is_as_it_was() {
        assert_eq!(written(&["INFO ", "{}"]), "INFO {}");
    }
}

//! The fields of spans and events.

use std::error::Error;
use std::fmt::{Debug, Write};
use std::ops::Range;

use microspan::{SpanRef, Value};
use tracing_core::field::{Field, Visit};
use tracing_core::{Event, Metadata};

/// The most fields of an event; those beyond are left out.
const FIELDS: usize = 32;

/// Sets each field of a span as a tag.
pub(super) struct SpanFields<'s>(pub(super) &'s SpanRef);

impl SpanFields<'_> {
    fn text(&self, field: &Field, text: &str) {
        let span = self.0;
        match field.name() {
            "otel.name" | "dd.resource" => _ = span.set_tag("resource.name", text),
            "dd.service" => _ = span.set_tag("service.name", text),
            "dd.type" => _ = span.set_tag("span.type", text),
            "otel.kind" => _ = span.set_tag("span.kind", text.to_ascii_lowercase().as_str()),
            "otel.status_code" => _ = span.error(text.eq_ignore_ascii_case("error")),
            "otel.status_message" | "otel.status_description" => _ = span.set_tag("error.message", text),
            name => _ = span.set_tag(name, text),
        }
    }
}

impl Visit for SpanFields<'_> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.set_tag(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.set_tag(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.set_tag(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.set_tag(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0.set_error_info(field.name(), &value.to_string());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, &format!("{value:?}"));
    }
}

/// The fields of an event, until they are handed on together.
#[derive(Default)]
pub(super) struct EventFields {
    fields: Vec<(&'static str, Kept)>,
    /// The texts, one behind the other.
    texts: String,
    message: Option<Range<usize>>,
    error: Option<Range<usize>>,
}

enum Kept {
    Scalar(Value<'static>),
    Text(Range<usize>),
}

impl EventFields {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut fields = Self::default();
        event.record(&mut fields);
        fields
    }

    /// Adds an event with these fields to a span.
    pub(super) fn add_to(&self, span: &SpanRef, name: &'static str, metadata: &Metadata<'static>) {
        let mut attributes = [("level", Value::Static(metadata.level().as_str())); FIELDS + 1];
        let places = attributes.iter_mut().skip(1);
        let mut count = 1;
        for (place, (key, kept)) in places.zip(&self.fields) {
            let value = match kept {
                Kept::Scalar(value) => *value,
                Kept::Text(range) => Value::Str(self.text(range)),
            };
            *place = (key, value);
            count += 1;
        }
        span.add_event(name, attributes.get(..count).unwrap_or_default());
    }

    /// What it says: the error that it holds, or else its message.
    pub(super) fn message(&self) -> &str {
        self.error.as_ref().or(self.message.as_ref()).map_or("", |range| self.text(range))
    }

    fn text(&self, range: &Range<usize>) -> &str {
        self.texts.get(range.clone()).unwrap_or_default()
    }

    fn scalar(&mut self, field: &Field, value: impl Into<Value<'static>>) {
        self.fields.push((field.name(), Kept::Scalar(value.into())));
    }

    fn write(&mut self, field: &Field, text: std::fmt::Arguments<'_>) -> Range<usize> {
        let from = self.texts.len();
        // A value that fails to show itself is shown as far as it came.
        let _ = self.texts.write_fmt(text);
        let range = from..self.texts.len();
        if field.name() == "message" {
            self.message = Some(range.clone());
        }
        self.fields.push((field.name(), Kept::Text(range.clone())));
        range
    }
}

impl Visit for EventFields {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.scalar(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.scalar(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.scalar(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.scalar(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.write(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let range = self.write(field, format_args!("{value}"));
        self.error = Some(range);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.write(field, format_args!("{value:?}"));
    }
}

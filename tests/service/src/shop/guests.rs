//! Who has ordered: a part that is instrumented with OpenTelemetry.

use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, global};

use crate::records;

/// The guest whose order it is.
pub fn find(order: u32) -> &'static str {
    let tracer = global::tracer("guests");
    let query = tracer
        .span_builder("SELECT guests")
        .with_kind(SpanKind::Client)
        .with_attributes([KeyValue::new("db.system", "postgresql")])
        .start(&tracer);
    let context = Context::current_with_span(query);
    let _active = context.clone().attach();
    let guest = records::read(order);
    context.span().set_attribute(KeyValue::new("guest", guest));
    guest
}

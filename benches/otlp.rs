//! Traces as OpenTelemetry's exporters send them: `ExportTraceServiceRequest` in protobuf.
//!
//! What all spans share, the service and the tags of the session, stands once a request, in its resource.

use microspan_std::model::{Span as Model, Tag, Value};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

/// The body of a request with these spans, which have one source.
pub fn request(spans: &[Model]) -> Vec<u8> {
    let resource = spans.first().map(|span| Resource {
        attributes: span
            .source
            .service
            .iter()
            .map(|service| attribute("service.name", &Value::Str(service.clone())))
            .chain(attributes(&span.source.tags))
            .collect(),
        ..Resource::default()
    });
    let scope = InstrumentationScope { name: "microspan".to_owned(), ..InstrumentationScope::default() };
    let spans = spans.iter().map(span).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn span(span: &Model) -> Span {
    let own = [
        (span.source.service != span.service, "service.name", &span.service),
        (true, "resource.name", &span.resource),
        (true, "span.type", &span.span_type),
    ];
    let own = own
        .into_iter()
        .filter(|(is_told, ..)| *is_told)
        .filter_map(|(_, key, text)| Some(attribute(key, &Value::Str(text.clone()?))));
    let parent = (span.parent_id != 0).then(|| span.parent_id.to_be_bytes().to_vec());
    Span {
        trace_id: span.trace_id.to_be_bytes().to_vec(),
        span_id: span.span_id.to_be_bytes().to_vec(),
        parent_span_id: parent.unwrap_or_default(),
        name: span.name.to_string(),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: span.start as u64,
        end_time_unix_nano: (span.start + span.duration) as u64,
        // What an error says has a field of its own.
        attributes: attributes(span.tags.iter().filter(|(key, _)| key != "error.message"))
            .chain(own)
            .collect(),
        status: span.error.then(|| Status {
            message: span.tag("error.message").map(Value::to_string).unwrap_or_default(),
            code: StatusCode::Error.into(),
        }),
        ..Span::default()
    }
}

fn attributes<'a>(tags: impl IntoIterator<Item = &'a Tag>) -> impl Iterator<Item = KeyValue> {
    tags.into_iter().map(|(key, value)| attribute(key, value))
}

fn attribute(key: &str, value: &Value) -> KeyValue {
    let value = match value {
        Value::Bool(value) => any_value::Value::BoolValue(*value),
        Value::Int(value) => any_value::Value::IntValue(*value),
        Value::Uint(value) => any_value::Value::IntValue(*value as i64),
        Value::Float(value) => any_value::Value::DoubleValue(*value),
        Value::Str(text) => any_value::Value::StringValue(text.to_string()),
    };
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

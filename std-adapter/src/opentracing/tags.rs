//! The standard tags of OpenTracing, and what becomes of them.
//!
//! | tag | becomes |
//! | --- | --- |
//! | `service.name`, `span.type`, `resource.name` | these fields of the span |
//! | `db.statement` | the resource, and the tag |
//! | `peer.hostname` | `out.host` |
//! | `peer.port` | `network.destination.port` |
//! | `sampling.priority` | above 0 the trace is kept, otherwise it is dropped |
//! | `error` | whether the span failed |
//! | any other | a tag |

use microspan::{SpanRef, Value};

/// The software that the span is about: `grpc`, `django`.
pub const COMPONENT: &str = "component";
/// The name of a database.
pub const DATABASE_INSTANCE: &str = "db.instance";
/// A statement that a database is given.
pub const DATABASE_STATEMENT: &str = "db.statement";
/// The kind of a database.
pub const DATABASE_TYPE: &str = "db.type";
/// Who asks a database.
pub const DATABASE_USER: &str = "db.user";
/// Whether the span failed.
pub const ERROR: &str = "error";
/// The method of an HTTP request.
pub const HTTP_METHOD: &str = "http.method";
/// The status of an HTTP response.
pub const HTTP_STATUS_CODE: &str = "http.status_code";
/// The URL of an HTTP request.
pub const HTTP_URL: &str = "http.url";
/// Where messages go to.
pub const MESSAGE_BUS_DESTINATION: &str = "message_bus.destination";
/// The address of the other side.
pub const PEER_ADDRESS: &str = "peer.address";
/// The host of the other side.
pub const PEER_HOSTNAME: &str = "peer.hostname";
/// The IPv4 address of the other side.
pub const PEER_HOST_IPV4: &str = "peer.ipv4";
/// The IPv6 address of the other side.
pub const PEER_HOST_IPV6: &str = "peer.ipv6";
/// The port of the other side.
pub const PEER_PORT: &str = "peer.port";
/// The service of the other side.
pub const PEER_SERVICE: &str = "peer.service";
/// Whether the trace is to be kept.
pub const SAMPLING_PRIORITY: &str = "sampling.priority";
/// The service.
pub const SERVICE: &str = "service";
/// Which side of a call the span is: one of the `SPAN_KIND_` below.
pub const SPAN_KIND: &str = "span.kind";
/// It takes messages.
pub const SPAN_KIND_CONSUMER: &str = "consumer";
/// It sends messages.
pub const SPAN_KIND_PRODUCER: &str = "producer";
/// It asks.
pub const SPAN_KIND_RPC_CLIENT: &str = "client";
/// It answers.
pub const SPAN_KIND_RPC_SERVER: &str = "server";

/// Datadog's tag of a service.
pub const SERVICE_NAME: &str = "service.name";
/// Datadog's tag of a resource.
pub const RESOURCE_NAME: &str = "resource.name";
/// Datadog's tag of a type: `web`, `db`, `http`.
pub const SPAN_TYPE: &str = "span.type";

/// Sets a tag of a span.
pub(super) fn set(span: &SpanRef, key: &'static str, value: Value<'_>) {
    match key {
        DATABASE_STATEMENT => _ = span.set_tag(RESOURCE_NAME, value).set_tag(key, value),
        PEER_HOSTNAME => _ = span.set_tag("out.host", value),
        PEER_PORT => _ = span.set_tag("network.destination.port", value),
        SAMPLING_PRIORITY if is_true(value) => _ = span.keep(),
        SAMPLING_PRIORITY => _ = span.reject(),
        ERROR => _ = span.error(is_true(value)),
        _ => _ = span.set_tag(key, value),
    }
}

/// Whether a value says yes: a number above 0, or a text that does not say no.
fn is_true(value: Value<'_>) -> bool {
    match value {
        Value::Bool(value) => value,
        Value::U64(value) => value > 0,
        Value::I64(value) => value > 0,
        Value::F32(value) => value > 0.0,
        Value::F64(value) => value > 0.0,
        Value::Static(text) | Value::Str(text) => match text.parse::<f64>() {
            Ok(number) => number > 0.0,
            Err(_) => !text.is_empty() && !text.eq_ignore_ascii_case("false"),
        },
        _ => false,
    }
}

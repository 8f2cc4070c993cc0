//! OpenTelemetry's paths: its API alone, over the tracer of the program.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use microspan_std::carrier::propagator;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{
    Link, Span, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer,
};
use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use serde_json::{Value as Json, json};

use crate::ask::{Ask, Refusal};
use crate::held::{Held, Known};

/// Starts a span, which is not made the current one.
pub fn start(held: &mut Held, ask: &Ask) -> Result<String, Refusal> {
    let mut builder = held.otel.tracer.span_builder(ask.text("name")?.to_owned());
    builder.span_kind = ask.value("span_kind").as_u64().and_then(kind);
    builder.start_time = time(ask.value("timestamp"), Duration::from_micros);
    builder.attributes = Some(attributes(ask.value("attributes")));
    let links = ask.value("links").as_array().into_iter().flatten();
    builder.links = Some(links.filter_map(|link| linked(held, link)).collect());
    let parent = ask.id("parent_id").and_then(|id| held.otel_context(id)).unwrap_or_default();
    let mut span = builder.start_with_context(&held.otel.tracer, &parent);
    for event in ask.value("events").as_array().into_iter().flatten() {
        let name = event["name"].as_str().unwrap_or_default().to_owned();
        let attributes = attributes(&event["attributes"]);
        match time(&event["time_unix_nano"], Duration::from_nanos) {
            Some(time) => span.add_event_with_timestamp(name, time, attributes),
            None => span.add_event(name, attributes),
        }
    }
    let ids = span.span_context().clone();
    let span_id = u64::from_be_bytes(ids.span_id().to_bytes());
    held.hold_otel(span_id, parent.with_span(span))?;
    Ok(json_of(span_id, u128::from_be_bytes(ids.trace_id().to_bytes())))
}

pub fn end(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    let context = asked(held, ask, "id")?;
    match time(ask.value("timestamp"), Duration::from_micros) {
        Some(time) => context.span().end_with_timestamp(time),
        None => context.span().end(),
    }
    Ok(())
}

pub fn set_attributes(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    asked(held, ask, "span_id")?.span().set_attributes(attributes(ask.value("attributes")));
    Ok(())
}

pub fn set_name(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    asked(held, ask, "span_id")?.span().update_name(ask.text("name")?.to_owned());
    Ok(())
}

pub fn set_status(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    let description = ask.maybe("description").unwrap_or_default().to_owned();
    let status = match ask.text("code")? {
        "OK" => Status::Ok,
        "ERROR" => Status::error(description),
        _ => Status::Unset,
    };
    asked(held, ask, "span_id")?.span().set_status(status);
    Ok(())
}

pub fn add_event(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    let (name, attributes) = (ask.text("name")?.to_owned(), attributes(ask.value("attributes")));
    let context = asked(held, ask, "span_id")?;
    match time(ask.value("timestamp"), Duration::from_micros) {
        Some(time) => context.span().add_event_with_timestamp(name, time, attributes),
        None => context.span().add_event(name, attributes),
    }
    Ok(())
}

/// An exception's message, and whatever is said of it beside: of two attributes with one key the given one holds.
pub fn record_exception(held: &mut Held, ask: &Ask) -> Result<(), Refusal> {
    let mut said = attributes(ask.value("attributes"));
    if let Some(message) = ask.maybe("message")
        && said.iter().all(|given| given.key.as_str() != "exception.message")
    {
        said.push(KeyValue::new("exception.message", message.to_owned()));
    }
    asked(held, ask, "span_id")?.span().add_event("exception", said);
    Ok(())
}

pub fn is_recording(held: &mut Held, ask: &Ask) -> Result<String, Refusal> {
    let is_recording = asked(held, ask, "span_id")?.span().is_recording();
    Ok(json!({ "is_recording": is_recording }).to_string())
}

pub fn span_context(held: &mut Held, ask: &Ask) -> Result<String, Refusal> {
    let context = asked(held, ask, "span_id")?;
    let span = context.span();
    let ids = span.span_context();
    Ok(json!({
        "trace_id": ids.trace_id().to_string(),
        "span_id": ids.span_id().to_string(),
        "trace_flags": format!("{:02x}", ids.trace_flags().to_u8()),
        "trace_state": ids.trace_state().header(),
        "remote": ids.is_remote(),
    })
    .to_string())
}

/// The current span, whoever started it; 0: there is none.
pub fn current() -> String {
    let context = microspan::current_span().and_then(|span| span.context());
    context.map_or_else(|| json_of(0, 0), |context| json_of(context.span_id, context.trace_id))
}

/// Sets an item of the baggage of the context that a span is in.
pub fn set_baggage(held: &mut Held, ask: &Ask) -> Result<String, Refusal> {
    let (key, value) = (ask.text("key")?.to_owned(), ask.text("value")?.to_owned());
    let context = asked(held, ask, "span_id")?.with_baggage([KeyValue::new(key.clone(), value)]);
    let set = context.baggage().get(&key).map(ToString::to_string);
    if let Some(id) = ask.id("span_id") {
        held.hold_otel(id, context)?;
    }
    Ok(json!({ "value": set }).to_string())
}

pub fn flush(held: &mut Held) -> Result<String, Refusal> {
    held.flush(false).map(|()| json!({ "success": true }).to_string())
}

/// The context of a span that was started here.
fn asked(held: &Held, ask: &Ask, key: &str) -> Result<Context, Refusal> {
    let id = ask.id(key).unwrap_or_default();
    held.otel.contexts.get(&id).cloned().ok_or_else(|| {
        Refusal::because(StatusCode::NOT_FOUND, &format!("no span {id} of OpenTelemetry's is known"))
    })
}

/// What a link leads to: a span that is known, or that headers name.
fn linked(held: &Held, link: &Json) -> Option<Link> {
    let said = attributes(&link["attributes"]);
    let id = link["parent_id"].as_u64().filter(|id| *id != 0);
    let to = match id {
        Some(id) => held.otel_context(id)?.span().span_context().clone(),
        None => {
            let headers = link["http_headers"].as_array()?.iter();
            let headers: Vec<(String, String)> = headers
                .filter_map(|pair| Some((pair[0].as_str()?.to_owned(), pair[1].as_str()?.to_owned())))
                .collect();
            let state =
                headers.iter().find(|(name, _)| name == "tracestate").map(|(_, state)| state.as_str());
            let context = propagator().extract(headers.as_slice()).context?;
            identity(&context, true, state.and_then(|state| state.parse().ok()).unwrap_or_default())
        }
    };
    Some(Link::new(to, said, 0))
}

/// A context of ours, as OpenTelemetry has it.
fn identity(context: &microspan::SpanContext, is_remote: bool, state: TraceState) -> SpanContext {
    let is_kept = context.sampling_priority.is_none_or(|priority| priority > 0);
    SpanContext::new(
        TraceId::from_bytes(context.trace_id.to_be_bytes()),
        SpanId::from_bytes(context.span_id.to_be_bytes()),
        if is_kept { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED },
        is_remote,
        state,
    )
}

impl Held {
    /// The context that a span is in, whoever started it.
    pub fn otel_context(&self, id: u64) -> Option<Context> {
        let ours = |known: &Known| {
            let context = known.context?;
            // What came from elsewhere has come with headers.
            let ids = identity(&context, !known.came.is_empty(), TraceState::default());
            Some(Context::new().with_remote_span_context(ids))
        };
        self.otel.contexts.get(&id).cloned().or_else(|| self.known(id).and_then(ours))
    }
}

fn kind(number: u64) -> Option<SpanKind> {
    let kinds =
        [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer];
    kinds.into_iter().nth(usize::try_from(number).ok()?)
}

/// A time since 1970, in some unit.
fn time(value: &Json, unit: fn(u64) -> Duration) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(unit(value.as_u64()?))
}

fn attributes(object: &Json) -> Vec<KeyValue> {
    let all = object.as_object().into_iter().flatten();
    all.filter_map(|(key, value)| Some(KeyValue::new(key.clone(), attribute(value)?))).collect()
}

/// A scalar, or a list of scalars of one kind; `None`: neither.
fn attribute(value: &Json) -> Option<Value> {
    Some(match value {
        Json::Bool(value) => Value::Bool(*value),
        Json::String(text) => Value::String(text.clone().into()),
        Json::Number(number) => {
            number.as_i64().map(Value::I64).or_else(|| number.as_f64().map(Value::F64))?
        }
        Json::Array(items) => Value::Array(match items.first()? {
            Json::Bool(_) => Array::Bool(items.iter().filter_map(Json::as_bool).collect()),
            Json::Number(number) if number.is_i64() => {
                Array::I64(items.iter().filter_map(Json::as_i64).collect())
            }
            Json::Number(_) => Array::F64(items.iter().filter_map(Json::as_f64).collect()),
            _ => {
                let texts = items.iter().filter_map(Json::as_str);
                Array::String(texts.map(|text| StringValue::from(Cow::from(text.to_owned()))).collect())
            }
        }),
        _ => return None,
    })
}

fn json_of(span_id: u64, trace_id: u128) -> String {
    format!(r#"{{"span_id":{span_id},"trace_id":{trace_id}}}"#)
}

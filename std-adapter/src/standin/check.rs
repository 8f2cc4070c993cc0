//! What a payload must be like. The agent mends or drops in silence much of what is refused here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use crate::model::{Event, Link, Source, Span, Tag, Text, Value};

/// A clock that is off by more than this is wrong: a day.
const TOLERANCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a payload is refused. Spans are told by their place: trace, then span, from 0.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The content type is not MessagePack's.
    #[error("Content-Type is {found:?}, and must be application/msgpack")]
    ContentType {
        /// What it is.
        found: Option<String>,
    },
    /// A header is missing or wrong.
    #[error("header {name}: {problem}")]
    Header {
        /// The header.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The body is not an array of arrays of spans.
    #[error("cannot decode the body as MessagePack [[span, ...], ...]: {0}")]
    Body(#[from] rmp_serde::decode::Error),
    /// Something follows the array.
    #[error("{0} bytes follow the array of traces")]
    Trailing(usize),
    /// A trace has no span.
    #[error("trace {trace} is empty")]
    EmptyTrace {
        /// Its place.
        trace: usize,
    },
    /// A span is wrong.
    #[error("trace {trace}, span {span}: {problem}")]
    Span {
        /// The place of its trace.
        trace: usize,
        /// Its place in the trace.
        span: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// A span as it stands in a v0.4 payload.
#[derive(Deserialize)]
struct Wire {
    service: String,
    name: String,
    resource: String,
    trace_id: u64,
    span_id: u64,
    #[serde(default)]
    parent_id: u64,
    start: i64,
    duration: i64,
    #[serde(default)]
    error: i32,
    #[serde(default)]
    meta: BTreeMap<String, String>,
    #[serde(default)]
    metrics: BTreeMap<String, f64>,
    #[serde(default, rename = "type")]
    span_type: String,
    #[serde(default)]
    span_links: Vec<WireLink>,
    #[serde(default)]
    span_events: Vec<WireEvent>,
}

/// A link as it stands there.
#[derive(Deserialize)]
struct WireLink {
    trace_id: u64,
    #[serde(default)]
    trace_id_high: u64,
    span_id: u64,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    tracestate: Option<String>,
    flags: Option<u32>,
}

/// An event as it stands there.
#[derive(Deserialize)]
struct WireEvent {
    time_unix_nano: u64,
    name: String,
    #[serde(default)]
    attributes: BTreeMap<String, WireValue>,
}

/// The value of an event's attribute: its type, and the one field that goes with that.
#[derive(Deserialize)]
struct WireValue {
    #[serde(rename = "type")]
    kind: u8,
    string_value: Option<String>,
    bool_value: Option<bool>,
    int_value: Option<i64>,
    double_value: Option<f64>,
}

/// The bit of a link's flags that says that they are set.
const FLAGS_SET: u32 = 1 << 31;

/// Decodes the body of a `/v0.4/traces` request that came at `now`; `header` gives a header by its name.
///
/// # Errors
/// When anything is not as it must be: the first thing found.
pub fn payload<'a>(
    header: impl Fn(&'static str) -> Option<&'a str>,
    body: &[u8],
    now: SystemTime,
) -> Result<Vec<Vec<Span>>, Rejection> {
    let found = header("content-type");
    if found != Some("application/msgpack") {
        return Err(Rejection::ContentType { found: found.map(str::to_owned) });
    }
    let need = |name| header(name).ok_or(Rejection::Header { name, problem: "it is missing".to_owned() });
    need("content-length")?;
    need("datadog-meta-tracer-version")?;
    let count = need("x-datadog-trace-count")?;

    let mut rest = body;
    let mut decoder = rmp_serde::Deserializer::new(&mut rest);
    let traces = Vec::<Vec<Wire>>::deserialize(&mut decoder)?;
    if !rest.is_empty() {
        return Err(Rejection::Trailing(rest.len()));
    }
    if count.parse() != Ok(traces.len()) {
        let problem = format!("it is `{count}`, and there are {} traces", traces.len());
        return Err(Rejection::Header { name: "x-datadog-trace-count", problem });
    }
    let source = Arc::new(Source::new(0));
    traces.into_iter().enumerate().map(|(place, spans)| trace(place, spans, now, &source)).collect()
}

fn trace(
    place: usize,
    spans: Vec<Wire>,
    now: SystemTime,
    source: &Arc<Source>,
) -> Result<Vec<Span>, Rejection> {
    let Some(first) = spans.first() else { return Err(Rejection::EmptyTrace { trace: place }) };
    let low = first.trace_id;
    let high = match first.meta.get("_dd.p.tid") {
        None => 0,
        Some(text) => {
            u64::from_str_radix(text, 16).ok().filter(|_| text.len() == 16).ok_or(Rejection::Span {
                trace: place,
                span: 0,
                problem: format!("_dd.p.tid is `{text}`, and must be 16 hexadecimal digits"),
            })?
        }
    };
    let trace_id = u128::from(high) << 64 | u128::from(low);
    let convert = |(at, wire): (usize, Wire)| match problem(&wire, low, now) {
        Some(problem) => Err(Rejection::Span { trace: place, span: at, problem }),
        None => Ok(wire.into_span(trace_id, source.clone())),
    };
    spans.into_iter().enumerate().map(convert).collect()
}

/// What is wrong with a span, if anything is.
fn problem(span: &Wire, trace_id: u64, now: SystemTime) -> Option<String> {
    let start = SystemTime::UNIX_EPOCH + Duration::from_nanos(span.start.max(0).unsigned_abs());
    let distance = start.duration_since(now).unwrap_or_else(|error| error.duration());
    let both = span.meta.keys().find(|key| span.metrics.contains_key(*key));
    let wild = span.metrics.iter().find(|(_, value)| !value.is_finite());
    let problem = match () {
        () if span.trace_id == 0 => "trace_id is 0".to_owned(),
        () if span.span_id == 0 => "span_id is 0".to_owned(),
        () if span.trace_id != trace_id => {
            format!("its trace_id {} is not that of the first span, {trace_id}", span.trace_id)
        }
        () if span.span_links.iter().any(|link| link.trace_id == 0 || link.span_id == 0) => {
            "a link has trace_id or span_id 0".to_owned()
        }
        () if span.span_links.iter().any(|link| link.flags.is_some_and(|flags| flags & FLAGS_SET == 0)) => {
            "a link has flags without bit 31".to_owned()
        }
        () if span.span_events.iter().any(|event| event.name.is_empty()) => "an event has no name".to_owned(),
        () if span
            .span_events
            .iter()
            .flat_map(|event| event.attributes.values())
            .any(|v| v.get().is_none()) =>
        {
            "an attribute of an event is not of the type it says".to_owned()
        }
        () if span.meta.get("events").is_some_and(|text| !is_array_of_events(text)) => {
            "events is not a JSON array of events".to_owned()
        }
        () if span.service.is_empty() => "service is empty".to_owned(),
        () if span.name.is_empty() => "name is empty".to_owned(),
        () if span.duration < 0 => format!("duration is negative: {}", span.duration),
        () if span.start < 0 || distance > TOLERANCE => {
            format!("start {} is more than a day away from now", span.start)
        }
        () if !(0..=1).contains(&span.error) => format!("error is {}, and must be 0 or 1", span.error),
        () => match (both, wild) {
            (Some(key), _) => format!("`{key}` is in meta and in metrics"),
            (None, Some((key, value))) => format!("the metric `{key}` is {value}"),
            (None, None) => return None,
        },
    };
    Some(problem)
}

impl Wire {
    fn into_span(self, trace_id: u128, source: Arc<Source>) -> Span {
        let texts = self.meta.into_iter().map(|(key, value)| (key.into(), Value::Str(value.into())));
        let numbers = self.metrics.into_iter().map(|(key, value)| (key.into(), Value::Float(value)));
        let links = self.span_links.into_iter().map(|link| Link {
            trace_id: u128::from(link.trace_id_high) << 64 | u128::from(link.trace_id),
            span_id: link.span_id,
            sampled: link.flags.map(|flags| flags & 1 != 0),
            attributes: link.attributes.into_iter().map(|(k, v)| (k.into(), Value::Str(v.into()))).collect(),
            tracestate: link.tracestate.map(Text::from),
        });
        let events = self.span_events.into_iter().map(|event| Event {
            name: event.name.into(),
            time: i64::try_from(event.time_unix_nano).unwrap_or(i64::MAX),
            attributes: event.attributes.into_iter().filter_map(WireValue::tag).collect(),
        });
        let given = |text: String| if text.is_empty() { None } else { Some(Text::from(text)) };
        Span {
            service: given(self.service),
            resource: given(self.resource),
            span_type: given(self.span_type),
            start: self.start,
            duration: self.duration,
            error: self.error != 0,
            tags: texts.chain(numbers).collect(),
            links: links.collect(),
            events: events.collect(),
            ..Span::new(trace_id, self.span_id, self.parent_id, self.name, source)
        }
    }
}

impl WireValue {
    /// Its value, if it is the one and only that its type asks for.
    fn get(&self) -> Option<Value> {
        let Self { kind, string_value, bool_value, int_value, double_value } = self;
        match (kind, string_value, bool_value, int_value, double_value) {
            (0, Some(value), None, None, None) => Some(Value::Str(value.clone().into())),
            (1, None, Some(value), None, None) => Some(Value::Bool(*value)),
            (2, None, None, Some(value), None) => Some(Value::Int(*value)),
            (3, None, None, None, Some(value)) if value.is_finite() => Some(Value::Float(*value)),
            _ => None,
        }
    }

    fn tag((key, value): (String, Self)) -> Option<Tag> {
        Some((key.into(), value.get()?))
    }
}

/// Whether a text is JSON as the agent takes it for events.
fn is_array_of_events(text: &str) -> bool {
    let Ok(serde_json::Value::Array(events)) = serde_json::from_str(text) else { return false };
    events.iter().all(|event| event["name"].is_string() && event["time_unix_nano"].is_u64())
}

#[cfg(test)]
mod tests;

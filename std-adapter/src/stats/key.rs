//! What tells spans apart that are counted.

use std::hash::{Hash, Hasher};

use hashbrown::Equivalent;

use super::peers;
use crate::model::{Span, Text, Value, find, normal};
use crate::pipeline::Trace;

/// In the place of every text of spans that are counted together because there are too many to tell apart.
const BLOCKED: &str = "tracer_blocked_value";

/// The statuses of gRPC, by number, as Python's library names them, and so `ddtrace`.
pub(crate) const GRPC_CODES: [&str; 17] = [
    "StatusCode.OK",
    "StatusCode.CANCELLED",
    "StatusCode.UNKNOWN",
    "StatusCode.INVALID_ARGUMENT",
    "StatusCode.DEADLINE_EXCEEDED",
    "StatusCode.NOT_FOUND",
    "StatusCode.ALREADY_EXISTS",
    "StatusCode.PERMISSION_DENIED",
    "StatusCode.RESOURCE_EXHAUSTED",
    "StatusCode.FAILED_PRECONDITION",
    "StatusCode.ABORTED",
    "StatusCode.OUT_OF_RANGE",
    "StatusCode.UNIMPLEMENTED",
    "StatusCode.INTERNAL",
    "StatusCode.UNAVAILABLE",
    "StatusCode.DATA_LOSS",
    "StatusCode.UNAUTHENTICATED",
];

/// What spans of a group have in common; `T` is a text, lent by a span or owned by the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key<T> {
    pub(super) service: T,
    pub(super) name: T,
    pub(super) resource: T,
    pub(super) span_type: T,
    pub(super) kind: T,
    pub(super) method: T,
    pub(super) endpoint: T,
    pub(super) service_source: T,
    /// `key:value`, one behind the other, with [`peers::SEPARATOR`] behind each.
    pub(super) peers: T,
    pub(super) facts: Facts,
}

/// What of that is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    /// 0: none.
    pub(super) http_status: u32,
    pub(super) grpc_status: Option<u8>,
    pub(super) is_synthetic: bool,
    /// `None`: it holds of some of them.
    pub(super) is_trace_root: Option<bool>,
}

impl<T: AsRef<str>> Key<T> {
    fn texts(&self) -> [&str; 9] {
        [
            self.resource.as_ref(),
            self.name.as_ref(),
            self.service.as_ref(),
            self.span_type.as_ref(),
            self.kind.as_ref(),
            self.method.as_ref(),
            self.endpoint.as_ref(),
            self.service_source.as_ref(),
            self.peers.as_ref(),
        ]
    }
}

impl<T: AsRef<str>> Hash for Key<T> {
    /// What the code of a program says and nobody else, its types and kinds, is left out.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let texts = [&self.resource, &self.name, &self.service, &self.method, &self.endpoint, &self.peers];
        texts
            .into_iter()
            .map(AsRef::as_ref)
            .filter(|text| !text.is_empty())
            .for_each(|text| text.hash(state));
        let Facts { http_status, grpc_status, is_synthetic, is_trace_root } = self.facts;
        let grpc_status = grpc_status.map_or(256, u64::from);
        let flags = u64::from(is_synthetic) << 2 | is_trace_root.map_or(2, u64::from);
        state.write_u64(u64::from(http_status) << 32 | grpc_status << 8 | flags);
    }
}

impl Equivalent<Key<Box<str>>> for Key<&str> {
    fn equivalent(&self, other: &Key<Box<str>>) -> bool {
        self.facts == other.facts && self.texts() == other.texts()
    }
}

impl Key<&str> {
    /// The bytes of all texts.
    pub(super) fn len(&self) -> usize {
        self.texts().iter().map(|text| text.len()).sum()
    }

    pub(super) fn to_owned(&self) -> Key<Box<str>> {
        Key {
            service: self.service.into(),
            name: self.name.into(),
            resource: self.resource.into(),
            span_type: self.span_type.into(),
            kind: self.kind.into(),
            method: self.method.into(),
            endpoint: self.endpoint.into(),
            service_source: self.service_source.into(),
            peers: self.peers.into(),
            facts: self.facts,
        }
    }
}

impl Key<Box<str>> {
    /// Whether its names are as the agent leaves them. Peers are looked at when they are written.
    pub(super) fn is_normal(&self) -> bool {
        normal::is_service(self.service.as_bytes()) && normal::is_name(self.name.as_bytes())
    }

    /// The same with its names as the agent leaves them.
    pub(super) fn into_normal(self) -> Self {
        let service = normal::service(&self.service).into();
        let name = normal::name(&self.name).into();
        Self { service, name, ..self }
    }

    /// Of all spans that there are too many groups for.
    pub(super) fn overflow() -> Self {
        let text = || Box::from(BLOCKED);
        let [service, name, resource, span_type, kind] = [(); 5].map(|()| text());
        let [method, endpoint, service_source] = [(); 3].map(|()| text());
        let peers = format!("{BLOCKED}{}", peers::SEPARATOR).into();
        let facts = Facts { http_status: 0, grpc_status: None, is_synthetic: false, is_trace_root: None };
        Self { service, name, resource, span_type, kind, method, endpoint, service_source, peers, facts }
    }
}

/// The tags that count.
#[derive(Clone, Copy)]
enum Known {
    Kind,
    Measured,
    Method,
    OtelMethod,
    Endpoint,
    Route,
    ServiceSource,
    Status,
    OtelStatus,
    Origin,
    BaseService,
    /// And the three after it: which may hold a status of gRPC; the first that does counts.
    Grpc,
}

/// How many those are.
const KNOWN: usize = Known::Grpc as usize + 4;

impl Known {
    /// Where the tag with this key stands among them.
    fn place(key: &[u8]) -> Option<usize> {
        let known = match key {
            b"span.kind" => Self::Kind,
            b"_dd.measured" => Self::Measured,
            b"http.method" => Self::Method,
            b"http.request.method" => Self::OtelMethod,
            b"http.endpoint" => Self::Endpoint,
            b"http.route" => Self::Route,
            b"_dd.svc_src" => Self::ServiceSource,
            b"http.status_code" => Self::Status,
            b"http.response.status_code" => Self::OtelStatus,
            b"_dd.origin" => Self::Origin,
            b"_dd.base_service" => Self::BaseService,
            b"rpc.grpc.status_code" => Self::Grpc,
            b"grpc.code" => return Some(Self::Grpc as usize + 1),
            b"rpc.grpc.status.code" => return Some(Self::Grpc as usize + 2),
            b"grpc.status.code" => return Some(Self::Grpc as usize + 3),
            _ => return None,
        };
        Some(known as usize)
    }
}

/// A span, and what holds for it as one of its trace.
pub(super) struct Reading<'a> {
    pub(super) span: &'a Span,
    trace: &'a Trace,
    known: [Option<&'a Value>; KNOWN],
    kind: &'a str,
}

impl<'a> Reading<'a> {
    pub(super) fn new(trace: &'a Trace, index: usize) -> Option<Self> {
        let span = trace.spans().get(index)?;
        let mut known = [None; KNOWN];
        let common = trace.common_tags().iter().filter(|(key, _)| !span.is_removed(key));
        for (key, value) in common.chain(&span.tags) {
            if let Some(place) = Known::place(key.as_bytes()).and_then(|place| known.get_mut(place)) {
                *place = Some(value);
            }
        }
        let mut reading = Self { span, trace, known, kind: "" };
        reading.kind = reading.text(Known::Kind);
        Some(reading)
    }

    fn known(&self, tag: Known) -> Option<&'a Value> {
        self.known.get(tag as usize).copied().flatten()
    }

    /// Any tag.
    fn tag(&self, key: &str) -> Option<&'a Value> {
        let common = || find(self.trace.common_tags(), key).filter(|_| !self.span.is_removed(key));
        self.span.tag(key).or_else(common)
    }

    /// The text of a tag; empty where it is none.
    fn text(&self, tag: Known) -> &'a str {
        self.known(tag).map_or("", text)
    }

    /// The first of these tags that has a text.
    fn first(&self, tags: [Known; 2]) -> &'a str {
        tags.into_iter().map(|tag| self.text(tag)).find(|text| !text.is_empty()).unwrap_or_default()
    }

    pub(super) fn is_measured(&self) -> bool {
        self.known(Known::Measured).and_then(number) == Some(1.0)
    }

    pub(super) fn has_kind(&self, kinds: &[String]) -> bool {
        kinds.iter().any(|kind| kind.eq_ignore_ascii_case(self.kind))
    }

    /// What it is counted by; `peers` is where its peer is written.
    pub(super) fn key<'b>(&self, peer_tags: &[String], peers: &'b mut String) -> Key<&'b str>
    where
        'a: 'b,
    {
        self.write_peers(peer_tags, peers);
        let span = self.span;
        let optional = |text: &'a Option<Text>| text.as_deref().unwrap_or_default();
        Key {
            service: optional(&span.service),
            name: &span.name,
            resource: span.resource.as_deref().unwrap_or(&span.name),
            span_type: optional(&span.span_type),
            kind: self.kind,
            method: self.first([Known::Method, Known::OtelMethod]),
            endpoint: self.first([Known::Endpoint, Known::Route]),
            service_source: self.text(Known::ServiceSource),
            peers,
            facts: Facts {
                http_status: self.http_status(),
                grpc_status: self.grpc_status(),
                is_synthetic: self.is_synthetic(),
                is_trace_root: Some(span.parent_id == 0),
            },
        }
    }

    /// Writes who is at the other end of a call, or of which program an inner span's service is a part.
    fn write_peers(&self, peer_tags: &[String], peers: &mut String) {
        peers.clear();
        let is = |kind: &str| self.kind.eq_ignore_ascii_case(kind);
        if peer_tags.is_empty() {
        } else if is("client") || is("producer") || is("consumer") {
            for key in peer_tags {
                if let Some(value @ (Value::Str(_) | Value::Bool(_))) = self.tag(key)
                    && let Some(value) = normal::tag(key.as_bytes(), text(value))
                {
                    peers::write(peers, key, &value);
                }
            }
        } else if is("internal") || self.kind.is_empty() {
            const BASE: &str = "_dd.base_service";
            let is_other = self.span.service.as_ref() != Some(self.trace.main_service());
            let service = match self.text(Known::BaseService) {
                "" if is_other => self.trace.base_service(),
                "" => return,
                said => said,
            };
            peers::write(peers, BASE, &normal::peer(service));
        }
    }

    fn http_status(&self) -> u32 {
        let status = |tag| match self.known(tag)? {
            Value::Str(text) => text.parse().ok(),
            value => number(value).filter(|number| number.fract() == 0.0).map(|number| number as u32),
        };
        let other = || status(Known::OtelStatus).filter(|status| (100..600).contains(status));
        status(Known::Status).or_else(other).unwrap_or(0)
    }

    fn grpc_status(&self) -> Option<u8> {
        let tags = || self.known.get(Known::Grpc as usize..).into_iter().flatten().flatten().copied();
        let is_code = |number: &f64| (0.0..=255.0).contains(number) && number.fract() == 0.0;
        let numbers = || tags().filter_map(number).find(is_code).map(|number| number as u8);
        tags().find_map(|tag| grpc_code(text(tag))).or_else(numbers)
    }

    /// What asked for a trace stands on the first span of a chunk.
    fn is_synthetic(&self) -> bool {
        let first = || self.trace.spans().first()?.tag("_dd.origin");
        let origin = self.known(Known::Origin).or_else(first);
        matches!(origin, Some(Value::Str(origin)) if origin.starts_with("synthetics"))
    }
}

/// A value as a text; empty where it is a number.
fn text(value: &Value) -> &str {
    match value {
        Value::Str(text) => text,
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Int(_) | Value::Uint(_) | Value::Float(_) => "",
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Uint(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        Value::Bool(_) | Value::Str(_) => None,
    }
}

/// The number of a status of gRPC, as a number or by its name, however that is spelled.
fn grpc_code(text: &str) -> Option<u8> {
    if text.is_empty() {
        return None;
    }
    if let Ok(code) = text.parse() {
        return Some(code);
    }
    let name = bare(text);
    let place = GRPC_CODES.iter().position(|code| is_same(bare(code), name));
    place.or_else(|| is_same("CANCELED", name).then_some(1)).and_then(|place| u8::try_from(place).ok())
}

/// The name of a status alone.
fn bare(name: &str) -> &str {
    name.strip_prefix("StatusCode.").unwrap_or(name)
}

/// Whether two names have the same letters.
fn is_same(one: &str, other: &str) -> bool {
    fn letters(name: &str) -> impl Iterator<Item = u8> {
        name.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_uppercase())
    }
    letters(one).eq(letters(other))
}

#[cfg(test)]
mod tests;

//! The body of a request of OpenTelemetry's protocol, OTLP over HTTP: protobuf, made from the spans.
//!
//! Traces that are not kept are left out, since no backend of OpenTelemetry counts what it is not to keep; so are Datadog's own marks
//! (`_dd.*`, the sampling priority).
//!
//! | here | there |
//! | --- | --- |
//! | the service and its version, `env` | `service.name`, `service.version`, `deployment.environment.name` of the resource |
//! | the session, the process | `service.instance.id`, `process.pid` |
//! | the device, its build | `host.name` and `device.name`, `build.id` |
//! | tags of a source and of the configuration | attributes of the resource |
//! | the resource, or the name where there is none | the span's name; `resource.name` |
//! | name, type | `operation.name`, `span.type` |
//! | tag `span.kind`, or else the type `web` | the kind: server for `web`, otherwise internal |
//! | tags, and those of links and events | attributes: whole numbers, fractions, truth and text as what they are |
//! | an error, `error.message` | the status and its message |
//! | `error.type`, `error.message`, `error.stack` of an error | an event `exception` at the span's end, if the span has none; `error.type` |
//! | `w3c.tracestate`, `otel.status_code` = `Ok` | the trace state; the status |
//! | more than 128 attributes, events or links | the first 128, and how many more there were |
//!
//! One resource has the spans of one service in one part of a trace. A whole number beyond 63 bits is text, as OpenTelemetry has it.

mod answer;
mod attributes;
mod cut;
mod resource;
mod span;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

pub(crate) use answer::{rejected, words};

use crate::pipeline::Trace;

/// A request body that grows trace by trace: requests one behind the other are one.
#[derive(Debug, Clone, Default)]
pub struct Request {
    bytes: Vec<u8>,
    ends: Vec<End>,
    spans: u64,
}

/// Where a trace ends, and how many spans it has.
#[derive(Debug, Clone, Copy)]
struct End {
    byte: usize,
    spans: u64,
}

impl Request {
    /// A body without traces.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what is kept of a trace, unless the body would then be larger than `limit` bytes. Tells whether it was added.
    #[must_use = "a trace that does not fit is not in the body"]
    pub fn push(&mut self, trace: &Trace, limit: usize) -> bool {
        let request = ExportTraceServiceRequest { resource_spans: resource::resource_spans(trace) };
        if self.len().saturating_add(request.encoded_len()) > limit {
            return false;
        }
        self.bytes.extend_from_slice(&request.encode_to_vec());
        let spans = trace.kept_spans().count() as u64;
        self.ends.push(End { byte: self.len(), spans });
        self.spans += spans;
        true
    }

    /// Two bodies of about half the size: of some of the traces each, or of some spans of the only one. `None`: there is only one
    /// span.
    pub fn split(&self) -> Option<[Self; 2]> {
        let last = self.ends.len().checked_sub(1)?;
        if last == 0 {
            return cut::cut(&self.bytes)
                .map(|halves| halves.map(|(bytes, spans)| Self::of_one(bytes, spans)));
        }
        let at = self.ends.partition_point(|end| 2 * end.byte <= self.len()).clamp(1, last);
        let (first, second) = self.ends.split_at_checked(at)?;
        let middle = first.last().map_or(0, |end| end.byte);
        Some([self.part(0, first), self.part(middle, second)])
    }

    /// A body of one trace as it is written.
    fn of_one(bytes: Vec<u8>, spans: u64) -> Self {
        let ends = vec![End { byte: bytes.len(), spans }];
        Self { bytes, ends, spans }
    }

    /// A body of the traces with these ends, of which the first starts at `from`.
    fn part(&self, from: usize, ends: &[End]) -> Self {
        let to = ends.last().map_or(from, |end| end.byte);
        Self {
            bytes: self.bytes.get(from..to).unwrap_or_default().to_vec(),
            ends: ends.iter().map(|end| End { byte: end.byte - from, spans: end.spans }).collect(),
            spans: ends.iter().map(|end| end.spans).sum(),
        }
    }

    /// The body as it is sent.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The size of the body in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is no trace in it.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many traces are in it.
    pub fn traces(&self) -> u32 {
        u32::try_from(self.ends.len()).unwrap_or(u32::MAX)
    }

    /// How many spans are in it.
    pub fn spans(&self) -> u64 {
        self.spans
    }

    /// Empties it, and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.spans = 0;
    }
}

#[cfg(test)]
mod tests;

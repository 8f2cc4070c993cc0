//! The body of a `/v0.4/traces` request: MessagePack, written straight from the spans.
//!
//! A payload is an array of traces, a trace an array of spans, a span a map. Keys with nothing to say are left out:
//! `parent_id` and `error` when 0, `type`, `meta`, `metrics`, `span_links` and `span_events` when empty. `trace_id` is the low half; the high half
//! is the tag `_dd.p.tid`, which the pipeline puts on the first span of a trace. Events are `span_events` for an agent that
//! says it takes them, otherwise the tag `events`, as JSON.

mod beyond;
mod json;

use std::convert::Infallible;

use rmp::encode::{self, ByteBuf, ValueWriteError};

use crate::model::Text;
use crate::pipeline::{Datum, Trace};
use beyond::{write_events, write_links};

/// The marker of an array whose length follows in four bytes.
const ARRAY_32: u8 = 0xdd;

/// The marker of a map of fewer than 16 entries: the number is added to it.
const FIX_MAP: u8 = 0x80;

/// The array header of a payload. Its width is fixed because its length is known only at the end.
const HEADER: usize = 5;

/// A request body that grows trace by trace. It can be cleared and filled again in the same memory.
#[derive(Debug, Clone)]
pub struct Payload {
    bytes: ByteBuf,
    /// The metrics of the span being written: they follow its meta, and come mixed with it.
    metrics: ByteBuf,
    /// Whether events go out as what they are.
    native_events: bool,
    traces: u32,
    spans: u64,
}

impl Default for Payload {
    fn default() -> Self {
        Self::new()
    }
}

impl Payload {
    /// A payload without traces.
    pub fn new() -> Self {
        let (bytes, metrics) = (ByteBuf::new(), ByteBuf::new());
        let mut payload = Self { bytes, metrics, native_events: false, traces: 0, spans: 0 };
        payload.clear();
        payload
    }

    /// Has the events of traces that are added from now on go out as `span_events`, for an agent that takes them, or as a
    /// tag of JSON text, as is so at first.
    pub fn set_native_events(&mut self, native: bool) {
        self.native_events = native;
    }

    /// Adds a trace, unless the payload would then be larger than `limit` bytes. Tells whether it was added.
    #[must_use = "a trace that does not fit is not in the payload"]
    pub fn push(&mut self, trace: &Trace, limit: usize) -> bool {
        let before = self.len();
        self.write_trace(trace, limit);
        if self.len() > limit || self.traces == u32::MAX {
            self.bytes.as_mut_vec().truncate(before);
            return false;
        }
        self.traces += 1;
        self.spans += trace.spans().len() as u64;
        let count = self.traces.to_be_bytes();
        self.bytes.as_mut_vec()[1..HEADER].copy_from_slice(&count);
        true
    }

    /// The body as it is sent.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// The size of the body in bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether there is no trace in it.
    pub fn is_empty(&self) -> bool {
        self.traces == 0
    }

    /// How many traces are in it: the value of `X-Datadog-Trace-Count`.
    pub fn traces(&self) -> u32 {
        self.traces
    }

    /// How many spans are in it.
    pub fn spans(&self) -> u64 {
        self.spans
    }

    /// Empties it, and keeps its memory.
    pub fn clear(&mut self) {
        let bytes = self.bytes.as_mut_vec();
        bytes.clear();
        bytes.extend_from_slice(&[ARRAY_32, 0, 0, 0, 0]);
        self.traces = 0;
        self.spans = 0;
    }
}

impl Payload {
    /// Writes a trace, or as much of it as shows that it is too long.
    fn write_trace(&mut self, trace: &Trace, limit: usize) {
        let out = &mut self.bytes;
        sure(encode::write_array_len(out, trace.spans().len() as u32));
        for (index, span) in trace.spans().iter().enumerate() {
            if out.as_slice().len() > limit {
                return;
            }
            let head = begin_map(out);
            let mut keys = 7;
            constant(out, b"\xa7service");
            bytes(out, span.service.as_ref().map_or(b"", Text::as_bytes));
            constant(out, b"\xa4name");
            bytes(out, span.name.as_bytes());
            constant(out, b"\xa8resource");
            bytes(out, span.resource.as_ref().unwrap_or(&span.name).as_bytes());
            constant(out, b"\xa8trace_id");
            sure(encode::write_uint(out, span.trace_id as u64));
            constant(out, b"\xa7span_id");
            sure(encode::write_uint(out, span.span_id));
            if span.parent_id != 0 {
                keys += 1;
                constant(out, b"\xa9parent_id");
                sure(encode::write_uint(out, span.parent_id));
            }
            constant(out, b"\xa5start");
            sure(encode::write_sint(out, span.start));
            constant(out, b"\xa8duration");
            sure(encode::write_sint(out, span.duration));
            if span.error {
                keys += 1;
                constant(out, b"\xa5error");
                sure(encode::write_uint(out, 1));
            }
            if let Some(span_type) = &span.span_type {
                keys += 1;
                constant(out, b"\xa4type");
                bytes(out, span_type.as_bytes());
            }
            keys += write_tags(out, &mut self.metrics, trace, index, self.native_events);
            if !span.links.is_empty() {
                keys += 1;
                constant(out, b"\xaaspan_links");
                write_links(out, &span.links);
            }
            if !span.events.is_empty() && self.native_events {
                keys += 1;
                constant(out, b"\xabspan_events");
                write_events(out, &span.events);
            }
            end_map(out, head, keys);
        }
    }
}

/// Writes the maps of string and number tags, each unless it is empty; tells how many it wrote.
fn write_tags(out: &mut ByteBuf, metrics: &mut ByteBuf, trace: &Trace, index: usize, native: bool) -> usize {
    let before = out.as_slice().len();
    constant(out, b"\xa4meta");
    let head = begin_map(out);
    metrics.as_mut_vec().clear();
    let (mut texts, mut numbers) = (0, 0);
    let events = trace.spans().get(index).map(|span| span.events.as_slice()).unwrap_or_default();
    let has_json = !events.is_empty() && !native;
    if has_json {
        texts += 1;
        text(out, EVENTS);
        text(out, &json::events(events));
    }
    trace.each_tag(index, |key, datum| match datum {
        // A span has one tag of a key.
        _ if has_json && key == EVENTS => {}
        Datum::Text(value) => {
            texts += 1;
            text(out, key);
            text(out, value);
        }
        Datum::Number(value) => {
            numbers += 1;
            text(metrics, key);
            sure(encode::write_f64(metrics, value));
        }
    });
    if texts == 0 {
        out.as_mut_vec().truncate(before);
    } else {
        end_map(out, head, texts);
    }
    if numbers != 0 {
        constant(out, b"\xa7metrics");
        sure(encode::write_map_len(out, numbers));
        out.as_mut_vec().extend_from_slice(metrics.as_slice());
    }
    usize::from(texts != 0) + usize::from(numbers != 0)
}

/// The tag that holds events as JSON.
const EVENTS: &str = "events";

/// Leaves room for the header of a short map; tells where.
fn begin_map(out: &mut ByteBuf) -> usize {
    out.as_mut_vec().push(FIX_MAP);
    out.as_slice().len() - 1
}

/// Writes the header of the map that began at `head` and now has `entries`.
fn end_map(out: &mut ByteBuf, head: usize, entries: usize) {
    if entries < 16 {
        out.as_mut_vec()[head] = FIX_MAP | entries as u8;
    } else {
        let mut header = ByteBuf::new();
        sure(encode::write_map_len(&mut header, entries as u32));
        out.as_mut_vec().splice(head..=head, header.into_vec());
    }
}

/// Writes a key of the format: its text after the marker of a string of that length.
fn constant<const N: usize>(out: &mut ByteBuf, encoded: &[u8; N]) {
    out.as_mut_vec().extend_from_slice(encoded);
}

fn text(out: &mut ByteBuf, text: &str) {
    bytes(out, text.as_bytes());
}

/// Writes a string.
fn bytes(out: &mut ByteBuf, utf8: &[u8]) {
    sure(encode::write_str_len(out, utf8.len() as u32));
    out.as_mut_vec().extend_from_slice(utf8);
}

/// Writing to memory cannot fail, and the types say so.
fn sure<T>(result: Result<T, ValueWriteError<Infallible>>) {
    match result {
        Ok(_) => {}
        Err(ValueWriteError::InvalidMarkerWrite(never) | ValueWriteError::InvalidDataWrite(never)) => {
            match never {}
        }
    }
}

#[cfg(test)]
mod tests;

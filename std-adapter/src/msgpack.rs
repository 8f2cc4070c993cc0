//! The body of a `/v0.4/traces` request: MessagePack, written straight from the spans.
//!
//! A payload is an array of traces, a trace an array of spans, a span a map. Keys with nothing to say are left out:
//! `parent_id` and `error` when 0, `type`, `meta`, `metrics`, `span_links` and `span_events` when empty. `trace_id` is the low half; the high half
//! is the tag `_dd.p.tid`, which the pipeline puts on the first span of a trace. Events are `span_events` for an agent that
//! says it takes them, otherwise the tag `events`, as JSON. The smaller form of `/v0.5/traces` is made from this one when a
//! payload is sent, so that it can go out as it is to an agent that does not take the other.

mod beyond;
mod cut;
mod json;
mod v05;

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
    form: Form,
    /// The share of traces that found room lately, unless all did.
    keep_rate: Option<f64>,
    ends: Vec<End>,
    spans: u64,
}

/// Where a trace ends, and how many spans it has.
#[derive(Debug, Clone, Copy)]
struct End {
    byte: usize,
    spans: u64,
}

/// What goes out as JSON text and what as itself.
#[derive(Debug, Clone, Copy, Default)]
struct Form {
    native_events: bool,
    text_links: bool,
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
        let form = Form::default();
        let mut payload = Self { bytes, metrics, form, keep_rate: None, ends: Vec::new(), spans: 0 };
        payload.clear();
        payload
    }

    /// Has the events of traces that are added from now on go out as `span_events`, for an agent that takes them, or as a
    /// tag of JSON text, as is so at first.
    pub fn set_native_events(&mut self, native: bool) {
        self.form.native_events = native;
    }

    /// Has the links of traces that are added from now on go out as a tag of JSON text, as `/v0.5/traces` needs it.
    pub fn set_text_links(&mut self, text: bool) {
        self.form.text_links = text;
    }

    /// Has traces that are added from now on say which share of traces found room lately, unless all did.
    pub fn set_keep_rate(&mut self, rate: f64) {
        self.keep_rate = (rate < 1.0).then_some(rate);
    }

    /// Adds a trace, unless the payload would then be larger than `limit` bytes. Tells whether it was added.
    #[must_use = "a trace that does not fit is not in the payload"]
    pub fn push(&mut self, trace: &Trace, limit: usize) -> bool {
        let before = self.len();
        self.write_trace(trace, limit);
        if self.len() > limit {
            self.bytes.as_mut_vec().truncate(before);
            return false;
        }
        let spans = trace.spans().len() as u64;
        self.ends.push(End { byte: self.len(), spans });
        self.spans += spans;
        self.write_header();
        true
    }

    /// Two payloads of about half the size, with one trace cut in two parts if there is only one; `None`: there is only one span.
    pub fn split(&self) -> Option<[Self; 2]> {
        let last = self.ends.len().checked_sub(1)?;
        if last == 0 {
            return cut::cut(self.as_bytes().get(HEADER..)?)
                .map(|parts| parts.map(|part| self.of_part(part)));
        }
        let at = self.ends.partition_point(|end| 2 * end.byte <= self.len() + HEADER).clamp(1, last);
        let (first, second) = self.ends.split_at(at);
        let middle = first.last().map_or(HEADER, |end| end.byte);
        Some([self.part(HEADER, first), self.part(middle, second)])
    }

    /// A payload of the traces with these ends, of which the first starts at `from`.
    fn part(&self, from: usize, ends: &[End]) -> Self {
        let to = ends.last().map_or(from, |end| end.byte);
        let mut part = Self { form: self.form, keep_rate: self.keep_rate, ..Self::new() };
        part.bytes.as_mut_vec().extend_from_slice(&self.as_bytes()[from..to]);
        part.ends.extend(ends.iter().map(|end| End { byte: end.byte - from + HEADER, spans: end.spans }));
        part.spans = ends.iter().map(|end| end.spans).sum();
        part.write_header();
        part
    }

    /// A payload of this part of a trace.
    fn of_part(&self, (trace, spans): (Vec<u8>, u64)) -> Self {
        let mut part = Self { form: self.form, keep_rate: self.keep_rate, spans, ..Self::new() };
        part.bytes.as_mut_vec().extend_from_slice(&trace);
        part.ends.push(End { byte: part.len(), spans });
        part.write_header();
        part
    }

    /// The body for `/v0.5/traces`; `None` if something in it has no place there.
    pub fn to_v05(&self) -> Option<Vec<u8>> {
        v05::from_v04(self.as_bytes())
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
        self.ends.is_empty()
    }

    /// How many traces are in it: the value of `X-Datadog-Trace-Count`.
    pub fn traces(&self) -> u32 {
        // A trace is longer than a byte, and bytes are counted in 32 bits.
        self.ends.len() as u32
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
        self.ends.clear();
        self.spans = 0;
    }

    fn write_header(&mut self) {
        let count = self.traces().to_be_bytes();
        self.bytes.as_mut_vec()[1..HEADER].copy_from_slice(&count);
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
            keys += write_tags(out, &mut self.metrics, trace, index, self.form, self.keep_rate);
            if !span.links.is_empty() && !self.form.text_links {
                keys += 1;
                constant(out, b"\xaaspan_links");
                write_links(out, &span.links);
            }
            if !span.events.is_empty() && self.form.native_events {
                keys += 1;
                constant(out, b"\xabspan_events");
                write_events(out, &span.events);
            }
            end_map(out, head, keys);
        }
    }
}

/// Writes the maps of string and number tags, each unless it is empty; tells how many it wrote.
fn write_tags(
    out: &mut ByteBuf,
    metrics: &mut ByteBuf,
    trace: &Trace,
    index: usize,
    form: Form,
    keep_rate: Option<f64>,
) -> usize {
    let before = out.as_slice().len();
    constant(out, b"\xa4meta");
    let head = begin_map(out);
    metrics.as_mut_vec().clear();
    let (mut texts, mut numbers) = (0, 0);
    let span = trace.spans().get(index);
    let events = span.map(|span| span.events.as_slice()).filter(|_| !form.native_events).unwrap_or_default();
    let links = span.map(|span| span.links.as_slice()).filter(|_| form.text_links).unwrap_or_default();
    if !events.is_empty() {
        texts += 1;
        text(out, EVENTS);
        text(out, &json::events(events));
    }
    if !links.is_empty() {
        texts += 1;
        text(out, LINKS);
        text(out, &json::links(links));
    }
    let keep_rate = keep_rate.filter(|_| index == 0);
    if let Some(rate) = keep_rate {
        numbers += 1;
        text(metrics, KEEP_RATE);
        sure(encode::write_f64(metrics, rate));
    }
    trace.each_tag(index, |key, datum| match datum {
        // A span has one tag of a key.
        _ if !events.is_empty() && key == EVENTS => {}
        _ if !links.is_empty() && key == LINKS => {}
        _ if keep_rate.is_some() && key == KEEP_RATE => {}
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

/// The tag that holds links as JSON.
const LINKS: &str = "_dd.span_links";

/// The number that says which share of traces found room lately.
const KEEP_RATE: &str = "_dd.tracer_kr";

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

//! The body of a `/v0.4/traces` request: MessagePack, written straight from the spans.
//!
//! A payload is an array of traces, a trace an array of spans, a span a map. Keys with nothing to say are left out:
//! `parent_id` and `error` when 0, `type`, `meta`, `metrics`, `span_links` and `span_events` when empty. `trace_id` is the low half; the high half
//! is the tag `_dd.p.tid`, which the pipeline puts on the first span of a trace. Events are `span_events` for an agent that
//! says it takes them, otherwise the tag `events`, as JSON; what of them has no room in a tag is left out, and
//! `microspan.events_left_out` (for links `microspan.links_left_out`) says how many. Names and services are in the form in which the agent
//! would leave them, and so are the tags `env`, `peer.service` and `_dd.base_service`; a text as `http.status_code` that it would take
//! away is not there. The smaller form of `/v0.5/traces` is made from this one when a
//! payload is sent, so that it can go out as it is to an agent that does not take the other.

mod beyond;
mod cut;
mod forms;
mod json;
mod tags;
mod v05;
mod write;

use std::ops::Range;

use rmp::encode::{self, ByteBuf};

use crate::model::{Span, Text, normal};
use crate::pipeline::Trace;
use beyond::{write_events, write_links};
use forms::Forms;
use tags::write_tags;
use write::{begin_map, constant, end_map, number, signed, sure, text};

/// The marker of an array whose length follows in four bytes.
const ARRAY_32: u8 = 0xdd;

/// What stands for no text.
static NONE: Text = Text::constant("");

/// The array header of a payload. Its width is fixed because its length is known only at the end.
const HEADER: usize = 5;

/// A request body that grows trace by trace. It can be cleared and filled again in the same memory.
#[derive(Debug, Clone)]
pub struct Payload {
    bytes: ByteBuf,
    /// The metrics of the span being written: they follow its meta, and come mixed with it.
    metrics: ByteBuf,
    forms: Box<Forms>,
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
        let mut payload =
            Self { bytes, metrics, forms: Box::default(), form, keep_rate: None, ends: Vec::new(), spans: 0 };
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
        // The span before, or one that is called as it is; the last plain one, where its tags stand, and how many maps they are.
        let mut names: Option<Named> = None;
        let mut plain: Option<(&Span, Range<usize>, usize)> = None;
        for (index, span) in trace.spans().iter().enumerate() {
            if out.as_slice().len() > limit {
                return;
            }
            let head = begin_map(out);
            let mut keys = 7;
            match &names {
                // Spans of one name come in runs.
                Some(before) if has_names_of(span, before.span) => {
                    out.as_mut_vec().extend_from_within(before.service..before.end);
                }
                before => names = Some(write_names(out, &mut self.forms, span, before.as_ref())),
            }
            keys += write_numbers(out, span);
            constant(out, b"\xa8duration");
            signed(out, span.duration);
            if span.error {
                keys += 1;
                constant(out, b"\xa5error\x01");
            }
            if let Some(span_type) = &span.span_type {
                keys += 1;
                constant(out, b"\xa4type");
                text(out, span_type);
            }
            keys += match &plain {
                Some((before, place, keys)) if is_plain(trace, index) && before.service == span.service => {
                    out.as_mut_vec().extend_from_within(place.clone());
                    *keys
                }
                _ => {
                    let start = out.as_slice().len();
                    let keys = write_tags(
                        out,
                        &mut self.metrics,
                        &mut self.forms,
                        trace,
                        index,
                        (self.form, self.keep_rate),
                    );
                    if is_plain(trace, index) {
                        plain = Some((span, start..out.as_slice().len(), keys));
                    }
                    keys
                }
            };
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

/// Whether all tags of a span are those of its source and of its service.
fn is_plain(trace: &Trace, index: usize) -> bool {
    let has_own = |span: &Span| {
        !span.tags.is_empty() || !span.events.is_empty() || !span.links.is_empty() || span.extra.is_some()
    };
    index != 0 && !trace.is_top_level(index) && !trace.spans().get(index).is_none_or(has_own)
}

/// Whether what [`write_names`] writes is the same.
fn has_names_of(span: &Span, other: &Span) -> bool {
    span.name == other.name && span.service == other.service && span.resource == other.resource
}

/// A span, and where it is written how it is called.
struct Named<'a> {
    span: &'a Span,
    service: usize,
    name: usize,
    resource: usize,
    end: usize,
}

/// Writes how a span is called. What another says as well is copied, so that it is looked through once for both.
fn write_names<'a>(
    out: &mut ByteBuf,
    forms: &mut Forms,
    span: &'a Span,
    before: Option<&Named<'_>>,
) -> Named<'a> {
    let service = out.as_slice().len();
    match (before, &span.service) {
        (Some(before), service) if *service == before.span.service => {
            out.as_mut_vec().extend_from_within(before.service..before.name);
        }
        (_, service) => {
            constant(out, b"\xa7service");
            match service {
                Some(service) if normal::is_service(service.as_bytes()) => text(out, service),
                service => text(out, forms.service(service.as_ref().unwrap_or(&NONE))),
            }
        }
    }
    let name = out.as_slice().len();
    match before {
        Some(before) if span.name == before.span.name => {
            out.as_mut_vec().extend_from_within(before.name..before.resource);
        }
        _ => {
            constant(out, b"\xa4name");
            match normal::is_name(span.name.as_bytes()) {
                true => text(out, &span.name),
                false => text(out, forms.name(&span.name)),
            }
        }
    }
    let resource = out.as_slice().len();
    constant(out, b"\xa8resource");
    text(out, span.resource.as_ref().unwrap_or(&span.name));
    Named { span, service, name, resource, end: out.as_slice().len() }
}

/// Writes the ids and the start of a span; tells whether it has a parent: none where it, its trace and its parent have one id, as for
/// the agent.
fn write_numbers(out: &mut ByteBuf, span: &Span) -> usize {
    let is_own = span.parent_id == span.span_id && span.parent_id == span.trace_id as u64;
    let has_parent = span.parent_id != 0 && !is_own;
    let numbers = [span.trace_id as u64, span.span_id, span.start.max(0) as u64, span.parent_id];
    let few = if has_parent { &numbers[..] } else { &numbers[..3] };
    // What nearly all are takes eight bytes each, and is written at once.
    if few.iter().all(|&number| number > u32::MAX.into()) {
        let mut encoded =
            *b"\xa8trace_id\xcf........\xa7span_id\xcf........\xa5start\xcf........\xa9parent_id\xcf........";
        for (number, at) in numbers.into_iter().zip([10, 27, 42, 61]) {
            encoded[at..at + 8].copy_from_slice(&number.to_be_bytes());
        }
        constant(out, &encoded);
        if !has_parent {
            let end = out.as_slice().len() - b"\xa9parent_id\xcf........".len();
            out.as_mut_vec().truncate(end);
        }
    } else {
        constant(out, b"\xa8trace_id");
        number(out, span.trace_id as u64);
        constant(out, b"\xa7span_id");
        number(out, span.span_id);
        constant(out, b"\xa5start");
        signed(out, span.start);
        if has_parent {
            constant(out, b"\xa9parent_id");
            number(out, span.parent_id);
        }
    }
    usize::from(has_parent)
}

#[cfg(test)]
mod tests;

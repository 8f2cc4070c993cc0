//! The body of a `/v0.5/traces` request, made from that of a `/v0.4/traces` request: a table of strings, and spans as arrays
//! of twelve that point into it.

use std::collections::HashMap;

use rmp::decode;
use rmp::encode::{self, ByteBuf};

use super::write::{bytes, sure};

/// The elements of a span.
const ELEMENTS: u32 = 12;

/// The strings so far, in the order of their numbers.
struct Table<'a> {
    numbers: HashMap<&'a [u8], u32>,
    strings: Vec<&'a [u8]>,
}

impl<'a> Table<'a> {
    /// The number of a string.
    fn number(&mut self, string: &'a [u8]) -> u32 {
        *self.numbers.entry(string).or_insert_with(|| {
            self.strings.push(string);
            self.strings.len() as u32 - 1
        })
    }
}

/// One span, read. Its tags are written already.
#[derive(Default)]
struct Span {
    service: u32,
    name: u32,
    resource: u32,
    trace_id: u64,
    span_id: u64,
    parent_id: u64,
    start: i64,
    duration: i64,
    error: u64,
    span_type: u32,
}

/// Rewrites a body that this crate wrote; `None`: it holds what has no place in the other form.
pub(super) fn from_v04(body: &[u8]) -> Option<Vec<u8>> {
    let mut input = body;
    // The number 0 stands for nothing.
    let mut table = Table { numbers: HashMap::from([(&b""[..], 0)]), strings: vec![b""] };
    let (mut traces, mut meta, mut metrics) = (ByteBuf::new(), ByteBuf::new(), ByteBuf::new());
    let count = decode::read_array_len(&mut input).ok()?;
    sure(encode::write_array_len(&mut traces, count));
    for _ in 0..count {
        let spans = decode::read_array_len(&mut input).ok()?;
        sure(encode::write_array_len(&mut traces, spans));
        for _ in 0..spans {
            for tags in [&mut meta, &mut metrics] {
                tags.as_mut_vec().clear();
                sure(encode::write_map_len(tags, 0));
            }
            let span = read(&mut input, &mut table, &mut meta, &mut metrics)?;
            write(&mut traces, &span, meta.as_slice(), metrics.as_slice());
        }
    }

    let mut out = ByteBuf::new();
    sure(encode::write_array_len(&mut out, 2));
    sure(encode::write_array_len(&mut out, table.strings.len() as u32));
    table.strings.iter().for_each(|string| bytes(&mut out, string));
    out.as_mut_vec().extend_from_slice(traces.as_slice());
    Some(out.into_vec())
}

fn read<'a>(
    input: &mut &'a [u8],
    table: &mut Table<'a>,
    meta: &mut ByteBuf,
    metrics: &mut ByteBuf,
) -> Option<Span> {
    let mut span = Span::default();
    for _ in 0..decode::read_map_len(input).ok()? {
        match string(input)? {
            b"service" => span.service = table.number(string(input)?),
            b"name" => span.name = table.number(string(input)?),
            b"resource" => span.resource = table.number(string(input)?),
            b"type" => span.span_type = table.number(string(input)?),
            b"trace_id" => span.trace_id = decode::read_int(input).ok()?,
            b"span_id" => span.span_id = decode::read_int(input).ok()?,
            b"parent_id" => span.parent_id = decode::read_int(input).ok()?,
            b"start" => span.start = decode::read_int(input).ok()?,
            b"duration" => span.duration = decode::read_int(input).ok()?,
            b"error" => span.error = decode::read_int(input).ok()?,
            b"meta" => {
                each_tag(input, table, meta, |input, table, out| {
                    sure(encode::write_uint(out, table.number(string(input)?).into()));
                    Some(())
                })?;
            }
            b"metrics" => {
                each_tag(input, table, metrics, |input, _, out| {
                    sure(encode::write_f64(out, decode::read_f64(input).ok()?));
                    Some(())
                })?;
            }
            _ => return None,
        }
    }
    Some(span)
}

/// Rewrites a map of tags into `out`, its values by `value`.
fn each_tag<'a>(
    input: &mut &'a [u8],
    table: &mut Table<'a>,
    out: &mut ByteBuf,
    value: impl Fn(&mut &'a [u8], &mut Table<'a>, &mut ByteBuf) -> Option<()>,
) -> Option<()> {
    let count = decode::read_map_len(input).ok()?;
    out.as_mut_vec().clear();
    sure(encode::write_map_len(out, count));
    for _ in 0..count {
        sure(encode::write_uint(out, table.number(string(input)?).into()));
        value(input, table, out)?;
    }
    Some(())
}

fn write(out: &mut ByteBuf, span: &Span, meta: &[u8], metrics: &[u8]) {
    sure(encode::write_array_len(out, ELEMENTS));
    for number in [span.service, span.name, span.resource] {
        sure(encode::write_uint(out, number.into()));
    }
    for id in [span.trace_id, span.span_id, span.parent_id] {
        sure(encode::write_uint(out, id));
    }
    sure(encode::write_sint(out, span.start));
    sure(encode::write_sint(out, span.duration));
    sure(encode::write_uint(out, span.error));
    out.as_mut_vec().extend_from_slice(meta);
    out.as_mut_vec().extend_from_slice(metrics);
    sure(encode::write_uint(out, span.span_type.into()));
}

/// The string that comes next.
fn string<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = decode::read_str_len(input).ok()? as usize;
    let (string, rest) = input.split_at_checked(length)?;
    *input = rest;
    Some(string)
}

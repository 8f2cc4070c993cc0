//! One trace as it was written, cut in two between spans, for an agent that does not take it whole.

use rmp::Marker;
use rmp::decode;
use rmp::encode;

/// The maps of a span in which something is said of the trace.
const TAGS: [&[u8]; 2] = [b"meta", b"metrics"];

/// A trace in two of about half its bytes, with how many spans each has; `None`: it has only one span.
pub(super) fn cut(trace: &[u8]) -> Option<[(Vec<u8>, u64); 2]> {
    let mut input = trace;
    let count = decode::read_array_len(&mut input).ok()?;
    let spans = (0..count).map(|_| take(&mut input)).collect::<Option<Vec<_>>>()?;
    let last = spans.len().checked_sub(1).filter(|&last| last != 0)?;
    let mut before = 0;
    let at = spans.iter().position(|span| {
        before += span.len();
        2 * before > trace.len()
    });
    let (first, second) = spans.split_at_checked(at.unwrap_or(last).clamp(1, last))?;
    let head = with_said(first.first()?, second.first()?)?;
    Some([part(first.first()?, first)?, part(&head, second)?])
}

/// A trace of these spans, but for another first one.
fn part(head: &[u8], spans: &[&[u8]]) -> Option<(Vec<u8>, u64)> {
    let mut out = Vec::new();
    encode::write_array_len(&mut out, u32::try_from(spans.len()).ok()?).ok()?;
    out.extend_from_slice(head);
    spans.iter().skip(1).for_each(|span| out.extend_from_slice(span));
    Some((out, spans.len() as u64))
}

/// A span that says of its trace what the first span says.
fn with_said(first: &[u8], span: &[u8]) -> Option<Vec<u8>> {
    let mut entries = entries(span)?;
    let mut written = Vec::new();
    for name in TAGS {
        let find = |(key, _): &(&[u8], &[u8])| *key == name;
        let said = entries_of(first, name)?.into_iter().filter(|(key, _)| is_of_trace(key));
        let index = entries.iter().position(find);
        let mut tags = match index {
            Some(index) => self::entries(entries.remove(index).1)?,
            None => Vec::new(),
        };
        for (key, value) in said {
            if !tags.iter().any(|(known, _)| *known == key) {
                tags.push((key, value));
            }
        }
        if !tags.is_empty() {
            written.push((name, map(&tags)?));
        }
    }
    entries.extend(written.iter().map(|(name, tags)| (*name, tags.as_slice())));
    map(&entries)
}

/// The tags in one of the maps of a span, which has none if the map is not there.
fn entries_of<'a>(span: &'a [u8], name: &[u8]) -> Option<Vec<(&'a [u8], &'a [u8])>> {
    let of = entries(span)?.into_iter().find(|(key, _)| *key == name);
    of.map_or_else(|| Some(Vec::new()), |(_, tags)| entries(tags))
}

/// What holds for all spans of a trace, and is on the first.
fn is_of_trace(key: &[u8]) -> bool {
    const KEYS: [&[u8]; 8] = [
        b"_sampling_priority_v1",
        b"_dd.agent_psr",
        b"_dd.rule_psr",
        b"_dd.limit_psr",
        b"_dd.origin",
        b"runtime-id",
        b"language",
        b"process_id",
    ];
    key.starts_with(b"_dd.p.") || KEYS.contains(&key)
}

/// The keys of a map, and its values as they are written.
fn entries(map: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut input = map;
    let count = decode::read_map_len(&mut input).ok()?;
    (0..count)
        .map(|_| {
            let length = decode::read_str_len(&mut input).ok()?;
            Some((skip(&mut input, u64::from(length))?, take(&mut input)?))
        })
        .collect()
}

fn map(entries: &[(&[u8], &[u8])]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    encode::write_map_len(&mut out, u32::try_from(entries.len()).ok()?).ok()?;
    for (key, value) in entries {
        encode::write_str_len(&mut out, u32::try_from(key.len()).ok()?).ok()?;
        out.extend_from_slice(key);
        out.extend_from_slice(value);
    }
    Some(out)
}

/// The value that comes next, as it is written.
fn take<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let whole = *input;
    let mut left = 1_u64;
    while left > 0 {
        let start = *input;
        let (bytes, values) = match decode::read_marker(input).ok()? {
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
                *input = start;
                (u64::from(decode::read_str_len(input).ok()?), 0)
            }
            Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
                *input = start;
                (0, u64::from(decode::read_array_len(input).ok()?))
            }
            Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => {
                *input = start;
                (0, 2 * u64::from(decode::read_map_len(input).ok()?))
            }
            Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => (0, 0),
            Marker::U8 | Marker::I8 => (1, 0),
            Marker::U16 | Marker::I16 => (2, 0),
            Marker::U32 | Marker::I32 | Marker::F32 => (4, 0),
            Marker::U64 | Marker::I64 | Marker::F64 => (8, 0),
            // Nothing else is written.
            _ => return None,
        };
        skip(input, bytes)?;
        left = left - 1 + values;
    }
    whole.get(..whole.len() - input.len())
}

/// So many bytes.
fn skip<'a>(input: &mut &'a [u8], bytes: u64) -> Option<&'a [u8]> {
    let (taken, rest) = input.split_at_checked(usize::try_from(bytes).ok()?)?;
    *input = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rmpv::Value as Msg;

    use super::super::Payload;
    use crate::config::Tagging;
    use crate::model::{Event, Link, Source, Span, Value};
    use crate::pipeline::{Assembler, Limits};

    /// A trace of so many spans with something of everything.
    fn payload(spans: u64, child: impl Fn(&mut Span)) -> Payload {
        let mut assembler = Assembler::new(Limits::default(), Tagging::default());
        let mut payload = Payload::new();
        payload.set_native_events(true);
        payload.set_keep_rate(0.5);
        let source = Arc::new(Source { process_id: Some(7), ..Source::new(1) });
        for id in 1..=spans {
            let mut span = Span::new(9 << 64 | 5, id, id - 1, "n", source.clone());
            span.start = 1 << 60;
            span.error = id == 2;
            span.links = vec![Link::new(1 << 70, 3)];
            let attributes =
                vec![("long".into(), Value::Str("y".repeat(300).into())), ("f".into(), Value::Float(0.5))];
            span.events = vec![Event { name: "rise".into(), time: 7, attributes }];
            if id == 1 {
                span.tags = vec![
                    ("_sampling_priority_v1".into(), Value::Int(-1)),
                    ("_dd.p".into(), "dm=-4,usr.id=7".into()),
                    ("_dd.origin".into(), "rum".into()),
                    ("own".into(), "yes".into()),
                ];
            } else {
                child(&mut span);
            }
            assembler.push(span, 0, &mut |_| {});
        }
        assembler.flush(&mut |trace| assert!(payload.push(trace, usize::MAX)));
        payload
    }

    fn spans(payload: &Payload) -> Vec<Msg> {
        let read = rmpv::decode::read_value(&mut payload.as_bytes()).expect("MessagePack");
        read.as_array()
            .expect("traces")
            .iter()
            .flat_map(|trace| trace.as_array().expect("spans").clone())
            .collect()
    }

    /// Without the tags of a trace.
    fn bare(span: &Msg) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for (key, value) in span.as_map().expect("a map") {
            let Some(tags) = value.as_map().filter(|_| matches!(key.as_str(), Some("meta" | "metrics")))
            else {
                all.push((key.to_string(), value.to_string()));
                continue;
            };
            let own = tags
                .iter()
                .filter(|(key, _)| !super::is_of_trace(key.as_str().unwrap_or_default().as_bytes()));
            all.extend(own.map(|(key, value)| (key.to_string(), value.to_string())));
        }
        all.sort();
        all
    }

    #[test]
    fn of_a_trace_in_two_each_part_says_what_the_whole_does_and_the_spans_stay_as_they_are() {
        let kinds: [fn(&mut Span); 2] = [
            |_| {},
            |span| {
                span.tags = (0..20).map(|i| (format!("tag{i}").into(), Value::Int(1 << (2 * i)))).collect();
                span.tags.push(("_dd.origin".into(), "own".into()));
            },
        ];
        for (kind, origin) in kinds.into_iter().zip(["rum", "own"]) {
            let whole = payload(5, kind);
            let halves = whole.split().expect("five spans");
            assert_eq!(halves.each_ref().map(Payload::traces), [1, 1]);
            let parts = halves.each_ref().map(spans);
            assert_eq!(halves.each_ref().map(Payload::spans), parts.each_ref().map(|part| part.len() as u64));
            let all: Vec<_> = parts.iter().flatten().map(bare).collect();
            assert_eq!(all, spans(&whole).iter().map(bare).collect::<Vec<_>>());
            let (first, second) = (&parts[0][0], &parts[1][0]);
            for key in ["_dd.p.dm", "_dd.p.usr.id", "_dd.p.tid", "language", "runtime-id"] {
                assert!(first["meta"][key].is_str(), "{key}");
                assert_eq!(second["meta"][key], first["meta"][key], "{key}");
            }
            assert_eq!(second["meta"]["_dd.origin"].as_str(), Some(origin));
            assert_eq!(second["metrics"]["_sampling_priority_v1"].as_f64(), Some(-1.0));
            assert!(second["meta"]["own"].is_nil());
        }
    }

    #[test]
    fn cutting_ends_at_single_spans_whatever_their_sizes() {
        let mut waiting = vec![payload(7, |span| {
            let fill = if span.span_id == 6 { 20_000 } else { 1 };
            span.tags = vec![("fill".into(), Value::Str("x".repeat(fill).into()))];
        })];
        let mut single = 0;
        while let Some(payload) = waiting.pop() {
            match payload.split() {
                Some(halves) => waiting.extend(halves),
                None => {
                    assert_eq!(payload.spans(), 1);
                    single += 1;
                }
            }
        }
        assert_eq!(single, 7);
    }
}

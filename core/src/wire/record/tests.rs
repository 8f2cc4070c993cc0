//! What is written is read; what is not, is refused without harm.

use super::*;
use crate::id::Session;
use crate::wire::{Header, Packet, PacketError, VERSION, seal};
use crate::wire::{TagStart, TagValue, put_pieces};
extern crate std;
use proptest::prelude::*;
use std::string::String;
use std::vec::Vec;

fn packet(fill: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let header =
        Header { session: Session::new(9), sequence: 3, spans_before: 70, time: 1 << 40, counter: 500 };
    let mut buffer = std::vec![0; 4096];
    let mut w = Writer::new(&mut buffer);
    header.put(&mut w).unwrap();
    fill(&mut w);
    let len = w.used();
    let len = seal(&mut buffer, len).unwrap();
    buffer.truncate(len);
    buffer
}

/// Reads everything there is to read.
fn read_all(bytes: &[u8]) -> Result<usize, PacketError> {
    let packet = Packet::parse(bytes)?;
    let _ = packet.header();
    let records = packet.records().take(bytes.len() + 1).map(|record| match record {
        Ok(Record::Span(span)) => span.tags.count(),
        Ok(Record::Sync(sync)) => sync.tags.count(),
        _ => 1,
    });
    Ok(records.count())
}

type Head = (u64, Option<u64>, u64, u64, u64, [bool; 2]);

fn head() -> impl Strategy<Value = Head> {
    let near = || prop_oneof![0u64..1000, any::<u64>()];
    (near(), prop::option::of(near()), near(), near(), near(), any::<[bool; 2]>())
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 5 } else { 1000 },
        failure_persistence: None,
        ..Default::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn spans_come_back_as_they_were(heads in prop::collection::vec(head(), 0..20), text in ".{0,40}") {
        let bytes = packet(|w| {
            let mut deltas = Deltas::new(500, 1 << 40);
            for &(counter, parent, trace, start, duration, [error, lost_tags]) in &heads {
                let trace = if parent.is_none() { counter } else { trace };
                let name = Text::Inline(&text);
                let span = SpanHead { counter, parent, trace, name, start, duration, error, lost_tags, tags: 1 };
                put_span(w, &mut deltas, &span).unwrap();
                put_tag(w, &Tag { key: Text::Name(7), value: TagValue::U64(start) }).unwrap();
            }
        });
        let packet = Packet::parse(&bytes).unwrap();
        let mut count = 0;
        for (record, head) in packet.records().zip(&heads) {
            let Ok(Record::Span(span)) = record else { panic!("{record:?}") };
            let &(counter, parent, trace, start, duration, [error, lost]) = head;
            let trace = if parent.is_none() { counter } else { trace };
            prop_assert_eq!((span.counter, span.parent, span.trace), (counter, parent, trace));
            prop_assert_eq!((span.start, span.duration, span.error, span.lost_tags), (start, duration, error, lost));
            prop_assert_eq!(span.name, Text::Inline(&text));
            let tags: Vec<_> = span.tags.collect();
            prop_assert_eq!(&tags, &[Tag { key: Text::Name(7), value: TagValue::U64(start) }]);
            count += 1;
        }
        prop_assert_eq!(count, heads.len());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_all(&bytes);
    }

    #[test]
    fn any_content_under_a_right_crc_is_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = packet(|w| w.put_bytes(&body).unwrap());
        prop_assert!(read_all(&bytes).is_ok());
    }

    #[test]
    fn a_single_damaged_byte_is_noticed(at in any::<prop::sample::Index>(), flip in 1u8..) {
        let mut bytes = packet(|w| put_name(w, 1, "bread", false).unwrap());
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert_eq!(read_all(&bytes), Err(PacketError::Crc));
    }
}

#[test]
fn every_kind_of_value_comes_back() {
    let values = [
        TagValue::Bool(false),
        TagValue::Bool(true),
        TagValue::U64(u64::MAX),
        TagValue::I64(i64::MIN),
        TagValue::F32(0.1),
        TagValue::F64(-0.1),
        TagValue::Text(Text::Name(u32::MAX - 1)),
        TagValue::Cut(Text::Inline("rye")),
    ];
    let bytes = packet(|w| {
        let tags = values.iter().map(|value| Tag { key: Text::Name(0), value: *value });
        put_sync(w, 7, &Stats::default(), Text::Inline("s"), tags).unwrap();
    });
    let record = Packet::parse(&bytes).unwrap().records().next();
    let Some(Ok(Record::Sync(sync))) = record else { panic!("{record:?}") };
    assert!(sync.tags.map(|tag| tag.value).eq(values));
}

#[test]
fn a_record_of_an_unknown_kind_is_skipped() {
    let bytes = packet(|w| {
        w.put_bytes(&[77, 3, 1, 2, 3]).unwrap();
        put_name(w, 5, "bread", false).unwrap();
    });
    let records: Vec<_> = Packet::parse(&bytes).unwrap().records().map(Result::unwrap).collect();
    assert!(matches!(records[..], [Record::Unknown { kind: 77 }, Record::Name { index: 5, text: "bread" }]));
}

#[test]
fn a_span_with_the_reserved_bit_is_malformed() {
    for (head, is_well_formed) in [(SPAN | ROOT, true), (SPAN | ROOT | RESERVED, false)] {
        // A name, and differences of counter, start and duration.
        let bytes = packet(|w| w.put_bytes(&[head, 1, 0, 0, 0]).unwrap());
        let record = Packet::parse(&bytes).unwrap().records().next().unwrap();
        assert_eq!(record.is_ok(), is_well_formed);
    }
}

#[test]
fn a_newer_version_is_refused_by_number_before_anything_else_is_read() {
    let mut bytes = packet(|_| ());
    bytes[0] = VERSION + 1;
    let len = bytes.len() - 2;
    seal(&mut bytes, len).unwrap();
    assert_eq!(read_all(&bytes), Err(PacketError::Version(VERSION + 1)));
    let text = std::format!("{}", PacketError::Version(VERSION + 1));
    assert!(text.contains("version 2") && text.contains("version 1"), "{text}");
}

#[test]
fn a_string_in_pieces_is_the_same_bytes_as_a_string() {
    let text = "a loaf of bread and a jar of pickled cucumbers";
    for len in 0..text.len() {
        let key = Text::Name(3);
        let whole =
            packet(|w| put_tag(w, &Tag { key, value: TagValue::Text(Text::Inline(&text[..len])) }).unwrap());
        let pieces = packet(|w| {
            let padded: Vec<u8> = text[..len].bytes().chain([0; 9]).collect();
            put_pieces(w, &TagStart { key, cut: false }, len as u8, padded.chunks(9)).unwrap();
        });
        assert_eq!(whole, pieces);
    }
}

#[test]
fn a_name_is_cut_only_when_it_may_be() {
    let name: String = "n".repeat(100);
    let mut buffer = [0; 40];
    assert_eq!(put_name(&mut Writer::new(&mut buffer), 1, &name, false), Err(Full));
    let mut w = Writer::new(&mut buffer);
    put_name(&mut w, 1, &name, true).unwrap();
    assert_eq!((w.used(), w.room()), (40, 0));
}

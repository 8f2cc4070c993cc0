//! What is written is read; what is not, is refused without harm.

use super::*;
use crate::callsite::Callsite;
use crate::id::Session;
use crate::wire::span::*;
use crate::wire::{Header, Packet, PacketError, VERSION, seal};
use crate::wire::{MAX_BUILD_ID, SyncTags, put_callsite, put_dropped, put_identity, put_sync};
use crate::wire::{Tag, TagStart, TagValue, put_pieces, put_tag};
extern crate std;
use proptest::prelude::*;
use std::string::String;
use std::vec::Vec;

const HEADER: Header =
    Header { session: Session::new(9), sequence: 3, spans_before: 70, time: 1 << 40, counter: 500 };

fn packet(fill: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buffer = std::vec![0; 4096];
    let mut w = Writer::new(&mut buffer);
    HEADER.put(&mut w).unwrap();
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

/// Counter, parent, trace, interrupt, start, duration, error, lost tags.
type Head = (u32, u32, u32, u8, u64, u64, [bool; 2]);

fn head() -> impl Strategy<Value = Head> {
    let near = || prop_oneof![1u32..1000, 1..u32::MAX];
    let parent = prop_oneof![Just(0), near()];
    let ticks = prop_oneof![0..1000u64, 0..1u64 << 40];
    (near(), parent, near(), prop_oneof![Just(0), any::<u8>()], ticks, any::<u64>(), any::<[bool; 2]>())
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
            let mut deltas = Deltas::new(&HEADER);
            for &(counter, parent, trace, interrupt, start, duration, [error, lost_tags]) in &heads {
                let trace = if parent == 0 { counter } else { trace };
                let name = Text::Inline(&text);
                let span = SpanHead {
                    counter, parent, trace, link_trace: start as u32,
                    interrupt, name, start, duration, error, lost_tags, tags: 1
                };
                put_span(w, &mut deltas, &span).unwrap();
                put_tag(w, &Tag { key: Text::Name(7), value: TagValue::U64(start) }).unwrap();
            }
        });
        let packet = Packet::parse(&bytes).unwrap();
        let mut count = 0;
        for (record, head) in packet.records().zip(&heads) {
            let Ok(Record::Span(span)) = record else { panic!("{record:?}") };
            let &(counter, parent, trace, interrupt, start, duration, [error, lost]) = head;
            let (is_root, parent) = (parent == 0 || trace == counter, (parent != 0).then_some(parent));
            let low = |counter: Option<u64>| counter.map(|counter| counter as u32);
            prop_assert_eq!(span.counter as u32, counter);
            prop_assert_eq!(low(span.parent), parent.filter(|_| !is_root));
            prop_assert_eq!(low(span.link), parent.filter(|parent| is_root && *parent != counter));
            let link_trace = Some(start as u32).filter(|trace| *trace != 0 && *trace != counter);
            prop_assert_eq!(low(span.link_trace), link_trace.filter(|_| span.link.is_some()));
            prop_assert_eq!(span.trace as u32, if is_root { counter } else { trace });
            prop_assert_eq!(span.interrupt, u32::from(interrupt));
            prop_assert_eq!((span.start & ((1 << 40) - 1), span.duration), (start, duration));
            prop_assert_eq!((span.error, span.lost_tags), (error, lost));
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
        TagValue::Text(Text::Name(u32::MAX - 2)),
        TagValue::Text(Text::Address { address: u64::MAX, length: u32::MAX }),
        TagValue::Cut(Text::Inline("rye")),
    ];
    let bytes = packet(|w| {
        let put = |value: &TagValue<'_>, tags: &mut SyncTags<'_, '_>| {
            tags.put(&Tag { key: Text::Name(0), value: *value })
        };
        put_sync(w, 7, 1 << 60, Text::Inline("s"), |tags| values.iter().for_each(|value| put(value, tags)))
            .unwrap();
    });
    let record = Packet::parse(&bytes).unwrap().records().next();
    let Some(Ok(Record::Sync(sync))) = record else { panic!("{record:?}") };
    assert_eq!((sync.frequency, sync.clock_base), (7, 1 << 60));
    assert!(sync.tags.map(|tag| tag.value).eq(values));
}

#[test]
fn a_string_of_any_letters_is_read_and_one_that_is_none_refused() {
    let read = |string: &[u8]| {
        let bytes = packet(|w| {
            w.put_bytes(&[SPAN | 0x28, 2, 0, 0, 0, 1, 2, 6, 0, string.len() as u8]).unwrap();
            w.put_bytes(string).unwrap();
        });
        Packet::parse(&bytes).unwrap().records().next().unwrap().map(|record| match record {
            Record::Span(mut span) => span.tags.next().map(|tag| tag.value == text(string)),
            other => panic!("{other:?}"),
        })
    };
    for string in ["", "kitchen", "größer als zuvor"] {
        assert_eq!(read(string.as_bytes()), Ok(Some(true)), "{string}");
    }
    for string in [&b"\xff"[..], b"as long as words are \xc3", b"\xc3("] {
        assert_eq!(read(string), Err(Malformed), "{string:x?}");
    }
}

fn text(bytes: &[u8]) -> TagValue<'_> {
    TagValue::Text(Text::Inline(core::str::from_utf8(bytes).unwrap()))
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
fn a_session_that_is_over_says_so_in_two_bytes_and_may_say_more_later() {
    let bytes = packet(|w| {
        crate::wire::put_over(w).unwrap();
        w.put_bytes(&[7, 2, 1, 2]).unwrap();
    });
    assert_eq!(bytes[bytes.len() - 8..][..2], [7, 0]);
    let records: Vec<_> = Packet::parse(&bytes).unwrap().records().map(Result::unwrap).collect();
    assert!(matches!(records[..], [Record::Over, Record::Over]), "{records:?}");
}

#[test]
fn what_a_later_sender_says_more_of_a_span_is_skipped() {
    // A name, and differences of counter, start and duration; then four bytes: interrupt 37, link 0, and two unknown ones.
    let bytes =
        packet(|w| w.put_bytes(&[SPAN | ROOT | MORE, 2, 0, 0, 0, 4, 37, 0, 99, 98, SPAN, 2]).unwrap());
    let record = Packet::parse(&bytes).unwrap().records().next();
    let Some(Ok(Record::Span(span))) = record else { panic!("{record:?}") };
    assert_eq!((span.interrupt, span.link), (37, None));
}

#[test]
fn an_identity_comes_back_without_a_build_id_that_is_too_long() {
    let device = Text::Inline("kitchen-3");
    let bytes = packet(|w| {
        put_identity(w, &[7; MAX_BUILD_ID], device).unwrap();
        put_identity(w, &[7; MAX_BUILD_ID + 1], device).unwrap();
        w.put_bytes(&[IDENTITY, 34, 33]).and_then(|()| w.put_bytes(&[7; 33])).unwrap();
    });
    let records: Vec<_> = Packet::parse(&bytes).unwrap().records().collect();
    let [Ok(Record::Identity(whole)), Ok(Record::Identity(cut)), Err(Malformed)] = records[..] else {
        panic!("{records:?}")
    };
    assert_eq!(whole, Identity { build_id: &[7; MAX_BUILD_ID], device });
    assert_eq!(cut, Identity { build_id: &[], device });
}

#[test]
fn counts_come_back_and_an_unknown_cause_is_none() {
    let site = Callsite { name: "", started: 1000, finished: 900, errored: 8, dropped: u32::MAX };
    let bytes = packet(|w| {
        put_callsite(w, Text::Name(4), &site).unwrap();
        put_dropped(w, 1, Cause::TagsFull as u8, 7).unwrap();
        put_dropped(w, 0, 77, 8).unwrap();
    });
    let records: Vec<_> = Packet::parse(&bytes).unwrap().records().map(Result::unwrap).collect();
    assert!(matches!(
        records[..],
        [
            Record::Callsite {
                name: Text::Name(4),
                started: 1000,
                finished: 900,
                errored: 8,
                dropped: u32::MAX
            },
            Record::Dropped { core: 1, cause: Some(Cause::TagsFull), count: 7 },
            Record::Dropped { core: 0, cause: None, count: 8 },
        ]
    ));
}

#[test]
fn a_newer_version_is_refused_by_number_before_anything_else_is_read() {
    let mut bytes = packet(|_| ());
    bytes[0] = VERSION + 1;
    let len = bytes.len() - 2;
    seal(&mut bytes, len).unwrap();
    assert_eq!(read_all(&bytes), Err(PacketError::Version(VERSION + 1)));
    let text = std::format!("{}", PacketError::Version(VERSION + 1));
    assert!(text.contains("version 4") && text.contains("version 3"), "{text}");
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

//! What is written is read, and what is not ours does no harm.

use super::*;
use crate::wire::tag::{Tag, put_tag};
extern crate std;
use proptest::prelude::*;
use std::vec::Vec;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 5 } else { 500 },
        failure_persistence: None,
        ..Default::default()
    }
}

/// What is written, read as the only tag of the span with counter 1000, and how many bytes it took.
fn written<R>(write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>, see: impl FnOnce(Tag<'_>) -> R) -> R {
    let mut buffer = [0; 2000];
    let mut w = Writer::new(&mut buffer);
    write(&mut w).unwrap();
    let used = w.used();
    let mut reader = Reader(&buffer[..used]);
    let mut tags = Tags::take(&mut reader, 1, Whose::Spans(1000)).unwrap();
    assert!(reader.0.is_empty());
    see(tags.next().unwrap())
}

/// Numbers as attributes.
fn put_numbers<'f>(numbers: &'f [u64]) -> impl FnMut(&mut Writer<'_>) -> Result<(), Full> + 'f {
    move |w| {
        let number = |n: &u64| Tag { key: Text::Name(*n as u32 >> 1), value: TagValue::U64(*n) };
        numbers.iter().try_for_each(|n| put_tag(w, &number(n)))
    }
}

fn numbers(tags: Tags<'_>) -> Vec<u64> {
    let number = |tag: Tag<'_>| match tag.value {
        TagValue::U64(n) => n,
        other => panic!("{other:?}"),
    };
    tags.map(number).collect()
}

fn elsewhere(context: &SpanContext) -> Elsewhere<impl Iterator<Item = [u8; 24]>> {
    let ids = core::iter::once(context.to_bytes());
    Elsewhere { ids, sampling_priority: context.sampling_priority }
}

fn context() -> impl Strategy<Value = SpanContext> {
    any::<(u128, u64, Option<i8>)>().prop_map(|(trace_id, span_id, sampling_priority)| SpanContext {
        trace_id,
        span_id,
        sampling_priority,
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_kind_comes_back_as_it_was(
        list in prop::collection::vec(any::<u64>(), 0..80),
        time: i64,
        handles: [u32; 2],
        context in context(),
        text in ".{0,60}",
    ) {
        let (count, key) = (list.len() as u8, Text::Inline(&text));
        written(|w| put_removed(w, key), |tag| assert_eq!(tag, Tag { key, value: TagValue::Removed }));
        written(|w| put_event(w, key, time, count, &mut put_numbers(&list)), |tag| {
            let TagValue::Event(event) = tag.value else { panic!("{tag:?}") };
            assert_eq!((tag.key, event.time, numbers(event.attributes)), (key, time, list.clone()));
        });
        written(|w| put_link(w, 1000, handles, count, &mut put_numbers(&list)), |tag| {
            let TagValue::Link(link) = tag.value else { panic!("{tag:?}") };
            let [linked, root] = handles;
            assert_eq!((link.counter as u32, numbers(link.attributes)), (linked, list.clone()));
            let is_told = root != 0 && root != linked.wrapping_add(1);
            assert_eq!(link.trace.map(|trace| trace as u32), is_told.then_some(root));
        });
        written(|w| put_remote_link(w, elsewhere(&context), count, &mut put_numbers(&list)), |tag| {
            let TagValue::RemoteLink(found, attributes) = tag.value else { panic!("{tag:?}") };
            assert_eq!((found, numbers(attributes)), (context, list.clone()));
        });
        written(|w| put_remote_parent(w, elsewhere(&context)), |tag| {
            assert_eq!(tag.value, TagValue::RemoteParent(context));
        });
        written(|w| put_baggage(w, key, text.len() as u8, text.as_bytes().chunks(7)), |tag| {
            assert_eq!(tag, Tag { key, value: TagValue::Baggage(Text::Inline(&text)) });
        });
    }

    #[test]
    fn a_body_of_any_bytes_is_read_or_refused(kind in 8u8.., body in prop::collection::vec(any::<u8>(), 0..100)) {
        let bytes = [&[0, 0, kind, body.len() as u8][..], &body].concat();
        if let Ok(mut tags) = Tags::take(&mut Reader(&bytes), 1, Whose::Spans(5)) {
            let attributes = match tags.next().unwrap().value {
                TagValue::Event(event) => event.attributes.count(),
                TagValue::Link(link) => link.attributes.count(),
                TagValue::RemoteLink(_, attributes) => attributes.count(),
                _ => 0,
            };
            prop_assert!(attributes <= body.len() / 2);
        }
    }

    #[test]
    fn a_kind_that_is_not_known_is_skipped_by_its_length(kind in 14u8.., body in prop::collection::vec(any::<u8>(), 0..100)) {
        let bytes = [&[4, kind, body.len() as u8][..], &body, &[5, 1]].concat();
        for whose in [Whose::Spans(0), Whose::Others] {
            let tags = Tags::take(&mut Reader(&bytes), 2, whose).unwrap();
            let expected = [
                Tag { key: Text::Name(2), value: TagValue::Unknown(kind) },
                Tag { key: Text::Name(3), value: TagValue::Bool(true) },
            ];
            prop_assert_eq!(tags.collect::<Vec<_>>(), expected);
        }
    }
}

#[test]
fn an_event_within_an_event_is_skipped_however_deep() {
    // Each holds the next as its only attribute.
    let mut body = std::vec![0, 0];
    for _ in 0..400 {
        let len = [body.len() as u8 | 0x80, (body.len() >> 7) as u8];
        body = [&[0, 1, 2, EVENT], &len[..], &body].concat();
    }
    let event = [&[2, EVENT, body.len() as u8 | 0x80, (body.len() >> 7) as u8][..], &body].concat();
    let mut tags = Tags::take(&mut Reader(&event), 1, Whose::Spans(0)).unwrap();
    let Some(TagValue::Event(event)) = tags.next().map(|tag| tag.value) else { panic!("an event") };
    assert_eq!(event.attributes.map(|tag| tag.value).collect::<Vec<_>>(), [TagValue::Unknown(EVENT)]);
}

#[test]
fn what_a_later_sender_says_more_is_skipped_and_a_length_beyond_the_packet_is_malformed() {
    let mut bytes = std::vec![2, EVENT, 4, 2, 0, 77, 78];
    let mut tags = Tags::take(&mut Reader(&bytes), 1, Whose::Spans(0)).unwrap();
    assert!(matches!(tags.next().unwrap().value, TagValue::Event(Event { time: 1, .. })));
    bytes[2] = 5;
    assert_eq!(Tags::take(&mut Reader(&bytes), 1, Whose::Spans(0)), Err(Malformed));
    bytes[2] = 1;
    assert_eq!(Tags::take(&mut Reader(&bytes), 1, Whose::Spans(0)), Err(Malformed));
}

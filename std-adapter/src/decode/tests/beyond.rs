//! Events, links, baggage, remote parents and removed tags, and what strangers make of them.

use microspan::SpanContext;

use super::forge::{SYNC, inline, packet, varint, zigzag};
use super::*;
use crate::model::Link;

const CALLER: SpanContext =
    SpanContext { trace_id: 0xaa << 64 | 0xbb, span_id: 0xcc, sampling_priority: Some(2) };

/// The spans of a device on which `act` ran.
fn made(act: impl FnOnce(&'static Tracer, &'static Hand)) -> Vec<Span> {
    let clock: &'static Hand = Box::leak(Box::new(Hand(AtomicU64::new(5_000))));
    let arena = Box::leak(Box::new(Arena::<8, 32>::new()));
    let tracer: &'static Tracer = Box::leak(Box::new(Tracer::new(arena, clock)));
    let mut drain = Drain::<1024>::new(tracer, Session::new(77)).unwrap();
    act(tracer, clock);
    let mut packets = Packets::default();
    while drain.poll(&mut packets) == Ok(true) {}
    decode(&packets.0).0
}

#[test]
fn events_and_links_arrive_in_their_order_with_their_attributes() {
    let spans = made(|tracer, clock| {
        let root = tracer.trace("bake");
        clock.0.fetch_add(7, Ordering::Relaxed);
        root.add_event("rise", &[("size", 3u8.into()), ("where", Static("oven").into())]);
        clock.0.fetch_add(5, Ordering::Relaxed);
        root.add_event("fall", &[]);
        let child = tracer.trace("cool");
        child.add_link(&root.as_ref().unwrap(), &[("why", "warm".into())]).add_remote_link(&CALLER, &[]);
    });
    let [bake, cool] = &spans[..] else { panic!("{spans:?}") };
    let events: Vec<_> =
        bake.events.iter().map(|event| (event.name.as_str(), event.time - bake.start)).collect();
    assert_eq!(events, [("rise", 7_000_000), ("fall", 12_000_000)]);
    let attributes = [("size", Value::Uint(3)), ("where", Value::from("oven"))];
    assert_eq!(bake.events[0].attributes, attributes.map(|(key, value)| (Text::from(key), value)));
    let attributes = vec![("why".into(), Value::Str("warm".into()))];
    let own = Link { attributes, ..Link::new(bake.trace_id, bake.span_id) };
    let other = Link { sampled: Some(true), ..Link::new(CALLER.trace_id, CALLER.span_id) };
    assert_eq!(cool.links, [own, other]);
    assert!(bake.tags.is_empty() && cool.tags.is_empty());
}

#[test]
fn baggage_a_remote_parent_and_removed_keys_arrive() {
    let spans = made(|tracer, _| {
        let root = tracer.trace("serve");
        root.continue_from(&CALLER).set_baggage_item("user.id", "ada").set_tag("a", 1u8).set_tag("b", 2u8);
        root.remove_tag("a").remove_tag("env").remove_tag("b").set_tag("b", 3u8);
    });
    let span = &spans[0];
    let extra = span.extra.as_ref().unwrap();
    assert_eq!((span.parent_id, span.remote_parent), (CALLER.span_id, true));
    assert_eq!(extra.remote_trace, Some(CALLER.trace_id));
    assert_eq!(span.tag("_sampling_priority_v1"), Some(&Value::Int(2)));
    assert_eq!(extra.baggage, [("user.id".into(), "ada".into())]);
    assert_eq!(extra.removed, ["env", "a"].map(Text::from));
    assert_eq!((span.tag("a"), span.tag("b")), (None, Some(&Value::Uint(3))));
}

/// A root with one tag of this kind and body.
fn with_tag(kind: u8, body: &[u8]) -> Vec<u8> {
    let span = [&[0xa8], &inline("root")[..], &zigzag(0), &[0, 1, 1]].concat();
    [&SYNC[..], &span, &inline("key"), &[kind], &varint(body.len() as u64), body].concat()
}

#[test]
fn a_kind_that_is_not_known_is_counted_and_costs_nothing_else() {
    let (spans, counters) = decode(&[packet(1, 0, &with_tag(200, &[1, 2, 3]))]);
    assert_eq!((spans.len(), counters.unknown_tags, counters.malformed), (1, 1, 0));
}

#[test]
fn a_remote_parent_without_a_span_names_its_trace_alone() {
    let mut context = [0; 26];
    context[0] = 7;
    let (spans, _) = decode(&[packet(1, 0, &with_tag(12, &context))]);
    let trace = spans[0].extra.as_ref().and_then(|extra| extra.remote_trace);
    assert_eq!((spans[0].parent_id, spans[0].remote_parent, trace), (0, false, Some(7)));
}

#[test]
fn a_remote_parent_without_an_id_says_nothing() {
    let (spans, _) = decode(&[packet(1, 0, &with_tag(12, &[0; 26]))]);
    assert_eq!((spans[0].parent_id, &spans[0].extra), (0, &None));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_body_of_any_bytes_makes_a_span_or_a_malformed_record(
        kind in 8u8..18,
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let (spans, counters) = decode(&[packet(1, 0, &with_tag(kind, &body))]);
        prop_assert_eq!(spans.len() as u64 + counters.malformed, 1);
        let events = spans.iter().flat_map(|span| &span.events);
        prop_assert!(events.map(|event| event.attributes.len()).sum::<usize>() <= body.len() / 2);
    }
}

//! Events, links, remote parents, baggage and removed tags, from spans through packets and back.

use super::*;
use crate::{MAX_STR, SpanContext};

/// A value that is no scalar and no string, as text.
pub(super) fn shown(value: TagValue<'_>, show: &dyn Fn(Text<'_>) -> String) -> String {
    let tags = |tags: crate::wire::Tags<'_>| {
        let tags = tags.map(|tag| {
            let value = match tag.value {
                TagValue::Text(text) => show(text),
                other => format!("{other:?}"),
            };
            format!("{}={value}", show(tag.key))
        });
        format!("({})", tags.collect::<Vec<_>>().join(" "))
    };
    match value {
        TagValue::Event(event) => format!("event@{}{}", event.time, tags(event.attributes)),
        TagValue::Link(link) => {
            let trace = link.trace.map(|trace| format!("^{}", link.counter - trace)).unwrap_or_default();
            format!("link~{}{trace}{}", link.counter, tags(link.attributes))
        }
        TagValue::RemoteLink(context, attributes) => format!("{}{}", outside(&context), tags(attributes)),
        TagValue::RemoteParent(context) => format!("from:{}", outside(&context)),
        TagValue::Baggage(text) => format!("baggage:{}", show(text)),
        other => format!("{other:?}"),
    }
}

fn outside(context: &SpanContext) -> String {
    format!("{:x}:{:x}:{:?}", context.trace_id, context.span_id, context.sampling_priority)
}

const CALLER: SpanContext =
    SpanContext { trace_id: 0xaa << 64 | 0xbb, span_id: 0xcc, sampling_priority: Some(-1) };

/// A drain, and what it has sent.
struct Sent {
    drain: Drain<1472>,
    link: Kept,
}

fn drain(tracer: &'static Tracer) -> Sent {
    Sent { drain: Drain::new(tracer, Session::new(1)).unwrap(), link: Kept::default() }
}

/// The spans that are sent now.
fn lines(sent: &mut Sent) -> Vec<String> {
    let before = read(&sent.link.packets).len();
    send_all(&mut sent.drain, &mut sent.link);
    read(&sent.link.packets).split_off(before)
}

#[test]
fn a_removed_tag_hides_what_was_set_before_and_goes_out() {
    let (tracer, _) = setup::<8, 8>();
    let mut drain = drain(tracer);
    let span = tracer.trace("wash");
    span.set_tag("soap", 1u8).set_tag("water", 2u8).remove_tag("soap").remove_tag("env").remove_tag("water");
    span.set_tag("water", 3u8);
    drop(span);
    assert_eq!(lines(&mut drain), ["wash 8589934592+0 ^0 water=U64(3) env=Removed soap=Removed"]);
}

#[test]
fn events_come_with_their_times_and_attributes_beside_the_tags() {
    let (tracer, clock) = setup::<8, 16>();
    let mut drain = drain(tracer);
    let span = tracer.trace("bake");
    span.set_tag("rye", true);
    clock.turn(7);
    span.add_event("rise", &[("rye", 5u8.into()), ("at", "a place that takes several cells".into())]);
    span.add_event("fall", &[]);
    let before = (1 << 33) - 4;
    tracer.current_span().unwrap().add_event_at("lit", before, &[("fuel", Static("oak").into())]);
    span.set_tag("loaves", 2u8);
    drop(span);
    assert_eq!(
        lines(&mut drain),
        ["bake 8589934592+7 ^0 loaves=U64(2) lit=event@-4(fuel=oak) fall=event@7() \
          rise=event@7(rye=U64(5) at=a place that takes several cells) rye=Bool(true)"]
    );
}

#[test]
fn an_event_is_kept_whole_or_not_at_all() {
    let (tracer, _) = setup::<8, 4>();
    let mut drain = drain(tracer);
    let four = [1u8, 2, 3, 4].map(|n| ("n", Value::from(n)));
    for _ in 0..3 {
        let span = tracer.trace("mix");
        span.add_event("stir", &four).add_event("shake", &four[..3]);
        drop(span);
        assert_eq!(lines(&mut drain), ["mix 8589934592+0 ^0 lost shake=event@0(n=U64(1) n=U64(2) n=U64(3))"]);
    }
    assert_eq!(tracer.stats().tags_full, 3);
    tracer.trace("mix").add_event("stir", &[("n", 1u8.into()); 256]);
    assert_eq!(tracer.stats().tags_oversize, 1);
}

#[test]
fn an_event_on_a_finished_span_is_counted_once_and_its_cells_come_back() {
    let (tracer, _) = setup::<8, 4>();
    let mut drain = drain(tracer);
    for _ in 0..5 {
        let span = tracer.trace("mix");
        let named = span.as_ref().unwrap();
        drop(span);
        named.add_event("stir", &[("n", 1u8.into())]).set_baggage_item("a", "b");
        assert_eq!(named.context(), None);
        assert_eq!(lines(&mut drain), ["mix 8589934592+0 ^0"]);
    }
    assert_eq!(tracer.stats().stale, 15);
}

#[test]
fn an_event_that_fits_no_packet_is_left_out_and_counted() {
    let (tracer, _) = setup::<8, 64>();
    let mut drain = Drain::<64>::new(tracer, Session::new(1)).unwrap();
    let span = tracer.trace("mix");
    span.set_tag("n", 1u8)
        .add_event("stir", &[("how", "round and round and round and round and round".into())]);
    drop(span);
    let mut link = Kept::default();
    send_all(&mut drain, &mut link);
    assert_eq!(read(&link.packets), ["mix 8589934592+0 ^0 lost n=U64(1)"]);
    assert_eq!(tracer.stats().tags_oversize, 1);
}

#[test]
fn an_event_may_be_longer_than_a_length_of_one_byte_tells() {
    let (tracer, _) = setup::<8, 256>();
    let mut drain = drain(tracer);
    let long = "x".repeat(200);
    let lengths = [100, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 200];
    for len in lengths.into_iter().step_by(if cfg!(miri) { 15 } else { 1 }) {
        tracer.trace("mix").add_event("stir", &[("how", long[..len].into())]).set_tag("n", 1u8);
        assert_eq!(
            lines(&mut drain),
            [format!("mix 8589934592+0 ^0 n=U64(1) stir=event@0(how={})", &long[..len])]
        );
    }
}

#[test]
fn links_lead_to_spans_of_the_session_and_of_elsewhere() {
    let (tracer, _) = setup::<8, 16>();
    let mut drain = drain(tracer);
    let root = tracer.trace("root");
    let child = tracer.trace("child");
    let (root_ref, child_ref) = (root.as_ref().unwrap(), child.as_ref().unwrap());
    let first = root.parts().1;
    child.add_link(&root_ref, &[("reason", Static("up").into())]);
    drop(child);
    root.add_link(&child_ref, &[]).add_remote_link(&CALLER, &[("n", 1u8.into())]);
    root.add_remote_link(&SpanContext { span_id: 0, ..CALLER }, &[]);
    drop(root);
    assert_eq!(
        lines(&mut drain),
        [
            format!("root 8589934592+0 ^0 =aa00000000000000bb:cc:Some(-1)(n=U64(1)) =link~{}^1()", first + 1),
            format!("child 8589934592+0 <1 ^1 =link~{first}^0(reason=up)"),
        ]
    );
}

#[test]
fn a_link_to_a_span_of_another_tracer_is_one_to_elsewhere() {
    let (tracer, _) = setup::<8, 16>();
    let (other, _) = setup::<8, 16>();
    let mut ours = drain(tracer);
    let there = other.trace("there");
    let here = tracer.trace("here");
    here.add_link(&there.as_ref().unwrap(), &[]);
    assert_eq!(tracer.stats().stale, 1, "its session has not begun");
    let _theirs = Drain::<64>::new(other, Session::new(2)).unwrap();
    here.add_link(&there.as_ref().unwrap(), &[]);
    drop(here);
    let context = there.context().unwrap();
    assert_eq!(lines(&mut ours), [format!("here 8589934592+0 ^0 ={}()", outside(&context))]);
}

#[test]
fn a_span_tells_the_ids_that_the_host_derives() {
    let (tracer, _) = setup::<8, 16>();
    let root = tracer.trace("root");
    assert_eq!(root.context(), None, "the session has not begun");
    let mut drain = drain(tracer);
    let child = tracer.trace("child");
    let told = [root.context().unwrap(), child.context().unwrap()];
    drop(child);
    drop(root);
    lines(&mut drain);
    let packet = Packet::parse(&drain.link.packets[0]).unwrap();
    let spans = packet.records().filter_map(|record| match record {
        Ok(Record::Span(span)) => Some(SpanContext {
            trace_id: Session::new(1).trace_id(span.trace),
            span_id: Session::new(1).span_id(span.counter),
            sampling_priority: None,
        }),
        _ => None,
    });
    assert_eq!(spans.collect::<Vec<_>>(), told);
}

#[test]
fn a_root_continues_a_remote_trace_and_so_do_its_descendants() {
    let (tracer, _) = setup::<8, 16>();
    let mut drain = drain(tracer);
    let root = tracer.trace("root");
    root.continue_from(&SpanContext { trace_id: 1, ..CALLER }).continue_from(&CALLER);
    root.continue_from(&SpanContext { trace_id: 5 << 64, ..CALLER });
    let child = tracer.trace("child");
    child.continue_from(&SpanContext { sampling_priority: None, ..CALLER });
    let context = child.context().unwrap();
    assert_eq!((context.trace_id, context.sampling_priority), (CALLER.trace_id, Some(-1)));
    assert!(context.span_id != CALLER.span_id && context.is_valid());
    drop(root);
    assert_eq!(child.context(), None, "nobody knows any more where the trace came from");
    drop(child);
    assert_eq!(
        lines(&mut drain),
        [
            "root 8589934592+0 ^0 =from:aa00000000000000bb:cc:Some(-1)",
            "child 8589934592+0 <1 ^1 =aa00000000000000bb:cc:None()",
        ]
    );
}

#[test]
fn a_root_is_in_the_trace_of_a_caller_that_names_no_span() {
    let (tracer, _) = setup::<8, 16>();
    let mut drain = drain(tracer);
    let root = tracer.trace("root");
    root.continue_from(&SpanContext { trace_id: 5 << 64, ..CALLER });
    root.continue_from(&SpanContext { span_id: 0, ..CALLER });
    assert_eq!(root.context().unwrap().trace_id, CALLER.trace_id);
    drop(root);
    assert_eq!(lines(&mut drain), ["root 8589934592+0 ^0 =from:aa00000000000000bb:0:Some(-1)"]);
}

#[test]
fn baggage_is_the_nearest_open_ancestors() {
    let (tracer, _) = setup::<8, 64>();
    let mut drain = drain(tracer);
    let mut buffer = [0; MAX_STR];
    let root = tracer.trace("root");
    let long = "u".repeat(MAX_STR + 1);
    root.set_baggage_item("user", &long[..MAX_STR]).set_baggage_item("shop", "north").set_tag("shop", "tag");
    let middle = tracer.trace("middle");
    middle.set_baggage_item("shop", "").set_baggage_item("user", &long);
    assert_eq!(tracer.stats().tags_oversize, 1, "an item is not cut");
    let leaf = tracer.trace("leaf");
    assert_eq!(leaf.get_baggage_item("shop", &mut buffer), Some(""));
    assert_eq!(leaf.get_baggage_item("user", &mut buffer), Some(&long[..MAX_STR]));
    assert_eq!(leaf.get_baggage_item("none", &mut buffer), None);
    leaf.set_baggage_item("plan", "silver").set_tag("plan", 1u8).set_baggage_item("plan", "gold");
    let mut items = Vec::new();
    leaf.each_baggage_item(|key, value| items.push(format!("{key}={}", value.len())));
    assert_eq!(items, ["plan=4", "plan=6", "shop=0", "shop=5", "user=255"]);
    drop(middle);
    items.clear();
    leaf.each_baggage_item(|key, value| items.push(format!("{key}={}", value.len())));
    assert_eq!(items, ["plan=4", "plan=6", "shop=5", "user=255"]);
    assert_eq!(lines(&mut drain), ["middle 8589934592+0 <1 ^1 lost shop=baggage:"]);
    assert_eq!(leaf.get_baggage_item("shop", &mut buffer), Some("north"));
    drop(root);
    assert_eq!(leaf.get_baggage_item("shop", &mut buffer), None);
}

#[test]
fn a_span_whose_tags_are_looked_at_waits_and_so_does_what_would_overwrite_it() {
    let clock: &'static Hand = Box::leak(Box::new(Hand(AtomicU64::new(5))));
    let arena = Box::leak(Box::new(Arena::<4, 8>::new()));
    let tracer: &'static Tracer = Box::leak(Box::new(Tracer::new(arena, clock).overwrite()));
    let mut drain = drain(tracer);
    let first = tracer.trace("first");
    first.set_tag("n", 1u8);
    let mut first = Some(first);
    let seen = tracer.arena.look(first.as_ref().unwrap().parts().1, |cells| {
        drop(first.take());
        drop(tracer.trace("plain"));
        let packets = lines(&mut drain);
        assert!(packets.iter().all(|line| line.starts_with("plain")), "{packets:?}");
        for _ in 0..4 {
            drop(tracer.trace("next"));
        }
        cells.map(|cell| (cell.key(), cell.bits())).collect::<Vec<_>>()
    });
    assert_eq!(seen.unwrap(), [("n", 1)]);
    assert!(lines(&mut drain).contains(&"first 5+0 ^0 n=U64(1)".to_string()));
}

#[test]
fn a_request_that_continues_a_trace_says_where_it_came_from() {
    use crate::propagation::Propagator;
    let (tracer, _) = setup::<8, 64>();
    let mut drain = drain(tracer);
    let headers = [
        ("x-datadog-trace-id", "187"),
        ("x-datadog-parent-id", "204"),
        ("x-datadog-sampling-priority", "-1"),
        ("x-datadog-origin", "rum"),
        ("x-datadog-tags", "_dd.p.tid=12,_dd.p.dm=-4,_dd.p.usr.id=a=b"),
        ("traceparent", "00-000000000000000000000000000000bb-00000000000000dd-00"),
        ("b3", "00000000000000ee-00000000000000ff-1"),
    ];
    let styles = {
        use crate::propagation::Style::{B3, Datadog, TraceContext};
        &[Datadog, TraceContext, B3]
    };
    let extracted = Propagator::new().extract_styles(styles).extract(headers.as_slice());
    extracted.continue_in(&tracer.trace("request"));
    assert_eq!(
        lines(&mut drain),
        ["request 8589934592+0 ^0 _dd.p=dm=-4,usr.id=a=b _dd.propagation_error=malformed_tid 12 \
          _dd.parent_id=00000000000000cc _dd.origin=rum \
          =ee:ff:Some(1)(reason=terminated_context context_headers=b3) =from:bb:dd:Some(-1)"]
    );
}

/// The tags of a root that continues a trace with these: the keys from `_dd.p` on, and what they have.
fn passed(tags: &str) -> Vec<(String, String)> {
    let (tracer, _) = setup::<8, 256>();
    let mut drain = drain(tracer);
    let headers = [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "9"), ("x-datadog-tags", tags)];
    let propagator = crate::propagation::Propagator::new().longest_tags(4_096);
    propagator.extract(headers.as_slice()).continue_in(&tracer.trace("request"));
    let line = lines(&mut drain).remove(0);
    let tags = line.split(' ').filter(|word| word.starts_with("_dd.p"));
    let mut tags: Vec<_> = tags
        .filter_map(|tag| tag.split_once('='))
        .map(|(key, text)| (key.to_string(), text.to_string()))
        .collect();
    tags.sort();
    tags
}

#[test]
fn tags_of_a_trace_beyond_what_a_tag_holds_stand_in_further_ones_each_whole_where_it_can_be() {
    let (long, short) = ("x".repeat(240), "y".repeat(20));
    let both = passed(&format!("_dd.p.a={long},_dd.p.b={short},_dd.p.c=1"));
    let pair = |key: &str, text: String| (key.to_string(), text);
    assert_eq!(both, [pair("_dd.p", format!("a={long}")), pair("_dd.p+1", format!(",b={short},c=1"))]);

    let longest = "z".repeat(490);
    let one = passed(&format!("_dd.p.dm=-4,_dd.p.a={longest}"));
    assert!(one.iter().all(|(_, text)| text.len() <= MAX_STR), "{one:?}");
    let whole: String = one.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(whole, format!("dm=-4,a={longest}"));
}

#[test]
fn tags_of_a_trace_that_three_tags_do_not_hold_are_left_out_whole() {
    let long = "x".repeat(300);
    let tags = passed(&format!("_dd.p.a={long},_dd.p.b={long},_dd.p.c={long},_dd.p.d=1"));
    let whole: String = tags.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(whole, format!("a={long},b={long},d=1"));
}

#[test]
fn a_priority_that_came_without_a_trace_is_that_of_the_one_that_begins_and_of_no_span_in_it() {
    use crate::propagation::{Propagator, Style};
    let (tracer, _) = setup::<8, 64>();
    let mut drain = drain(tracer);
    let headers = [("b3", "0")];
    let extracted = Propagator::new().styles(&[Style::B3]).extract(headers.as_slice());
    let root = tracer.trace("request");
    extracted.continue_in(&root);
    extracted.continue_in(&tracer.trace("inner"));
    drop(root);
    let lines = lines(&mut drain);
    let said = |name: &str| {
        lines
            .iter()
            .find(|line| line.starts_with(name))
            .map(|line| line.contains("_sampling_priority_v1=I64(0)"))
    };
    assert_eq!((said("request"), said("inner")), (Some(true), Some(false)), "{lines:?}");
}

//! Spans that are taken as they are.

use super::*;
use crate::{Held, Static, Taken, Value};

/// What is told of a span, on one line.
fn shown(span: &Taken<'_>) -> String {
    let mut line = format!("{} +{}", span.name(), span.duration());
    if span.error() {
        line += " !";
    }
    span.tags(|key, held| {
        let text = match held {
            Held::Value(Value::Static(text)) => format!("static {text}"),
            Held::Value(Value::Str(text)) => format!("str {text}"),
            Held::Cut(Value::Str(text)) => format!("cut {}", text.len()),
            Held::Value(value) => format!("{value:?}"),
            Held::Event(tick, said) => {
                let mut text = format!("event @{tick}");
                said.each(|key, value, cut| text += &format!(" {key} {value:?} {cut}"));
                text
            }
            Held::Baggage(text) => format!("baggage {text}"),
            other => format!("{other:?}"),
        };
        line += &format!(" [{key}: {text}]");
    });
    line
}

fn take_all(drain: &mut Drain<64, 0>) -> Vec<String> {
    let mut lines = Vec::new();
    while drain.take(|span| lines.push(shown(span))) {}
    lines
}

#[test]
fn what_is_set_on_a_span_is_taken_as_it_was_set() {
    let (tracer, clock) = setup::<8, 64>();
    let mut drain = Drain::<64, 0>::new(tracer, Session::new(7)).unwrap();
    let long = "x".repeat(300);
    let order = tracer.trace("order");
    order.set_tag("bread", Static("rye")).set_tag("guest", "Ada, of sixteen letters").set_tag("slices", 2u32);
    order.set_tag("slices", 3u32).set_tag("notes", &*long);
    clock.turn(5);
    order.add_event("paid", &[("cents", 450u32.into()), ("by", Static("card").into())]);
    order.set_baggage_item("guest.id", "17");
    order.error(true);
    clock.turn(7);
    order.finish();
    let paid = (1u64 << 33) + 5;
    assert_eq!(
        take_all(&mut drain),
        [format!(
            "order +12 ! [guest.id: baggage 17] [paid: event @{paid} cents U64(450) false by Static(\"card\") false] \
             [notes: cut 255] [slices: U64(3)] [guest: str Ada, of sixteen letters] [bread: static rye]"
        )]
    );
    assert_eq!((drain.spans(), tracer.stats()), (1, Stats::default()));
}

#[test]
fn slots_and_cells_of_what_is_taken_are_used_again() {
    let (tracer, _) = setup::<8, 8>();
    let mut drain = Drain::<64, 0>::new(tracer, Session::new(7)).unwrap();
    for _ in 0..100 {
        for _ in 0..8 {
            tracer.trace("span").set_tag("n", 1u32);
        }
        assert_eq!(take_all(&mut drain).len(), 8);
    }
    assert_eq!(tracer.stats(), Stats::default());
}

#[test]
fn counters_of_what_is_taken_are_those_that_ids_are_derived_from() {
    let (tracer, clock) = setup::<8, 8>();
    let session = Session::new(7);
    let mut drain = Drain::<64, 0>::new(tracer, session).unwrap();
    for _ in 0..50 {
        let order = tracer.trace("order");
        clock.turn(3);
        let bread = tracer.trace("bread");
        let (outer, inner) = (order.context().unwrap(), bread.context().unwrap());
        let start = clock.now();
        clock.turn(4);
        drop(bread);
        drop(order);
        let mut seen = 0;
        while drain.take(|span| {
            let is_root = span.name() == "order";
            let context = if is_root { outer } else { inner };
            assert_eq!(session.span_id(span.counter()), context.span_id);
            assert_eq!(session.trace_id(span.trace()), context.trace_id);
            let parent = (!is_root).then_some(outer.span_id);
            assert_eq!(span.parent().map(|parent| session.span_id(parent)), parent);
            assert_eq!(span.start(), if is_root { start - 3 } else { start });
            seen += 1;
        }) {}
        assert_eq!(seen, 2);
    }
}

#[test]
fn a_span_of_all_but_forty_bits_of_ticks_has_its_length_and_one_that_ends_before_it_begins_has_none() {
    let (tracer, clock) = setup::<8, 8>();
    let mut drain = Drain::<64, 0>::new(tracer, Session::new(7)).unwrap();
    let (long, back) = (tracer.trace("long"), tracer.trace("back"));
    back.finish_at(clock.now() - 1_000_000);
    assert_eq!(take_all(&mut drain), ["back +0"]);
    let length = (1 << 40) - (1 << 30) - 1;
    let start = clock.now();
    clock.turn(length);
    drop(long);
    while drain.take(|span| assert_eq!((span.start(), span.duration()), (start, length))) {}
    assert_eq!(drain.spans(), 2);
}

#[test]
fn one_call_takes_a_bounded_number_of_spans_and_the_next_one_goes_on() {
    let (tracer, _) = setup::<1024, 4>();
    let mut drain = Drain::<64, 0>::new(tracer, Session::new(7)).unwrap();
    (0..600).for_each(|_| tracer.trace("span").finish());
    let mut of_calls = Vec::new();
    loop {
        let mut taken = 0;
        let more = drain.take(|_| taken += 1);
        of_calls.push(taken);
        if !more {
            break;
        }
    }
    assert_eq!(of_calls.iter().max(), Some(&256));
    assert_eq!(of_calls.iter().sum::<u32>(), 600);
}

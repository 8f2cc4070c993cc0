//! Trees, character by character.

use std::sync::Arc;

use super::*;
use crate::model::{Event, Link, Source, Tag, Text};

const PLAIN: Style = Style { color: false };

fn span(id: u64, parent: u64, name: &'static str, start: i64, duration: i64) -> Span {
    let source = Source { service: Some("motor".into()), ..Source::new(1) };
    Span { start, duration, ..Span::new(42, id, parent, name, Arc::new(source)) }
}

fn tags(list: impl IntoIterator<Item = (&'static str, Value)>) -> Vec<Tag> {
    list.into_iter().map(|(key, value)| (key.into(), value)).collect()
}

#[test]
fn what_several_devices_have_of_a_trace_is_one_tree_that_names_them() {
    let on = |device: &'static str, span: Span| {
        let source = Source { device: Some(device.into()), ..Source::clone(&span.source) };
        Span { source: Arc::new(source), ..span }
    };
    let spans = [
        on("b", span(4, 3, "work", 6, 7)),
        on("b", Span { remote_parent: true, ..span(3, 2, "serve", 5, 8) }),
        on("a", span(2, 1, "call", 4, 9)),
        on("a", span(1, 0, "root", 0, 20)),
    ];
    assert_eq!(
        whole_tree(&spans, PLAIN),
        "trace 0000000000000000000000000000002a  4 spans\n\
         motor@a  root  20 ns\n\
         └─ motor  call  9 ns\n   \
         └─ motor@b  serve  8 ns\n      \
         └─ motor  work  7 ns\n"
    );
    assert!(!tree(&spans, PLAIN).contains('@'));
}

#[test]
fn children_stand_under_their_parents_in_the_order_of_their_start() {
    let spans = [
        span(2, 1, "late", 50, 34_000),
        span(5, 3, "leaf", 12, 999),
        Span { resource: Some("axis 1".into()), ..span(1, 0, "loop", 0, 12_340_000) },
        span(3, 1, "early", 10, 120_999),
        span(4, 3, "first leaf", 11, 2_000_000_001),
    ];
    assert_eq!(
        tree(&spans, PLAIN),
        "trace 0000000000000000000000000000002a  5 spans\n\
         motor  loop  axis 1  12.340 ms\n\
         ├─ motor  early  120.999 µs\n\
         │  ├─ motor  first leaf  2.000 s\n\
         │  └─ motor  leaf  999 ns\n\
         └─ motor  late  34.000 µs\n"
    );
}

#[test]
fn tags_are_shown_but_for_those_meant_for_the_agent() {
    let tags = tags([
        ("speed", Value::Int(-3)),
        ("note", "two words".into()),
        ("empty", "".into()),
        ("ok", Value::Bool(true)),
        ("_dd.p.dm", "-0".into()),
        ("language", "rust".into()),
    ]);
    let spans = [Span { service: Some("own".into()), tags, ..span(1, 0, "n", 0, 0) }];
    assert_eq!(
        tree(&spans, PLAIN),
        "trace 0000000000000000000000000000002a  1 span\n\
         own  n  0 ns  speed=-3  note=\"two words\"  empty=\"\"  ok=true\n"
    );
}

#[test]
fn a_failed_span_says_so_and_is_red_where_there_is_colour() {
    let spans =
        [Span { error: true, tags: tags([("error.message", "boom".into())]), ..span(1, 0, "n", 0, 5) }];
    let line = "motor  n  5 ns  error  error.message=boom";
    assert!(tree(&spans, PLAIN).ends_with(&format!("\n{line}\n")));
    assert!(tree(&spans, Style { color: true }).ends_with(&format!("\n\x1b[31m{line}\x1b[0m\n")));
}

#[test]
fn orphans_stand_under_the_root_and_are_marked() {
    let spans = [
        span(1, 0, "root", 0, 9),
        span(7, 99, "orphan", 1, 5),
        span(8, 7, "child", 2, 1),
        span(2, 1, "own", 3, 1),
    ];
    assert_eq!(
        tree(&spans, PLAIN),
        "trace 0000000000000000000000000000002a  4 spans\n\
         motor  root  9 ns\n\
         ├─ motor  own  1 ns\n\
         └─ motor  orphan  5 ns  (parent missing)\n   \
            └─ motor  child  1 ns\n"
    );
}

#[test]
fn without_a_root_orphans_stand_at_the_top() {
    assert_eq!(
        tree(&[span(7, 99, "orphan", 1, 5)], PLAIN),
        "trace 0000000000000000000000000000002a  1 span\nmotor  orphan  5 ns  (parent missing)\n"
    );
}

#[test]
fn spans_in_a_circle_and_spans_of_one_id_are_each_shown_once() {
    let spans = [
        span(1, 0, "root", 0, 1),
        span(2, 3, "a", 1, 1),
        span(3, 2, "b", 2, 1),
        span(4, 4, "self", 3, 1),
        span(1, 0, "twin", 4, 1),
    ];
    let shown = tree(&spans, PLAIN);
    for name in ["root", "a", "b", "self", "twin"] {
        assert_eq!(shown.matches(&format!("motor  {name}  ")).count(), 1, "{name} in\n{shown}");
    }
}

#[test]
fn what_would_steer_the_terminal_is_escaped_and_long_values_are_cut() {
    let long = "x".repeat(200);
    let tags = vec![("e".into(), "\x1b[2J\n".into()), ("long".into(), Value::Str(long.into()))];
    let shown = tree(&[Span { tags, ..span(1, 0, "n", 0, 0) }], PLAIN);
    assert!(shown.contains(r#"e="\u{1b}[2J\n""#), "{shown}");
    assert!(shown.contains(&format!("long={}…\n", "x".repeat(80))), "{shown}");
}

#[test]
fn a_chain_longer_than_the_call_stack_is_shown() {
    let spans: Vec<Span> = (1..=3_000).map(|id| span(id, id - 1, "n", id as i64, 1)).collect();
    assert_eq!(tree(&spans, PLAIN).lines().count(), 3_001);
}

#[test]
fn links_are_shown_behind_the_tags_the_first_few_of_them() {
    let links = (1..=5).map(|span_id| Link::new(42 << 64, span_id)).collect();
    let spans = [Span { tags: tags([("interrupt", Value::Uint(37))]), links, ..span(1, 0, "byte", 0, 5) }];
    let text = tree(&spans, PLAIN);
    let trace = "000000000000002a0000000000000000";
    let shown = format!(
        "motor  byte  5 ns  interrupt=37  link={trace}:0000000000000001  link={trace}:0000000000000002  \
         link={trace}:0000000000000003  and 2 more links\n"
    );
    assert!(text.ends_with(&shown), "{text}");
}

#[test]
fn events_are_shown_by_their_time_after_the_start_with_what_is_said_of_them() {
    let event = |name, time, attributes| Event { name: Text::from(name), time, attributes };
    let said = tags([("size", Value::Uint(3)), ("at", "the oven".into())]);
    let events = vec![event("rise", 1_000_007, said), event("lit", -5, vec![]), event("fall", 9, vec![])];
    let events = events.into_iter().chain([event("cool", 9, vec![])]).collect();
    let text = tree(&[Span { events, ..span(1, 0, "bake", 7, 5) }], PLAIN);
    let shown = "motor  bake  5 ns  event=rise@1.000 ms (size=3 at=\"the oven\")  event=lit@-12 ns  event=fall@2 ns  \
                 and 1 more events\n";
    assert!(text.ends_with(shown), "{text}");
}

#[test]
fn the_stack_of_an_error_stands_below_its_span_and_above_its_children() {
    let stack = "  at app::bake (src/app.rs:42)\n  at main\x1b (src/main.rs:7)";
    let long: &'static str = Box::leak(vec!["  at f"; 18].join("\n").into_boxed_str());
    let failed = |id, parent, name, start, stack: &'static str| Span {
        error: true,
        tags: tags([("error.stack", stack.into()), ("error.type", "Reset".into())]),
        ..span(id, parent, name, start, 5)
    };
    let spans =
        [failed(1, 0, "root", 0, stack), failed(2, 1, "child", 1, "  at x"), span(3, 1, "last", 2, 5)];
    assert_eq!(
        tree(&spans, PLAIN),
        "trace 0000000000000000000000000000002a  3 spans\n\
         motor  root  5 ns  error  error.type=Reset\n\
         │    at app::bake (src/app.rs:42)\n\
         │    at main\\u{1b} (src/main.rs:7)\n\
         ├─ motor  child  5 ns  error  error.type=Reset\n\
         │       at x\n\
         └─ motor  last  5 ns\n"
    );
    let shown = tree(&[failed(1, 0, "root", 0, long)], PLAIN);
    assert_eq!(shown.matches("     at f\n").count(), 16);
    assert!(shown.ends_with("     and 2 more lines\n"), "{shown}");
}

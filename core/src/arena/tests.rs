//! Spans and tags in the arena, on one thread.

use super::*;
use crate::sync::Ordering;
use crate::tag::{Kind, Value};
use crate::{Clock, Static, Tracer};
extern crate std;
use std::boxed::Box;
use std::string::{String, ToString};
use std::vec::Vec;

struct Steps(AtomicU32);

impl Clock for Steps {
    fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed).into()
    }

    fn frequency(&self) -> u32 {
        1000
    }
}

fn tracer<const SPANS: usize, const TAGS: usize>() -> &'static Tracer {
    let clock = Box::leak(Box::new(Steps(AtomicU32::new(0))));
    Box::leak(Box::new(Tracer::new(Box::leak(Box::new(Arena::<SPANS, TAGS>::new())), clock)))
}

/// Takes the finished spans: name, parent's name or "-", tags.
fn reap(tracer: &'static Tracer) -> Vec<(String, String)> {
    let arena = tracer.arena;
    let mut spans = Vec::new();
    while let Some(span) = arena.next_finished_within(0, tracer.arena.capacity()) {
        let tags: Vec<String> =
            arena.tags(&span).map(|tag| std::format!("{}={}", tag.key(), text(&tag))).collect();
        spans.push((span.name().to_string(), tags.join(" ")));
        arena.free(|| 0, &span);
    }
    spans
}

fn text(tag: &Cell) -> String {
    match tag.kind {
        Kind::Static => tag.fixed().unwrap().to_string(),
        Kind::Full | Kind::Str | Kind::Cut => {
            let (len, pieces) = tag.pieces();
            let mut bytes: Vec<u8> = pieces.flat_map(|piece| piece.as_ref().to_vec()).collect();
            bytes.truncate(len.into());
            String::from_utf8(bytes).unwrap()
        }
        Kind::F32 => f32::from_bits(tag.bits() as u32).to_string(),
        Kind::F64 => f64::from_bits(tag.bits()).to_string(),
        Kind::I64 => (tag.bits() as i64).to_string(),
        Kind::Bool | Kind::U64 => tag.bits().to_string(),
        _ => unreachable!("no test here sets those"),
    }
}

#[test]
fn spans_nest_by_the_current_span() {
    let tracer = tracer::<8, 8>();
    let root = tracer.trace("root");
    let child = tracer.trace("child");
    let grandchild = tracer.trace("grandchild");
    drop(grandchild);
    drop(child);
    let second = tracer.trace("second");
    drop(second);
    drop(root);
    let spans: Vec<Finished> = core::iter::from_fn(|| {
        let span = tracer.arena.next_finished_within(0, tracer.arena.capacity())?;
        tracer.arena.free(|| 0, &span);
        Some(span)
    })
    .collect();
    let handle = |name| spans.iter().find(|span| span.name() == name).unwrap().handle;
    for (name, parent) in
        [("root", 0), ("child", handle("root")), ("grandchild", handle("child")), ("second", handle("root"))]
    {
        let span = spans.iter().find(|span| span.name() == name).unwrap();
        assert_eq!((span.parent(), span.root()), (parent, handle("root")), "{name}");
        assert!(span.start() < span.end());
    }
}

#[test]
fn a_parent_that_finishes_first_leaves_its_child_current() {
    let tracer = tracer::<8, 8>();
    let parent = tracer.trace("parent");
    let child = tracer.trace("child");
    drop(parent);
    tracer.current_span().unwrap().set_tag("still", true);
    drop(child);
    assert!(tracer.current_span().is_none(), "the one before is finished");
    let next = tracer.trace("next");
    drop(next);
    assert_eq!(reap(tracer)[1], ("child".to_string(), "still=1".to_string()));
}

#[test]
fn every_kind_of_value_comes_back() {
    let tracer = tracer::<4, 64>();
    let long = "a loaf of bread, a block of butter and a jar of pickled cucumbers";
    let span = tracer.trace("all");
    span.set_tag("bool", true)
        .set_tag("u", u64::MAX)
        .set_tag("i", i64::MIN)
        .set_tag("f", 0.1f32)
        .set_tag("d", 0.1);
    span.set_tag("static", Static("rye")).set_tag("empty", "").set_tag("short", "ham").set_tag("long", long);
    drop(span);
    let tags = "long=".to_string()
        + long
        + " short=ham empty= static=rye d=0.1 f=0.1 i=-9223372036854775808 u=18446744073709551615 bool=1";
    assert_eq!(reap(tracer), [("all".to_string(), tags)]);
}

#[test]
fn strings_of_every_length_up_to_the_limit_come_back_and_longer_ones_are_cut() {
    let tracer = tracer::<4, 64>();
    let text: String = (0..MAX_STR + 9).map(|i| char::from(b'a' + (i % 26) as u8)).collect();
    for len in (0..=MAX_STR + 9).step_by(if cfg!(miri) { 31 } else { 1 }) {
        tracer.trace("t").set_tag("k", &text[..len]);
        let expected = std::format!("k={}", &text[..len.min(MAX_STR)]);
        assert_eq!(reap(tracer), [("t".to_string(), expected)]);
    }
    assert_eq!(tracer.stats(), Stats::default(), "all cells came back");
}

#[test]
fn a_full_arena_drops_the_new_span_and_counts_it() {
    let tracer = tracer::<4, 8>();
    let spans: Vec<_> = (0..6).map(|_| tracer.trace("held")).collect();
    assert_eq!(spans.iter().filter(|span| span.is_recording()).count(), 4);
    assert_eq!(tracer.stats().spans_full, 2);
    spans.last().unwrap().set_tag("nothing", 1u32);
    drop(spans);
    assert_eq!(reap(tracer).len(), 4);
    assert!(tracer.trace("again").is_recording());
}

#[test]
fn a_tag_that_finds_no_cells_is_counted_and_the_span_marked() {
    let tracer = tracer::<4, 4>();
    let span = tracer.trace("s");
    (0..3).for_each(|i: u32| {
        span.set_tag("n", i);
    });
    span.set_tag("long", "more than one cell can hold");
    span.set_tag("fits", 3u32);
    drop(span);
    let span = tracer.arena.next_finished_within(0, tracer.arena.capacity()).unwrap();
    assert!(span.has(LOST) && !span.has(ERROR));
    tracer.arena.put_back(&span);
    assert_eq!(reap(tracer), [("s".to_string(), "fits=3 n=2".to_string())]);
    assert_eq!(tracer.stats().tags_full, 1);
}

#[test]
fn a_string_that_runs_out_of_cells_half_way_gives_them_back() {
    let tracer = tracer::<4, 4>();
    let span = tracer.trace("s");
    span.set_tag("long", "l".repeat(MAX_STR).as_str());
    for n in 0..4u8 {
        span.set_tag("n", n);
    }
    assert_eq!(tracer.stats().tags_full, 1);
    drop(span);
    assert_eq!(reap(tracer), [("s".to_string(), "n=3".to_string())]);
}

#[test]
fn a_reference_to_a_finished_span_does_nothing_and_is_counted() {
    let tracer = tracer::<4, 8>();
    let span = tracer.trace("first");
    let stale = tracer.current_span().unwrap();
    drop(span);
    stale.set_tag("late", 1u32);
    assert_eq!(reap(tracer), [("first".to_string(), String::new())]);
    let others: Vec<_> = (0..4).map(|_| tracer.trace("other")).collect();
    stale.set_tag("late", 2u32).set_error_info("Late", "later");
    assert!(!stale.is_open());
    drop(others);
    assert!(reap(tracer).iter().all(|(_, tags)| tags.is_empty()));
    assert_eq!(tracer.stats(), Stats { stale: 3, ..Stats::default() });
}

#[test]
fn a_tag_pushed_after_the_drain_has_read_the_span_is_freed_and_counted() {
    let tracer = tracer::<4, 4>();
    tracer.trace("s").set_tag("in time", 1u32);
    let span = tracer.arena.next_finished_within(0, tracer.arena.capacity()).unwrap();
    crate::span::tag::<crate::AnyThread>(
        tracer,
        span.handle,
        "late",
        Value::Str("a string of several cells"),
    );
    assert_eq!(tracer.arena.tags(&span).count(), 1);
    tracer.arena.free(|| 0, &span);
    crate::span::tag::<crate::AnyThread>(tracer, span.handle, "too late", Value::Bool(true));
    assert_eq!(tracer.stats().stale, 2);
    let next = tracer.trace("next");
    (0..4).for_each(|i: u32| {
        next.set_tag("n", i);
    });
    assert_eq!(tracer.stats().tags_full, 0, "no cell was lost");
}

#[test]
fn the_current_span_and_its_root_are_found_from_anywhere() {
    let tracer = tracer::<8, 8>();
    assert!(tracer.current_span().is_none() && tracer.current_root_span().is_none());
    let root = tracer.trace("root");
    let child = tracer.trace("child");
    tracer.current_span().unwrap().set_tag("here", 1u8);
    tracer.current_root_span().unwrap().set_tag("there", 2u8);
    drop(child);
    drop(root);
    let spans = reap(tracer);
    assert!(spans.contains(&("child".to_string(), "here=1".to_string())));
    assert!(spans.contains(&("root".to_string(), "there=2".to_string())));
}

#[test]
fn a_disabled_tracer_records_nothing_and_counts_nothing() {
    let tracer = tracer::<4, 4>();
    let open = tracer.trace("open");
    tracer.set_enabled(false);
    assert!(!tracer.trace("off").is_recording());
    drop(open);
    tracer.set_enabled(true);
    assert!(tracer.trace("on").is_recording());
    assert_eq!(reap(tracer).len(), 2);
    assert_eq!(tracer.stats(), Stats::default());
}

#[test]
fn names_and_keys_that_are_too_long_are_cut_between_characters() {
    let tracer = tracer::<4, 8>();
    let name: &'static str = Box::leak("ø".repeat(200).into_boxed_str());
    tracer.trace(name).set_tag(name, Static(name));
    let cut = "ø".repeat(125);
    // On hosts a value is not.
    assert_eq!(reap(tracer), [(cut.clone(), std::format!("{cut}={name}"))]);
}

#[test]
fn a_guard_is_at_most_three_words() {
    assert!(size_of::<crate::Span>() <= 3 * size_of::<usize>());
}

#[test]
fn the_oldest_finished_span_is_overwritten_first_in_any_size_of_arena() {
    let clock = Box::leak(Box::new(Steps(AtomicU32::new(0))));
    let arena = Box::leak(Box::new(Arena::<64, 4>::new()));
    let tracer: &'static Tracer = Box::leak(Box::new(Tracer::new(arena, clock).overwrite()));
    let names: Vec<&'static str> =
        (0..68).map(|i| -> &'static str { Box::leak(std::format!("{i}").into_boxed_str()) }).collect();
    names.iter().for_each(|name| drop(tracer.trace(name)));
    let left: Vec<String> = reap(tracer).into_iter().map(|(name, _)| name).collect();
    let lost: Vec<_> = names.iter().filter(|name| !left.iter().any(|left| left == *name)).collect();
    assert_eq!(lost, ["0", "1", "2", "3"].iter().collect::<Vec<_>>());
}

#[test]
fn a_finished_parent_whose_slot_is_used_again_leaves_no_current_span_after_its_child() {
    let tracer = tracer::<4, 4>();
    let root = tracer.trace("root");
    let parent = tracer.trace("parent");
    let child = tracer.trace("child");
    drop(parent);
    reap(tracer);
    (0..4).for_each(|_| {
        drop(tracer.trace("other"));
        reap(tracer);
    });
    drop(child);
    assert!(tracer.current_span().is_none(), "nothing tells who the parent's parent was");
    drop(root);
}

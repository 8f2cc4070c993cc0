//! Every interleaving of a few operations on the arena, by two cores and the drain.
//!
//! Each ordering was weakened by hand, and these failed:
//!
//! | ordering | test |
//! | --- | --- |
//! | the acquire fence in `root`, and that in `last` | `a_look_at_a_span_whose_slot_is_used_again..` |
//! | the acquire load in `is_free` | that one, and `a_core_goes_on_with_an_open_ancestor..` |
//! | release of the fence in `open` | `a_look_at_a_span_whose_slot_is_used_again..` |
//! | acquire of the fence in `open` | `a_cell_that_the_drain_frees..`, and the ring's `..freed_and_claimed_again..` |
//! | release in `free_chained` | `a_cell_that_the_drain_frees_is_whole_for_its_next_tag` |
//! | release in `free_slot` | `a_finished_span_is_drained_or_overwritten..`, and the ring's |
//! | release in `finish`, acquire in `take` | eight and more, here and of the ring |
//! | release in `put_back` | the ring's `a_finished_slot_goes_to_the_reaper_or_..` |
//! | release of a push, acquire of the head and in `close` | `a_tag_set_while_its_span_is_drained..`, the text's, the stale one's |
//! | the fences in `look` and `is_read`, release of what ends a look | `a_look_at_a_tag_while_its_span_is_drained..` |
//!
//! No test fails without those of a callsite: loom does not see what an address leads to.

use super::*;
use crate::Clock;
use crate::callsite::{Callsites, Happened};
use crate::context::Interrupts;
use crate::slot_ring::Mode;
use crate::tag::{Kind, Value, words_of};
use loom::thread;
mod looks;
extern crate std;
use std::boxed::Box;
use std::string::String;
use std::vec::Vec;

type Small = Arena<4, 4, 2>;

/// An arena for one schedule, freed after it.
struct Lent {
    arena: *mut Small,
    view: ArenaView,
}

impl Lent {
    fn new() -> Self {
        let arena = Box::into_raw(Box::new(Small::new()));
        // SAFETY: it lives until `drop`, which comes when all threads of the schedule have ended.
        Self { arena, view: unsafe { &*arena }.view() }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // SAFETY: from `Box::into_raw`, and nobody uses it any more.
        drop(unsafe { Box::from_raw(self.arena) });
    }
}

/// Checks every interleaving with at most `preemptions` switches away from a thread that could go on.
fn check(preemptions: usize, run: impl Fn(ArenaView) + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.max_branches = 10_000;
    model.check(move || {
        let lent = Lent::new();
        run(lent.view);
    });
}

const ZERO: Here = Here { core: 0, interrupt: 0 };
const ONE: Here = Here { core: 1, interrupt: 0 };

/// The names have one length, and times that go with them: a torn span is noticed.
const NAMES: [&str; 4] = ["root", "left", "leaf", "twig"];

fn time_of(name: &str) -> u64 {
    NAMES.iter().position(|one| *one == name).unwrap() as u64 * 0x1_0000_0001
}

struct Time(u64);

impl Clock for Time {
    fn now(&self) -> u64 {
        self.0
    }

    fn frequency(&self) -> u32 {
        1
    }
}

fn try_start(arena: ArenaView, here: Here, name: &'static str) -> Option<Started> {
    arena.start(Mode::Shared, here, Interrupts::Children, name, &Time(time_of(name)), &Judge::NONE)
}

fn start(arena: ArenaView, here: Here, name: &'static str) -> Started {
    try_start(arena, here, name).unwrap()
}

fn finish(arena: ArenaView, here: Here, span: Started, name: &str) {
    // SAFETY: each test finishes once what it started.
    unsafe { arena.finish(here, span, time_of(name) + 1) };
}

fn tag(arena: ArenaView, here: Here, span: Started, key: &'static str, value: Value<'_>) {
    let done = match value {
        Value::U64(v) => {
            let note = note_of(Kind::U64, key.len());
            arena.scalar(
                arena.cell_by(Mode::Shared, || here.core),
                span.handle,
                key.as_ptr(),
                note,
                words_of(v),
            )
        }
        Value::Str(v) => arena.text(arena.cell_by(Mode::Shared, || here.core), span.handle, key, v),
        other => panic!("no test sets {other:?}"),
    };
    if let Err(cause) = done {
        arena.lost_tag(here.core, span.handle, cause);
    }
}

/// A span that was drained.
struct Drained {
    name: &'static str,
    handle: u32,
    parent: u32,
    root: u32,
    error: bool,
    tags: Vec<(&'static str, String)>,
}

/// Takes what is finished.
fn reap(arena: ArenaView) -> Vec<Drained> {
    let mut all = Vec::new();
    while let Some(span) = arena.next_finished_within(0, 4) {
        let (name, time) = (span.name(), time_of(span.name()));
        assert_eq!((span.start(), span.end()), (time, time + 1), "{name} is torn");
        let tags = arena.tags(&span).map(|tag| (tag.key(), text(&tag))).collect();
        let (handle, parent, root) = (span.handle, span.parent(), span.root());
        all.push(Drained { name, handle, parent, root, error: span.has(ERROR), tags });
        arena.free(|| 0, &span);
    }
    all
}

fn text(tag: &Cell) -> String {
    if tag.kind == Kind::U64 {
        return std::format!("{}", tag.bits());
    }
    let (len, pieces) = tag.pieces();
    let mut bytes: Vec<u8> = pieces.flat_map(|piece| piece.as_ref().to_vec()).collect();
    bytes.truncate(len.into());
    String::from_utf8(bytes).unwrap()
}

/// Every cell can be had: none has leaked.
fn all_cells_are_free(arena: ArenaView) {
    let full = arena.stats().tags_full;
    let span = start(arena, ZERO, "twig");
    for key in ["1", "2", "3", "4"] {
        tag(arena, ZERO, span, key, Value::U64(1));
    }
    assert_eq!(arena.stats().tags_full, full, "a cell has leaked");
}

#[test]
fn two_cores_and_the_drain_lose_nothing_and_mix_up_no_parents() {
    check(2, |arena| {
        let cores = [(ZERO, "root"), (ONE, "left")].map(|(here, name)| {
            thread::spawn(move || {
                let span = start(arena, here, name);
                finish(arena, here, span, name);
            })
        });
        let mut drained = thread::spawn(move || reap(arena)).join().unwrap();
        cores.into_iter().for_each(|core| core.join().unwrap());
        drained.extend(reap(arena));
        assert_eq!(drained.len(), 2);
        assert!(drained.iter().all(|span| span.parent == 0 && span.root == span.handle));
        assert!(drained[0].name != drained[1].name && drained[0].handle != drained[1].handle);
    });
}

#[test]
fn a_core_goes_on_with_an_open_ancestor_when_another_core_finishes_its_span() {
    check(3, |arena| {
        let root = start(arena, ZERO, "root");
        let left = start(arena, ZERO, "left");
        let core = thread::spawn(move || {
            let leaf = start(arena, ZERO, "leaf");
            finish(arena, ZERO, leaf, "leaf");
        });
        let other = thread::spawn(move || finish(arena, ONE, left, "left"));
        let mut drained = thread::spawn(move || reap(arena)).join().unwrap();
        core.join().unwrap();
        other.join().unwrap();
        drained.extend(reap(arena));
        let leaf = drained.iter().find(|span| span.name == "leaf").unwrap();
        assert!([left.handle, root.handle].contains(&leaf.parent), "an open parent was passed over");
        assert_eq!((leaf.root, drained.len()), (root.handle, 2));
    });
}

#[test]
fn a_look_at_a_span_whose_slot_is_used_again_meanwhile_finds_its_own_root_or_none() {
    check(3, |arena| {
        let held = [start(arena, ONE, "twig"), start(arena, ONE, "twig")];
        let root = start(arena, ZERO, "root");
        let left = start(arena, ZERO, "left");
        let other = thread::spawn(move || {
            finish(arena, ONE, left, "left");
            assert_eq!(reap(arena).len(), 1);
            let leaf = start(arena, ONE, "leaf");
            finish(arena, ONE, leaf, "leaf");
            assert_eq!(reap(arena).len(), 1);
            leaf
        });
        let look = thread::spawn(move || (arena.root(left.handle), arena.current(ZERO)));
        let (found, current) = look.join().unwrap();
        assert!([None, Some(root.handle)].contains(&found), "the root is that of the slot's next use");
        // 0: the slot was used again, and the parent is forgotten.
        assert!([left.handle, root.handle, 0].contains(&current), "the current span is another core's");
        let leaf = other.join().unwrap();
        assert_eq!(leaf.previous, held[1].handle);
    });
}

#[test]
fn tags_pushed_from_two_cores_are_both_there() {
    check(3, |arena| {
        let span = start(arena, ZERO, "root");
        let other = thread::spawn(move || tag(arena, ONE, span, "b", Value::U64(2)));
        let owner = thread::spawn(move || {
            tag(arena, ZERO, span, "a", Value::U64(1));
            assert!(arena.mark(span.handle, ERROR));
        });
        other.join().unwrap();
        owner.join().unwrap();
        finish(arena, ZERO, span, "root");
        let [root] = reap(arena).try_into().ok().unwrap();
        let mut tags = root.tags;
        tags.sort();
        assert_eq!(tags, [("a", "1".into()), ("b", "2".into())]);
        assert!(root.error);
    });
}

/// A tag that is set by one core while another finishes the span, and the drain takes it.
fn late_tag(preemptions: usize, value: Value<'static>, expected: &'static str) {
    check(preemptions, move |arena| {
        let span = start(arena, ZERO, "root");
        let late = thread::spawn(move || tag(arena, ONE, span, "a", value));
        let owner = thread::spawn(move || finish(arena, ZERO, span, "root"));
        let mut drained = thread::spawn(move || reap(arena)).join().unwrap();
        late.join().unwrap();
        owner.join().unwrap();
        drained.extend(reap(arena));
        let [root] = drained.try_into().ok().unwrap();
        assert!(root.tags.is_empty() || root.tags == [("a", expected.into())], "{:?}", root.tags);
        assert_eq!(
            root.tags.len() + arena.stats().stale as usize,
            1,
            "a tag is lost uncounted, or counted without loss"
        );
        all_cells_are_free(arena);
    });
}

#[test]
fn a_tag_set_while_its_span_is_drained_is_there_or_counted() {
    late_tag(3, Value::U64(7), "7");
}

#[test]
fn a_text_set_while_its_span_is_drained_is_there_whole_or_counted() {
    late_tag(2, Value::Str("bread and butter and ham"), "bread and butter and ham");
}

#[test]
fn an_error_set_while_its_span_is_drained_is_there_or_refused_or_late() {
    check(3, |arena| {
        let span = start(arena, ZERO, "root");
        let late = thread::spawn(move || arena.mark(span.handle, ERROR));
        let owner = thread::spawn(move || finish(arena, ZERO, span, "root"));
        let mut drained = thread::spawn(move || reap(arena)).join().unwrap();
        let marked = late.join().unwrap();
        owner.join().unwrap();
        drained.extend(reap(arena));
        assert!(drained.len() == 1 && (marked || !drained[0].error));
    });
}

#[test]
fn a_stale_tag_never_reaches_the_next_use_of_the_slot() {
    check(3, |arena| {
        let _held = [(); 3].map(|()| start(arena, ONE, "twig"));
        let left = start(arena, ZERO, "left");
        finish(arena, ZERO, left, "left");
        let stale = thread::spawn(move || tag(arena, ONE, left, "a", Value::U64(7)));
        let next = thread::spawn(move || {
            let mut drained = reap(arena);
            let leaf = start(arena, ZERO, "leaf");
            finish(arena, ZERO, leaf, "leaf");
            drained.extend(reap(arena));
            drained
        });
        let drained = next.join().unwrap();
        stale.join().unwrap();
        assert_eq!(drained.len(), 2);
        assert!(drained[1].tags.is_empty(), "a tag has reached another span");
        assert_eq!(drained[0].tags.len() + arena.stats().stale as usize, 1);
    });
}

#[test]
fn a_cell_that_the_drain_frees_is_whole_for_its_next_tag() {
    check(3, |arena| {
        let root = start(arena, ZERO, "root");
        let left = start(arena, ONE, "left");
        for key in ["a", "b", "c", "d"] {
            tag(arena, ZERO, root, key, Value::U64(1));
        }
        finish(arena, ZERO, root, "root");
        let other = thread::spawn(move || tag(arena, ONE, left, "e", Value::U64(5)));
        let drained = thread::spawn(move || reap(arena)).join().unwrap();
        other.join().unwrap();
        finish(arena, ONE, left, "left");
        assert_eq!((drained.len(), drained[0].tags.len()), (1, 4));
        let tags = reap(arena).remove(0).tags;
        assert!(tags.is_empty() || tags == [("e", "5".into())]);
        assert_eq!(tags.len() + arena.stats().tags_full as usize, 1);
    });
}

#[test]
fn a_finished_span_is_drained_or_overwritten_whole_with_its_tags() {
    check(2, |mut arena| {
        arena.full.overwrite = true;
        let _held = [(); 3].map(|()| start(arena, ONE, "twig"));
        let left = start(arena, ZERO, "left");
        tag(arena, ZERO, left, "a", Value::U64(1));
        finish(arena, ZERO, left, "left");
        let next = thread::spawn(move || {
            let span = try_start(arena, ZERO, "leaf")?;
            tag(arena, ZERO, span, "b", Value::U64(2));
            finish(arena, ZERO, span, "leaf");
            Some(())
        });
        let mut drained = thread::spawn(move || reap(arena)).join().unwrap();
        let started = next.join().unwrap().is_some();
        drained.extend(reap(arena));
        let stats = arena.stats();
        assert_eq!(drained.len() + stats.spans_overwritten as usize, 1 + usize::from(started));
        assert_eq!(stats.spans_full, u32::from(!started));
        for span in &drained {
            let tags = if span.name == "left" { [("a", "1".into())] } else { [("b", "2".into())] };
            assert_eq!(span.tags, tags, "a span has lost its tag, or has another's");
        }
    });
}

#[test]
fn two_cores_that_count_at_one_new_callsite_share_an_entry() {
    check(3, |_| {
        let table = Box::into_raw(Box::new(Callsites::<2>::new()));
        // SAFETY: it lives until the end of the schedule.
        let view = unsafe { &*table }.view();
        let cores = [(); 2].map(|()| thread::spawn(move || view.count("bread", &[Happened::Started])));
        let seen = thread::spawn(move || (0..2).filter_map(|index| view.get(index)).next()).join().unwrap();
        assert!(seen.is_none_or(|site| site.name == "bread" && site.started <= 2));
        cores.into_iter().for_each(|core| core.join().unwrap());
        let sites: Vec<_> = (0..3).filter_map(|index| view.get(index)).collect();
        assert!(sites.len() == 1 && sites[0].name == "bread" && sites[0].started == 2);
        // SAFETY: from `Box::into_raw`, and nobody uses it any more.
        drop(unsafe { Box::from_raw(table) });
    });
}

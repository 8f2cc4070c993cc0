//! Long random schedules on the arena: three cores, one of which finishes what another starts, and the drain.
//!
//! Loom tries every schedule of a few operations; here are some of those of many.

use super::*;
use crate::Clock;
use crate::context::Interrupts;
use crate::slot_ring::Mode;
use crate::tag::{Kind, Value, words_of};
use shuttle::sync::mpsc::channel;
use shuttle::thread;
extern crate std;
use std::boxed::Box;
use std::vec::Vec;

/// How many schedules each test tries.
const SCHEDULES: usize = 8000;

/// How many spans each core starts in one.
const SPANS: u64 = 12;

type Small = Arena<8, 8, 3>;

const fn core(core: usize) -> Here {
    Here { core, interrupt: 0 }
}

/// Runs random schedules, with a new arena in each.
fn check(policy: WhenFull, run: impl Fn(ArenaView) + Send + Sync + 'static) {
    shuttle::check_random(
        move || {
            let arena = Box::into_raw(Box::new(Small::new()));
            // SAFETY: it lives until the end of the schedule, when all its threads have ended.
            run(ArenaView { full: policy, ..unsafe { &*arena }.view() });
            // SAFETY: from `Box::into_raw`, and nobody uses it any more.
            drop(unsafe { Box::from_raw(arena) });
        },
        SCHEDULES,
    );
}

fn finish(arena: ArenaView, here: Here, span: Started) {
    // SAFETY: each caller hands over what it started.
    unsafe { arena.finish(here, span, 9) };
}

struct Seven;

impl Clock for Seven {
    fn now(&self) -> u64 {
        7
    }

    fn frequency(&self) -> u32 {
        1
    }
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

/// What one core made: spans asked for, and tags of those that found a slot.
#[derive(Default)]
struct Made {
    spans: usize,
    tags: usize,
}

/// A core that starts pairs of spans and tags them with its number.
fn produce(arena: ArenaView, here: Here, mut hand_over: impl FnMut(Started) -> Option<Started>) -> Made {
    const NAMES: [&str; 3] = ["0", "1", "2"];
    let mut made = Made::default();
    for turn in 0..SPANS {
        made.spans += 1;
        let Some(span) =
            arena.start(Mode::Shared, here, Interrupts::Children, NAMES[here.core], &Seven, &Judge::NONE)
        else {
            continue;
        };
        made.tags += 1;
        let value =
            if turn % 2 == 0 { Value::U64(here.core as u64) } else { Value::Str("a text of some cells") };
        tag(arena, here, span, "k", value);
        if let Some(span) = hand_over(span) {
            finish(arena, here, span);
        }
    }
    made
}

/// Takes what is finished, `times` times; returns how many spans and tags there were.
fn reap(arena: ArenaView, times: usize) -> [usize; 2] {
    let mut count = [0, 0];
    for _ in 0..times {
        while let Some(span) = arena.next_finished_within(0, 8) {
            let tags: Vec<Cell> = arena.tags(&span).collect();
            assert!((span.start(), span.end()) == (7, 9) && tags.len() <= 1, "a span is torn");
            for tag in &tags {
                let right = tag.kind != Kind::U64 || std::format!("{}", tag.bits()) == span.name();
                assert!(right && tag.key() == "k", "a tag is another span's");
            }
            count = [count[0] + 1, count[1] + tags.len()];
            arena.free(|| 0, &span);
        }
        thread::yield_now();
    }
    count
}

fn books_balance(policy: WhenFull) {
    check(policy, move |arena| {
        let (send, receive) = channel();
        let hand_over = move |span| send.send(span).map_or_else(|unsent| Some(unsent.0), |()| None);
        let cores = [
            thread::spawn(move || produce(arena, core(0), hand_over)),
            thread::spawn(move || {
                receive.iter().for_each(|span| finish(arena, core(1), span));
                Made::default()
            }),
            thread::spawn(move || produce(arena, core(2), Some)),
        ];
        let drain = thread::spawn(move || reap(arena, 4));
        let made = cores.map(|core| core.join().unwrap());
        let (early, late) = (drain.join().unwrap(), reap(arena, 1));
        let [spans, tags] = [early[0] + late[0], early[1] + late[1]];
        let stats = arena.stats();
        let [all_spans, all_tags] =
            [made.iter().map(|made| made.spans).sum(), made.iter().map(|made| made.tags).sum::<usize>()];
        assert_eq!(spans + stats.spans_dropped() as usize, all_spans, "{stats:?}");
        let with_their_spans = all_tags - tags - stats.tags_dropped() as usize;
        assert!(with_their_spans <= stats.spans_overwritten as usize, "{stats:?}");
        // Every cell can be had: none has leaked.
        let span =
            arena.start(Mode::Shared, core(0), Interrupts::Children, "last", &Seven, &Judge::NONE).unwrap();
        for key in ["1", "2", "3", "4", "5", "6", "7", "8"] {
            tag(arena, core(0), span, key, Value::U64(1));
        }
        assert_eq!(arena.stats().tags_full, stats.tags_full, "a cell has leaked");
    });
}

#[test]
fn the_books_balance_on_random_schedules() {
    books_balance(WhenFull { overwrite: false, reserved: 0, asks: false });
}

#[test]
fn the_books_balance_where_spans_are_overwritten() {
    books_balance(WhenFull { overwrite: true, reserved: 0, asks: false });
}

#[test]
fn the_books_balance_where_slots_are_reserved_and_overwritten() {
    books_balance(WhenFull { overwrite: true, reserved: 2, asks: true });
}

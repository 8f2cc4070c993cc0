//! All operations of the tracer in all pairs, and some in threes.

use super::driver::{Op, every_nesting};
use super::world::{CHILD, ROOT, STALE, Setup, World};
use std::rc::Rc;
extern crate std;

/// The most atomic steps that an operation of the hot path takes, whatever it comes into or is interrupted by.
const HOT: u32 = 150;

/// The most that a poll takes here, of an arena of eight spans and sixteen cells.
const POLL: u32 = 400;

/// How far apart the steps are at which an operation is interrupted.
const APART: u32 = if cfg!(miri) { 40 } else { 1 };

macro_rules! op {
    ($name:literal, $most:expr, $run:expr) => {
        Op { name: $name, most: $most, run: $run }
    };
}

const OPERATIONS: [Op<World>; 18] = [
    op!("start", HOT, |world| _ = world.start()),
    op!("start and finish", HOT, |world| world.start_and_finish(false)),
    op!("finish", HOT, |world| world.finish(CHILD)),
    op!("finish the parent by a moved guard", HOT, |world| world.finish(ROOT)),
    op!("tag", HOT, |world| world.tag(CHILD)),
    op!("tag with a text", HOT, |world| world.text(CHILD)),
    op!("set an error", HOT, |world| world.error(CHILD)),
    op!("set an error on what may be dropped", HOT, |world| world.error_of_dropped()),
    op!("tag by reference", HOT, |world| world.tag_by_ref(CHILD)),
    op!("tag the parent by reference", HOT, |world| world.tag_by_ref(ROOT)),
    op!("tag with a text by reference", HOT, |world| world.text_by_ref(CHILD)),
    op!("tag with a static text by reference", HOT, |world| world.static_by_ref(CHILD)),
    op!("set an error by reference", HOT, |world| world.error_by_ref(CHILD)),
    op!("tag what is finished", HOT, |world| world.tag_by_ref(STALE)),
    op!("tag what is current", HOT, |world| world.tag_current()),
    op!("start, tag and finish", HOT, |world| world.start_and_finish(true)),
    op!("poll", POLL, |world| _ = world.poll()),
    op!("look at the counts", HOT, |world| world.look_at_counts()),
];

/// What looks at the cells of a span, which it may be finished and drained in.
const LOOK: Op<World> = op!("look at a tag by reference", HOT, |world| world.look_by_ref(CHILD));
const TURN_OVER: Op<World> =
    op!("finish, poll, use the cells again", POLL + 2 * HOT, |world| world.turn_over());

/// All of these; under Miri, which takes long, the first.
fn some(ops: &[Op<World>]) -> impl Iterator<Item = &Op<World>> + Clone {
    ops.iter().step_by(if cfg!(miri) { OPERATIONS.len() } else { 1 })
}

fn all_pairs(setup: Setup) {
    for outer in some(&OPERATIONS) {
        for inner in some(&OPERATIONS) {
            check(setup, &[*outer, *inner]);
        }
    }
}

/// These, and of three of them every one in every other.
fn all_threes(setup: Setup, names: [&str; 3]) {
    let ops = names.map(|name| *OPERATIONS.iter().find(|op| op.name == name).unwrap());
    for outer in some(&ops) {
        for middle in some(&ops) {
            some(&ops).for_each(|inner| check(setup, &[*outer, *middle, *inner]));
        }
    }
}

fn check(setup: Setup, ops: &[Op<World>]) {
    let world = Rc::new(World::new(setup));
    let begin = || {
        world.begin();
        world.clone()
    };
    every_nesting(APART, ops, begin, World::end);
    world.all_is_free();
}

#[test]
fn every_operation_may_come_into_every_other_where_there_is_room() {
    all_pairs(Setup::Roomy);
}

#[test]
fn every_operation_may_come_into_every_other_in_a_full_arena() {
    all_pairs(Setup::Full);
}

#[test]
fn every_operation_may_come_into_every_other_where_finished_spans_are_overwritten() {
    all_pairs(Setup::Overwrite);
}

#[test]
fn every_operation_may_come_into_every_other_where_slots_are_reserved() {
    all_pairs(Setup::Reserve);
}

#[test]
fn every_operation_may_come_into_every_other_where_interrupts_say_which_they_are() {
    all_pairs(Setup::Told);
}

#[test]
fn three_operations_come_into_one_another_where_there_is_room() {
    all_threes(Setup::Roomy, ["start and finish", "tag with a text by reference", "poll"]);
}

#[test]
fn three_operations_come_into_one_another_where_finished_spans_are_overwritten() {
    all_threes(Setup::Overwrite, ["start and finish", "tag by reference", "poll"]);
}

#[test]
fn the_first_spans_of_an_arena_come_into_one_another() {
    let first = some(&OPERATIONS).filter(|op| op.name.starts_with("start") || op.name == "poll");
    for outer in first.clone() {
        for inner in first.clone() {
            every_nesting(APART, &[*outer, *inner], || Rc::new(World::new(Setup::Roomy)), World::end);
        }
    }
}

#[test]
fn every_operation_may_come_into_a_look_at_a_tag_and_the_look_into_it() {
    for setup in [Setup::Roomy, Setup::Told] {
        for op in some(&OPERATIONS) {
            check(setup, &[LOOK, *op]);
            check(setup, &[*op, LOOK]);
        }
    }
}

#[test]
fn a_tag_is_seen_whole_though_its_span_is_finished_and_drained_in_the_look_at_it() {
    check(Setup::Roomy, &[LOOK, TURN_OVER]);
}

//! A look at the tags of a span that another core finishes, and the drain takes.

use super::*;

/// As `reap`, but for what somebody looks at: the drain leaves that for later.
fn reap_what_nobody_looks_at(arena: ArenaView) -> usize {
    let span = arena.next_finished_within(0, 4);
    span.map_or(0, |span| {
        if arena.is_read() {
            arena.put_back(&span);
            return 0;
        }
        arena.free(|| 0, &span);
        1
    })
}

#[test]
fn a_look_at_a_tag_while_its_span_is_drained_finds_it_whole_or_nothing() {
    check(3, |arena| {
        let left = start(arena, ONE, "left");
        let root = start(arena, ZERO, "root");
        for key in ["a", "b", "c", "d"] {
            tag(arena, ZERO, root, key, Value::U64(7));
        }
        let look = thread::spawn(move || arena.tag_of(root.handle, "a", text));
        let owner = thread::spawn(move || finish(arena, ZERO, root, "root"));
        let reaper = thread::spawn(move || {
            let drained = reap_what_nobody_looks_at(arena);
            // Uses a cell again, if one is free.
            tag(arena, ONE, left, "e", Value::U64(5));
            drained
        });
        let drained = reaper.join().unwrap();
        let seen = look.join().unwrap();
        owner.join().unwrap();
        assert!(seen.is_none_or(|seen| seen == "7"), "another tag was read");
        assert_eq!(drained + reap_what_nobody_looks_at(arena), 1, "a span is held back for ever");
    });
}

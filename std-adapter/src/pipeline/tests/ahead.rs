//! Parts that go out before their root, of which something is known.

use super::*;

const REMOTE: u128 = 9 << 64 | 8;

/// An assembler to which each root is the same.
fn bench(root: Ahead) -> Bench {
    let limits = Limits { partial_flush_min_spans: 2, trace_max_spans: 4, ..Limits::default() };
    let mut bench = Bench::new(limits, Tagging::default());
    bench.assembler.ask_roots(Box::new(move |_| root.clone()));
    bench
}

fn continued() -> Ahead {
    let passed = tags([("_dd.p", "dm=-4,usr.id=ada"), ("_dd.origin", "rum")]);
    let tags = [vec![("_sampling_priority_v1".into(), Value::Int(2))], passed].concat();
    Ahead::Open(OpenRoot { continued: Some(Continued { trace_id: REMOTE, tags }), is_kept: None })
}

#[test]
fn a_part_is_of_the_trace_that_its_open_root_continues_and_says_what_came_with_it() {
    let mut bench = bench(continued());
    (2..=4).for_each(|id| bench.push(span(1, id, 1), 0));
    bench.poll(10 * SECOND);
    assert_eq!(bench.seen.iter().map(|seen| seen.spans.len()).collect::<Vec<_>>(), [2, 1]);
    let said = [
        ("_dd.origin", "rum"),
        ("_dd.p.dm", "-4"),
        ("_dd.p.tid", "0000000000000009"),
        ("_dd.p.usr.id", "ada"),
        ("_sampling_priority_v1", "2"),
    ];
    for seen in &bench.seen {
        said.iter().for_each(|(key, value)| assert_eq!(seen.tags[0][*key], *value, "{key}"));
    }
    assert!(said.iter().all(|(key, _)| !bench.seen[0].tags[1].contains_key(*key)));
    let counters = bench.assembler.counters();
    assert_eq!((counters.partial_flushes, counters.incomplete), (1, 1));
}

#[test]
fn a_part_waits_for_a_root_that_comes_next_until_it_is_too_long() {
    let mut waiting = bench(Ahead::Coming);
    (2..=4).for_each(|id| waiting.push(span(1, id, 1), 0));
    waiting.push(span(1, 1, 0), 0);
    assert_eq!(names(&waiting.seen[0]), ["s1", "s2", "s3", "s4"]);
    let mut long = bench(Ahead::Coming);
    (2..=5).for_each(|id| long.push(span(1, id, 1), 0));
    assert_eq!(long.seen.len(), 1);
    let counters = long.flush().1;
    assert_eq!((counters.partial_flushes, counters.oversized), (0, 1));
}

#[test]
fn a_trace_that_is_here_with_its_root_asks_nobody() {
    let mut bench = bench(continued());
    bench.push(span(1, 1, 0), 0);
    bench.push(span(1, 2, 1), 0);
    bench.poll(SECOND);
    assert!(!bench.seen[0].tags[0].contains_key("_dd.origin"));
}

#[test]
fn a_part_of_a_trace_that_began_here_stays_as_it_is() {
    for root in [Ahead::Open(OpenRoot::default()), Ahead::Unknown] {
        let mut bench = bench(root);
        (2..=3).for_each(|id| bench.push(span(1, id, 1), 0));
        let tags = &bench.seen[0].tags[0];
        assert_eq!((&*tags["_dd.p.dm"], &*tags["_sampling_priority_v1"]), ("-0", "1"));
        assert!(!tags.contains_key("_dd.p.tid"));
    }
}

#[test]
fn what_is_said_of_a_trace_by_hand_holds_for_the_parts_that_follow() {
    for (is_kept, said) in [(None, ("1", "-0")), (Some(true), ("2", "-4")), (Some(false), ("-1", "-4"))] {
        let mut bench = bench(Ahead::Open(OpenRoot { is_kept, ..OpenRoot::default() }));
        let other = if is_kept == Some(true) { "manual.drop" } else { "manual.keep" };
        let tags = if is_kept.is_some() { tags([(other, "1")]) } else { Vec::new() };
        bench.push(span(1, 2, 1), 0);
        bench.push(Span { tags, ..span(1, 3, 1) }, 0);
        let tags = &bench.seen[0].tags[0];
        assert_eq!((&*tags["_sampling_priority_v1"], &*tags["_dd.p.dm"]), said);
    }
}

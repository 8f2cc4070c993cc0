//! Spans of one trace, and traces of one source, after each other or in turn.

use super::*;

#[test]
fn of_traces_that_come_in_turn_the_one_that_was_quiet_longest_goes_out_first() {
    let mut bench = bench();
    bench.push(span(1, 1, 0), 0);
    bench.push(span(2, 11, 0), 10 * MS);
    bench.push(span(1, 2, 1), 20 * MS);
    bench.push(span(1, 3, 1), 20 * MS);
    assert_eq!(bench.assembler.next_deadline(), Some(210 * MS));
    assert_eq!(bench.poll(210 * MS), 1);
    assert_eq!(names(&bench.seen[0]), ["s11"]);
    assert_eq!(bench.poll(220 * MS), 2);
    assert_eq!(names(&bench.seen[1]), ["s1", "s2", "s3"]);
}

#[test]
fn a_source_that_says_something_new_is_heard_with_the_next_trace_also_after_one_of_another() {
    let mut bench = bench();
    let [one, other] = [1, 2].map(|id| Arc::new(Source { service: Some("one".into()), ..Source::new(id) }));
    let trace = |bench: &mut Bench, source: &Arc<Source>| {
        bench.push(Span::new(7, 1, 0, "root", source.clone()), 0);
        bench.assembler.flush(&mut |trace| bench.seen.push(see(trace)));
        services(&bench.seen[bench.seen.len() - 1])[0].to_owned()
    };
    assert_eq!(trace(&mut bench, &one), "one");
    bench.assembler.renew(&one, &Source { service: Some("two".into()), ..Source::new(1) });
    assert_eq!([&one, &other, &one].map(|source| trace(&mut bench, source)), ["two", "one", "two"]);
}

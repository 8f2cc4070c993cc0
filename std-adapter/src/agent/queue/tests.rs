//! The bounds of the queue.

use std::sync::Arc;

use super::*;
use crate::config::Tagging;
use crate::model::{Source, Span, Text, Value};
use crate::pipeline::{Assembler, Limits};

/// Calls `with` with a trace of one span that is a little longer than `bytes` when encoded.
fn with_trace<R>(bytes: usize, mut with: impl FnMut(&Trace) -> R) -> R {
    let mut assembler = Assembler::new(Limits::default(), Tagging::default());
    let mut span = Span::new(1, 1, 0, "n", Arc::new(Source::new(1)));
    span.tags = vec![("fill".into(), Value::Str(Text::from("x".repeat(bytes))))];
    assembler.push(span, 0, &mut |_| {});
    let mut result = None;
    assembler.flush(&mut |trace| result = Some(with(trace)));
    result.expect("one trace")
}

fn queue(queue_bytes: usize, payload_bytes: usize) -> Queue {
    let options = Options {
        queue_bytes: Some(queue_bytes),
        payload_bytes: Some(payload_bytes),
        flush_bytes: payload_bytes,
        ..Options::default()
    };
    Queue::new(&options, Body::of_agent())
}

/// Which of both counts has a trace that is not taken.
#[derive(Debug, PartialEq)]
enum Why {
    Full,
    TooLarge,
}

fn push(queue: &mut Queue, bytes: usize, now: Instant) -> Result<(), Why> {
    let Refused { full, too_large } = with_trace(bytes, |trace| queue.push(trace, now));
    match (full.traces, too_large.traces) {
        (0, 0) => Ok(()),
        (1, 0) => Err(Why::Full),
        (0, 1) => Err(Why::TooLarge),
        other => panic!("one trace is in one count: {other:?}"),
    }
}

#[test]
fn a_payload_is_due_after_the_interval_or_when_it_is_large() {
    let mut queue = Queue::new(&Options { flush_bytes: 2_000, ..Options::default() }, Body::of_agent());
    let now = Instant::now();
    assert_eq!(queue.due_in(now), None);
    push(&mut queue, 10, now).unwrap();
    assert!(queue.take_news() && !queue.take_news());
    assert!(queue.take(now).is_none());
    assert_eq!(queue.due_in(now), Some(Duration::from_secs(1)));
    push(&mut queue, 2_000, now).unwrap();
    assert!(queue.take_news());
    assert_eq!(queue.take(now).map(|payload| payload.traces()), Some(2));

    push(&mut queue, 10, now).unwrap();
    assert_eq!(queue.take(now + Duration::from_secs(1)).map(|payload| payload.traces()), Some(1));
}

#[test]
fn beyond_the_budget_the_newest_are_refused_until_something_is_done_with() {
    let mut queue = queue(10_000, 4_000);
    let now = Instant::now();
    let taken = (0..10).take_while(|_| push(&mut queue, 3_000, now).is_ok()).count();
    assert_eq!(taken, 3);
    assert_eq!(push(&mut queue, 3_000, now), Err(Why::Full));
    let payload = queue.take(now).expect("a sealed one");
    assert_eq!(queue.held(), Count { traces: 3, spans: 3 });
    assert_eq!(push(&mut queue, 3_000, now), Err(Why::Full), "one under way may have to be sent again");
    queue.finish(payload);
    assert_eq!(push(&mut queue, 3_000, now), Ok(()));
}

#[test]
fn a_trace_larger_than_a_payload_is_told_from_a_full_queue() {
    let mut queue = queue(10_000, 4_000);
    let now = Instant::now();
    assert_eq!(push(&mut queue, 5_000, now), Err(Why::TooLarge));
    push(&mut queue, 100, now).unwrap();
    assert_eq!(push(&mut queue, 5_000, now), Err(Why::TooLarge));
    assert_eq!(queue.held(), Count { traces: 1, spans: 1 });
}

#[test]
fn a_trace_larger_than_a_payload_goes_out_in_parts_and_of_it_only_a_span_that_fits_nowhere_is_lost() {
    for (body, most) in bodies() {
        let mut queue = Queue::new(&Options { payload_bytes: Some(most), ..Options::default() }, body);
        let mut assembler = Assembler::new(Limits::default(), Tagging::default());
        let source = Arc::new(Source::new(1));
        for id in 1..=40 {
            let mut span = Span::new(1, id, id - 1, "n", source.clone());
            let fill = if id == 7 { most } else { 400 };
            span.tags = vec![("fill".into(), Value::Str(Text::from("x".repeat(fill))))];
            assembler.push(span, 0, &mut |_| {});
        }
        let now = Instant::now();
        let mut refused = Refused::default();
        assembler.flush(&mut |trace| refused = queue.push(trace, now));
        assert_eq!(refused, Refused { full: Count::default(), too_large: Count { traces: 1, spans: 1 } });
        assert_eq!(queue.held().spans, 39);
        queue.flush();
        let sizes: Vec<_> = std::iter::from_fn(|| queue.take(now)).map(|payload| payload.len()).collect();
        assert!(sizes.len() >= 4 && sizes.iter().all(|&size| size <= most), "{sizes:?}");
    }
}

/// An empty body of each kind, and a size that no forty spans fit.
fn bodies() -> Vec<(Body, usize)> {
    vec![
        (Body::of_agent(), 6_000),
        #[cfg(feature = "otlp")]
        (Body::Otlp(crate::otlp::Request::new()), 6_000),
    ]
}

#[test]
fn what_an_agent_did_not_take_bounds_what_it_is_sent_but_not_down_to_nothing() {
    let mut queue = queue(1_000_000, 100_000);
    let now = Instant::now();
    for (refused, fits, fits_not) in [(22_000, 20_000, 23_000), (90_000, 20_000, 23_000), (7, 9_000, 11_000)]
    {
        queue.shrink(refused);
        assert_eq!(push(&mut queue, fits, now), Ok(()));
        assert_eq!(push(&mut queue, fits_not, now), Err(Why::TooLarge));
    }
    // It says itself what it takes.
    queue.set_info(&Info { max_request_bytes: Some(50_000), ..Info::default() });
    assert_eq!(push(&mut queue, 21_000, now), Ok(()));
}

#[test]
fn a_span_smaller_than_one_that_was_refused_is_tried_alone() {
    let mut queue = queue(1_000_000, 200_000);
    let now = Instant::now();
    queue.shrink(22_000);
    assert_eq!(push(&mut queue, 1_000, now), Ok(()));
    assert_eq!(push(&mut queue, 20_000, now), Ok(()));
    assert_eq!(push(&mut queue, 23_000, now), Err(Why::TooLarge));
    queue.flush();
    let traces: Vec<_> = std::iter::from_fn(|| queue.take(now)).map(|payload| payload.traces()).collect();
    assert_eq!(traces, [1, 1]);
}

#[test]
fn a_payload_that_is_due_at_once_brings_no_empty_one() {
    let mut queue = Queue::new(&Options { flush_bytes: 0, ..Options::default() }, Body::of_agent());
    let now = Instant::now();
    assert_eq!(push(&mut queue, 1_000, now), Ok(()));
    let traces: Vec<_> = std::iter::from_fn(|| queue.take(now)).map(|payload| payload.traces()).collect();
    assert_eq!(traces, [1]);
}

#[test]
fn a_flush_is_over_when_all_that_was_there_is_done_with() {
    let mut queue = queue(10_000, 4_000);
    let now = Instant::now();
    assert_eq!(queue.flush(), queue.done());
    push(&mut queue, 100, now).unwrap();
    let target = queue.flush();
    push(&mut queue, 100, now).unwrap();
    let payload = queue.take(now).expect("the flushed one");
    assert!(queue.done() < target);
    queue.finish(payload);
    assert!(queue.done() >= target);
    assert_eq!(queue.held(), Count { traces: 1, spans: 1 });
}

#[test]
fn a_payload_is_counted_whole_or_not_and_the_first_that_is_tells_what_is_not_sent() {
    let mut queue = queue(100_000, 4_000);
    let now = Instant::now();
    for is_counted in [false, true, true, false] {
        queue.set_counted(is_counted);
        push(&mut queue, 10, now).unwrap();
    }
    let sampled_out = Count { traces: 2, spans: 5 };
    queue.note_sampled_out(sampled_out);
    queue.flush();
    let told: Vec<_> = std::iter::from_fn(|| Some((queue.take(now)?.traces(), queue.told()))).collect();
    assert_eq!(told, [(1, None), (2, Some(sampled_out)), (1, None)]);
    queue.tell_sampled_out();
    assert!(queue.take(now).is_none(), "there is nothing left to tell");
}

#[test]
fn a_small_queue_is_sent_when_it_is_half_full() {
    let options = Options { queue_bytes: Some(10_000), ..Options::default() };
    let mut queue = Queue::new(&options, Body::of_agent());
    let now = Instant::now();
    push(&mut queue, 3_000, now).unwrap();
    assert!(queue.take(now).is_none());
    push(&mut queue, 3_000, now).unwrap();
    assert_eq!(queue.take(now).map(|payload| payload.traces()), Some(2));
}

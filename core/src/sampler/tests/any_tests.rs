//! Any order of starts, ends, detachments and drains.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    Kept,
    Out,
    End,
    Detach,
    Drain,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Kept),
        3 => Just(Step::Out),
        4 => Just(Step::End),
        1 => Just(Step::Detach),
        1 => Just(Step::Drain),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 1 } else { 500 }, failure_persistence: None, ..Default::default()
    })]
    #[test]
    fn a_span_is_recorded_if_and_only_if_its_trace_is(steps in prop::collection::vec(step(), 0..80)) {
        let (tracer, mut host) = some_out::<128>(|tracer| tracer);
        // The guards that nest, and whether each one's trace is recorded.
        let mut open: Vec<(crate::Span, bool)> = Vec::new();
        let mut apart = Vec::new();
        let (mut made, mut out, mut seen) = (0, 0, 0);
        for step in steps {
            match step {
                Step::Kept | Step::Out => {
                    let name = if matches!(step, Step::Kept) { "kept" } else { "out" };
                    let span = tracer.trace(name);
                    let recorded = match open.last() {
                        Some((_, recorded)) => *recorded,
                        None => {
                            out += u32::from(name == "out");
                            name == "kept"
                        }
                    };
                    prop_assert_eq!(span.is_recording(), recorded);
                    made += usize::from(recorded);
                    open.push((span, recorded));
                }
                Step::End => drop(open.pop()),
                Step::Detach => {
                    if let Some((span, recorded)) = open.pop() {
                        let span = span.detach();
                        span.enter(|| {
                            let inner = tracer.trace("inner");
                            made += usize::from(recorded);
                            assert_eq!(inner.is_recording(), recorded);
                        });
                        apart.push(span);
                    }
                }
                Step::Drain => seen += host.spans().len(),
            }
            let current = tracer.current_span().is_some();
            prop_assert_eq!(current, open.last().is_some_and(|(_, recorded)| *recorded));
        }
        while open.pop().is_some() {}
        drop(apart);
        seen += host.spans().len();
        prop_assert_eq!((seen, sampled_out(tracer)), (made, out));
        // Every slot has been given back.
        let all: Vec<_> = (0..128).map(|_| tracer.trace("kept")).collect();
        prop_assert!(all.iter().all(crate::Span::is_recording));
    }
}

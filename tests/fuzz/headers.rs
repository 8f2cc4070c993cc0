//! The target `headers`.

use std::fmt::{self, Display, Write};

use microspan::SpanContext;
use microspan::propagation::{Behavior, Extracted, Passing, Propagator, Style, decode, encode};

use crate::counting;

const ALL: &[Style] = &[Style::Datadog, Style::TraceContext, Style::B3Multi, Style::B3, Style::Baggage];

/// Each style alone, and all in one.
const PROPAGATORS: [Propagator; 5] = [
    Propagator::new().styles(&[Style::Datadog, Style::Baggage]),
    Propagator::new().styles(&[Style::TraceContext, Style::Baggage]),
    Propagator::new().styles(&[Style::B3Multi]),
    Propagator::new().styles(&[Style::B3]),
    Propagator::new().styles(ALL),
];

/// The limits of what is written, in bytes.
const LIMITS: [(&str, usize); 3] = [("x-datadog-tags", 512), ("tracestate", 512), ("baggage", 8192)];

/// Takes bytes as the headers of a request, `name: value` a line, and as a context in the compact form.
pub fn headers(bytes: &[u8]) {
    compact(bytes);
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let pairs: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
    for propagator in &PROPAGATORS {
        let (extracted, asked) = counting::asked_by(|| {
            let extracted = propagator.extract(pairs.as_slice());
            show(&extracted);
            extracted
        });
        assert_eq!(asked, 0, "no memory is asked for");
        comes_back(propagator, &extracted);
        let restarted = propagator.behavior(Behavior::Restart).extract(pairs.as_slice());
        assert!(restarted.context.is_none() && restarted.links.len() <= 1);
        assert!(restarted.links.iter().all(|link| link.context.is_valid()));
    }
}

/// Reads all that was extracted.
fn show(extracted: &Extracted<'_>) {
    struct Nowhere;
    impl Write for Nowhere {
        fn write_str(&mut self, _: &str) -> fmt::Result {
            Ok(())
        }
    }
    let mut nowhere = Nowhere;
    let mut show = |shown: &dyn Display| write!(nowhere, "{shown}").expect("nothing fails here");
    extracted.passing.tags().for_each(|(key, value)| show(&format_args!("{key}={value}")));
    extracted.passing.baggage().iter().for_each(|(key, value)| show(&format_args!("{key}={value}")));
    extracted.passing.origin().iter().for_each(|origin| show(origin));
    extracted.error.iter().for_each(|error| show(error));
}

/// What was extracted is injected for a span of its trace, and extracted by the next.
fn comes_back(propagator: &Propagator, extracted: &Extracted<'_>) {
    let Some(caller) = extracted.context else { return };
    assert!(caller.names_a_trace());
    let called = SpanContext { span_id: 9, ..caller };
    let (out, is_whole) = inject(propagator, &called, &extracted.passing);
    for (name, value) in &out {
        let limit =
            LIMITS.iter().find(|(limited, _)| limited == name).map_or(usize::MAX, |(_, limit)| *limit);
        assert!(value.len() <= limit, "{name}: {value}");
        let is_ours = *name != "x-datadog-origin";
        assert!(!is_ours || value.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')), "{name}: {value}");
    }
    let next = propagator.extract(out.as_slice());
    let Some(context) = next.context else { panic!("nothing is extracted from {out:?}") };
    // The upper half of the id goes with the tags, which stay here when they are not whole.
    let ids = if is_whole && extracted.error.is_none() { u128::MAX } else { u64::MAX.into() };
    assert_eq!((context.trace_id & ids, context.span_id), (called.trace_id & ids, 9), "{out:?}");
    let kept = called.sampling_priority.unwrap_or(1) > 0;
    assert_eq!(context.sampling_priority.map(|priority| priority > 0), Some(kept), "{out:?}");
}

fn inject(
    propagator: &Propagator,
    context: &SpanContext,
    passing: &Passing<'_>,
) -> (Vec<(&'static str, String)>, bool) {
    let mut out = Vec::new();
    let mut set = |name: &'static str, value: &dyn Display| out.push((name, value.to_string()));
    let injected = propagator.inject(context, passing, &mut set);
    (out, injected.is_ok())
}

/// What is decoded is encoded in no more bytes, and decoded again.
fn compact(bytes: &[u8]) {
    let (decoded, asked) = counting::asked_by(|| decode(bytes));
    assert_eq!(asked, 0, "no memory is asked for");
    let Some((context, decided_by)) = decoded else { return };
    let encoded = encode(&context, decided_by);
    assert!(encoded.len() <= bytes.len());
    assert_eq!(decode(&encoded), Some((context, decided_by)));
    let extracted = Extracted::of_compact(bytes);
    assert_eq!(extracted.and_then(|extracted| extracted.context), context.is_valid().then_some(context));
}

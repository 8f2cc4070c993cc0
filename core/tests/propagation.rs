//! Propagation with whatever comes: nothing panics, and what was written is read as it was.

use core::fmt::Display;
use microspan::SpanContext;
use microspan::propagation::{Extracted, Passing, Propagator, Style, decode, encode};
use proptest::prelude::*;

const ALL: &[Style] = &[Style::Datadog, Style::TraceContext, Style::B3Multi, Style::B3, Style::Baggage];
const EACH: [&[Style]; 4] = [&[Style::Datadog], &[Style::TraceContext], &[Style::B3Multi], &[Style::B3]];
const NAMES: [&str; 13] = [
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-origin",
    "x-datadog-tags",
    "traceparent",
    "tracestate",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-sampled",
    "x-b3-flags",
    "b3",
    "baggage",
];

fn inject(propagator: &Propagator, context: &SpanContext, passing: &Passing<'_>) -> Vec<(String, String)> {
    let mut out = vec![];
    // What does not fit is left out, and so be it.
    let _ = propagator.inject(context, passing, &mut |name: &'static str, value: &dyn Display| {
        out.push((name.to_string(), value.to_string()));
    });
    out
}

fn tags(extracted: &Extracted<'_>) -> Vec<String> {
    let mut tags: Vec<_> = extracted.passing.tags().map(|(key, value)| format!("{key}={value}")).collect();
    tags.sort();
    tags
}

fn context() -> impl Strategy<Value = SpanContext> {
    (1..=u64::MAX, any::<u64>(), 1..=u64::MAX, -1..=2i8).prop_map(|(low, high, span_id, priority)| {
        SpanContext {
            trace_id: u128::from(high) << 64 | u128::from(low),
            span_id,
            sampling_priority: Some(priority),
        }
    })
}

/// Text that looks like a header, or nearly.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[0-9]{1,21}",
        "[0-9a-f]{16}(-[0-9a-f]{16}(-[01d])?)?",
        "0[01]-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3](-x)?",
        "(_dd\\.p\\.[a-z]{1,3}=[ -~]{0,6},?){0,4}",
        "(dd=(s:-?[0-3]|p:[0-9a-f]{16}|o:[a-z~]{1,4}|t\\.[a-z]{1,3}:[ -~]{0,6})(;t\\.dm:-4)?,?|[a-z]{1,3}=[a-z]{0,140},){0,9}",
        "([a-z%0-9=; ]{0,9},?){0,70}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_headers_say_is_read_and_sent_on_and_read_again(
        headers in prop::collection::vec((prop::sample::select(&NAMES[..]), value()), 0..9),
        longest in prop_oneof![Just(512usize), 0..40usize],
    ) {
        let propagator = Propagator::new().styles(ALL).longest_tags(longest);
        let extracted = propagator.extract(headers.as_slice());
        let none = SpanContext { trace_id: 7, span_id: 0, sampling_priority: None };
        let caller = extracted.context.unwrap_or(none);
        // Who sends is a span, whether or not the caller was.
        let context = SpanContext { span_id: if caller.span_id == 0 { 9 } else { caller.span_id }, ..caller };
        let out = inject(&propagator, &context, &extracted.passing);
        let state = out.iter().find(|(name, _)| name == "tracestate").map(|(_, value)| value);
        prop_assert!(state.is_none_or(|state| state.len() <= 512 && state.split(',').count() <= 32), "{:?}", state);
        let again = propagator.extract(out.as_slice());
        // Where its tag is not sent Datadog's headers have no upper half of the trace's id.
        let ids = |context: SpanContext| (context.trace_id as u64, context.span_id);
        prop_assert_eq!(again.context.map(ids), Some(ids(context)));
        prop_assert!(again.error.is_none());
        let baggage = |extracted: &Extracted<'_>| -> Vec<_> {
            extracted.passing.baggage().iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
        };
        // An item of blanks alone is nothing elsewhere.
        if baggage(&extracted).iter().all(|(key, value)| !key.trim().is_empty() && !value.trim().is_empty()) && out.last().is_some_and(|(_, value)| value.len() < 8000) {
            prop_assert_eq!(baggage(&again).len(), baggage(&extracted).len());
        }
    }

    #[test]
    fn what_is_written_in_a_style_is_read_as_it_was(context in context(), style in 0..4usize) {
        let propagator = Propagator::new().styles(EACH[style]);
        let out = inject(&propagator, &context, &Passing::default());
        let read = propagator.extract(out.as_slice()).context.unwrap();
        prop_assert_eq!((read.trace_id, read.span_id), (context.trace_id, context.span_id));
        let priority = match style {
            2 | 3 => context.sampling_priority.map(|priority| priority.max(0)),
            _ => context.sampling_priority,
        };
        prop_assert_eq!(read.sampling_priority, priority);
    }

    #[test]
    fn tags_survive_the_way_through_datadogs_header_and_through_tracestate(
        context in context(),
        pairs in prop::collection::btree_map("[a-z.]{1,5}", "[a-zA-Z0-9=:_/-]{1,8}", 0..6),
    ) {
        let pairs: Vec<_> =
            pairs.iter().filter(|(key, _)| !["tid", "dm"].contains(&key.as_str())).map(|(key, value)| format!("_dd.p.{key}={value}")).collect();
        let text = pairs.join(",");
        let (trace, parent) = (context.trace_id as u64, context.span_id);
        let headers = [
            ("x-datadog-trace-id", trace.to_string()),
            ("x-datadog-parent-id", parent.to_string()),
            ("x-datadog-tags", text),
        ];
        let first = Propagator::new().extract(headers.as_slice());
        let through = Propagator::new().styles(&[Style::TraceContext]);
        let out = inject(&through, &context, &first.passing);
        let second = through.extract(out.as_slice());
        prop_assert_eq!(tags(&first), tags(&second));
        let out = inject(&Propagator::new(), &context, &second.passing);
        prop_assert_eq!(tags(&second), tags(&Propagator::new().extract(out.as_slice())));
    }

    #[test]
    fn bytes_that_are_read_as_a_compact_form_are_what_it_is_written_as(bytes in prop::collection::vec(any::<u8>(), 0..30)) {
        if let Some((context, decided_by)) = decode(&bytes) {
            let again = encode(&context, decided_by);
            prop_assert_eq!(decode(&again), Some((context, decided_by)));
        }
    }
}

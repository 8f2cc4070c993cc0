//! The rules of each style, and of several at once.

use super::*;
extern crate std;
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

mod several;
mod w3c;

type Pairs = Vec<(&'static str, String)>;

fn only(style: &'static [Style]) -> Propagator {
    Propagator::new().styles(style)
}

const DATADOG: &[Style] = &[Style::Datadog];
const TRACE_CONTEXT: &[Style] = &[Style::TraceContext];

fn inject(
    propagator: &Propagator,
    context: &SpanContext,
    passing: &Passing<'_>,
) -> (Pairs, Result<(), PropagationError<'static>>) {
    let mut out = vec![];
    let result =
        propagator.inject(context, passing, &mut |name: &'static str, value: &dyn core::fmt::Display| {
            out.push((name, value.to_string()));
        });
    (out, result)
}

fn header<'p>(pairs: &'p Pairs, name: &str) -> Option<&'p str> {
    pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
}

fn tags(passing: &Passing<'_>) -> Vec<String> {
    passing.tags().map(|(key, value)| format!("{key}={value}")).collect()
}

const CONTEXT: SpanContext =
    SpanContext { trace_id: 0x1111_2222_3333_4444 << 64 | 0xa, span_id: 0xb, sampling_priority: Some(1) };

#[test]
fn datadogs_ids_are_decimal_and_their_upper_half_is_a_tag() {
    let headers = [
        ("X-Datadog-Trace-Id", "18446744073709551615"),
        ("x-datadog-parent-id", "9"),
        ("x-datadog-sampling-priority", "-1"),
        ("x-datadog-origin", "synthetics"),
        (
            "x-datadog-tags",
            "_dd.p.tid=640cfd8d00000000,_dd.p.dm=-4,other=1,_dd.p.upstream_services=x,_dd.p.x= y=z ",
        ),
    ];
    let extracted = only(DATADOG).extract(headers.as_slice());
    let context = extracted.context.unwrap();
    assert_eq!(context.trace_id, 0x640c_fd8d_0000_0000_ffff_ffff_ffff_ffff);
    assert_eq!((context.span_id, context.sampling_priority, extracted.error), (9, Some(-1), None));
    assert_eq!(extracted.passing.origin().unwrap().to_string(), "synthetics");
    assert_eq!(tags(&extracted.passing), ["dm=-4", "x=y=z"]);
    let (out, result) = inject(&only(DATADOG), &context, &extracted.passing);
    assert_eq!(result, Ok(()));
    assert_eq!(header(&out, "x-datadog-tags"), Some("_dd.p.dm=-4,_dd.p.x=y=z,_dd.p.tid=640cfd8d00000000"));
    assert_eq!(header(&out, "x-datadog-sampling-priority"), Some("-1"));
    assert_eq!(header(&out, "x-datadog-origin"), Some("synthetics"));
}

#[test]
fn ids_and_priorities_that_are_no_numbers_reject_the_whole_context() {
    let good =
        [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "9"), ("x-datadog-sampling-priority", "5")];
    assert_eq!(only(DATADOG).extract(good.as_slice()).context.unwrap().sampling_priority, Some(5));
    for (index, values) in [
        (0, &["0", "-7", "x", "", "18446744073709551616", "7 "][..]),
        (1, &["x", "-9", "18446744073709551616"]),
        (2, &["x", "1.0", ""]),
    ] {
        for value in values {
            let mut bad = good;
            bad[index].1 = value;
            assert!(only(DATADOG).extract(bad.as_slice()).context.is_none(), "{value}");
        }
    }
    assert!(only(DATADOG).extract([("x-datadog-parent-id", "9")].as_slice()).context.is_none());
}

fn with_tags(tags: &str) -> [(&'static str, &str); 3] {
    [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "9"), ("x-datadog-tags", tags)]
}

#[test]
fn every_propagation_error_is_told_and_then_no_tags_go_out() {
    let long = format!("_dd.p.x={}", vec!["y"; 505].concat());
    for (header_tags, error, kept) in [
        (long.as_str(), "extract_max_size", &[][..]),
        ("_dd.p.x", "decoding_error", &[]),
        ("_dd.p.x=", "decoding_error", &[]),
        ("=1", "decoding_error", &[]),
        ("_dd.p.a=1,,_dd.p.b=2", "decoding_error", &[]),
        ("_dd.p.a=\t", "decoding_error", &[]),
        ("_dd.p.a=é", "decoding_error", &[]),
        (" _dd.p.a=1", "decoding_error", &[]),
        ("_dd.p.dm=4,_dd.p.a=1", "decoding_error", &["a=1"]),
        ("_dd.p.dm=-256,_dd.p.a=1", "decoding_error", &["a=1"]),
        ("_dd.p.dm=-04", "decoding_error", &[]),
        ("_dd.p.tid=1234,_dd.p.a=1", "malformed_tid 1234", &["a=1"]),
        ("_dd.p.tid=640CFD8D00000000", "malformed_tid 640CFD8D00000000", &[]),
        ("_dd.p.tid=0000000000000000", "malformed_tid 0000000000000000", &[]),
        ("_dd.p.tid=640cfd8d0000000z", "malformed_tid 640cfd8d0000000z", &[]),
    ] {
        let headers = with_tags(header_tags);
        let extracted = only(DATADOG).extract(headers.as_slice());
        assert_eq!(extracted.error.unwrap().to_string(), error, "{header_tags}");
        assert_eq!(extracted.context.unwrap().trace_id, 7, "{header_tags}");
        assert_eq!(tags(&extracted.passing), kept, "{header_tags}");
        let (out, result) = inject(&only(DATADOG), &extracted.context.unwrap(), &extracted.passing);
        assert_eq!((header(&out, "x-datadog-tags"), result), (None, Ok(())), "{header_tags}");
        assert_eq!(header(&out, "x-datadog-trace-id"), Some("7"));
    }
}

#[test]
fn of_two_tags_with_one_key_the_last_holds_and_a_comma_at_the_end_is_none() {
    let headers = with_tags("_dd.p.a=1,_dd.p.tid=x,_dd.p.a=2,_dd.p.tid=0000000000000001,_dd.p.dm=-0,");
    let extracted = only(DATADOG).extract(headers.as_slice());
    assert_eq!((tags(&extracted.passing), extracted.error), (vec!["a=2".into(), "dm=-0".into()], None));
    assert_eq!(extracted.context.unwrap().trace_id, 1 << 64 | 7);
}

#[test]
fn no_more_than_64_tags_travel_however_long_a_header_may_be() {
    let many: Vec<_> = (0..1000).map(|number| format!("_dd.p.k{number}=1")).collect();
    let many = many.join(",");
    let headers = with_tags(&many);
    let extracted = only(DATADOG).longest_tags(usize::MAX).extract(headers.as_slice());
    assert_eq!((tags(&extracted.passing).len(), extracted.error), (64, None));
    let members: Vec<_> = (0..100).map(|number| format!("t.{number}:")).collect();
    let state = format!("dd={}", members.join(";"));
    let parent = [("traceparent", PARENT), ("tracestate", state.as_str())];
    assert_eq!(tags(&only(TRACE_CONTEXT).extract(parent.as_slice()).passing).len(), 64);
}

#[test]
fn tags_that_do_not_fit_or_are_not_wanted_are_left_out_with_an_error() {
    let headers = with_tags("_dd.p.abc=12345");
    let extracted = only(DATADOG).extract(headers.as_slice());
    for (longest, result) in
        [(15, Ok(())), (14, Err(PropagationError::InjectMaxSize)), (0, Err(PropagationError::Disabled))]
    {
        let propagator = only(DATADOG).longest_tags(longest);
        let context = SpanContext { trace_id: 7, ..CONTEXT };
        let (out, is) = inject(&propagator, &context, &extracted.passing);
        assert_eq!(is, result);
        assert_eq!(header(&out, "x-datadog-tags").is_some(), result.is_ok());
    }
    let none = only(DATADOG).longest_tags(0).extract(headers.as_slice());
    assert_eq!(none.error, Some(PropagationError::Disabled));
    let state = [("traceparent", PARENT), ("tracestate", "dd=t.a b:1")];
    let extracted = only(TRACE_CONTEXT).extract(state.as_slice());
    assert_eq!(inject(&only(DATADOG), &CONTEXT, &extracted.passing).1, Err(PropagationError::EncodingError));
}

#[test]
fn a_tag_without_a_name_takes_no_others_with_it_and_an_empty_origin_is_none() {
    let mut headers = with_tags("_dd.p.=x,_dd.p.dm=-4").to_vec();
    headers.push(("x-datadog-origin", ""));
    let extracted = only(DATADOG).extract(headers.as_slice());
    assert!(extracted.passing.origin().is_none());
    let context = SpanContext { trace_id: 7, ..CONTEXT };
    let (out, is) = inject(&only(DATADOG), &context, &extracted.passing);
    assert_eq!((header(&out, "x-datadog-tags"), is), (Some("_dd.p.=x,_dd.p.dm=-4"), Ok(())));
}

const PARENT: &str = "00-0000000000000000000000000000000a-000000000000000b-01";

#[test]
fn a_trace_that_begins_here_says_how_it_was_decided_and_one_that_is_continued_does_not() {
    let fresh = Passing::default();
    let tags = |priority, passing: &Passing<'_>| {
        let context = SpanContext { sampling_priority: priority, ..CONTEXT };
        let (out, _) = inject(&only(DATADOG), &context, passing);
        (
            header(&out, "x-datadog-sampling-priority").unwrap().to_string(),
            header(&out, "x-datadog-tags").unwrap().to_string(),
        )
    };
    let tid = "_dd.p.tid=1111222233334444";
    assert_eq!(tags(None, &fresh), ("1".into(), format!("_dd.p.dm=-0,{tid}")));
    assert_eq!(tags(Some(2), &fresh), ("2".into(), format!("_dd.p.dm=-4,{tid}")));
    assert_eq!(tags(Some(2), &fresh.decided_by(3)), ("2".into(), format!("_dd.p.dm=-3,{tid}")));
    assert_eq!(tags(Some(-1), &fresh), ("-1".into(), tid.into()));
    assert_eq!(tags(Some(-1), &fresh.decided_by(3)), ("-1".into(), format!("_dd.p.dm=-3,{tid}")));
    let headers = [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "9")];
    let extracted = only(DATADOG).extract(headers.as_slice());
    assert_eq!(tags(Some(1), &extracted.passing.decided_by(3)).1, tid);
}

#[test]
fn b3_comes_in_one_header_or_in_several() {
    let several = only(&[Style::B3Multi]);
    let one = only(&[Style::B3]);
    for (state, priority) in [("0", 0), ("1", 1), ("d", 2)] {
        let single = format!("463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-{state}-0000000000000001");
        let single = [("b3", single.as_str())];
        let multi = match state {
            "d" => ("x-b3-flags", "1"),
            _ => ("X-B3-Sampled", state),
        };
        let ids = [("X-B3-TraceId", "463ac35c9f6413ad48485a3953bb6124"), ("X-B3-SpanId", "00f067aa0ba902b7")];
        let multi = [ids[0], ids[1], multi];
        for context in [one.extract(single.as_slice()).context, several.extract(multi.as_slice()).context] {
            let context = context.unwrap();
            assert_eq!(
                (context.trace_id, context.span_id),
                (0x463a_c35c_9f64_13ad_4848_5a39_53bb_6124, 0x00f0_67aa_0ba9_02b7)
            );
            assert_eq!(context.sampling_priority, Some(priority));
            let (out, _) = inject(&one, &context, &Passing::default());
            assert_eq!(out[0].1, format!("463ac35c9f6413ad48485a3953bb6124-00f067aa0ba902b7-{state}"));
            let (out, _) = inject(&several, &context, &Passing::default());
            let expected = if state == "d" { ("x-b3-flags", "1") } else { ("x-b3-sampled", state) };
            assert_eq!((out[2].0, out[2].1.as_str()), expected);
        }
    }
    let short = one.extract([("b3", "000000000000000a-000000000000000b")].as_slice());
    assert_eq!(short.context, Some(SpanContext { trace_id: 10, span_id: 11, sampling_priority: None }));
    assert_eq!(
        inject(&one, &short.context.unwrap(), &Passing::default()).0[0].1,
        "000000000000000a-000000000000000b-1"
    );
}

#[test]
fn b3_that_is_no_number_is_none_and_a_state_alone_is_a_priority() {
    for header in ["", "x-b-1", "a-x-1", "-", "123456789012345678901234567890123-1-1"] {
        let headers = [("b3", header)];
        let extracted = only(&[Style::B3]).extract(headers.as_slice());
        assert!(extracted.context.is_none() && extracted.sampling_priority.is_none(), "{header}");
    }
    let alone = only(&[Style::B3]).extract([("b3", "d")].as_slice());
    assert_eq!((alone.context, alone.sampling_priority), (None, Some(2)));
    let alone = only(&[Style::B3Multi]).extract([("x-b3-sampled", "0")].as_slice());
    assert_eq!((alone.context, alone.sampling_priority), (None, Some(0)));
}

#[test]
fn the_compact_form_holds_every_context_and_refuses_all_else() {
    for trace_id in [10, CONTEXT.trace_id] {
        for sampling_priority in [None, Some(-1), Some(0), Some(1), Some(2)] {
            for decided_by in [None, Some(0), Some(255)] {
                let context = SpanContext { trace_id, span_id: u64::MAX, sampling_priority };
                let bytes = encode(&context, decided_by);
                assert_eq!(
                    bytes.len(),
                    if trace_id == 10 { 17 } else { 25 } + usize::from(decided_by.is_some())
                );
                assert_eq!(decode(&bytes), Some((context, decided_by)));
                for end in 0..bytes.len() {
                    assert_ne!(decode(&bytes[..end]), Some((context, decided_by)));
                }
                let more = [bytes.as_slice(), &[0]].concat();
                assert_ne!(decode(&more), Some((context, decided_by)));
                for bit in 5..8 {
                    let mut later = bytes.clone();
                    later[0] |= 1 << bit;
                    assert_eq!(decode(&later), None);
                }
            }
        }
    }
    let odd = SpanContext { sampling_priority: Some(100), ..CONTEXT };
    assert_eq!(decode(&encode(&odd, None)).unwrap().0.sampling_priority, Some(2));
    assert_eq!(decode(&[5; 17]), None);
}

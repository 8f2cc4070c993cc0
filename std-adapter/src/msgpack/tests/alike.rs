//! A trace is written alike, whatever was written before it.

use std::num::NonZeroU64;

use super::*;
use crate::pipeline::Rates;

/// Traces that differ in all that tags depend on.
fn traces() -> Vec<Trace> {
    let source = |id: u128, tags: Vec<Tag>| {
        Arc::new(Source { service: Some("svc".into()), version: Some("1.2".into()), tags, ..Source::new(id) })
    };
    let plain = source(1, tags([("env", "lab".into())]));
    let device = Arc::new(Source { device: Some("oven".into()), process_id: Some(3), ..Source::new(2) });
    let special = source(3, tags([("language", "C".into()), ("n", Value::Int(1))]));
    let rates = Rates::default();
    let mut assembler = Assembler::new(Limits::default(), Tagging::default()).with_rates(rates.clone());
    let mut all = Vec::new();
    let mut id = 0;
    // A root and its child, as `change` leaves them.
    let mut add = |source: &Arc<Source>, change: &dyn Fn(&mut Span, &mut Span)| {
        id += 1;
        let mut root = Span::new(7 << 64 | id, id as u64, 0, "root", source.clone());
        let mut child = Span::new(root.trace_id, id as u64 + 1000, root.span_id, "child", source.clone());
        root.tags = tags([("own", Value::Int(1))]);
        child.tags = tags([("own", "text".into())]);
        change(&mut root, &mut child);
        assembler.push(child, 0, &mut |_| {});
        assembler.push(root, 0, &mut |_| {});
        assembler.flush(&mut |trace| all.push(trace.clone()));
    };
    for source in [&plain, &device, &special] {
        add(source, &|_, _| {});
        add(source, &|root, child| {
            [root, child].into_iter().for_each(|span| span.tags.push(("env".into(), "own".into())))
        });
        add(source, &|root, _| root.tags.push(("_sampling_priority_v1".into(), Value::Int(2))));
        add(source, &|root, _| root.tags.push(("runtime-id".into(), "own".into())));
        add(source, &|_, child| child.service = Some("other".into()));
        add(source, &|root, child| {
            [root, child].into_iter().for_each(|span| span.service = Some("other".into()))
        });
        add(source, &|root, _| root.service = Some("other".into()));
        add(source, &|root, child| {
            [&mut *root, child].into_iter().for_each(|span| span.service = Some("other".into()));
            root.tags.push(("version".into(), "own".into()));
        });
        add(source, &|root, child| (root.parent_id, child.service) = (99, Some("other".into())));
        add(source, &|_, child| child.extra_mut().removed.push("env".into()));
        add(source, &|root, _| root.clock_error = NonZeroU64::new(7));
        add(source, &|root, _| {
            root.clock_error = NonZeroU64::new(7);
            root.tags.push(("microspan.clock_error_ns".into(), Value::Int(1)));
        });
        add(source, &|root, child| [root, child].into_iter().for_each(|span| span.trace_id = 5));
        add(source, &|root, child| {
            [root, child].into_iter().for_each(|span| (span.remote_parent, span.parent_id) = (true, 9))
        });
    }
    for rate in [0.0, 1.0, 0.5] {
        rates.replace([("service:,env:", rate)]);
        add(&plain, &|_, _| {});
        add(&plain, &|_, child| child.tags.clear());
    }
    all
}

fn body<'a>(traces: impl IntoIterator<Item = &'a Trace>, keep_rate: f64) -> Vec<u8> {
    let mut payload = Payload::new();
    payload.set_keep_rate(keep_rate);
    traces.into_iter().for_each(|trace| assert!(payload.push(trace, usize::MAX)));
    payload.as_bytes()[HEADER..].to_vec()
}

#[test]
fn a_trace_is_the_same_after_any_other() {
    let all = traces();
    for keep_rate in [1.0, 0.5] {
        for (before, trace) in all.iter().flat_map(|before| all.iter().map(move |trace| (before, trace))) {
            let alone = [body([before], keep_rate), body([trace], keep_rate)].concat();
            assert!(body([before, trace], keep_rate) == alone, "{before:?}\n{trace:?}");
            let again = [alone, body([trace], keep_rate)].concat();
            assert!(body([before, trace, trace], keep_rate) == again, "{trace:?}");
        }
    }
}

//! However many kinds of spans there are, each counts once.

use proptest::prelude::*;

use super::*;

/// A root of this resource.
fn root(source: &Arc<Source>, resource: u64) -> Span {
    Span { resource: Some(Text::from(resource.to_string())), ..span_of(source, 1, 0, &[]) }
}

#[test]
fn spans_of_too_many_groups_count_together() {
    let (mut concentrator, source) = (Concentrator::new(), source());
    let many = GROUPS as u64 + 100;
    for resource in (0..many).chain(0..10) {
        add(&mut concentrator, vec![root(&source, resource)], NOW);
    }
    assert_eq!((concentrator.held(), concentrator.overflowed()), (many + 10, 100));
    let payloads = payloads(&mut concentrator);
    let groups = groups(&payloads);
    assert_eq!((groups.len(), hits(&groups)), (GROUPS + 1, many + 10));
    let together: Vec<_> =
        groups.iter().filter(|group| text(group, "Resource") == "tracer_blocked_value").collect();
    let [together] = &together[..] else { panic!("{together:?}") };
    assert_eq!((number(together, "Hits"), number(together, "IsTraceRoot")), (100, 0));
    assert_eq!(list(together, "PeerTags"), ["tracer_blocked_value".into()]);
    // No payload has more than an agent takes, and none is cut.
    let in_payloads: Vec<_> =
        payloads.iter().map(|payload| super::groups(std::slice::from_ref(payload)).len()).collect();
    assert!(in_payloads.iter().all(|groups| *groups <= IN_PAYLOAD), "{in_payloads:?}");
    assert_eq!(payloads.len(), (GROUPS + 1).div_ceil(IN_PAYLOAD));

    // What was taken makes room.
    add(&mut concentrator, vec![root(&source, many)], NOW);
    assert_eq!(concentrator.overflowed(), 100);
}

#[test]
fn spans_that_differ_in_long_texts_count_together() {
    let mut concentrator = Concentrator::new();
    for length in [1_000, 2_000, 9_000, 10_000] {
        let route = Value::Str(Text::from("x".repeat(length)));
        add(&mut concentrator, vec![span(1, 0, &[("http.route", route)])], NOW);
    }
    assert_eq!(concentrator.overflowed(), 2);
    let groups = groups(&payloads(&mut concentrator));
    let mut counts: Vec<_> = groups.iter().map(|group| number(group, "Hits")).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 2]);
}

#[test]
fn spans_of_too_many_sources_count_as_nobodys() {
    let mut concentrator = Concentrator::new();
    let many = BUCKETS as u64 + 50;
    for id in 1..=many {
        let source = Arc::new(Source::new(id.into()));
        add(&mut concentrator, vec![root(&source, 1)], NOW);
    }
    assert_eq!((concentrator.held(), concentrator.overflowed()), (many, 50));
    let payloads = payloads(&mut concentrator);
    assert_eq!((payloads.len(), hits(&groups(&payloads))), (BUCKETS + 1, many));
    assert_eq!((text(&payloads[0], "Env"), hits(&groups(&payloads[..1]))), ("", 50));
}

/// A span of one of a few sources, resources and times; whether it counts.
fn any_span() -> impl Strategy<Value = (Span, bool)> {
    (1..4_u128, 0..6_u64, 0..4_u64, any::<bool>(), any::<bool>(), 0..40 * BUCKET).prop_map(
        |(source, resource, kind, is_inner, error, since)| {
            let mut span = root(&Arc::new(Source::new(source)), resource);
            span.start = (NOW - 20 * BUCKET + since) as i64;
            (span.error, span.parent_id) = (error, if is_inner { 9 } else { 0 });
            let tags: &[(&str, Value)] = match kind {
                0 => &[],
                1 => &[("_dd.measured", Value::Uint(1))],
                2 => &[("span.kind", Value::Str("server".to_owned().into()))],
                _ => &[("span.kind", Value::Str("internal".to_owned().into()))],
            };
            span.tags = tags.iter().map(|(key, value)| (Text::new(key), value.clone())).collect();
            (span, !is_inner || matches!(kind, 1 | 2))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_span_that_counts_counts_once(spans in prop::collection::vec(any_span(), 0..60), breaks in 1..20_u64) {
        let mut concentrator = Concentrator::new();
        let counting = spans.iter().filter(|(_, counts)| *counts).count() as u64;
        let (mut taken, mut now) = (Vec::new(), NOW - 20 * BUCKET);
        for (place, (span, _)) in (0..).zip(spans) {
            add(&mut concentrator, vec![span], now);
            now += BUCKET / 3;
            if place % breaks == 0 {
                taken.extend(concentrator.take(now, false));
            }
            let all = taken.iter().map(Counted::spans).sum::<u64>() + concentrator.held();
            prop_assert!(all <= counting);
        }
        taken.extend(concentrator.take(now, true));
        prop_assert_eq!(taken.iter().map(Counted::spans).sum::<u64>(), counting);
        prop_assert_eq!((concentrator.held(), concentrator.due_in(now)), (0, None));
        for counted in taken {
            let (spans, body) = (counted.spans(), counted.encode(1));
            let payload = rmpv::decode::read_value(&mut &body[..]).expect("MessagePack");
            let groups = groups(std::slice::from_ref(&payload));
            prop_assert_eq!(hits(&groups), spans);
            for group in &groups {
                let sketched = sketch(group, "OkSummary").count() + sketch(group, "ErrorSummary").count();
                prop_assert_eq!(sketched, number(group, "Hits") as f64);
            }
        }
    }
}

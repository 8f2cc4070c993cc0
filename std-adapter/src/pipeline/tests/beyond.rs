//! What spans have beside their tags: a parent elsewhere, baggage, removed keys.

use super::*;

#[test]
fn a_trace_goes_over_to_the_remote_one_that_its_root_continues() {
    let mut bench = bench();
    let remote = 9_u128 << 64 | 8;
    let mut root = Span { parent_id: 77, remote_parent: true, ..span(1, 1, 0) };
    root.extra_mut().remote_trace = Some(remote);
    bench.push(Span { links: vec![Link::new(1, 1), Link::new(3, 1)], ..span(1, 2, 1) }, 0);
    bench.push(root, 0);
    let mut traces = Vec::new();
    let mut see = |trace: &Trace| {
        traces.push(trace.spans().iter().map(|span| (span.trace_id, span.links.clone())).collect::<Vec<_>>());
    };
    bench.assembler.poll(SECOND, &mut see);
    bench.assembler.push(span(1, 3, 1), SECOND, &mut |_| {});
    bench.assembler.push(span(2, 1, 0), SECOND, &mut |_| {});
    bench.assembler.flush(&mut see);
    let links = vec![Link::new(remote, 1), Link::new(3, 1)];
    assert_eq!(traces[0], [(remote, vec![]), (remote, links)]);
    assert_eq!(traces[1..], [vec![(2, vec![])], vec![(remote, vec![])]]);
}

#[test]
fn baggage_with_the_configured_keys_becomes_tags_of_the_local_root() {
    let bagged = |keys| {
        let mut bench = Bench::new(Limits::default(), Tagging { baggage: keys, ..Tagging::default() });
        let with = |mut span: Span, items: &[(&'static str, &'static str)]| {
            span.extra_mut().baggage = items.iter().map(|(k, v)| (Text::from(*k), Text::from(*v))).collect();
            span
        };
        bench.push(with(span(1, 2, 1), &[("user.id", "late"), ("account.id", "7")]), 0);
        bench.push(with(span(1, 1, 0), &[("user.id", "ada"), ("shop", "north")]), 0);
        let seen = bench.flush().0.remove(0);
        let shown = |tags: &BTreeMap<String, String>| {
            let tags = tags.iter().filter(|(key, _)| key.starts_with("baggage."));
            tags.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
        };
        assert!(shown(&seen.tags[1]).is_empty());
        shown(&seen.tags[0])
    };
    assert_eq!(bagged(BaggageKeys::default()), ["baggage.account.id=7", "baggage.user.id=ada"]);
    let all = ["baggage.account.id=7", "baggage.shop=north", "baggage.user.id=ada"];
    assert_eq!(bagged(BaggageKeys::All), all);
    assert!(bagged(BaggageKeys::These(vec![])).is_empty());
}

#[test]
fn a_removed_key_is_not_said_by_the_source_or_the_configuration() {
    let tagging =
        Tagging { env: Some("prod".into()), tags: tags([("a", "1"), ("b", "2")]), ..Tagging::default() };
    let mut bench = Bench::new(Limits::default(), tagging);
    let mut root = span(1, 1, 0);
    root.extra_mut().removed = vec!["env".into(), "a".into(), "_dd.p.dm".into()];
    bench.push(root, 0);
    let seen = &bench.flush().0[0].tags[0];
    let has = |key: &str| seen.contains_key(key);
    assert_eq!(["env", "a", "b", "_dd.p.dm"].map(has), [false, false, true, true]);
}

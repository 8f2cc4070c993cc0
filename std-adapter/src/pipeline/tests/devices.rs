//! What a device says of itself, and texts that it tells late.

use super::*;
use crate::config::Config;
use crate::model::Event;

#[test]
fn a_local_root_says_which_device_made_it_and_by_which_program() {
    let source = Source { device: Some("kitchen-3".into()), build_id: Some("b11d".into()), ..Source::new(1) };
    let source = Arc::new(source);
    let mut bench = bench();
    for mut span in [span(1, 1, 0), span(1, 2, 1)] {
        span.source = source.clone();
        bench.push(span, 0);
    }
    let seen = bench.flush().0.remove(0);
    assert_eq!((&*seen.tags[0]["device.name"], &*seen.tags[0]["build.id"]), ("kitchen-3", "b11d"));
    assert!(!seen.tags[1].contains_key("device.name") && !seen.tags[1].contains_key("build.id"));
}

#[test]
fn a_text_takes_the_place_of_its_stand_in_wherever_it_stands_in_what_is_held() {
    let late = || Text::from("name#1");
    let source = Arc::new(Source { service: Some(late()), ..Source::new(7) });
    let mut root = Span::new(1, 1, 0, late(), source.clone());
    root.resource = Some(late());
    root.tags = vec![(late(), Value::Str(late())), ("n".into(), Value::Int(1))];
    root.events = vec![Event { name: late(), time: 0, attributes: vec![(late(), Value::Bool(true))] }];
    let mut foreign = span(2, 2, 0);
    foreign.name = late();

    let mut bench = bench();
    bench.push(root, 0);
    bench.push(Span::new(1, 3, 1, "name#11", source), 0);
    bench.push(foreign, 0);
    let text = Text::from("a text that is longer than its stand-in, and does not fit in place");
    bench.assembler.correct(7, &late(), &text);
    let mut events = Vec::new();
    bench.assembler.flush(&mut |trace| {
        events.extend(trace.spans().iter().flat_map(|span| span.events.clone()));
        bench.seen.push(see(trace));
    });
    let text = text.as_str();
    assert_eq!(bench.seen[0].spans, [(text, text), ("name#11", text)].map(|(a, b)| (a.into(), b.into())));
    assert_eq!(bench.seen[0].tags[0][text], text);
    assert_eq!((events[0].name.as_str(), events[0].attributes[0].0.as_str()), (text, text));
    assert_eq!(names(&bench.seen[1]), ["name#1"], "another session's");
    assert_eq!(bench.assembler.held(), 0);
}

#[test]
fn what_was_removed_of_that_neither_goes_out_nor_is_seen_by_a_filter() {
    let device = Source { device: Some("kitchen-3".into()), build_id: Some("b11d".into()), ..Source::new(1) };
    let device = Arc::new(device);
    let rejects = |list: &str| Config::from_vars([("DD_APM_FILTER_TAGS_REJECT", list)]);
    for (removed, build_id, is_rejected) in [(&[][..], Some("b11d"), true), (&["build.id"], None, false)] {
        let mut root = span(1, 1, 0);
        root.source = device.clone();
        root.extra_mut().removed = removed.iter().copied().map(Text::from).collect();
        let mut bench = bench();
        bench.push(root.clone(), 0);
        let tags = bench.flush().0.remove(0).tags.remove(0);
        assert_eq!(tags.get("build.id").map(String::as_str), build_id);
        assert_eq!(tags["device.name"], "kitchen-3");
        let mut filtered = Assembler::configured(Limits::default(), &rejects("build.id:b11d"));
        let mut out = 0;
        filtered.push(root, 0, &mut |_| out += 1);
        filtered.flush(&mut |_| out += 1);
        assert_eq!(out == 0, is_rejected);
    }
}

#[test]
fn what_datadog_asks_for_on_each_trace_stays_though_it_is_removed_and_a_filter_sees_it() {
    let mut root = span(1, 1, 0);
    root.extra_mut().removed = vec!["language".into()];
    let mut bench = bench();
    bench.push(root.clone(), 0);
    assert_eq!(bench.flush().0[0].tags[0]["language"], "rust");
    let config = Config::from_vars([("DD_APM_FILTER_TAGS_REJECT", "language:rust")]);
    let mut filtered = Assembler::configured(Limits::default(), &config);
    filtered.push(root, 0, &mut |_| panic!("it is rejected"));
    filtered.flush(&mut |_| panic!("it is rejected"));
}

//! What is written, read back by another MessagePack implementation; and one body to the byte.

mod after;
mod alike;

use std::sync::Arc;

use rmpv::Value as Msg;

use super::*;
use crate::config::Tagging;
use crate::model::{Event, Link, Source, Span, Tag, Value};
use crate::pipeline::{Assembler, Limits};

/// The payload of `spans`, sent through the pipeline.
fn payload(spans: Vec<Span>, tagging: Tagging) -> Payload {
    let mut assembler = Assembler::new(Limits::default(), tagging);
    let mut payload = Payload::new();
    let mut out = |trace: &Trace| assert!(payload.push(trace, usize::MAX));
    spans.into_iter().for_each(|span| assembler.push(span, 0, &mut out));
    assembler.flush(&mut out);
    payload
}

/// The first span of a payload.
fn first(payload: &Payload) -> Msg {
    let msg = rmpv::decode::read_value(&mut payload.as_bytes()).expect("valid MessagePack");
    msg[0][0].clone()
}

fn span() -> Span {
    let source = Source { service: Some("svc".into()), ..Source::new(0xabc) };
    Span { start: 1_700_000_000_000_000_000, duration: 5, ..Span::new(0x1122, 7, 0, "op", Arc::new(source)) }
}

fn tags(list: impl IntoIterator<Item = (&'static str, Value)>) -> Vec<Tag> {
    list.into_iter().map(|(key, value)| (key.into(), value)).collect()
}

fn keys(map: &Msg) -> Vec<&str> {
    map.as_map().expect("a map").iter().filter_map(|(key, _)| key.as_str()).collect()
}

#[test]
fn a_span_with_nothing_to_say_leaves_the_optional_keys_out() {
    let first = first(&payload(vec![span()], Tagging::default()));
    assert_eq!(
        keys(&first),
        ["service", "name", "resource", "trace_id", "span_id", "start", "duration", "meta", "metrics"]
    );
    assert_eq!(first["resource"].as_str(), Some("op"));
}

#[test]
fn a_child_without_tags_has_neither_meta_nor_metrics() {
    let child = Span { parent_id: 7, span_id: 8, ..span() };
    let payload = payload(vec![child, span()], Tagging::default());
    let msg = rmpv::decode::read_value(&mut payload.as_bytes()).expect("valid MessagePack");
    let expected = ["service", "name", "resource", "trace_id", "span_id", "start", "parent_id", "duration"];
    assert_eq!(keys(&msg[0][1]), expected);
}

#[test]
fn every_field_reads_back() {
    let full = Span {
        trace_id: (0x0123_4567_89ab_cdef_u128 << 64) | u128::from(u64::MAX),
        span_id: u64::MAX - 1,
        parent_id: 300,
        remote_parent: true,
        resource: Some("GET /x".into()),
        span_type: Some("web".into()),
        error: true,
        tags: tags([
            ("b", Value::Bool(true)),
            ("i", Value::Int(-3)),
            ("u", Value::Uint(1 << 60)),
            ("f", Value::Float(0.5)),
            ("nan", Value::Float(f64::NAN)),
            ("inf", Value::Float(f64::NEG_INFINITY)),
            ("s", "text".into()),
        ]),
        ..span()
    };
    let first = first(&payload(vec![full], Tagging::default()));
    assert_eq!(first["service"].as_str(), Some("svc"));
    assert_eq!(first["resource"].as_str(), Some("GET /x"));
    assert_eq!(first["type"].as_str(), Some("web"));
    assert_eq!(first["trace_id"].as_u64(), Some(u64::MAX));
    assert_eq!(first["span_id"].as_u64(), Some(u64::MAX - 1));
    assert_eq!(first["parent_id"].as_u64(), Some(300));
    assert_eq!(first["start"].as_i64(), Some(1_700_000_000_000_000_000));
    assert_eq!(first["duration"].as_i64(), Some(5));
    assert_eq!(first["error"].as_i64(), Some(1));
    assert_eq!(keys(&first["meta"]), ["b", "s", "_dd.p.tid", "_dd.p.dm", "runtime-id", "language"]);
    assert_eq!(first["meta"]["b"].as_str(), Some("true"));
    assert_eq!(first["meta"]["_dd.p.tid"].as_str(), Some("0123456789abcdef"));
    assert_eq!(first["meta"]["runtime-id"].as_str(), Some("00000000000000000000000000000abc"));
    assert_eq!(keys(&first["metrics"]), ["i", "u", "f", "_dd.top_level", "_sampling_priority_v1"]);
    assert_eq!(first["metrics"]["i"].as_f64(), Some(-3.0));
    assert_eq!(first["metrics"]["u"].as_f64(), Some((1_u64 << 60) as f64));
}

#[test]
fn links_go_out_with_both_halves_of_their_trace() {
    let wide = Link::new((3 << 64) | u128::from(u64::MAX), 9);
    let narrow = Link::new(5, u64::MAX);
    let first = first(&payload(vec![Span { links: vec![wide, narrow], ..span() }], Tagging::default()));
    let [wide, narrow] = first["span_links"].as_array().expect("an array").as_slice() else {
        panic!("{first:?}")
    };
    assert_eq!(keys(wide), ["trace_id", "trace_id_high", "span_id"]);
    assert_eq!((wide["trace_id"].as_u64(), wide["trace_id_high"].as_u64()), (Some(u64::MAX), Some(3)));
    assert_eq!(wide["span_id"].as_u64(), Some(9));
    assert_eq!(keys(narrow), ["trace_id", "span_id"]);
    assert_eq!((narrow["trace_id"].as_u64(), narrow["span_id"].as_u64()), (Some(5), Some(u64::MAX)));
}

#[test]
fn a_span_with_many_tags_has_maps_with_longer_headers() {
    for count in [15, 16, 70_000] {
        let list = (0..count).flat_map(|i| {
            [(format!("s{i}").into(), Value::from("v")), (format!("n{i}").into(), Value::Uint(i))]
        });
        let first =
            first(&payload(vec![Span { parent_id: 1, tags: list.collect(), ..span() }], Tagging::default()));
        let last = count - 1;
        assert_eq!(first["meta"][format!("s{last}").as_str()].as_str(), Some("v"));
        assert_eq!(first["metrics"][format!("n{last}").as_str()].as_f64(), Some(last as f64));
        assert!(keys(&first["meta"]).len() as u64 >= count && keys(&first["metrics"]).len() as u64 >= count);
    }
}

#[test]
fn a_trace_that_does_not_fit_leaves_the_payload_as_it_was() {
    let mut assembler = Assembler::new(Limits::default(), Tagging::default());
    let mut payload = Payload::new();
    assembler.push(span(), 0, &mut |_| {});
    assembler.push(Span { trace_id: 5, ..span() }, 0, &mut |_| {});
    let (mut taken, mut before) = (0, Vec::new());
    assembler.flush(&mut |trace| {
        if payload.push(trace, 400) {
            taken += 1;
            before = payload.as_bytes().to_vec();
        }
    });
    assert_eq!((taken, payload.traces(), payload.spans()), (1, 1, 1));
    assert_eq!(payload.as_bytes(), before);
    payload.clear();
    assert_eq!(payload.as_bytes(), [0xdd, 0, 0, 0, 0]);
}

/// One body to the byte, written by hand from the MessagePack specification. If this changes, agents see the change.
#[test]
fn the_bytes_stay_as_they_are() {
    let spans = vec![Span { tags: tags([("k", "v".into())]), error: true, ..span() }];
    let mut expected = vec![0xdd, 0, 0, 0, 1, 0x91, 0x8a];
    let mut text = |text: &[u8]| {
        assert!(text.len() < 32, "a length of one byte");
        expected.push(0xa0 | text.len() as u8);
        expected.extend(text);
    };
    text(b"service");
    text(b"svc");
    text(b"name");
    text(b"op");
    text(b"resource");
    text(b"op");
    text(b"trace_id");
    expected.extend([0xcd, 0x11, 0x22]);
    expected.extend(b"\xa7span_id\x07");
    expected.extend(b"\xa5start\xcf\x17\x97\x9c\xfe\x36\x2a\x00\x00");
    expected.extend(b"\xa8duration\x05");
    expected.extend(b"\xa5error\x01");
    expected.extend(b"\xa4meta\x84\xa1k\xa1v\xa8_dd.p.dm\xa2-0");
    expected.extend(b"\xaaruntime-id\xd9\x2000000000000000000000000000000abc");
    expected.extend(b"\xa8language\xa4rust");
    expected.extend(b"\xa7metrics\x82\xad_dd.top_level\xcb\x3f\xf0\0\0\0\0\0\0");
    expected.extend(b"\xb5_sampling_priority_v1\xcb\x3f\xf0\0\0\0\0\0\0");
    assert_eq!(payload(spans, Tagging::default()).as_bytes(), expected);
}

fn eventful() -> Span {
    let attributes = tags([
        ("s", "a \"b\"\n\\".into()),
        ("b", Value::Bool(true)),
        ("i", Value::Int(-3)),
        ("f", Value::Float(2.0)),
        ("nan", Value::Float(f64::NAN)),
    ]);
    let quiet = Event { name: "fall".into(), time: -1, attributes: Vec::new() };
    Span { events: vec![Event { name: "rise".into(), time: 7, attributes }, quiet], ..span() }
}

#[test]
fn events_are_json_in_a_tag_unless_the_agent_takes_them_otherwise() {
    let mut other = eventful();
    other.tags = tags([("events", "own".into())]);
    let first = first(&payload(vec![other], Tagging::default()));
    let expected = concat!(
        r#"[{"name":"rise","time_unix_nano":7,"attributes":{"s":"a \"b\"\u000a\\","b":true,"i":-3,"f":2.0}},"#,
        r#"{"name":"fall","time_unix_nano":0}]"#
    );
    assert_eq!(first["meta"]["events"].as_str(), Some(expected));
    assert_eq!(keys(&first["meta"]).iter().filter(|key| **key == "events").count(), 1);
    assert!(first["span_events"].is_nil());
}

#[test]
fn events_go_out_with_the_types_of_their_attributes() {
    let mut payload = Payload::new();
    payload.set_native_events(true);
    let mut assembler = Assembler::new(Limits::default(), Tagging::default());
    assembler.push(eventful(), 0, &mut |_| {});
    assembler.flush(&mut |trace| assert!(payload.push(trace, usize::MAX)));
    let first = first(&payload);
    let [rise, fall] = first["span_events"].as_array().expect("an array").as_slice() else {
        panic!("{first:?}")
    };
    assert_eq!((rise["name"].as_str(), rise["time_unix_nano"].as_u64()), (Some("rise"), Some(7)));
    let attribute = |key: &str| rise["attributes"][key].as_map().expect("a map")[0].1.as_u64();
    assert_eq!(["s", "b", "i", "f"].map(attribute), [0, 1, 2, 3].map(Some));
    assert_eq!(rise["attributes"]["i"]["int_value"].as_i64(), Some(-3));
    assert_eq!(keys(&rise["attributes"]), ["s", "b", "i", "f"]);
    assert_eq!(keys(fall), ["time_unix_nano", "name"]);
    assert!(first["meta"]["events"].is_nil());
}

#[test]
fn a_link_goes_out_with_its_attributes_and_flags() {
    let attributes = tags([("n", Value::Int(1)), ("why", "x".into())]);
    let tracestate = Some("a=b".into());
    let link = Link { sampled: Some(true), attributes, tracestate, ..Link::new(5, 6) };
    let first = first(&payload(vec![Span { links: vec![link], ..span() }], Tagging::default()));
    let link = &first["span_links"][0];
    assert_eq!(keys(link), ["trace_id", "span_id", "attributes", "tracestate", "flags"]);
    assert_eq!(link["tracestate"].as_str(), Some("a=b"));
    assert_eq!(link["flags"].as_u64(), Some(1 << 31 | 1));
    assert_eq!(
        (link["attributes"]["n"].as_str(), link["attributes"]["why"].as_str()),
        (Some("1"), Some("x"))
    );
}

#[test]
fn the_smaller_form_says_the_same_of_each_span() {
    let mut root = Span { span_type: Some("web".into()), error: true, ..span() };
    root.tags = tags([("s", "svc".into()), ("f", Value::Float(0.5))]);
    let child = Span { parent_id: 7, span_id: 8, name: "child".into(), ..span() };
    let payload = payload(vec![child, root], Tagging::default());
    let body = payload.to_v05().expect("nothing in it that has no place");
    assert!(body.len() < payload.len(), "{} of {}", body.len(), payload.len());

    let small = rmpv::decode::read_value(&mut body.as_slice()).expect("valid MessagePack");
    let large = rmpv::decode::read_value(&mut payload.as_bytes()).expect("valid MessagePack");
    assert_eq!(small[0][0].as_str(), Some(""));
    let said = |number: &Msg| small[0][number.as_u64().expect("a number") as usize].clone();
    let map = |map: &Msg, value: &dyn Fn(&Msg) -> Msg| {
        Msg::Map(map.as_map().expect("a map").iter().map(|(k, v)| (said(k), value(v))).collect())
    };
    for index in 0..2 {
        let (small, large) = (&small[1][0][index], &large[0][index]);
        assert_eq!(small.as_array().map(Vec::len), Some(12));
        for (place, key) in ["service", "name", "resource"].into_iter().enumerate() {
            assert_eq!(said(&small[place]), large[key], "{key}");
        }
        for (place, key) in
            ["trace_id", "span_id", "parent_id", "start", "duration", "error"].iter().enumerate()
        {
            assert_eq!(small[place + 3].as_u64(), large[*key].as_u64().or(Some(0)), "{key}");
        }
        let absent = Msg::Map(Vec::new());
        let there = |key: &str| if large[key].is_nil() { absent.clone() } else { large[key].clone() };
        assert_eq!(map(&small[9], &|value| said(value)), there("meta"));
        assert_eq!(map(&small[10], &Msg::clone), there("metrics"));
        assert_eq!(said(&small[11]).as_str(), large["type"].as_str().or(Some("")));
    }
}

#[test]
fn links_and_events_have_a_place_in_the_smaller_form_as_text_alone() {
    let attributes = tags([("why", "\"so\"".into())]);
    let links = vec![
        Link { sampled: Some(true), attributes, ..Link::new((1 << 64) | 2, 3) },
        Link { tracestate: Some("a=\"b\"".into()), ..Link::new(4, 5) },
    ];
    let events = vec![Event { name: "rise".into(), time: 7, attributes: Vec::new() }];
    let mut assembler = Assembler::new(Limits::default(), Tagging::default());
    let mut both = [Payload::new(), Payload::new()];
    both[1].set_text_links(true);
    assembler.push(Span { links, events, ..span() }, 0, &mut |_| {});
    assembler.flush(&mut |trace| both.iter_mut().for_each(|payload| assert!(payload.push(trace, 9_999))));
    assert_eq!(both[0].to_v05(), None);
    assert!(both[1].to_v05().is_some());
    let first = first(&both[1]);
    assert!(first["span_links"].is_nil());
    let expected = r#"[{"trace_id":"00000000000000010000000000000002","span_id":"0000000000000003","attributes":{"why":"\"so\""},"flags":1},{"trace_id":"00000000000000000000000000000004","span_id":"0000000000000005","tracestate":"a=\"b\""}]"#;
    assert_eq!(first["meta"]["_dd.span_links"].as_str(), Some(expected));
}

#[test]
fn halves_of_a_payload_hold_all_of_its_traces_in_order() {
    let spans = (1..=5).map(|id| Span { trace_id: id, span_id: id as u64, ..span() }).collect();
    let whole = payload(spans, Tagging::default());
    let [first, second] = whole.split().expect("five traces");
    assert_eq!((first.traces() + second.traces(), first.spans() + second.spans()), (5, 5));
    assert!(first.traces().abs_diff(second.traces()) <= 1);
    let traces = |payload: &Payload| match rmpv::decode::read_value(&mut payload.as_bytes()) {
        Ok(Msg::Array(traces)) => traces,
        other => panic!("{other:?}"),
    };
    assert_eq!([traces(&first), traces(&second)].concat(), traces(&whole));
    let [half, _] = second.split().expect("two traces or three");
    assert_eq!(half.split().map(|_| ()), None);
}

#[test]
fn the_share_that_found_room_is_said_on_the_first_span_unless_it_is_all() {
    let child = Span { parent_id: 7, span_id: 8, ..span() };
    let mut assembler = Assembler::new(Limits::default(), Tagging::default());
    for span in [child, span()] {
        assembler.push(span, 0, &mut |_| {});
    }
    let mut payloads = [1.0, 0.25].map(|rate| {
        let mut payload = Payload::new();
        payload.set_keep_rate(rate);
        payload
    });
    assembler.flush(&mut |trace| payloads.iter_mut().for_each(|payload| assert!(payload.push(trace, 9_999))));
    let said = payloads.map(|payload| {
        let msg = rmpv::decode::read_value(&mut payload.as_bytes()).expect("valid MessagePack");
        [0, 1].map(|index: usize| msg[0][index]["metrics"]["_dd.tracer_kr"].as_f64())
    });
    assert_eq!(said, [[None, None], [Some(0.25), None]]);
}

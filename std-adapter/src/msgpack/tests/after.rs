//! Numbers of all sizes, and what is written once for spans that say the same.

use super::*;
use crate::model::{Extra, Text};

/// The keys of a map, if it is there.
fn keys_of(map: &Msg) -> Vec<&str> {
    map.as_map().map_or_else(Vec::new, |_| keys(map))
}

#[test]
fn numbers_of_any_size_read_back() {
    let sizes = [1, 200, 0xffff, 0x1_0000, u64::from(u32::MAX), 1 << 32, u64::MAX >> 1];
    let times = sizes.map(|size| size as i64 / 2).into_iter().chain([-7, i64::MIN]);
    let all = sizes.iter().flat_map(|id| [0, id / 3 + 1].map(|parent| (*id, parent)));
    for ((id, parent_id), time) in all.flat_map(|ids| times.clone().map(move |time| (ids, time))) {
        let trace_id = u128::from(id + 1);
        let span = Span { trace_id, span_id: id, parent_id, start: time, duration: time, ..span() };
        let first = first(&payload(vec![span], Tagging::default()));
        assert_eq!([&first["trace_id"], &first["span_id"]].map(Msg::as_u64), [Some(id + 1), Some(id)]);
        assert_eq!(first["parent_id"].as_u64(), Some(parent_id).filter(|&parent| parent != 0));
        assert_eq!([&first["start"], &first["duration"]].map(Msg::as_i64), [Some(time), Some(time.max(0))]);
    }
}

#[test]
fn each_span_has_its_own_names_also_after_one_with_other_or_the_same() {
    let long = "a_name_that_is_too_long_to_be_held_in_place";
    let named = [
        ("op", None, None),
        ("op", None, None),
        ("op", Some("GET"), None),
        ("op", Some("GET"), Some("other")),
        ("op", None, Some("other")),
        (long, None, Some("other")),
        (long, None, Some("other")),
    ];
    let spans = named.iter().zip(7..).map(|((name, resource, service), span_id)| Span {
        span_id,
        parent_id: if span_id == 7 { 0 } else { 7 },
        name: Text::new(name),
        resource: resource.map(Text::new),
        service: service.map(Text::new),
        ..span()
    });
    let payload = payload(spans.collect(), Tagging::default());
    let msg = rmpv::decode::read_value(&mut payload.as_bytes()).expect("valid MessagePack");
    for (at, (name, resource, service)) in named.into_iter().enumerate() {
        let texts = ["name", "resource", "service"].map(|key| msg[0][at][key].as_str());
        assert_eq!(texts, [Some(name), resource.or(Some(name)), service.or(Some("svc"))]);
    }
}

#[test]
fn each_span_has_its_own_tags_also_after_one_without_any() {
    let removed = Extra { removed: vec!["env".into()], ..Extra::default() };
    let spans = [
        span(),
        span(),
        span(),
        Span { tags: tags([("own", Value::Uint(1))]), ..span() },
        Span { service: Some("other".into()), ..span() },
        Span { extra: Some(Box::new(removed)), ..span() },
        span(),
        Span { parent_id: 11, ..span() },
    ];
    let spans = spans.into_iter().zip(7..).map(|(span, span_id)| Span {
        span_id,
        parent_id: if span_id == 7 { 0 } else { span.parent_id.max(7) },
        ..span
    });
    let tagging = Tagging { env: Some("e".into()), version: Some("1".into()), ..Tagging::default() };
    let payload = payload(spans.collect(), Tagging { service: Some("svc".into()), ..tagging });
    let msg = rmpv::decode::read_value(&mut payload.as_bytes()).expect("valid MessagePack");
    let all =
        (1..8).map(|at| [&msg[0][at]["meta"], &msg[0][at]["metrics"]].map(|map| keys_of(map).join(" ")));
    let expected = [
        ["env version", ""],
        ["env version", ""],
        ["env version", "own"],
        ["env _dd.base_service", "_dd.top_level"],
        ["version", ""],
        ["env version", ""],
        ["env _dd.base_service", ""],
    ];
    assert_eq!(all.collect::<Vec<_>>(), expected);
}

#[test]
fn names_go_out_in_the_agents_form_and_what_it_would_take_away_does_not() {
    let mut root = Span { name: "GET /ofen".into(), service: Some("Die Bäckerei".into()), ..span() };
    root.tags = tags([
        ("env", "1 Lab".into()),
        ("peer.service", "3 Mills!".into()),
        ("http.status_code", "none".into()),
        ("note", "As It Is".into()),
    ]);
    let first = first(&payload(vec![root], Tagging::default()));
    let texts = ["name", "service", "resource"].map(|key| first[key].as_str());
    assert_eq!(texts, [Some("GET_ofen"), Some("die_bäckerei"), Some("GET /ofen")]);
    let meta = &first["meta"];
    let texts = ["env", "peer.service", "_dd.base_service", "note"].map(|key| meta[key].as_str());
    assert_eq!(texts, [Some("lab"), Some("3_mills"), Some("svc"), Some("As It Is")]);
    assert!(meta["http.status_code"].is_nil());
}

#[test]
fn a_span_that_is_its_own_parent_and_trace_has_none() {
    let own = Span { trace_id: 7, span_id: 7, parent_id: 7, ..span() };
    let other = Span { trace_id: 8, ..own.clone() };
    let parent = |span| first(&payload(vec![span], Tagging::default()))["parent_id"].as_u64();
    assert_eq!((parent(own), parent(other)), (None, Some(7)));
}

#[test]
fn events_and_links_that_have_no_room_in_a_tag_are_left_out_and_counted() {
    let name = Text::from("é".repeat(40));
    let events: Vec<_> =
        (0..1_000).map(|time| Event { name: name.clone(), time, attributes: Vec::new() }).collect();
    let links: Vec<_> = (1..1_000).map(|id| Link::new(7, id)).collect();
    let mut assembler = Assembler::new(Limits::default(), Tagging::default());
    let mut payload = Payload::new();
    payload.set_text_links(true);
    assembler.push(Span { events, links, ..span() }, 0, &mut |_| {});
    assembler.flush(&mut |trace| assert!(payload.push(trace, usize::MAX)));
    let first = first(&payload);
    for (key, left_out, all) in
        [("events", "microspan.events_left_out", 1_000), ("_dd.span_links", "microspan.links_left_out", 999)]
    {
        let json = first["meta"][key].as_str().expect("a text");
        assert!((24_800..=25_000).contains(&json.len()), "{}", json.len());
        let there: Vec<serde_json::Value> = serde_json::from_str(json).expect("JSON");
        let missing = first["metrics"][left_out].as_f64().expect("a number");
        assert_eq!(there.len() + missing as usize, all, "{key}");
    }
}

//! Each thing that a payload can get wrong, wrong once.

use rmpv::Value as Msg;

use super::*;

const NOW: i64 = 1_800_000_000_000_000_000;

fn good() -> Vec<(&'static str, Msg)> {
    vec![
        ("service", "svc".into()),
        ("name", "op".into()),
        ("resource", "res".into()),
        ("trace_id", 5_u64.into()),
        ("span_id", 6_u64.into()),
        ("start", NOW.into()),
        ("duration", 7.into()),
        ("meta", Msg::Map(vec![("_dd.p.tid".into(), "00000000000000ff".into())])),
        ("metrics", Msg::Map(vec![("n".into(), Msg::F64(1.5)), ("int".into(), 3.into())])),
    ]
}

/// The good span with one key set to another value, or left out.
fn with(key: &'static str, value: Option<Msg>) -> Vec<(&'static str, Msg)> {
    let mut span = good();
    span.retain(|(k, _)| *k != key);
    span.extend(value.map(|value| (key, value)));
    span
}

fn body(traces: Vec<Vec<Vec<(&'static str, Msg)>>>) -> Vec<u8> {
    let map =
        |span: Vec<(&'static str, Msg)>| Msg::Map(span.into_iter().map(|(k, v)| (k.into(), v)).collect());
    let trace = |spans: Vec<_>| Msg::Array(spans.into_iter().map(map).collect());
    let mut bytes = Vec::new();
    rmpv::encode::write_value(&mut bytes, &Msg::Array(traces.into_iter().map(trace).collect()))
        .expect("in memory");
    bytes
}

fn check_with(headers: &[(&str, &str)], body: &[u8]) -> Result<Vec<Vec<Span>>, String> {
    let all: BTreeMap<&str, &str> = [
        ("content-type", "application/msgpack"),
        ("content-length", "1"),
        ("datadog-meta-tracer-version", "1"),
        ("x-datadog-trace-count", "1"),
    ]
    .into_iter()
    .chain(headers.iter().copied())
    .collect();
    let now = SystemTime::UNIX_EPOCH + Duration::from_nanos(NOW as u64);
    let header = |name: &'static str| all.get(name).copied().filter(|value| *value != "absent");
    payload(header, body, now).map_err(|rejection| rejection.to_string())
}

fn check(span: Vec<(&'static str, Msg)>) -> Result<Vec<Vec<Span>>, String> {
    check_with(&[], &body(vec![vec![good(), span]]))
}

fn reason(span: Vec<(&'static str, Msg)>) -> String {
    check(span).expect_err("something is wrong with it")
}

#[test]
fn a_good_payload_becomes_spans() {
    let spans = check(good()).expect("nothing is wrong with it").remove(0);
    assert_eq!(spans.len(), 2);
    assert_eq!(spans[0].trace_id, (0xff << 64) | 5);
    assert_eq!(spans[0].tag("n"), Some(&Value::Float(1.5)));
    assert_eq!(spans[0].tag("int"), Some(&Value::Float(3.0)));
    assert_eq!((spans[0].parent_id, spans[0].error), (0, false));
}

fn link(trace_id: u64, span_id: u64) -> Msg {
    let fields = [("trace_id", trace_id), ("trace_id_high", 2), ("span_id", span_id)];
    Msg::Map(fields.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
}

#[test]
fn links_come_with_their_span() {
    let span = with("span_links", Some(Msg::Array(vec![link(3, 4)])));
    let spans = check(span).expect("nothing is wrong with it").remove(0);
    assert_eq!(spans[1].links, [Link::new((2 << 64) | 3, 4)]);
}

#[test]
fn what_is_wrong_with_a_span_is_told_with_its_place() {
    let day = 24 * 60 * 60 * 1_000_000_000_i64;
    for (key, value, expected) in [
        ("trace_id", 0.into(), "trace_id is 0"),
        ("span_id", 0.into(), "span_id is 0"),
        ("trace_id", 9.into(), "its trace_id 9 is not that of the first span, 5"),
        ("service", "".into(), "service is empty"),
        ("name", "".into(), "name is empty"),
        ("duration", Msg::from(-1), "duration is negative: -1"),
        ("start", Msg::from(NOW - day - 1), "start 1799913599999999999 is more than a day away from now"),
        ("start", Msg::from(NOW + day + 1), "start 1800086400000000001 is more than a day away from now"),
        ("start", Msg::from(-5), "start -5 is more than a day away from now"),
        ("error", 2.into(), "error is 2, and must be 0 or 1"),
        ("meta", Msg::Map(vec![("n".into(), "x".into())]), "`n` is in meta and in metrics"),
        ("span_links", Msg::Array(vec![link(0, 4)]), "a link has trace_id or span_id 0"),
        ("span_links", Msg::Array(vec![link(3, 4), link(3, 0)]), "a link has trace_id or span_id 0"),
        ("metrics", Msg::Map(vec![("inf".into(), Msg::F64(f64::INFINITY))]), "the metric `inf` is inf"),
    ] {
        assert_eq!(reason(with(key, Some(value))), format!("trace 0, span 1: {expected}"));
    }
}

#[test]
fn a_missing_key_or_a_wrong_type_cannot_be_decoded() {
    for key in ["service", "name", "resource", "trace_id", "span_id", "start", "duration"] {
        assert!(reason(with(key, None)).contains(&format!("missing field `{key}`")));
    }
    for (key, value) in [
        ("trace_id", Msg::from("5")),
        ("service", Msg::Nil),
        ("meta", Msg::Map(vec![("k".into(), 1.into())])),
        ("metrics", Msg::Map(vec![("k".into(), "1".into())])),
    ] {
        assert!(reason(with(key, Some(value))).starts_with("cannot decode the body"));
    }
}

#[test]
fn every_header_that_is_asked_for_is_looked_at() {
    let body = body(vec![vec![good()]]);
    let reason = |name, value| check_with(&[(name, value)], &body).expect_err("a bad header");
    assert!(
        reason("content-type", "application/json").starts_with("Content-Type is Some(\"application/json\")")
    );
    for name in ["content-length", "datadog-meta-tracer-version", "x-datadog-trace-count"] {
        assert_eq!(reason(name, "absent"), format!("header {name}: it is missing"));
    }
    let expected = "header x-datadog-trace-count: it is `2`, and there are 1 traces";
    assert_eq!(reason("x-datadog-trace-count", "2"), expected);
}

#[test]
fn an_empty_trace_a_cut_body_and_a_trailing_byte_are_refused() {
    assert_eq!(check_with(&[], &body(vec![vec![]])).expect_err("empty"), "trace 0 is empty");
    let mut whole = body(vec![vec![good()]]);
    for end in 0..whole.len() {
        assert!(check_with(&[], &whole[..end]).is_err());
    }
    whole.push(0xc0);
    assert_eq!(check_with(&[], &whole).expect_err("too long"), "1 bytes follow the array of traces");
    let mut odd = good();
    odd[7].1 = Msg::Map(vec![("_dd.p.tid".into(), "ff".into())]);
    assert!(check_with(&[], &body(vec![vec![odd]])).expect_err("odd").contains("_dd.p.tid is `ff`"));
}

fn event(name: &str, kind: u8, field: &str) -> Msg {
    let value = Msg::Map(vec![("type".into(), kind.into()), (field.into(), "x".into())]);
    Msg::Map(vec![
        ("name".into(), name.into()),
        ("time_unix_nano".into(), 7.into()),
        ("attributes".into(), Msg::Map(vec![("key".into(), value)])),
    ])
}

#[test]
fn events_come_with_their_span_and_are_looked_at() {
    let events = |event| with("span_events", Some(Msg::Array(vec![event])));
    let spans = check(events(event("rise", 0, "string_value"))).expect("nothing is wrong with it").remove(0);
    let found = &spans[1].events[0];
    assert_eq!((found.name.as_str(), found.time), ("rise", 7));
    assert_eq!(found.attributes, [("key".into(), Value::from("x"))]);
    assert!(reason(events(event("", 0, "string_value"))).ends_with("an event has no name"));
    for (kind, field) in [(1, "string_value"), (0, "value"), (9, "string_value")] {
        let reason = reason(events(event("rise", kind, field)));
        assert!(reason.ends_with("an attribute of an event is not of the type it says"), "{reason}");
    }
    for (json, is_good) in [
        (r#"[{"name":"rise","time_unix_nano":7}]"#, true),
        (r#"[{"name":"rise"}]"#, false),
        ("{}", false),
        ("[", false),
    ] {
        let meta = Msg::Map(vec![("events".into(), json.into())]);
        assert_eq!(check(with("meta", Some(meta))).is_ok(), is_good, "{json}");
    }
}

#[test]
fn a_link_says_that_its_flags_are_set() {
    let with_flags = |flags: u32| {
        let fields = [("trace_id", 3), ("span_id", 4), ("flags", u64::from(flags))];
        let link = Msg::Map(fields.into_iter().map(|(key, value)| (key.into(), value.into())).collect());
        with("span_links", Some(Msg::Array(vec![link])))
    };
    let spans = check(with_flags(1 << 31)).expect("nothing is wrong with it").remove(0);
    assert_eq!(spans[1].links[0].sampled, Some(false));
    assert!(reason(with_flags(1)).ends_with("a link has flags without bit 31"));
}

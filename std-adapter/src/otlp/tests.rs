//! What a backend of OpenTelemetry reads.

use std::num::NonZeroU64;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span as Sent};

use super::*;
use crate::config::{Config, SpanRule};
use crate::model::{Event, Link, Source, Span, Tag, Text, Value};
use crate::pipeline::{Assembler, Limits};

const START: i64 = 1_700_000_000_000_000_000;
const TRACE: u128 = 0x1111_2222_3333_4444_5555_6666_7777_8888;

fn span(id: u64, parent: u64, source: &Arc<Source>) -> Span {
    Span { start: START, duration: 50, ..Span::new(TRACE, id, parent, "step", source.clone()) }
}

fn tags<const N: usize>(tags: [(&'static str, Value); N]) -> Vec<Tag> {
    tags.map(|(key, value)| (Text::from(key), value)).to_vec()
}

/// What is read of a request with these spans.
fn read(spans: Vec<Span>, config: &Config) -> Vec<ResourceSpans> {
    let mut assembler = Assembler::configured(Limits::default(), config);
    for span in spans {
        assembler.push(span, 0, &mut |_| {});
    }
    let mut request = Request::new();
    assembler.flush(&mut |trace| assert!(request.push(trace, 1_000_000)));
    ExportTraceServiceRequest::decode(request.as_bytes()).expect("what was written").resource_spans
}

/// What is read of one span with these changes.
fn sent(change: impl FnOnce(&mut Span)) -> Sent {
    let mut span = span(1, 0, &Arc::new(Source::new(7)));
    change(&mut span);
    read(vec![span], &Config::new()).remove(0).scope_spans.remove(0).spans.remove(0)
}

/// Attributes, each with the first letter of its type.
fn shown(attributes: &[KeyValue]) -> Vec<String> {
    let value = |attribute: &KeyValue| match attribute.value.as_ref().and_then(|any| any.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => format!("s:{text}"),
        Some(any_value::Value::BoolValue(value)) => format!("b:{value}"),
        Some(any_value::Value::IntValue(value)) => format!("i:{value}"),
        Some(any_value::Value::DoubleValue(value)) => format!("d:{value}"),
        other => panic!("{other:?}"),
    };
    attributes.iter().map(|attribute| format!("{}={}", attribute.key, value(attribute))).collect()
}

#[test]
fn a_span_has_its_ids_whole_its_times_and_its_place_in_the_trace() {
    let found = sent(|span| (span.parent_id, span.remote_parent) = (9, true));
    assert_eq!((found.trace_id, found.span_id), (TRACE.to_be_bytes().to_vec(), 1_u64.to_be_bytes().to_vec()));
    assert_eq!(found.parent_span_id, 9_u64.to_be_bytes());
    assert_eq!((found.start_time_unix_nano, found.end_time_unix_nano), (START as u64, START as u64 + 50));
    // Sampled; that its parent is elsewhere is known, and so.
    assert_eq!((found.flags, sent(|_| {}).flags), (0x301, 0x101));
    assert!(sent(|_| {}).parent_span_id.is_empty());
    let early = sent(|span| span.start = -70);
    assert_eq!((early.start_time_unix_nano, early.end_time_unix_nano), (0, 0));
}

#[test]
fn the_resource_names_a_span_and_the_rest_of_what_it_is_stands_in_attributes() {
    let plain = sent(|_| {});
    assert_eq!(
        (plain.name.as_str(), shown(&plain.attributes)),
        ("step", vec!["operation.name=s:step".to_owned()])
    );
    let told = sent(|span| {
        (span.resource, span.span_type) = (Some("GET /".into()), Some("web".into()));
        span.clock_error = NonZeroU64::new(40);
    });
    assert_eq!(told.name, "GET /");
    let all = [
        "operation.name=s:step",
        "resource.name=s:GET /",
        "span.type=s:web",
        "microspan.clock_error_ns=i:40",
    ];
    assert_eq!(shown(&told.attributes), all);
    let own = sent(|span| span.tags = tags([("operation.name", "mine".into())]));
    assert_eq!(shown(&own.attributes), ["operation.name=s:mine"]);
}

#[test]
fn a_value_goes_out_as_what_it_is_and_datadogs_own_marks_do_not() {
    let found = sent(|span| {
        span.tags = tags([
            ("yes", Value::Bool(true)),
            ("int", Value::Int(i64::MIN)),
            ("uint", Value::Uint(7)),
            ("huge", Value::Uint(u64::MAX)),
            ("float", Value::Float(2.5)),
            ("text", "rye".into()),
            ("_dd.p.dm", "-1".into()),
            ("_sampling_priority_v1", Value::Int(1)),
        ]);
    });
    let expected = [
        "operation.name=s:step",
        "yes=b:true",
        "int=i:-9223372036854775808",
        "uint=i:7",
        "huge=s:18446744073709551615",
        "float=d:2.5",
        "text=s:rye",
    ];
    assert_eq!(shown(&found.attributes), expected);
}

#[test]
fn the_kind_is_what_the_span_says_or_its_type_lets_one_think() {
    use SpanKind::{Client, Consumer, Internal, Producer, Server};
    for (told, span_type, kind) in [
        (Some("server"), None, Server),
        (Some("Client"), Some("web"), Client),
        (Some("producer"), None, Producer),
        (Some("consumer"), None, Consumer),
        (Some("internal"), Some("web"), Internal),
        (None, Some("web"), Server),
        (None, Some("db"), Internal),
        (None, None, Internal),
        (Some("other"), None, Internal),
    ] {
        let found = sent(|span| {
            span.tags = told.map(|told| ("span.kind".into(), Value::from(told))).into_iter().collect();
            span.span_type = span_type.map(Text::from);
        });
        assert_eq!(found.kind, i32::from(kind), "{told:?} {span_type:?}");
        let is_there = found.attributes.iter().any(|attribute| attribute.key == "span.kind");
        assert_eq!(is_there, told == Some("other"), "{told:?}");
    }
}

#[test]
fn an_error_is_a_status_and_an_exception_at_its_end() {
    let said = [("error.type", "Jam"), ("error.message", "stuck"), ("error.stack", "at 1"), ("a", "b")];
    let said = said.map(|(key, value)| (key, Value::from(value)));
    let found = sent(|span| (span.error, span.tags) = (true, tags(said.clone())));
    let status = found.status.expect("a status");
    assert_eq!((status.code, status.message.as_str()), (StatusCode::Error.into(), "stuck"));
    assert_eq!(shown(&found.attributes), ["operation.name=s:step", "error.type=s:Jam", "a=s:b"]);
    assert_eq!(found.events.len(), 1);
    assert_eq!(
        (found.events[0].name.as_str(), found.events[0].time_unix_nano),
        ("exception", START as u64 + 50)
    );
    let attributes = ["exception.type=s:Jam", "exception.message=s:stuck", "exception.stacktrace=s:at 1"];
    assert_eq!(shown(&found.events[0].attributes), attributes);

    let bare = sent(|span| span.error = true);
    assert_eq!(
        (bare.status.map(|status| status.code), bare.events.len()),
        (Some(StatusCode::Error.into()), 0)
    );
    // One that the program recorded stands alone, and nothing is lost.
    let own = sent(|span| {
        (span.error, span.tags) = (true, tags(said.clone()));
        span.events = vec![Event { name: "exception".into(), time: START + 3, attributes: Vec::new() }];
    });
    assert_eq!((own.events.len(), own.events[0].time_unix_nano), (1, START as u64 + 3));
    assert!(shown(&own.attributes).contains(&"error.stack=s:at 1".to_owned()));
    // What says of an error and is none stays a tag.
    let none = sent(|span| span.tags = tags(said.clone()));
    assert_eq!((none.status, none.events.len(), none.attributes.len()), (None, 0, 5));
}

#[test]
fn a_status_and_a_state_that_came_with_the_trace_have_their_own_places() {
    let found =
        sent(|span| span.tags = tags([("otel.status_code", "Ok".into()), ("w3c.tracestate", "a=b".into())]));
    assert_eq!(found.status.map(|status| status.code), Some(StatusCode::Ok.into()));
    assert_eq!((found.trace_state.as_str(), found.attributes.len()), ("a=b", 1));
    assert_eq!(sent(|span| span.tags = tags([("otel.status_code", "Unset".into())])).status, None);
}

#[test]
fn events_and_links_keep_their_attributes() {
    let found = sent(|span| {
        let attributes = tags([("n", Value::Uint(3))]);
        span.events = vec![Event { name: "rise".into(), time: START + 7, attributes: attributes.clone() }];
        span.links = vec![
            Link { sampled: Some(true), attributes, ..Link::new(TRACE + 1, 5) },
            Link { sampled: Some(false), tracestate: Some("a=b".into()), ..Link::new(2, 6) },
        ];
    });
    let event = &found.events[0];
    assert_eq!((event.name.as_str(), event.time_unix_nano), ("rise", START as u64 + 7));
    assert_eq!(
        (shown(&event.attributes), shown(&found.links[0].attributes)),
        (vec!["n=i:3".into()], vec!["n=i:3".into()])
    );
    let ids = |link: &opentelemetry_proto::tonic::trace::v1::span::Link| {
        (link.trace_id.clone(), link.span_id.clone())
    };
    assert_eq!(ids(&found.links[0]), ((TRACE + 1).to_be_bytes().to_vec(), 5_u64.to_be_bytes().to_vec()));
    assert_eq!(ids(&found.links[1]), (2_u128.to_be_bytes().to_vec(), 6_u64.to_be_bytes().to_vec()));
    assert_eq!([found.links[0].flags, found.links[1].flags], [1, 0]);
    assert_eq!([&found.links[0].trace_state, &found.links[1].trace_state], ["", "a=b"]);
}

#[test]
fn what_is_beyond_opentelemetrys_limits_is_counted() {
    let many = |count: usize| -> Vec<Tag> {
        (0..count).map(|n| (Text::from(format!("k{n}")), Value::Uint(n as u64))).collect()
    };
    let found = sent(|span| {
        // With the operation's name one more.
        span.tags = many(128);
        span.events = (0..130).map(|n| Event { name: "e".into(), time: n, attributes: many(131) }).collect();
        span.links = (1..=140).map(|n| Link { attributes: many(132), ..Link::new(1, n) }).collect();
    });
    assert_eq!((found.attributes.len(), found.dropped_attributes_count), (128, 1));
    assert_eq!((found.events.len(), found.dropped_events_count), (128, 2));
    assert_eq!((found.links.len(), found.dropped_links_count), (128, 12));
    assert_eq!((found.events[0].dropped_attributes_count, found.links[0].dropped_attributes_count), (3, 4));
}

#[test]
fn a_resource_says_who_made_the_spans_of_a_service() {
    let device = Source {
        service: Some("kitchen".into()),
        version: Some("1.2".into()),
        device: Some("oven-1".into()),
        build_id: Some("abab".into()),
        process_id: Some(31),
        tags: tags([
            ("rack", Value::Uint(4)),
            ("env", "lab".into()),
            ("service.name", "no".into()),
            ("_dd.x", "y".into()),
        ]),
        ..Source::new(7)
    };
    let device = Arc::new(device);
    let mut spans = vec![span(1, 0, &device), span(2, 1, &device), span(3, 1, &device), span(4, 2, &device)];
    spans[1].service = Some("till".into());
    spans[2].extra_mut().removed = vec!["rack".into(), "version".into()];
    let config = Config::from_vars([("DD_TAGS", "team:bread,env:prod")]);
    let found = read(spans, &config);
    let sdk = ["telemetry.sdk.name=s:microspan", "telemetry.sdk.language=s:rust"];
    let sdk = sdk
        .map(str::to_owned)
        .into_iter()
        .chain([format!("telemetry.sdk.version=s:{}", env!("CARGO_PKG_VERSION"))]);
    let sdk: Vec<String> = sdk.collect();
    let expected = |service: &str, version: &str, rack: &str| -> Vec<String> {
        let who = [
            "service.instance.id=s:00000000000000000000000000000007",
            "host.name=s:oven-1",
            "device.name=s:oven-1",
            "build.id=s:abab",
        ];
        let start = [service, version].into_iter().chain(who).map(str::to_owned);
        let end = ["process.pid=i:31", rack, "deployment.environment.name=s:lab", "team=s:bread"]
            .map(str::to_owned);
        start.chain(sdk.clone()).chain(end).filter(|attribute| !attribute.is_empty()).collect()
    };
    let resources: Vec<_> = found
        .iter()
        .map(|resource| {
            (shown(&resource.resource.as_ref().expect("one").attributes), resource.scope_spans[0].spans.len())
        })
        .collect();
    assert_eq!(resources[0], (expected("service.name=s:kitchen", "service.version=s:1.2", "rack=i:4"), 1));
    // A child is of its parent's service, and the version is of the main one.
    assert_eq!(resources[1], (expected("service.name=s:till", "", "rack=i:4"), 2));
    assert_eq!(resources[2], (expected("service.name=s:kitchen", "", ""), 1));
    assert_eq!(resources.len(), 3);
    let scope = found[0].scope_spans[0].scope.as_ref().expect("a scope");
    assert_eq!((scope.name.as_str(), scope.version.as_str()), ("microspan", env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_a_span_removed_of_its_device_is_not_said_of_who_made_it() {
    let device = Source { device: Some("oven-1".into()), build_id: Some("abab".into()), ..Source::new(7) };
    let mut root = span(1, 0, &Arc::new(device));
    root.extra_mut().removed = vec!["device.name".into(), "build.id".into()];
    let found = read(vec![root], &Config::new()).remove(0).resource.expect("one");
    let said = shown(&found.attributes).join(" ");
    assert!(!["host.name", "device.name", "build.id"].iter().any(|key| said.contains(key)), "{said}");
}

#[test]
fn of_a_trace_that_is_not_kept_only_the_spans_go_out_that_a_rule_picked() {
    let source = Arc::new(Source::new(7));
    let rule =
        SpanRule { service: "*".to_owned(), name: "picked".to_owned(), rate: 1.0, max_per_second: None };
    let config = Config::new().with_sample_rate(0.0).with_span_sampling_rules(vec![rule]);
    let mut spans = vec![span(1, 0, &source), span(2, 1, &source)];
    assert!(read(spans.clone(), &config).is_empty());
    spans[1].name = "picked".into();
    let found = read(spans, &config);
    let sent = &found[0].scope_spans[0].spans;
    assert_eq!((found.len(), sent.len(), sent[0].name.as_str(), sent[0].flags), (1, 1, "picked", 0x100));
}

#[test]
fn requests_are_bounded_and_can_be_split_at_traces() {
    let source = Arc::new(Source::new(7));
    let mut request = Request::new();
    let push = |trace: u128, limit: usize, request: &mut Request| {
        let mut assembler = Assembler::configured(Limits::default(), &Config::new());
        assembler.push(Span { trace_id: trace, ..span(1, 0, &source) }, 0, &mut |_| {});
        let mut is_taken = false;
        assembler.flush(&mut |trace| is_taken = request.push(trace, limit));
        is_taken
    };
    assert!(push(1, 10_000, &mut request));
    let one = request.len();
    assert!(request.split().is_none());
    assert!(!push(2, 2 * one - 1, &mut request), "a byte too many");
    assert_eq!((request.len(), request.traces()), (one, 1));
    assert!(push(2, 2 * one, &mut request) && push(3, 10_000, &mut request));
    assert_eq!((request.traces(), request.spans(), request.len()), (3, 3, 3 * one));
    let [first, second] = request.split().expect("three traces");
    assert_eq!([first.as_bytes(), second.as_bytes()].concat(), request.as_bytes());
    assert_eq!((first.traces() + second.traces(), first.spans() + second.spans()), (3, 3));
    let whole = ExportTraceServiceRequest::decode(second.as_bytes()).expect("a request");
    assert_eq!(whole.resource_spans.len() as u32, second.traces());
    request.clear();
    assert!(request.is_empty() && request.as_bytes().is_empty());
}

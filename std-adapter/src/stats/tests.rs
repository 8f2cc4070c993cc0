//! What counts, in which bucket, and how it goes out.

mod bounds;
mod keys;

use std::sync::Arc;

use libdd_ddsketch::DDSketch;
use rmpv::Value as Packed;

use super::*;
use crate::config::Config;
use crate::model::{Source, Tag, Text, Value};
use crate::pipeline::{Assembler, Limits};

/// A time that is the start of a bucket.
const NOW: u64 = 1_700_000_000_000_000_000;
const SECOND: u64 = 1_000_000_000;

/// A span of `source` that ended just now.
fn span_of(source: &Arc<Source>, id: u64, parent: u64, tags: &[(&'static str, Value)]) -> Span {
    let mut span = Span::new(7, id, parent, "bake", source.clone());
    (span.start, span.duration) = ((NOW - 2_000) as i64, 1_000);
    span.tags = tags.iter().map(|(key, value)| -> Tag { (Text::from(*key), value.clone()) }).collect();
    span
}

fn source() -> Arc<Source> {
    Arc::new(Source { service: Some("bakery".into()), ..Source::new(1) })
}

fn span(id: u64, parent: u64, tags: &[(&'static str, Value)]) -> Span {
    span_of(&source(), id, parent, tags)
}

/// Has these spans counted, as they come out of the pipeline.
fn add(concentrator: &mut Concentrator, spans: Vec<Span>, now: u64) {
    let config = Config::from_vars([("DD_ENV", "lab"), ("DD_VERSION", "1.2"), ("DD_SERVICE", "bakery")]);
    let mut assembler = Assembler::configured(Limits::default(), &config);
    spans.into_iter().for_each(|span| assembler.push(span, 0, &mut |_| {}));
    assembler.flush(&mut |trace| concentrator.add(trace, now));
}

/// All that was counted, decoded: payloads.
fn payloads(concentrator: &mut Concentrator) -> Vec<Packed> {
    let taken = concentrator.take(NOW, true);
    let bodies = (1..).zip(taken).map(|(sequence, counted)| counted.encode(sequence));
    bodies.map(|body| rmpv::decode::read_value(&mut &body[..]).expect("MessagePack")).collect()
}

fn get<'a>(map: &'a Packed, key: &str) -> &'a Packed {
    let mut entries = map.as_map().expect("a map").iter();
    &entries.find(|(name, _)| name.as_str() == Some(key)).unwrap_or_else(|| panic!("no {key}")).1
}

fn list<'a>(map: &'a Packed, key: &str) -> &'a [Packed] {
    get(map, key).as_array().expect("a list")
}

fn number(map: &Packed, key: &str) -> u64 {
    get(map, key).as_u64().unwrap_or_else(|| panic!("{key} is no number"))
}

fn text<'a>(map: &'a Packed, key: &str) -> &'a str {
    get(map, key).as_str().unwrap_or_else(|| panic!("{key} is no text"))
}

/// The groups of all payloads and buckets.
fn groups(payloads: &[Packed]) -> Vec<Packed> {
    let buckets = payloads.iter().flat_map(|payload| list(payload, "Stats"));
    buckets.flat_map(|bucket| list(bucket, "Stats")).cloned().collect()
}

/// The groups of these spans.
fn counted(spans: Vec<Span>) -> Vec<Packed> {
    let mut concentrator = Concentrator::new();
    add(&mut concentrator, spans, NOW);
    groups(&payloads(&mut concentrator))
}

fn hits(groups: &[Packed]) -> u64 {
    groups.iter().map(|group| number(group, "Hits")).sum()
}

fn sketch(group: &Packed, key: &str) -> DDSketch {
    DDSketch::from_encoded(get(group, key).as_slice().expect("bytes")).expect("a sketch")
}

#[test]
fn a_payload_says_who_counted_what_and_when() {
    let mut concentrator = Concentrator::new();
    let mut failed = span(2, 1, &[("span.kind", "client".into()), ("http.status_code", Value::Int(503))]);
    (failed.error, failed.service) = (true, Some("oven".into()));
    add(&mut concentrator, vec![failed, span(1, 0, &[])], NOW);
    assert_eq!(concentrator.held(), 2);
    let payloads = payloads(&mut concentrator);
    assert!(concentrator.is_empty() && concentrator.held() == 0);
    let [payload] = &payloads[..] else { panic!("{payloads:?}") };
    for (key, expected) in [
        ("Hostname", ""),
        ("Env", "lab"),
        ("Version", "1.2"),
        ("Service", "bakery"),
        ("Lang", "rust"),
        ("TracerVersion", env!("CARGO_PKG_VERSION")),
        ("RuntimeID", "00000000000000000000000000000001"),
    ] {
        assert_eq!(text(payload, key), expected, "{key}");
    }
    assert_eq!(number(payload, "Sequence"), 1);
    let [bucket] = list(payload, "Stats") else { panic!("{payload}") };
    assert_eq!((number(bucket, "Start"), number(bucket, "Duration")), (NOW - BUCKET, BUCKET));

    let mut groups = groups(&payloads);
    groups.sort_by_key(|group| text(group, "Service").to_owned());
    let [bakery, oven] = &groups[..] else { panic!("{groups:?}") };
    assert_eq!(
        (text(bakery, "Service"), text(bakery, "Name"), text(bakery, "Resource")),
        ("bakery", "bake", "bake")
    );
    let counts = |group| {
        ["Hits", "Errors", "TopLevelHits", "Duration", "IsTraceRoot", "HTTPStatusCode"]
            .map(|key| number(group, key))
    };
    assert_eq!((counts(bakery), counts(oven)), ([1, 0, 1, 1_000, 1, 0], [1, 1, 1, 1_000, 2, 503]));
    assert_eq!((text(oven, "SpanKind"), get(oven, "Synthetics").as_bool()), ("client", Some(false)));
    let counts = |group| ["OkSummary", "ErrorSummary"].map(|key| sketch(group, key).count());
    assert_eq!((counts(bakery), counts(oven)), ([1.0, 0.0], [0.0, 1.0]));
}

#[test]
fn what_enters_a_service_counts_and_what_is_measured_or_of_a_kind() {
    let one = Value::Int(1);
    for (tags, counts) in [
        (&[][..], false),
        (&[("_dd.measured", one.clone())], true),
        (&[("_dd.measured", Value::Int(0))], false),
        (&[("span.kind", "client".into())], true),
        (&[("span.kind", "Server".into())], true),
        (&[("span.kind", "producer".into())], true),
        (&[("span.kind", "consumer".into())], true),
        (&[("span.kind", "internal".into())], false),
    ] {
        let groups = counted(vec![span(2, 1, tags), span(1, 0, &[])]);
        assert_eq!(hits(&groups), 1 + u64::from(counts), "{tags:?}");
        let top: u64 = groups.iter().map(|group| number(group, "TopLevelHits")).sum();
        assert_eq!(top, 1, "{tags:?}");
    }
    let other = Span { service: Some("oven".into()), ..span(2, 1, &[]) };
    let groups = counted(vec![other, span(1, 0, &[])]);
    assert_eq!(groups.iter().map(|group| number(group, "TopLevelHits")).sum::<u64>(), 2);
}

#[test]
fn the_agent_says_which_kinds_count() {
    let mut concentrator = Concentrator::new();
    let spans = || ["client", "internal"].map(|kind| span(2, 1, &[("span.kind", kind.into())])).to_vec();
    let mut hits_with = |kinds: Option<&[String]>| {
        concentrator.set_kinds(kinds);
        spans().into_iter().for_each(|span| add(&mut concentrator, vec![span], NOW));
        hits(&groups(&payloads(&mut concentrator)))
    };
    // They have no root here, and are not top-level.
    assert_eq!(hits_with(Some(&["internal".to_owned(), "client".to_owned()])), 2);
    assert_eq!(hits_with(Some(&["internal".to_owned()])), 1);
    assert_eq!(hits_with(Some(&[])), 0);
    assert_eq!(hits_with(None), 1);
}

#[test]
fn a_span_counts_in_the_ten_seconds_in_which_it_ended_if_they_are_not_sent_yet() {
    let mut concentrator = Concentrator::new();
    let ended = |at: u64| Span { start: at as i64 - 1_000, ..span(1, 0, &[]) };
    let now = NOW + 3 * SECOND;
    for end in [NOW + 1, NOW - 1, NOW - BUCKET, NOW - 100 * BUCKET, NOW + 100 * BUCKET] {
        add(&mut concentrator, vec![ended(end)], now);
    }
    add(&mut concentrator, vec![Span { start: i64::MIN, ..ended(0) }], now);
    assert_eq!(concentrator.due_in(now), Some(7 * SECOND));
    assert!(concentrator.take(NOW + BUCKET - 1, false).is_empty());
    let spans = |taken: Vec<Counted>| taken.iter().map(Counted::spans).sum::<u64>();
    assert_eq!(spans(concentrator.take(NOW + BUCKET, false)), 4);
    assert_eq!((concentrator.held(), concentrator.due_in(NOW + BUCKET)), (2, Some(BUCKET)));
    assert_eq!(spans(concentrator.take(NOW + 2 * BUCKET, false)), 2);
    assert_eq!((concentrator.held(), concentrator.due_in(now)), (0, None));
}

#[test]
fn quantiles_are_within_a_hundredth() {
    let mut concentrator = Concentrator::new();
    // From a microsecond to ten seconds, evenly by their logarithms, in a scattered order.
    let duration = |rank: u64| (1_000.0 * 10_f64.powf(7.0 * rank as f64 / 9_999.0)) as i64;
    for round in 0..10_000 {
        let duration = duration(round * 7_919 % 10_000);
        let start = NOW as i64 - duration;
        add(&mut concentrator, vec![Span { start, duration, ..span(1, 0, &[]) }], NOW);
    }
    let groups = groups(&payloads(&mut concentrator));
    let bins = sketch(&groups[0], "OkSummary").ordered_bins();
    assert_eq!(bins.iter().map(|(_, count)| count).sum::<f64>(), 10_000.0);
    for rank in [1, 10, 100, 5_000, 9_000, 9_900, 9_999] {
        let mut below = 0.0;
        let bin = bins.iter().find(|(_, count)| {
            below += count;
            below > rank as f64
        });
        let (value, exact) = (bin.expect("a bin").0, duration(rank) as f64);
        assert!((value / exact - 1.0).abs() < 0.01, "{rank}: {value} for {exact}");
    }
}

#[test]
fn what_each_source_says_of_itself_stands_over_its_own_spans() {
    let mut concentrator = Concentrator::new();
    for (id, env) in [(1, "lab"), (2, "field")] {
        let mut source = Source::new(id);
        source.set_tag("env", env.into());
        source.set_tag("service", "motor".into());
        add(&mut concentrator, vec![span_of(&Arc::new(source), 1, 0, &[])], NOW);
    }
    let payloads = payloads(&mut concentrator);
    let said: Vec<_> =
        payloads.iter().map(|payload| ["Env", "Version", "Service"].map(|key| text(payload, key))).collect();
    assert_eq!(said, [["lab", "", "motor"], ["field", "", "motor"]]);
}

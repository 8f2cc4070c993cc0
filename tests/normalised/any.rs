//! Any text as any name.

use std::sync::Arc;

use libdd_trace_normalization::normalize_utils::{normalize_name, normalize_tag_cloned};
use libdd_trace_protobuf::pb;
use microspan_std::config::Tagging;
use microspan_std::model::{Source, Span, Tag, Text, Value};
use microspan_std::msgpack::Payload;
use microspan_std::pipeline::{Assembler, Limits, Rates};
use microspan_std::stats::Concentrator;
use proptest::prelude::*;

use super::{START, assert_unchanged};

/// Characters of which the agent leaves some, replaces some, and makes some small: also where the small one is as wide, narrower, wider.
const OF_NOTE: &str = "aZ09__..-:/ !,\n\0éÉßẞſİK ÅȺǅªⅣⓐ²๑कि窯ПÿŸ🔥\u{301}\u{fffd}";

/// Beyond this no text grows, above all limits.
const LONGEST: usize = 30_000;

fn any_text() -> impl Strategy<Value = String> {
    let of_note = proptest::sample::select(OF_NOTE.chars().collect::<Vec<_>>());
    let letter = (b'a'..=b'z').prop_map(char::from);
    let unit = proptest::collection::vec(prop_oneof![of_note, letter, any::<char>()], 0..12);
    let times = prop_oneof![6 => 1..2_usize, 3 => 1..40_usize, 1 => 1..6_000_usize];
    proptest::collection::vec((unit, times), 0..4).prop_map(|parts| {
        let parts = parts.into_iter().map(|(unit, times)| unit.into_iter().collect::<String>().repeat(times));
        let mut text = parts.collect::<String>();
        text.truncate(text.floor_char_boundary(LONGEST));
        text
    })
}

/// What a program says.
#[derive(Debug)]
struct Said {
    env: String,
    main: String,
    service: String,
    name: String,
    resource: String,
    span_type: String,
    peer: String,
    key: String,
    value: String,
    metric: String,
}

fn any_said() -> impl Strategy<Value = Said> {
    proptest::collection::vec(any_text(), 10).prop_map(|texts| {
        let texts: [String; 10] = texts.try_into().expect("as many as there are");
        let [env, main, service, name, resource, span_type, peer, key, value, metric] = texts;
        Said { env, main, service, name, resource, span_type, peer, key, value, metric }
    })
}

/// A root of the main service and a call of another one, as the agent reads them, and what is counted of them.
fn sent(said: &Said) -> (Vec<pb::Span>, pb::ClientStatsPayload) {
    let value = |text: &str| Value::Str(Text::new(text));
    let env: Tag = ("env".into(), value(&said.env));
    let source = Source { service: Some(Text::new(&said.main)), tags: vec![env], ..Source::new(7) };
    let source = Arc::new(source);
    let mut assembler = Assembler::new(Limits::default(), Tagging::default());
    for (id, parent) in [(1, 0), (2, 1)] {
        let name = Text::new(&said.name);
        let mut span = Span { start: START, duration: 5, ..Span::new(9, id, parent, name, source.clone()) };
        span.resource = Some(Text::new(&said.resource));
        span.span_type = Some(Text::new(&said.span_type));
        span.service = Some(Text::new(&said.service)).filter(|_| id == 2);
        span.tags = vec![
            (Text::new(&said.key), value(&said.value)),
            (Text::new(&said.metric), Value::Float(0.5)),
            ("span.kind".into(), "client".into()),
            ("peer.service".into(), value(&said.peer)),
        ];
        assembler.push(span, 0, &mut |_| {});
    }
    let (mut payload, mut concentrator) = (Payload::new(), Concentrator::new());
    concentrator.set_peer_tags(&["peer.service".to_owned()]);
    assembler.flush(&mut |trace| {
        assert!(payload.push(trace, usize::MAX));
        concentrator.add(trace, START as u64);
    });
    let mut traces: Vec<Vec<pb::Span>> = rmp_serde::from_slice(payload.as_bytes()).expect("spans");
    let counted = concentrator.take(START as u64, true).remove(0).encode(1);
    (traces.remove(0), rmp_serde::from_slice(&counted).expect("statistics"))
}

/// What the agent would make of the text of a service. The oracle would take away what is no letter at its beginning, so one is put there.
fn of_service(text: &str) -> String {
    normalize_tag_cloned(&format!("a{text}")).split_off(1)
}

/// Whether a text went out as it is, or cut to this limit.
fn assert_cut(sent: &str, said: &str, most: usize, what: &str) {
    if said.len() <= most {
        assert_eq!(sent, said, "{what}");
    } else {
        let begin = sent.strip_suffix("...").unwrap_or_else(|| panic!("{what} does not say that it was cut"));
        assert!(said.starts_with(begin) && (most - 3..=most).contains(&sent.len()), "{what}: {sent}");
    }
}

/// Whether a service whose text is first cut to this length went out as the agent would make it.
fn assert_service(sent: &str, said: &str, most: usize, what: &str) {
    assert_eq!(of_service(sent), sent, "{what}");
    match of_service(&cut(said, most)) {
        normal if normal.len() <= 100 => assert_eq!(sent, normal, "{what}"),
        _ => assert!(sent.len() <= 100 && sent.ends_with("..."), "{what}: {sent}"),
    }
    assert!(said.len() <= most || sent.ends_with("..."), "{what} does not say that it was cut: {sent}");
}

/// A text of at most so many bytes, as the pipeline cuts it before it goes out.
fn cut(text: &str, most: usize) -> Text {
    let mut text = Text::new(text);
    text.truncate(most);
    text
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_goes_out_as_the_agent_would_leave_it(said in any_said()) {
        let (spans, _) = sent(&said);
        let [root, call] = &spans[..] else { panic!("{spans:?}") };
        let named: Vec<_> =
            spans.iter().map(|span| pb::Span { service: "a".to_owned(), ..span.clone() }).collect();
        assert_unchanged(&named, "all but the service");

        let unnamed = "unnamed-rust-service";
        let or_unnamed = |text: &str| match of_service(text) {
            normal if normal.is_empty() && text.len() <= 100 => unnamed.to_owned(),
            _ => text.to_owned(),
        };
        assert_service(&root.service, &or_unnamed(&said.main), 100, "the main service");
        let service = if said.service.is_empty() { &said.main } else { &said.service };
        assert_service(&call.service, &or_unnamed(service), 100, "a service");
        for span in &spans {
            // The agent leaves no such run in a name; the oracle does.
            assert!(!["__", "._", "_."].iter().any(|run| span.name.contains(run)), "{}", span.name);
            let alphanumeric = |text: &str| -> String {
                let text = text.chars().skip_while(|c| !c.is_ascii_alphabetic());
                text.filter(char::is_ascii_alphanumeric).collect()
            };
            match alphanumeric(&said.name) {
                letters if letters.is_empty() => assert_eq!(span.name, "unnamed_operation"),
                letters if said.name.len() <= 100 => assert_eq!(alphanumeric(&span.name), letters),
                _ if alphanumeric(&cut(&said.name, 100)).is_empty() => {
                    assert_eq!(span.name, "unnamed_operation");
                }
                _ => assert!(span.name.len() <= 100 && span.name.ends_with("..."), "{}", span.name),
            }
            if !said.resource.is_empty() {
                assert_cut(&span.resource, &said.resource, 5_000, "a resource");
            }
            assert_cut(&span.r#type, &said.span_type, 100, "a type");
            assert_service(&span.meta["peer.service"], &said.peer, 25_000, "a peer");
            let env = &span.meta["env"];
            match normalize_tag_cloned(&cut(&said.env, 25_000)) {
                // The oracle cuts without a mark, and takes a `_` from the end.
                normal if normal.chars().count() < 199 && normal.len() < 399 => assert_eq!(*env, normal),
                normal => {
                    assert!(env.chars().count() <= 200 && env.len() <= 400, "{env}");
                    assert!(env.ends_with("...") || *env == normal, "{env}");
                }
            }
            if said.key != said.metric && (said.key.len() <= 200) {
                assert_cut(&span.meta[&said.key], &said.value, 25_000, "a value");
            }
            for key in span.meta.keys().chain(span.metrics.keys()) {
                assert!(key.len() <= 200, "{key}");
                assert!(key.len() < 197 || [&said.key, &said.metric].contains(&key) || key.ends_with("..."));
            }
        }
    }

    #[test]
    fn what_is_counted_and_what_the_agent_asks_for_has_the_names_that_are_sent(said in any_said()) {
        let (spans, counted) = sent(&said);
        let env = &spans[0].meta["env"];
        prop_assert_eq!(&counted.env, env);
        prop_assert_eq!(&counted.service, &spans[0].service);
        let mut groups: Vec<_> = counted.stats.iter().flat_map(|bucket| &bucket.stats).collect();
        groups.sort_by_key(|group| group.is_trace_root);
        prop_assert_eq!(groups.len(), 2);
        for (group, span) in groups.into_iter().zip(&spans) {
            let mut name = group.name.clone();
            normalize_name(&mut name);
            prop_assert_eq!(&group.name, &name);
            let counted = [&group.name, &group.service, &group.resource, &group.r#type];
            prop_assert_eq!(counted, [&span.name, &span.service, &span.resource, &span.r#type]);
            if let [peer] = &group.peer_tags[..] && !peer.contains("blocked-ip") {
                let peer = peer.strip_prefix("peer.service").expect("its key");
                prop_assert_eq!(peer.strip_prefix(':').unwrap_or_default(), &span.meta["peer.service"]);
            }
        }
        let rates = Rates::default();
        rates.replace([(format!("service:{},env:{env}", spans[1].service), 0.5)]);
        let service = if said.service.is_empty() { &said.main } else { &said.service };
        if !service.is_empty() {
            // The pipeline cuts both before it asks, as they are cut before they are sent.
            prop_assert_eq!(rates.rate(&cut(service, 100), &cut(&said.env, 25_000)), Some(0.5));
        }
    }
}

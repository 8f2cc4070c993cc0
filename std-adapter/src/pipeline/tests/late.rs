//! Parts that come after their root.

use super::*;
use crate::config::Config;

fn configured(variables: &[(&str, &str)]) -> Bench {
    let config = Config::from_vars(variables.iter().copied());
    let limits = Limits { trace_max_spans: 4, ..Limits::default() };
    Bench { assembler: Assembler::configured(limits, &config), seen: Vec::new() }
}

/// A root that continues a trace of elsewhere.
fn root(said: &[(&'static str, Value)]) -> Span {
    let tags = said.iter().map(|(key, value)| (Text::from(*key), value.clone())).collect();
    Span { remote_parent: true, tags, ..span(1, 1, 9) }
}

fn said(seen: &Seen) -> (String, String) {
    let [priority, mechanism] = ["_sampling_priority_v1", "_dd.p.dm"].map(|key| seen.tags[0].get(key));
    (priority.cloned().unwrap_or_default(), mechanism.cloned().unwrap_or_default())
}

const REQUIRED: (&str, &str) = ("DD_APM_FILTER_TAGS_REQUIRE", "wanted:yes");

#[test]
fn what_came_with_the_root_or_was_said_by_hand_holds_for_the_parts_after_it() {
    let priority = |priority| ("_sampling_priority_v1", Value::Int(priority));
    let wanted = ("wanted", Value::from("yes"));
    let by_hand = ("manual.drop", Value::Bool(true));
    for variables in [&[][..], &[("DD_TRACE_SAMPLE_RATE", "1")], &[REQUIRED]] {
        for (tags, expected) in [
            (&[priority(-1), ("_dd.p.dm", "-3".into()), wanted.clone()][..], ("-1", "-3")),
            (&[priority(2), wanted.clone()], ("2", "")),
            (&[by_hand.clone(), wanted.clone()], ("-1", "-4")),
            (&[("_dd.rule_psr", Value::Float(0.5)), wanted.clone()], ("2", "-3")),
        ] {
            let mut bench = configured(variables);
            (2..=4).for_each(|id| bench.push(span(1, id, 1), 0));
            bench.push(root(tags), 0);
            bench.push(span(1, 5, 1), 0);
            bench.poll(60 * SECOND);
            bench.push(span(1, 6, 1), 60 * SECOND);
            let (seen, counters) = bench.flush();
            assert_eq!(seen.iter().map(|seen| seen.spans.len()).collect::<Vec<_>>(), [4, 1, 1]);
            let expected = (expected.0.to_owned(), expected.1.to_owned());
            assert!(seen.iter().all(|seen| said(seen) == expected), "{variables:?} {tags:?} {seen:?}");
            assert_eq!(counters.filtered_spans, 0);
        }
    }
}

#[test]
fn a_part_after_a_root_that_passed_passes_and_is_decided_on_by_the_same_rule() {
    let rules = ("DD_TRACE_SAMPLING_RULES", r#"[{"sample_rate":0,"name":"s1"}]"#);
    let mut bench = configured(&[REQUIRED, rules]);
    bench.push(root(&[("wanted", "yes".into())]), 0);
    bench.poll(SECOND);
    bench.push(span(1, 2, 1), SECOND);
    bench.push(span(2, 3, 1), SECOND);
    let (seen, counters) = bench.flush();
    assert_eq!((seen.len(), counters.filtered_spans), (2, 1));
    assert!(seen.iter().all(|seen| said(seen) == ("-1".to_owned(), "-3".to_owned())), "{seen:?}");
}

#[test]
fn a_part_after_a_root_that_the_agents_rate_decided_on_follows_that() {
    let mut bench = configured(&[]);
    let rates = Rates::default();
    rates.replace([("service:main,env:", 0.5)]);
    bench.assembler = bench.assembler.with_rates(rates.clone());
    bench.push(span(10, 1, 0), 0);
    bench.poll(SECOND);
    rates.replace([("service:main,env:", 1.0)]);
    bench.push(span(10, 2, 1), SECOND);
    let seen = bench.flush().0;
    assert_eq!(seen.iter().map(|seen| said(seen).0).collect::<Vec<_>>(), ["0", "0"]);
}

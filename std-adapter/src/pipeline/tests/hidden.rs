//! What replace rules hide.

use super::*;
use crate::config::Config;
use crate::model::Event;

/// A bench that applies these rules, with the tag `owner=jo@x.io` on all spans.
fn hiding(rules: &str) -> Bench {
    let config = Config::from_vars([("DD_APM_REPLACE_TAGS", rules), ("DD_TAGS", "owner:jo@x.io")]);
    assert_eq!(config.warnings, []);
    Bench { assembler: Assembler::configured(Limits::default(), &config), seen: Vec::new() }
}

/// The resource and the tags of a span that went through.
fn through(rules: &str, span: Span) -> (String, BTreeMap<String, String>) {
    let mut bench = hiding(rules);
    bench.push(span, 0);
    let mut resource = String::new();
    let mut tags = BTreeMap::new();
    bench.assembler.flush(&mut |trace| {
        resource = trace.spans()[0].resource.as_deref().unwrap_or("none").to_owned();
        tags = see(trace).tags.remove(0);
    });
    (resource, tags)
}

fn sample() -> Span {
    let mut all = tags([("mail", "jo@x.io"), ("error.stack", "at jo@x.io"), ("_dd.p.jo", "jo@x.io")]);
    all.push(("card".into(), Value::Int(4_111_222)));
    Span { resource: Some("GET /user/jo@x.io".into()), tags: all, ..span(1, 1, 0) }
}

#[test]
fn a_rule_looks_into_what_it_names() {
    let (resource, tags) = through(r#"[{"name":"mail","pattern":"^([a-z]+)@.*","repl":"$1@?"}]"#, sample());
    assert_eq!((tags["mail"].as_str(), tags["error.stack"].as_str()), ("jo@?", "at jo@x.io"));
    assert_eq!((tags["owner"].as_str(), resource.as_str()), ("jo@x.io", "GET /user/jo@x.io"));

    let (resource, tags) =
        through(r#"[{"name":"resource.name","pattern":"user/.*","repl":"user/?"}]"#, sample());
    assert_eq!((resource.as_str(), tags["mail"].as_str()), ("GET /user/?", "jo@x.io"));

    let (_, tags) = through(r#"[{"name":"error.*","pattern":"jo@x.io","repl":"?"}]"#, sample());
    assert_eq!((tags["error.stack"].as_str(), tags["mail"].as_str()), ("at ?", "jo@x.io"));
}

#[test]
fn a_star_looks_everywhere_but_into_what_is_datadogs() {
    let (resource, tags) = through(r#"[{"name":"*","pattern":"jo@x.io","repl":"?"}]"#, sample());
    assert_eq!(resource, "GET /user/?");
    assert_eq!(
        ["mail", "error.stack", "owner", "_dd.p.jo"].map(|key| tags[key].as_str()),
        ["?", "at ?", "?", "jo@x.io"]
    );
}

#[test]
fn a_number_is_replaced_as_it_is_written_and_stays_one_if_it_can() {
    let card = |rule: &str| through(rule, sample()).1["card"].clone();
    assert_eq!(card(r#"[{"name":"card","pattern":"^411","repl":"000"}]"#), "1222");
    assert_eq!(card(r#"[{"name":"card","pattern":"[0-9]{4}$","repl":"x"}]"#), "411x");
}

#[test]
fn rules_hold_one_after_the_other_and_a_resource_that_is_none_is_the_name() {
    let rules = r#"[{"name":"*","pattern":"s1","repl":"s2"},{"name":"*","pattern":"s2","repl":"s3"}]"#;
    assert_eq!(through(rules, span(1, 1, 0)).0, "s3");
    assert_eq!(through(rules, span(1, 7, 0)).0, "none");
}

#[test]
fn what_grows_is_cut_where_any_text_is() {
    let mut span = sample();
    span.resource = Some("a".repeat(5_000).into());
    span.tags =
        vec![("long".into(), Value::Str("a".repeat(25_000).into())), ("n".into(), Value::Int(i64::MIN))];
    let grown = "xyz".repeat(300) + "é";
    let (resource, tags) = through(&format!(r#"[{{"name":"*","pattern":".","repl":"{grown}"}}]"#), span);
    let cut = |bytes: usize| grown.repeat(30)[..bytes - 3].to_owned() + "...";
    assert_eq!((resource, &tags["long"]), (cut(5_000), &cut(25_000)));
    assert_eq!(tags["n"], grown.repeat(20));
}

#[test]
fn attributes_of_events_and_links_are_looked_into_and_by_a_star_what_events_are_called() {
    for (target, name) in [("a", "for jo"), ("*", "for ?")] {
        let mut span = sample();
        let link = Link { attributes: tags([("a", "jo@x.io")]), ..Link::new(1, 1) };
        span.links.push(link);
        span.events.push(Event { name: "for jo".into(), time: 0, attributes: tags([("a", "jo@x.io")]) });
        let mut bench = hiding(&format!(r#"[{{"name":"{target}","pattern":"jo","repl":"?"}}]"#));
        bench.push(span, 0);
        bench.assembler.flush(&mut |trace| {
            let hidden = tags([("a", "?@x.io")]);
            let span = &trace.spans()[0];
            assert_eq!((&span.links[0].attributes, &span.events[0].attributes), (&hidden, &hidden));
            assert_eq!(span.events[0].name, name);
        });
    }
}

#[test]
fn what_a_device_says_of_itself_is_hidden_as_well() {
    let source = Source { device: Some("jo@x.io".into()), version: Some("jo@x.io".into()), ..Source::new(1) };
    let span = Span { source: Arc::new(source), ..sample() };
    let (_, tags) = through(r#"[{"name":"*","pattern":"jo@x.io","repl":"?"}]"#, span);
    assert_eq!((tags["device.name"].as_str(), tags["version"].as_str()), ("?", "?"));
}

#[test]
fn filters_and_rules_of_sampling_see_what_is_hidden_later() {
    let config = Config::from_vars([
        ("DD_APM_REPLACE_TAGS", r#"[{"name":"*","pattern":"jo","repl":"?"}]"#),
        ("DD_TRACE_SAMPLING_RULES", r#"[{"sample_rate":0,"tags":{"mail":"jo*"}}]"#),
    ]);
    let assembler = Assembler::configured(Limits::default(), &config);
    let mut bench = Bench { assembler, seen: Vec::new() };
    bench.push(sample(), 0);
    let seen = bench.flush().0;
    assert_eq!(seen[0].tags[0]["_sampling_priority_v1"], "-1");
    assert_eq!(seen[0].tags[0]["mail"], "?@x.io");
}

//! Rules for sampling, filters, and what is hidden.

use std::io::Write;

use super::*;

fn shown(variable: &'static str, value: &str) -> (String, Vec<String>) {
    let config = config(&[(variable, value)]);
    let settings = config.settings();
    let setting = settings.into_iter().find(|setting| setting.name == variable).expect("a setting");
    (setting.value, config.warnings.into_iter().map(|warning| warning.instead).collect())
}

#[test]
fn sampling_rules_are_read_one_by_one() {
    let (rules, wrong) = shown(
        "DD_TRACE_SAMPLING_RULES",
        r#"[{"sample_rate":"0.5","service":"a*","tags":{"n":7}},{"name":"x"},7,{"sample_rate":2},{"sample_rate":1,"name":3}]"#,
    );
    assert_eq!(rules, r#"[{"sample_rate":0.5,"service":"a*","tags":{"n":"7"}}]"#);
    assert_eq!(
        wrong,
        [
            "rule 2 has no `sample_rate`, rule 3 is no object, rule 4 has a `sample_rate` that is not from 0 to 1, \
          rule 5 has a `name` that is no text; the rest is used"
        ]
    );
    let (rules, wrong) = shown("DD_TRACE_SAMPLING_RULES", "{}");
    assert_eq!((rules.as_str(), wrong[0].as_str()), ("", "not a list in JSON; nothing of it is used"));
    assert!(shown("DD_TRACE_SAMPLING_RULES", "[{]").1[0].starts_with("not JSON (key must be a string"));
}

#[test]
fn a_rule_with_a_key_that_none_has_is_not_used_as_it_would_be_for_more_than_was_meant() {
    let (rules, wrong) = shown(
        "DD_TRACE_SAMPLING_RULES",
        r#"[{"sample_rate":0,"resorce":"GET /health"},{"sample_rate":1,"service":"a","name":"b","resource":"c","tags":{},"provenance":"customer"}]"#,
    );
    assert_eq!(
        rules,
        r#"[{"name":"b","provenance":"customer","resource":"c","sample_rate":1.0,"service":"a"}]"#
    );
    assert_eq!(wrong, ["rule 1 has the unknown key `resorce`; the rest is used"]);
    let (rules, wrong) = shown(
        "DD_SPAN_SAMPLING_RULES",
        r#"[{"resource":"x"},{"service":"a","name":"b","sample_rate":1,"max_per_second":2},{}]"#,
    );
    assert_eq!(
        rules,
        r#"[{"max_per_second":2.0,"name":"b","sample_rate":1.0,"service":"a"},{"name":"*","sample_rate":1.0,"service":"*"}]"#
    );
    assert_eq!(wrong, ["rule 1 has the unknown key `resource`; the rest is used"]);
}

#[test]
fn who_made_a_rule_is_its_mechanism() {
    let rules = r#"[{"sample_rate":1,"provenance":"customer"},{"sample_rate":1,"provenance":"dynamic"},{"sample_rate":1}]"#;
    let config = config(&[("DD_TRACE_SAMPLING_RULES", rules)]);
    let mechanisms: Vec<_> = config.sampling.rules.iter().map(|rule| rule.mechanism).collect();
    assert_eq!(mechanisms, [11, 12, 3]);
    let shown: Vec<_> =
        config.sampling.rules.iter().map(|rule| rule.to_json()["provenance"].clone()).collect();
    assert_eq!(shown, ["customer".into(), "dynamic".into(), serde_json::Value::Null]);
}

#[test]
fn a_limit_below_zero_is_none() {
    let limit = |value| config(&[("DD_TRACE_RATE_LIMIT", value)]).sampling.limit;
    assert_eq!((limit("-1"), limit("0"), limit("2.5")), (None, Some(0.0), Some(2.5)));
}

#[test]
fn a_limit_of_spans_below_zero_is_none() {
    let limit = |value| {
        let rules = format!(r#"[{{"name":"a","max_per_second":{value}}}]"#);
        let config = config(&[("DD_SPAN_SAMPLING_RULES", &rules)]);
        assert_eq!(config.warnings, []);
        config.sampling.spans[0].max_per_second
    };
    assert_eq!((limit("-1"), limit("\"-1\""), limit("0"), limit("2.5")), (None, None, Some(0.0), Some(2.5)));
}

#[test]
fn rules_for_spans_come_from_the_variable_or_else_from_the_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(br#"[{"name":"in.file","max_per_second":3}]"#).unwrap();
    let path = file.path().to_str().unwrap();
    let by_file = config(&[("DD_SPAN_SAMPLING_RULES_FILE", path)]);
    let rule = |name: &str, max_per_second| SpanRule {
        service: "*".to_owned(),
        name: name.to_owned(),
        rate: 1.0,
        max_per_second,
    };
    assert_eq!(by_file.sampling.spans, [rule("in.file", Some(3.0))]);
    assert_eq!(by_file.origin("DD_SPAN_SAMPLING_RULES"), Origin::Variable("DD_SPAN_SAMPLING_RULES_FILE"));
    let both = [("DD_SPAN_SAMPLING_RULES_FILE", path), ("DD_SPAN_SAMPLING_RULES", r#"[{"name":"own"}]"#)];
    assert_eq!(config(&both).sampling.spans, [rule("own", None)]);

    let missing = config(&[("DD_SPAN_SAMPLING_RULES_FILE", "/nowhere/at/all")]);
    assert!(missing.warnings[0].instead.ends_with("; no rules are used"), "{:?}", missing.warnings);
}

#[test]
fn resources_to_ignore_are_fields_that_may_be_quoted() {
    let (patterns, wrong) =
        shown("DD_APM_IGNORE_RESOURCES", r#"GET /health, "a{1,2}" , "say ""hi""",(,un"quoted,(,"""#);
    assert_eq!(patterns, r#"GET /health,"a{1,2}","say ""hi""","un""quoted""#);
    assert_eq!(wrong, ["`(` is no regular expression (unclosed group); the rest is used"]);
}

#[test]
fn a_list_that_is_broken_is_used_in_no_part() {
    for (variable, value, why) in [
        ("DD_APM_IGNORE_RESOURCES", r#"a,"open"#, "a quote that is not closed; no resource is ignored"),
        ("DD_APM_IGNORE_RESOURCES", "a,\"say \"\"", "a quote that is not closed; no resource is ignored"),
        (
            "DD_APM_IGNORE_RESOURCES",
            r#"a,"b"c"#,
            "a closing quote without a comma behind it; no resource is ignored",
        ),
        (
            "DD_APM_FILTER_TAGS_REQUIRE",
            r#"["wanted:yes",]"#,
            "not a list of texts in JSON (trailing comma at line 1 column 15); no tag is used",
        ),
        (
            "DD_APM_FILTER_TAGS_REGEX_REJECT",
            "[1]",
            "not a list of texts in JSON (invalid type: integer `1`, expected a string at line 1 column 2); \
             no tag is used",
        ),
    ] {
        assert!(config(&[(variable, value)]).filters.is_empty(), "{value}");
        assert_eq!(shown(variable, value), (String::new(), vec![why.to_owned()]), "{value}");
    }
}

#[test]
fn neither_one_pattern_nor_all_of_them_are_so_large_that_reading_them_takes_long() {
    let ignored = |value: &str| {
        let config = config(&[("DD_APM_IGNORE_RESOURCES", value)]);
        let wrong: Vec<_> = config.warnings.iter().map(|warning| warning.instead.clone()).collect();
        (config.filters.ignore_resources.len(), wrong)
    };
    let (longest, longer) = ("a".repeat(4_000), "a".repeat(4_001));
    let wrong = "a pattern of 4001 bytes is longer than 4000; the rest is used".to_owned();
    assert_eq!(ignored(&format!("{longest},{longer},b,{longer}")), (2, vec![wrong]));
    let too_many = "patterns that are too many together are left out; the rest is used".to_owned();
    assert_eq!(ignored(&[longest.as_str(); 40].join(",")), (32, vec![too_many.clone()]));
    assert_eq!(ignored(&[r"a{9}"; 300].join(",")), (254, vec![too_many.clone()]));
    assert_eq!(ignored(&[r"\d\s[a-z]"; 500].join(",")), (418, vec![too_many.clone()]));
    assert_eq!(ignored(&["....."; 3_000].join(",")), (2_560, vec![too_many.clone()]));
    assert_eq!(ignored(&["GET /health"; 2_000].join(",")), (2_000, vec![]));
    // What is refused for its size took the time to find that out.
    let refused = [r"\w{99}"; 20].join(",");
    let (number, wrong) = ignored(&format!("{refused},{}", ["a{9}"; 300].join(",")));
    assert_eq!((number, wrong.len(), wrong[0].contains(&too_many)), (230, 1, true));
    let nested = |depth: usize| "(".repeat(depth) + &")".repeat(depth);
    assert_eq!((ignored(&nested(50)).0, ignored(&nested(51)).0), (1, 0));
}

#[test]
fn patterns_of_the_agent_and_of_replace_rules_are_bounded_as_well() {
    let many = ["a{9}"; 60];
    let tags = ["k:a{9}"; 60];
    let (filters, wrong) = Filters::from_lists(&many, [&tags, &[]], [&tags, &tags]);
    let lengths = (filters.ignore_resources.len(), filters.require.len(), filters.reject.len());
    assert_eq!((lengths, wrong.len()), ((7, 120, 60), 1));
    let rules = format!("[{}]", vec![r#"{"name":"*","pattern":"a{9}"}"#; 300].join(","));
    assert_eq!(config(&[("DD_APM_REPLACE_TAGS", &rules)]).replace.len(), 254);
}

#[test]
fn what_stands_in_the_place_of_a_match_is_no_longer_than_1000_bytes() {
    for (bytes, expected) in [(1_000, 1), (1_001, 0)] {
        let text = format!(r#"[{{"name":"*","pattern":"a","repl":"{}"}}]"#, "x".repeat(bytes));
        let rules = config(&[("DD_APM_REPLACE_TAGS", &text)]);
        assert_eq!((rules.replace.len(), rules.warnings.len()), (expected, 1 - expected));
    }
}

#[test]
fn tags_to_filter_by_are_words_or_a_json_list() {
    assert_eq!(shown("DD_APM_FILTER_TAGS_REJECT", " a:b:c  d: :e").0, "a:b:c d");
    assert_eq!(shown("DD_APM_FILTER_TAGS_REJECT", " a:b:c  d: :e").1, ["`:e` has no key; the rest is used"]);
    assert_eq!(shown("DD_APM_FILTER_TAGS_REQUIRE", r#"["a:b c"]"#).0, "a:b c");
    assert_eq!(shown("DD_APM_FILTER_TAGS_REGEX_REJECT", "a:^b.*$ c:(").0, "a:^b.*$");
    assert_eq!(shown("DD_APM_FILTER_TAGS_REGEX_REQUIRE", "a:^b").0, "a:^b");
}

#[test]
fn lists_of_the_agent_are_read_like_those_of_the_environment() {
    let (filters, wrong) = Filters::from_lists(&["GET /a", "("], [&["a:1"], &["b"]], [&["c:^d"], &["e:f("]]);
    assert_eq!(
        (filters.ignore_resources.len(), filters.require.len(), filters.reject.len(), wrong.len()),
        (1, 2, 1, 2)
    );
    let mut both = config(&[("DD_APM_FILTER_TAGS_REJECT", "x")]).filters;
    assert!(!both.is_empty() && Filters::default().is_empty());
    both.extend(filters);
    assert_eq!((both.require.len(), both.reject.len()), (2, 2));
}

#[test]
fn replace_rules_name_a_tag_the_resource_or_everything() {
    let text = r#"[{"name":"*","pattern":"a"},{"name":"resource.name","pattern":"b","repl":"?"},{"name":"error.*","pattern":"c"},{"name":"k","pattern":"d"},{"name":"","pattern":"e"},{"name":"f","pattern":"("}]"#;
    let rules = config(&[("DD_APM_REPLACE_TAGS", text)]);
    let targets: Vec<_> = rules.replace.iter().map(|rule| rule.target.clone()).collect();
    let expected =
        [Target::All, Target::Resource, Target::TagsFrom("error.".to_owned()), Target::Tag("k".to_owned())];
    assert_eq!(targets, expected);
    assert_eq!(
        rules.warnings[0].instead,
        "rule 5 has no `name`, rule 6 has a pattern that cannot be used: `(` is no regular expression (unclosed group); \
         the rest is used"
    );
    assert_eq!(rules.replace[2].to_json()["name"], "error.*");
}

#[test]
fn a_target_looks_into_no_tag_of_datadogs_unless_it_is_named() {
    let is_for = |target: &Target, key| target.is_for_tag(key);
    assert!(is_for(&Target::All, "a") && !is_for(&Target::All, "_dd.p.dm"));
    assert!(is_for(&Target::Tag("_x".to_owned()), "_x") && !is_for(&Target::Resource, "a"));
    assert!(is_for(&Target::TagsFrom("error.".to_owned()), "error.stack"));
    assert!(Target::All.is_for_resource() && Target::Resource.is_for_resource());
    assert!(!Target::Tag("resource".to_owned()).is_for_resource());
}

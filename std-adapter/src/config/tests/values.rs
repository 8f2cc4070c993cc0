//! Values of one variable, where they come from, and what is said of those that are none.

use std::time::Duration;

use microspan::propagation::{Behavior, Style};

use super::*;

fn warnings(config: &Config) -> Vec<String> {
    config.warnings.iter().map(ToString::to_string).collect()
}

fn value(config: &Config, name: &str) -> String {
    config.settings().into_iter().find(|setting| setting.name == name).map(|setting| setting.value).unwrap()
}

#[test]
fn without_variables_each_setting_has_datadogs_default_and_says_so() {
    let config = Config::new();
    assert!(config.settings().iter().all(|setting| setting.origin == Origin::Default));
    for (name, expected) in [
        ("DD_TRACE_API_VERSION", "v0.4"),
        ("DD_TRACE_ENABLED", "true"),
        ("DD_TRACE_STATS_COMPUTATION_ENABLED", "false"),
        ("DD_TRACE_PARTIAL_FLUSH_ENABLED", "true"),
        ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "300"),
        ("DD_TRACE_RATE_LIMIT", "100"),
        ("DD_TRACE_SAMPLE_RATE", ""),
        ("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "datadog,tracecontext,baggage"),
        ("DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT", "continue"),
        ("DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH", "512"),
        ("DD_TRACE_BAGGAGE_TAG_KEYS", "user.id,session.id,account.id"),
        ("DD_TRACE_BAGGAGE_MAX_ITEMS", "64"),
        ("DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED", "false"),
        ("DD_TRACE_WRITER_INTERVAL_SECONDS", "1"),
        ("DD_TRACE_WRITER_BUFFER_SIZE_BYTES", "20000000"),
        ("DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES", "10000000"),
        ("DD_TRACE_AGENT_TIMEOUT_SECONDS", "2"),
        ("DD_TRACE_SPAN_TRACEBACK_MAX_SIZE", "30"),
        ("DD_LOGS_INJECTION", "true"),
        ("DD_TRACE_128_BIT_TRACEID_LOGGING_ENABLED", "true"),
    ] {
        assert_eq!(value(&config, name), expected, "{name}");
    }
    assert!(warnings(&config).is_empty() && config.unused().is_empty());
}

#[test]
fn each_value_keeps_the_variable_it_came_from() {
    let config = config(&[
        ("OTEL_SERVICE_NAME", "otel"),
        ("DD_TAGS", "service:tags,env:lab"),
        ("DD_AGENT_HOST", "h"),
        ("OTEL_PROPAGATORS", "b3"),
        ("DD_TRACE_PROPAGATION_STYLE_INJECT", "datadog"),
    ]);
    let origin = |name| config.origin(name);
    assert_eq!(origin("DD_SERVICE"), Origin::Variable("OTEL_SERVICE_NAME"));
    assert_eq!(origin("DD_ENV"), Origin::Variable("DD_TAGS"));
    assert_eq!(origin("DD_TRACE_AGENT_URL"), Origin::Variable("DD_AGENT_HOST"));
    assert_eq!(origin("DD_TRACE_PROPAGATION_STYLE_EXTRACT"), Origin::Variable("OTEL_PROPAGATORS"));
    assert_eq!(
        origin("DD_TRACE_PROPAGATION_STYLE_INJECT"),
        Origin::Variable("DD_TRACE_PROPAGATION_STYLE_INJECT")
    );
    assert_eq!((origin("DD_VERSION"), origin("nothing")), (Origin::Default, Origin::Default));
}

#[test]
fn a_variable_is_an_origin_where_it_changes_what_is_used() {
    let config = config(&[
        ("DD_TRACE_ENABLED", "yes"),
        ("DD_LOGS_INJECTION", "maybe"),
        ("DD_TRACE_SAMPLING_RULES", "{"),
        ("DD_SPAN_SAMPLING_RULES", "[]"),
    ]);
    let origin = |name| config.origin(name);
    assert_eq!(value(&config, "DD_TRACE_ENABLED"), "false");
    assert_eq!(origin("DD_TRACE_ENABLED"), Origin::Variable("DD_TRACE_ENABLED"));
    assert_eq!(origin("DD_SPAN_SAMPLING_RULES"), Origin::Variable("DD_SPAN_SAMPLING_RULES"));
    assert_eq!(
        (origin("DD_LOGS_INJECTION"), origin("DD_TRACE_SAMPLING_RULES")),
        (Origin::Default, Origin::Default)
    );
}

#[test]
fn the_service_is_looked_for_in_datadogs_order() {
    let mut all = vec![
        ("DD_SERVICE", "a"),
        ("OTEL_SERVICE_NAME", "b"),
        ("DD_TAGS", "service:c"),
        ("OTEL_RESOURCE_ATTRIBUTES", "x=y, service.name = d"),
    ];
    for expected in ["a", "b", "c", "d"] {
        assert_eq!(config(&all).tagging.service.as_deref(), Some(expected));
        all.remove(0);
    }
}

#[test]
fn env_and_version_come_from_opentelemetrys_attributes_when_datadog_has_none() {
    let attributes = "deployment.environment=old, deployment.environment.name=lab,service.version=7,team=x";
    let of_otel = config(&[("OTEL_RESOURCE_ATTRIBUTES", attributes)]);
    let said =
        |config: &Config| [value(config, "DD_ENV"), value(config, "DD_VERSION"), value(config, "DD_TAGS")];
    assert_eq!(said(&of_otel), ["lab", "7", ""]);
    let origin = Origin::Variable("OTEL_RESOURCE_ATTRIBUTES");
    assert!(["DD_ENV", "DD_VERSION"].iter().all(|name| of_otel.origin(name) == origin));
    let both = [("OTEL_RESOURCE_ATTRIBUTES", attributes), ("DD_TAGS", "env:prod"), ("DD_VERSION", "8")];
    assert_eq!(said(&config(&both)), ["prod", "8", ""]);
    let older = config(&[("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=old")]);
    assert_eq!(older.tagging.env.as_deref(), Some("old"));
}

#[test]
fn tracing_is_on_by_default_and_only_a_clear_yes_is_one() {
    for (value, expected) in
        [("", true), ("TRUE", true), ("1", true), ("0", false), ("off", false), ("no", false)]
    {
        assert_eq!(config(&[("DD_TRACE_ENABLED", value)]).trace_enabled, expected, "{value}");
    }
}

#[test]
fn what_the_program_says_wins_and_silences_the_warnings_of_what_it_replaces() {
    let variables = [
        ("DD_TRACE_AGENT_PORT", "x"),
        ("DD_TRACE_SAMPLE_RATE", "2"),
        ("DD_SERVICE", "s"),
        ("DD_TAGS", "a:1,b:2"),
    ];
    let config = config(&variables);
    assert_eq!(config.warnings.len(), 2);
    let config = config.with_agent_url("http://a:1").with_service("t").with_tag("a", "3");
    assert_eq!(warnings(&config), ["DD_TRACE_SAMPLE_RATE=`2`: not a number from 0 to 1; no rate is used"]);
    assert_eq!((config.agent_url.as_str(), config.tagging.service.as_deref()), ("http://a:1", Some("t")));
    assert_eq!(value(&config, "DD_TAGS"), "b:2,a:3");
    assert_eq!(config.origin("DD_SERVICE"), Origin::Program);
    assert_eq!(config.origin("DD_TRACE_AGENT_URL"), Origin::Program);
    assert_eq!(config.origin("DD_TRACE_SAMPLE_RATE"), Origin::Default);
}

#[test]
fn a_bad_value_is_warned_of_once_with_what_is_used_instead() {
    for (variable, value, instead) in [
        ("DD_TRACE_ENABLED", "yes", "neither `true` nor `false`; `false` is used"),
        ("DD_TRACE_STATS_COMPUTATION_ENABLED", "on", "neither `true` nor `false`; `false` is used"),
        ("DD_LOGS_INJECTION", "x", "neither `true` nor `false`; `true` is used"),
        ("DD_TRACE_WRITER_INTERVAL_SECONDS", "0", "not a number of seconds from 0.001 to 3600; 1 is used"),
        ("DD_TRACE_WRITER_INTERVAL_SECONDS", "NaN", "not a number of seconds from 0.001 to 3600; 1 is used"),
        ("DD_TRACE_AGENT_TIMEOUT_SECONDS", "-2", "not a number of seconds from 0.001 to 3600; 2 is used"),
        ("DD_TRACE_AGENT_TIMEOUT_SECONDS", "inf", "not a number of seconds from 0.001 to 3600; 2 is used"),
        (
            "DD_TRACE_WRITER_BUFFER_SIZE_BYTES",
            "9999",
            "not a number of bytes from 10000 to 1000000000; 20000000 is used",
        ),
        (
            "DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES",
            "1e6",
            "not a number of bytes from 10000 to 1000000000; 10000000 is used",
        ),
        ("DD_TRACE_SPAN_TRACEBACK_MAX_SIZE", "-1", "not a number of calls; 30 is used"),
        ("DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED", "x", "neither `true` nor `false`; `true` is used"),
        ("DD_TRACE_API_VERSION", "v0.3", "neither `v0.4` nor `v0.5`; `v0.4` is used"),
        ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "0", "less than one span; 1 is used"),
        ("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "many", "not a number of spans; 300 is used"),
        ("DD_TRACE_RATE_LIMIT", "x", "not a number of traces a second; 100 is used"),
        ("DD_TRACE_SAMPLE_RATE", "NaN", "not a number from 0 to 1; no rate is used"),
        ("DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH", "x", "not a number; 512 is used"),
        ("DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH", "-1", "less than 0; 0 is used"),
        ("DD_TRACE_BAGGAGE_MAX_ITEMS", "-1", "less than 0; 0 is used"),
        ("DD_TRACE_BAGGAGE_MAX_BYTES", "-2", "less than 0; 0 is used"),
        (
            "DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT",
            "x",
            "none of `continue`, `restart` and `ignore`; `continue` is used",
        ),
        ("DD_TRACE_PROPAGATION_STYLE", "b3,x", "`x` is no style; the rest is used"),
        ("DD_TRACE_PROPAGATION_STYLE", "x", "`x` is no style; `datadog,tracecontext,baggage` is used"),
        ("DD_SERVICE_MAPPING", "a:b,c", "`c` is not `from:to`; the rest is used"),
    ] {
        assert_eq!(warnings(&config(&[(variable, value)])), [format!("{variable}=`{value}`: {instead}")]);
    }
}

#[test]
fn styles_of_one_direction_win_over_those_of_both() {
    let found = config(&[
        ("DD_TRACE_PROPAGATION_STYLE", "B3 , datadog,b3"),
        ("DD_TRACE_PROPAGATION_STYLE_EXTRACT", "none"),
        ("OTEL_PROPAGATORS", "tracecontext"),
        ("DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT", "Restart"),
        ("DD_TRACE_PROPAGATION_EXTRACT_FIRST", "TRUE"),
        ("DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH", "-5"),
    ])
    .propagation;
    assert_eq!((found.extract, found.inject), (vec![], vec![Style::B3, Style::Datadog]));
    assert_eq!((found.behavior, found.extract_first, found.tags_length), (Behavior::Restart, true, 0));
}

#[test]
fn the_socket_is_the_default_where_it_is_and_no_host_or_port_is_said() {
    let url = |variables: &[(&str, &str)]| {
        agent::url(&mut Reader::new(variables.iter().copied()), Some("unix:///s".to_owned()))
    };
    assert_eq!(url(&[]), "unix:///s");
    assert_eq!(url(&[("DD_AGENT_HOST", "h")]), "http://h:8126");
    assert_eq!(url(&[("DD_TRACE_AGENT_PORT", "1")]), "http://localhost:1");
    assert_eq!(url(&[("DD_TRACE_AGENT_URL", "http://u")]), "http://u");
}

#[test]
fn older_names_of_host_and_port_are_known() {
    let all = [("DD_TRACE_AGENT_HOSTNAME", "h"), ("DD_AGENT_HOST", "i"), ("DD_AGENT_PORT", "7")];
    assert_eq!(config(&all).agent_url, "http://h:7");
}

#[test]
fn a_variable_that_changes_nothing_is_named_without_its_value() {
    let config = config(&[
        ("DD_API_KEY", "secret"),
        ("DD_SPAN_SAMPLING_RULES_FILE", "/nowhere"),
        ("DD_TRACE_API_VERSION", "v0.5"),
        ("DD_LOGS_INJECTION", "true"),
        ("DD_TRACE_WRITER_INTERVAL_SECONDS", "2"),
        ("DD_TRACE_PROPAGATION_STYLE", "b3"),
        ("DD_TRACE_WRAP_SPAN_NAME_INCLUDE_CLASS", "true"),
        ("HOME", "/"),
    ]);
    assert_eq!(config.unused(), ["DD_API_KEY", "DD_TRACE_WRAP_SPAN_NAME_INCLUDE_CLASS"]);
    assert!(!config.settings().iter().any(|setting| setting.value.contains("secret")));
}

#[test]
fn an_address_of_the_agent_that_cannot_be_spoken_to_is_warned_of() {
    let warned = |url| warnings(&config(&[("DD_TRACE_AGENT_URL", url)]));
    for (url, shown) in [
        ("ftp://x", "ftp://x"),
        ("https://x:1", "https://x:1"),
        ("agent:8126", "agent:8126"),
        ("ftp://user:secret@x", "ftp://...@x"),
    ] {
        assert_eq!(
            warned(url),
            [format!(
                "DD_TRACE_AGENT_URL=`{shown}`: neither an `http://` nor a `unix://` URL, so that no trace can be sent; set it \
                 to one that can be used, such as `http://localhost:8126`"
            )]
        );
    }
    for (url, wrong) in [
        ("http://x:99999", "its port is not a number from 1 to 65535"),
        ("http://x:0", "its port is not a number from 1 to 65535"),
        ("http://a b:8126", "it is not a URL (invalid uri character)"),
        ("http://:8126", "it names no host"),
        ("http://x/?a=b", "it has a query"),
        ("unix://", "the path of a socket starts with `/`"),
        ("unix:///", "it names no socket"),
    ] {
        let expected = format!("DD_TRACE_AGENT_URL=`{url}`: {wrong}, so that no trace can be sent; ");
        let warned = warned(url);
        assert!(warned.len() == 1 && warned[0].starts_with(&expected), "{warned:?}");
    }
    assert!(warned("HTTP://x").is_empty() && warned("unix:///s").is_empty());
}

#[test]
fn what_is_no_host_is_warned_of_and_the_usual_one_is_used() {
    for value in [
        "a b",
        "http://agent",
        "agent/base",
        "user@agent",
        "agent:8126",
        "%zz",
        "[::1",
        "::1]",
        "[h]",
        "[]",
        "*",
        "-",
        "h,i",
    ] {
        let found = config(&[("DD_AGENT_HOST", value), ("DD_TRACE_AGENT_PORT", "7")]);
        assert_eq!(found.agent_url, "http://localhost:7");
        let shown = value.replace("user@", "...@");
        let expected =
            format!("DD_AGENT_HOST=`{shown}`: not the name or the address of a host; `localhost` is used");
        assert_eq!(warnings(&found), [expected]);
    }
    for (value, url) in
        [("::1", "http://[::1]:8126"), ("[::1]", "http://[::1]:8126"), ("a_b.c", "http://a_b.c:8126")]
    {
        let found = config(&[("DD_AGENT_HOST", value)]);
        assert_eq!((found.agent_url.as_str(), warnings(&found).len()), (url, 0));
    }
}

#[test]
fn a_password_in_the_agents_address_is_not_shown() {
    let config = config(&[("DD_TRACE_AGENT_URL", "http://user:secret@agent:8126")]);
    let shown = config.settings().into_iter().find(|setting| setting.name == "DD_TRACE_AGENT_URL");
    assert_eq!(shown.map(|setting| setting.value).as_deref(), Some("http://...@agent:8126"));
    assert_eq!(config.agent_url, "http://user:secret@agent:8126");
}

#[test]
fn a_warning_of_an_address_shows_nothing_before_its_host() {
    for value in [
        "u:secret@h://x",
        "ftp://u:secret@h",
        "u:secret@i://u@h",
        "u:secret\"@h",
        "u:secret @h",
        "u secret@h",
        "secret@h",
        "http://[u:secret%40h",
        "u:secret%40h:1",
    ] {
        for variable in ["DD_TRACE_AGENT_URL", "DD_AGENT_HOST", "DD_TRACE_AGENT_PORT"] {
            let told = warnings(&config(&[(variable, value)]));
            let is_shown = |told: &String| told.contains("...@h") || told.contains("...%40h");
            assert!(told.len() == 1 && told.iter().all(is_shown), "{told:?}");
            assert!(!told[0].contains("secret"), "{told:?}");
        }
    }
}

#[test]
fn bounds_of_what_sends_are_read_in_datadogs_units() {
    let variables = [
        ("DD_TRACE_WRITER_INTERVAL_SECONDS", "0.25"),
        ("DD_TRACE_WRITER_BUFFER_SIZE_BYTES", "50000"),
        ("DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES", "20000"),
        ("DD_TRACE_AGENT_TIMEOUT_SECONDS", " 7 "),
    ];
    let config = config(&variables);
    let expected = Writer {
        interval: Duration::from_millis(250),
        buffer_bytes: 50_000,
        payload_bytes: 20_000,
        timeout: Duration::from_secs(7),
    };
    assert_eq!(config.writer, expected);
    for ((name, said), shown) in variables.into_iter().zip(["0.25", "50000", "20000", "7"]) {
        assert_eq!(
            (value(&config, name).as_str(), config.origin(name)),
            (shown, Origin::Variable(name)),
            "{said}"
        );
    }
    let config = config.with_writer(Writer::default());
    assert_eq!(
        (config.writer.interval, config.origin(variables[0].0)),
        (Duration::from_secs(1), Origin::Program)
    );
}

#[test]
fn what_lines_and_stacks_say_is_as_the_variables_have_it_or_the_program() {
    let variables = [
        ("DD_LOGS_INJECTION", "false"),
        ("DD_TRACE_128_BIT_TRACEID_LOGGING_ENABLED", "False"),
        ("DD_TRACE_SPAN_TRACEBACK_MAX_SIZE", "0"),
        ("DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED", "0"),
    ];
    let found = config(&variables);
    assert_eq!((found.logs, found.stack_frames), (Logs { are_injected: false, long_ids: false }, 0));
    assert!(!found.long_trace_ids && Config::new().long_trace_ids);
    let said = found.with_logs(Logs::default()).with_stack_frames(7).with_long_trace_ids(true);
    assert_eq!((said.logs.are_injected, said.stack_frames, said.long_trace_ids), (true, 7, true));
    assert!(variables.iter().all(|(name, _)| said.origin(name) == Origin::Program));
}

#[test]
fn a_warning_shows_little_of_a_value_nothing_a_terminal_obeys_and_no_password() {
    let variables = Config::from_vars([("", "")]).settings().into_iter().map(|setting| setting.name);
    let names: Vec<_> =
        variables.chain(["DD_AGENT_HOST", "DD_TRACE_AGENT_PORT", "OTEL_PROPAGATORS"]).collect();
    for bad in [format!("http://u:pw7@h\x1b[2J\n{}", "%, ".repeat(2_000)), "u:pw7@h".to_owned()] {
        let mut warned = 0;
        for &name in &names {
            for warning in Config::from_vars([(name, bad.as_str())]).warnings {
                let line = warning.to_string();
                assert!(line.len() < 900 && !line.contains(char::is_control), "{name}: {line}");
                assert!(!line.contains("pw7"), "{name}: {line}");
                assert!(!warning.instead.ends_with("..."), "{name}: {line}");
                warned += 1;
            }
        }
        assert!(warned > 20, "{warned} variables");
    }
}

//! The precedence and the grammar of Datadog's variables.

use super::tagging::parse_tags;
use super::*;
use crate::model::{Text, Value};

mod rules;
mod values;

fn config(variables: &[(&str, &str)]) -> Config {
    Config::from_vars(variables.iter().copied())
}

fn tags(text: &str) -> Vec<(String, String)> {
    parse_tags(text)
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn without_variables_the_agent_is_at_its_usual_place() {
    let config = config(&[]);
    assert_eq!(config.agent_url, "http://localhost:8126");
    assert_eq!(config.tagging, Tagging::default());
    assert!(config.warnings.is_empty());
}

#[test]
fn the_url_wins_over_host_and_port() {
    let all = [
        ("DD_AGENT_HOST", "h"),
        ("DD_TRACE_AGENT_PORT", "1"),
        ("DD_TRACE_AGENT_URL", "http://agent:9126/base"),
    ];
    assert_eq!(config(&all).agent_url, "http://agent:9126/base");
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let config = config(&[
        ("DD_TRACE_AGENT_URL", ""),
        ("DD_AGENT_HOST", "h"),
        ("DD_TRACE_AGENT_PORT", ""),
        ("DD_SERVICE", ""),
        ("DD_TAGS", "service:from-tags"),
        ("NO_COLOR", ""),
    ]);
    assert_eq!(config.agent_url, "http://h:8126");
    assert_eq!(config.tagging.service.as_deref(), Some("from-tags"));
    assert!(!config.no_color);
}

#[test]
fn blanks_alone_count_as_unset() {
    let config = config(&[("DD_SERVICE", " "), ("DD_ENV", "\t "), ("DD_TAGS", "service:from-tags,env:lab")]);
    assert_eq!(config.tagging.service.as_deref(), Some("from-tags"));
    assert_eq!(config.tagging.env.as_deref(), Some("lab"));
}

#[test]
fn an_ipv6_host_gets_its_brackets_once() {
    assert_eq!(config(&[("DD_AGENT_HOST", "::1")]).agent_url, "http://[::1]:8126");
    assert_eq!(config(&[("DD_AGENT_HOST", "[fe80::1]")]).agent_url, "http://[fe80::1]:8126");
}

#[test]
fn a_port_that_is_none_is_warned_of_and_replaced() {
    for value in ["trace", "0", "65536", "-1", "81 26"] {
        let config = config(&[("DD_TRACE_AGENT_PORT", value)]);
        assert_eq!(config.agent_url, "http://localhost:8126");
        assert_eq!(
            config.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
            [format!("DD_TRACE_AGENT_PORT=`{value}`: not a port (1 to 65535); 8126 is used")]
        );
    }
}

#[test]
fn a_comma_anywhere_makes_it_the_separator() {
    assert_eq!(tags("a:1 b:2, c:3"), pairs(&[("a", "1 b:2"), ("c", "3")]));
    assert_eq!(tags("a:1 b:2  c:3"), pairs(&[("a", "1"), ("b", "2"), ("c", "3")]));
}

#[test]
fn tags_are_split_at_the_first_colon_and_trimmed() {
    assert_eq!(tags(" url : http://x:1 ,b"), pairs(&[("url", "http://x:1"), ("b", "")]));
}

#[test]
fn an_empty_key_is_skipped_and_the_last_of_equal_keys_counts() {
    assert_eq!(tags(":1,,a:1,a:2, "), pairs(&[("a", "2")]));
    assert_eq!(tags(""), pairs(&[]));
}

#[test]
fn service_env_and_version_come_from_the_tags_when_nothing_else_names_them() {
    let found = config(&[("DD_TAGS", "service:s,env:e,version:v,team:core,git.commit.sha:abc")]).tagging;
    assert_eq!(
        (found.service.as_deref(), found.env.as_deref(), found.version.as_deref()),
        (Some("s"), Some("e"), Some("v"))
    );
    assert_eq!(found.tags, [(Text::from("team"), Value::from("core"))]);

    let found = config(&[
        ("DD_TAGS", "service:s,env:e,version:v"),
        ("DD_SERVICE", "S"),
        ("DD_ENV", "E"),
        ("DD_VERSION", "V"),
    ])
    .tagging;
    assert_eq!(
        (found.service.as_deref(), found.env.as_deref(), found.version.as_deref()),
        (Some("S"), Some("E"), Some("V"))
    );
    assert!(found.tags.is_empty());
}

#[test]
fn a_number_of_spans_that_is_never_reached_is_no_mistake() {
    let config = config(&[("DD_TRACE_PARTIAL_FLUSH_MIN_SPANS", "18446744073709551615")]);
    assert_eq!(config.partial_flush.min_spans, usize::MAX);
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn any_value_of_no_color_asks_for_none() {
    assert!(config(&[("NO_COLOR", "0")]).no_color);
}

#[test]
fn the_keys_of_baggage_that_is_shown_are_a_list_or_all() {
    let keys = |list| config(&[("DD_TRACE_BAGGAGE_TAG_KEYS", list)]).tagging.baggage;
    assert_eq!(keys(""), BaggageKeys::default());
    assert!(BaggageKeys::default().contain("user.id") && !BaggageKeys::default().contain("user"));
    assert_eq!(keys(" a.b , c,"), BaggageKeys::These(vec!["a.b".into(), "c".into()]));
    assert_eq!(keys("a,*"), BaggageKeys::All);
}

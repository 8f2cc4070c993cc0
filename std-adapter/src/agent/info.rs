//! What an agent says of itself (`/info`), and the rates that it answers.

use std::sync::atomic::Ordering;

use serde_json::Value;

use super::Client;
use crate::config::{Filters, quote};

/// An agent that says that it takes fewer bytes is not believed: hardly a trace would be left.
pub(super) const LEAST_BYTES: usize = 10_000;

/// What an agent can do, and what it is set to do with traces.
///
/// An agent that says nothing of itself has all of this empty, and so can do nothing beyond taking traces.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Info {
    /// Its version.
    pub version: Option<String>,
    /// The paths that it serves.
    pub endpoints: Vec<String>,
    /// Whether it takes the events of spans as what they are.
    pub span_events: bool,
    /// Whether clients that compute statistics may keep traces to themselves that are sampled out.
    pub client_drop_p0s: bool,
    /// The tags by which statistics tell one peer from another.
    pub peer_tags: Vec<String>,
    /// The kinds of spans that count in statistics; `None`: it does not say.
    pub span_kinds_stats_computed: Option<Vec<String>>,
    /// The most bytes that a payload may have; 10 000 where it says less.
    pub max_request_bytes: Option<usize>,
    /// Patterns of resources whose traces it throws away.
    pub ignore_resources: Vec<String>,
    /// Tags of which the root of a trace must have each, and of which it may have none.
    pub filter_tags: TagLists,
    /// The same as patterns.
    pub filter_tags_regex: TagLists,
}

/// Tags, as `key` or `key:value`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagLists {
    /// Those that a trace is kept for.
    pub require: Vec<String>,
    /// Those that a trace is thrown away for.
    pub reject: Vec<String>,
}

impl Info {
    /// Reads the agent's JSON. What is not there or not as expected counts as not said.
    pub(super) fn parse(json: &[u8]) -> Self {
        let said: Value = serde_json::from_slice(json).unwrap_or_default();
        let is_true = |key: &str| said[key].as_bool().unwrap_or_default();
        let lists =
            |value: &Value| TagLists { require: texts(&value["require"]), reject: texts(&value["reject"]) };
        let kinds = &said["span_kinds_stats_computed"];
        let most = said["config"]["max_request_bytes"].as_u64();
        Self {
            version: said["version"].as_str().map(str::to_owned),
            endpoints: texts(&said["endpoints"]),
            span_events: is_true("span_events"),
            client_drop_p0s: is_true("client_drop_p0s"),
            peer_tags: texts(&said["peer_tags"]),
            span_kinds_stats_computed: kinds.is_array().then(|| texts(kinds)),
            max_request_bytes: most
                .filter(|&most| most != 0)
                .map(|most| usize::try_from(most).unwrap_or(usize::MAX).max(LEAST_BYTES)),
            ignore_resources: texts(&said["ignore_resources"]),
            filter_tags: lists(&said["filter_tags"]),
            filter_tags_regex: lists(&said["filter_tags_regex"]),
        }
    }

    /// Whether it serves a path; one that lists none may serve any.
    pub fn serves(&self, path: &str) -> bool {
        self.endpoints.is_empty() || self.lists(path)
    }

    /// Whether it takes statistics in the place of traces that are sampled out.
    pub fn takes_stats(&self) -> bool {
        self.client_drop_p0s && self.lists("/v0.6/stats")
    }

    fn lists(&self, path: &str) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint == path)
    }
}

impl Info {
    /// The traces that it throws away; what of its lists cannot be read is left to it.
    pub fn filters(&self) -> Filters {
        let lists = |lists: &TagLists| [lists.require.clone(), lists.reject.clone()];
        let (tags, regex) = (lists(&self.filter_tags), lists(&self.filter_tags_regex));
        let (filters, wrong) = Filters::from_lists(
            &self.ignore_resources,
            tags.each_ref().map(Vec::as_slice),
            regex.each_ref().map(Vec::as_slice),
        );
        if !wrong.is_empty() {
            log::debug!("of the agent's filters some are left to it: {}", quote(&wrong.join(", ")));
        }
        filters
    }
}

/// How often it was seen that an agent said what it is.
#[derive(Default)]
pub(crate) struct Followed(u64);

impl Followed {
    /// The agent's filters, if it said something new. Where it did not, that is one load.
    pub(crate) fn news(&mut self, client: &Client) -> Option<Filters> {
        let told = client.shared.told.load(Ordering::Acquire);
        if told == self.0 {
            return None;
        }
        self.0 = told;
        client.info().map(|info| info.filters())
    }
}

/// The rates in an answer; `None`: it says none, and those before still hold.
pub(super) fn rates(json: &[u8]) -> Option<Vec<(String, f64)>> {
    let said: Value = serde_json::from_slice(json).ok()?;
    let rates = said["rate_by_service"].as_object()?;
    Some(rates.iter().filter_map(|(key, rate)| Some((key.clone(), rate.as_f64()?))).collect())
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_agent_says_is_read_and_the_rest_counts_as_not_said() {
        let json = br#"{"version":"7.60","endpoints":["/v0.4/traces","/info"],"span_events":true,"peer_tags":["db.name"],
            "client_drop_p0s":"yes","config":{"max_request_bytes":20000},"ignore_resources":["^GET /health$"],
            "filter_tags":{"require":["env:prod"],"reject":null},"filter_tags_regex":{"reject":["a:b.*"]}}"#;
        let expected = Info {
            version: Some("7.60".into()),
            endpoints: vec!["/v0.4/traces".into(), "/info".into()],
            span_events: true,
            peer_tags: vec!["db.name".into()],
            max_request_bytes: Some(20_000),
            ignore_resources: vec!["^GET /health$".into()],
            filter_tags: TagLists { require: vec!["env:prod".into()], reject: Vec::new() },
            filter_tags_regex: TagLists { require: Vec::new(), reject: vec!["a:b.*".into()] },
            ..Info::default()
        };
        let info = Info::parse(json);
        assert_eq!(info, expected);
        let filters = info.filters();
        assert_eq!((filters.ignore_resources.len(), filters.require.len(), filters.reject.len()), (1, 1, 1));
        assert!(info.serves("/v0.4/traces") && !info.serves("/v0.5/traces"));
        for (said, most) in [("0", None), ("-1", None), ("10", Some(10_000)), ("10001", Some(10_001))] {
            let json = format!(r#"{{"config":{{"max_request_bytes":{said}}}}}"#);
            assert_eq!(Info::parse(json.as_bytes()).max_request_bytes, most, "{said}");
        }
        for nothing in [&b""[..], b"[]", b"{\"span_events\"", b"7"] {
            assert_eq!(Info::parse(nothing), Info::default());
        }
        assert!(Info::default().serves("/v0.5/traces"));
    }

    #[test]
    fn rates_are_read_where_there_are_any() {
        let said = rates(br#"{"rate_by_service":{"service:,env:":1,"service:a,env:b":0.5,"x":"y"}}"#);
        assert_eq!(said, Some(vec![("service:,env:".into(), 1.0), ("service:a,env:b".into(), 0.5)]));
        assert_eq!(rates(b"{}"), None);
        assert_eq!(rates(b"OK\n"), None);
    }
}

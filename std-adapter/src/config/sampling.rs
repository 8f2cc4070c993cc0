//! Which traces are kept, and which single spans of those that are not.

use std::fs;

use serde_json::{Map, Value, json};

use super::reader::Reader;

pub(super) const RULES: &str = "DD_TRACE_SAMPLING_RULES";
pub(super) const RATE: &str = "DD_TRACE_SAMPLE_RATE";
pub(super) const LIMIT: &str = "DD_TRACE_RATE_LIMIT";
pub(super) const SPAN_RULES: &str = "DD_SPAN_SAMPLING_RULES";
pub(super) const SPAN_RULES_FILE: &str = "DD_SPAN_SAMPLING_RULES_FILE";

/// The traces a second that rules keep when nobody says otherwise.
const DEFAULT_LIMIT: f64 = 100.0;

/// Who made a rule, as Datadog numbers it.
const LOCAL: u8 = 3;
const CUSTOMER: u8 = 11;
const DYNAMIC: u8 = 12;

/// What a rule for traces may say, and one for spans.
const TRACE_KEYS: &[&str] = &["sample_rate", "service", "name", "resource", "tags", "provenance"];
const SPAN_KEYS: &[&str] = &["service", "name", "sample_rate", "max_per_second"];

/// Which traces and spans are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// The first rule that is for a trace holds.
    pub rules: Vec<SamplingRule>,
    /// The share of traces that no rule is for; without it the agent decides of them.
    pub rate: Option<f64>,
    /// How many traces a second rules and the rate keep; `None`: any number.
    pub limit: Option<f64>,
    /// For single spans of traces that are not kept.
    pub spans: Vec<SpanRule>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { rules: Vec::new(), rate: None, limit: Some(DEFAULT_LIMIT), spans: Vec::new() }
    }
}

/// A rule for traces. In a pattern `*` stands for any text and `?` for one character; ASCII's case makes no difference.
#[derive(Debug, Clone, PartialEq)]
pub struct SamplingRule {
    /// The share of traces that is kept, from 0 to 1.
    pub rate: f64,
    /// A pattern of the root's service.
    pub service: Option<String>,
    /// A pattern of the root's name.
    pub name: Option<String>,
    /// A pattern of the root's resource.
    pub resource: Option<String>,
    /// Keys of the root's tags, and patterns of their values.
    pub tags: Vec<(String, String)>,
    /// Who made the rule, as Datadog numbers it: 3 here, 11 a person far away, 12 Datadog itself.
    pub mechanism: u8,
}

impl SamplingRule {
    /// A rule for every trace.
    pub fn new(rate: f64) -> Self {
        Self { rate, service: None, name: None, resource: None, tags: Vec::new(), mechanism: LOCAL }
    }

    pub(super) fn to_json(&self) -> Value {
        let mut json = json!({ "sample_rate": self.rate });
        let patterns = [("service", &self.service), ("name", &self.name), ("resource", &self.resource)];
        for (key, pattern) in patterns {
            if let Some(pattern) = pattern {
                json[key] = pattern.as_str().into();
            }
        }
        if !self.tags.is_empty() {
            let tags = self.tags.iter().map(|(key, pattern)| (key.clone(), pattern.as_str().into()));
            json["tags"] = Value::Object(tags.collect());
        }
        match self.mechanism {
            CUSTOMER => json["provenance"] = "customer".into(),
            DYNAMIC => json["provenance"] = "dynamic".into(),
            _ => {}
        }
        json
    }
}

/// A rule for single spans of traces that are not kept.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanRule {
    /// A pattern of the span's service.
    pub service: String,
    /// A pattern of the span's name.
    pub name: String,
    /// The share of spans that is kept, from 0 to 1.
    pub rate: f64,
    /// How many a second are kept; `None`: any number.
    pub max_per_second: Option<f64>,
}

impl SpanRule {
    pub(super) fn to_json(&self) -> Value {
        let mut json = json!({ "service": self.service, "name": self.name, "sample_rate": self.rate });
        if let Some(most) = self.max_per_second {
            json["max_per_second"] = most.into();
        }
        json
    }
}

pub(super) fn read(reader: &mut Reader) -> Sampling {
    let rules = reader.read_list(RULES, |text| each(text, trace_rule)).unwrap_or_default();
    let rate = reader.read(RATE, &[RATE], |value| match value.parse() {
        Ok(rate) if (0.0..=1.0).contains(&rate) => Ok(rate),
        _ => Err("not a number from 0 to 1; no rate is used".to_owned()),
    });
    let limit = reader.read(LIMIT, &[LIMIT], |value| match value.parse::<f64>() {
        Ok(limit) if limit.is_finite() => Ok(Some(limit).filter(|limit| *limit >= 0.0)),
        _ => Err(format!("not a number of traces a second; {DEFAULT_LIMIT} is used")),
    });
    Sampling { rules, rate, limit: limit.unwrap_or(Some(DEFAULT_LIMIT)), spans: span_rules(reader) }
}

/// The rules for spans: those of the variable, or else those of the file.
fn span_rules(reader: &mut Reader) -> Vec<SpanRule> {
    if let Some(rules) = reader.read_list(SPAN_RULES, |text| each(text, span_rule)) {
        return rules;
    }
    let text = reader.read(SPAN_RULES_FILE, &[SPAN_RULES_FILE], |path| {
        fs::read_to_string(path).map_err(|error| format!("cannot be read ({error}); no rules are used"))
    });
    let Some(text) = text else { return Vec::new() };
    let rules = reader.read_list(SPAN_RULES_FILE, |_| each(&text, span_rule)).unwrap_or_default();
    reader.came_from(SPAN_RULES, SPAN_RULES_FILE);
    rules
}

/// The rules of a JSON list, and what is wrong with those that are left out.
pub(super) fn each<T>(
    text: &str,
    mut read: impl FnMut(&Map<String, Value>) -> Result<T, String>,
) -> (Vec<T>, Vec<String>) {
    let list = match serde_json::from_str(text) {
        Ok(Value::Array(list)) => list,
        Ok(_) => return (Vec::new(), vec!["not a list in JSON".to_owned()]),
        Err(error) => return (Vec::new(), vec![format!("not JSON ({error})")]),
    };
    let (mut rules, mut wrong) = (Vec::new(), Vec::new());
    for (place, item) in (1..).zip(&list) {
        let read = item.as_object().ok_or_else(|| "is no object".to_owned()).and_then(&mut read);
        match read {
            Ok(rule) => rules.push(rule),
            Err(reason) => wrong.push(format!("rule {place} {reason}")),
        }
    }
    (rules, wrong)
}

fn trace_rule(object: &Map<String, Value>) -> Result<SamplingRule, String> {
    has_only(object, TRACE_KEYS)?;
    let rate = number(object, "sample_rate")?.ok_or("has no `sample_rate`")?;
    let tags = match object.get("tags") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Object(tags)) => tags.iter().map(|(key, value)| (key.clone(), shown(value))).collect(),
        Some(_) => return Err("has `tags` that are no object".to_owned()),
    };
    let mechanism = match object.get("provenance").and_then(Value::as_str) {
        Some("customer") => CUSTOMER,
        Some("dynamic") => DYNAMIC,
        _ => LOCAL,
    };
    Ok(SamplingRule {
        rate: share(rate)?,
        service: pattern(object, "service")?,
        name: pattern(object, "name")?,
        resource: pattern(object, "resource")?,
        tags,
        mechanism,
    })
}

fn span_rule(object: &Map<String, Value>) -> Result<SpanRule, String> {
    has_only(object, SPAN_KEYS)?;
    let any = || "*".to_owned();
    Ok(SpanRule {
        service: pattern(object, "service")?.unwrap_or_else(any),
        name: pattern(object, "name")?.unwrap_or_else(any),
        rate: share(number(object, "sample_rate")?.unwrap_or(1.0))?,
        // Below 0 is how others write that there is no limit.
        max_per_second: number(object, "max_per_second")?.filter(|most| *most >= 0.0),
    })
}

/// A rule with a key that is misspelt would be for more than it was meant for.
fn has_only(object: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("has the unknown key `{key}`")),
        None => Ok(()),
    }
}

fn share(rate: f64) -> Result<f64, String> {
    (0.0..=1.0)
        .contains(&rate)
        .then_some(rate)
        .ok_or_else(|| "has a `sample_rate` that is not from 0 to 1".to_owned())
}

/// A number, or a text that says one.
fn number(object: &Map<String, Value>, key: &str) -> Result<Option<f64>, String> {
    let number = match object.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(value) => value.as_f64(),
    };
    let number = number.filter(|number: &f64| number.is_finite());
    number.map(Some).ok_or_else(|| format!("has a `{key}` that is no number"))
}

fn pattern(object: &Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("has a `{key}` that is no text")),
    }
}

/// A pattern for a tag: a text as it is, a number as it is written.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

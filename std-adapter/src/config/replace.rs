//! What is hidden in the spans that are sent, in the agent's own form.

use regex::Regex;
use serde_json::{Map, Value, json};

use super::patterns::Patterns;
use super::reader::Reader;
use super::sampling::each;

pub(super) const REPLACE: &str = "DD_APM_REPLACE_TAGS";

/// What stands in the place of a match is no longer: half of it may be groups, each as long as the text that is looked into.
const LONGEST: usize = 1_000;

/// A pattern, and what stands in the place of what it matches.
#[derive(Debug, Clone)]
pub struct ReplaceRule {
    /// Where it is looked for.
    pub target: Target,
    /// What is looked for.
    pub pattern: Regex,
    /// What stands there afterwards; `$1` and `${1}` are what the first group of the pattern matched.
    pub replacement: String,
}

/// Where a replace rule looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// In the resource, in every tag but for Datadog's own, whose keys begin with `_`, and in what events are called.
    All,
    /// In the resource.
    Resource,
    /// In the tag of this key.
    Tag(String),
    /// In the tags whose keys begin with this: `error.*`.
    TagsFrom(String),
}

impl Target {
    fn named(name: &str) -> Self {
        match name {
            "*" => Self::All,
            "resource.name" => Self::Resource,
            _ => match name.strip_suffix('*') {
                Some(start) => Self::TagsFrom(start.to_owned()),
                None => Self::Tag(name.to_owned()),
            },
        }
    }

    /// Whether it looks into the tag of this key.
    pub fn is_for_tag(&self, key: &str) -> bool {
        match self {
            Self::All => !key.starts_with('_'),
            Self::Resource => false,
            Self::Tag(own) => own == key,
            Self::TagsFrom(start) => key.starts_with(start.as_str()),
        }
    }

    /// Whether it looks into the resource.
    pub fn is_for_resource(&self) -> bool {
        matches!(self, Self::All | Self::Resource)
    }

    /// Whether it looks into what events are called: a line of a device's log is one.
    pub fn is_for_events(&self) -> bool {
        matches!(self, Self::All)
    }
}

impl ReplaceRule {
    /// A rule by the name of what it looks into: a tag's key, `resource.name`, `*`, or the start of keys before a `*`.
    pub fn new(name: &str, pattern: Regex, replacement: impl Into<String>) -> Self {
        Self { target: Target::named(name), pattern, replacement: replacement.into() }
    }

    pub(super) fn to_json(&self) -> Value {
        let name = match &self.target {
            Target::All => "*".to_owned(),
            Target::Resource => "resource.name".to_owned(),
            Target::Tag(key) => key.clone(),
            Target::TagsFrom(start) => format!("{start}*"),
        };
        json!({ "name": name, "pattern": self.pattern.as_str(), "repl": self.replacement })
    }
}

pub(super) fn read(reader: &mut Reader) -> Vec<ReplaceRule> {
    let mut patterns = Patterns::of_variable();
    reader.read_list(REPLACE, |text| each(text, |object| rule(object, &mut patterns))).unwrap_or_default()
}

fn rule(object: &Map<String, Value>, patterns: &mut Patterns) -> Result<ReplaceRule, String> {
    let text = |key: &str| object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let name = text("name").ok_or("has no `name`")?;
    let searched = text("pattern").ok_or("has no `pattern`")?;
    let searched =
        patterns.read(searched).map_err(|why| format!("has a pattern that cannot be used: {why}"))?;
    let replacement = text("repl").unwrap_or_default();
    if replacement.len() > LONGEST {
        return Err(format!("has a `repl` of more than {LONGEST} bytes"));
    }
    Ok(ReplaceRule::new(name, searched, replacement))
}

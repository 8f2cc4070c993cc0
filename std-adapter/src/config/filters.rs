//! Which traces are dropped as if they had never been, in the agent's own form.

use regex::Regex;

use super::patterns::Patterns;
use super::reader::Reader;

pub(super) const IGNORE: &str = "DD_APM_IGNORE_RESOURCES";
pub(super) const REQUIRE: &str = "DD_APM_FILTER_TAGS_REQUIRE";
pub(super) const REJECT: &str = "DD_APM_FILTER_TAGS_REJECT";
pub(super) const REGEX_REQUIRE: &str = "DD_APM_FILTER_TAGS_REGEX_REQUIRE";
pub(super) const REGEX_REJECT: &str = "DD_APM_FILTER_TAGS_REGEX_REJECT";

/// Which traces are dropped, by their roots.
#[derive(Debug, Clone, Default)]
pub struct Filters {
    /// Those whose root's resource one of these matches.
    pub ignore_resources: Vec<Regex>,
    /// Those whose root lacks one of these tags.
    pub require: Vec<TagFilter>,
    /// Those whose root has one of these tags.
    pub reject: Vec<TagFilter>,
}

/// A tag that is looked for.
#[derive(Debug, Clone)]
pub struct TagFilter {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: TagValue,
}

/// The value of a tag that is looked for.
#[derive(Debug, Clone)]
pub enum TagValue {
    /// Any.
    Any,
    /// This one.
    Exactly(String),
    /// One that this matches somewhere.
    Matching(Regex),
}

impl Filters {
    /// Whether they let every trace pass.
    pub fn is_empty(&self) -> bool {
        self.ignore_resources.is_empty() && self.require.is_empty() && self.reject.is_empty()
    }

    /// Takes in what others say, such as the lists of the agent's `/info`.
    pub fn extend(&mut self, others: Self) {
        self.ignore_resources.extend(others.ignore_resources);
        self.require.extend(others.require);
        self.reject.extend(others.reject);
    }

    /// Reads lists as the agent's `/info` has them: `ignore_resources`, then `require` and `reject` of `filter_tags`, then
    /// those of `filter_tags_regex`. Tells what is wrong with those that are left out.
    pub fn from_lists<S: AsRef<str>>(
        ignore_resources: &[S],
        [require, reject]: [&[S]; 2],
        [regex_require, regex_reject]: [&[S]; 2],
    ) -> (Self, Vec<String>) {
        let (mut wrong, mut patterns) = (Vec::new(), Patterns::of_agent());
        // Lists of others: neither many nor large, whatever they say.
        let [ignore_resources, require, reject, regex_require, regex_reject] =
            [ignore_resources, require, reject, regex_require, regex_reject]
                .map(|list| list.get(..MOST).unwrap_or(list));
        let (mut require, mut reject) = (kept(require, &mut wrong, exact), kept(reject, &mut wrong, exact));
        require.extend(kept(regex_require, &mut wrong, |tag| patterns.tag(tag)));
        reject.extend(kept(regex_reject, &mut wrong, |tag| patterns.tag(tag)));
        let ignore_resources = kept(ignore_resources, &mut wrong, |text| patterns.read(text));
        (Self { ignore_resources, require, reject }, wrong)
    }
}

pub(super) fn read(reader: &mut Reader) -> Filters {
    let mut patterns = Patterns::of_variable();
    let ignore_resources = list(reader, IGNORE, fields, |text| patterns.read(text));
    let (mut require, mut reject) = (list(reader, REQUIRE, words, exact), list(reader, REJECT, words, exact));
    let mut matching = |variable| {
        let mut patterns = Patterns::of_variable();
        list(reader, variable, words, |tag| patterns.tag(tag))
    };
    require.extend(matching(REGEX_REQUIRE));
    reject.extend(matching(REGEX_REJECT));
    Filters { ignore_resources, require, reject }
}

/// A variable whose list `split` takes apart, or refuses whole, and of whose items those hold that `read` understands.
fn list<T>(
    reader: &mut Reader,
    variable: &'static str,
    split: fn(&str) -> Result<Vec<String>, String>,
    read: impl FnMut(&str) -> Result<T, String>,
) -> Vec<T> {
    let Some(items) = reader.read(variable, &[variable], split) else { return Vec::new() };
    let read = |_: &str| {
        let mut wrong = Vec::new();
        (kept(&items, &mut wrong, read), wrong)
    };
    reader.read_list(variable, read).unwrap_or_default()
}

/// What can be read; what is wrong with the rest is said once.
fn kept<T>(
    list: &[impl AsRef<str>],
    wrong: &mut Vec<String>,
    mut read: impl FnMut(&str) -> Result<T, String>,
) -> Vec<T> {
    let read = list.iter().filter_map(|item| match read(item.as_ref()) {
        Ok(item) => Some(item),
        Err(why) => {
            if wrong.len() < MOST && !wrong.contains(&why) {
                wrong.push(why);
            }
            None
        }
    });
    read.collect()
}

/// So many of a list of others count, and so much of what is wrong is told.
const MOST: usize = 256;

fn exact(tag: &str) -> Result<TagFilter, String> {
    let (key, value) = split(tag)?;
    let value = value.map_or(TagValue::Any, |value| TagValue::Exactly(value.to_owned()));
    Ok(TagFilter { key: key.to_owned(), value })
}

impl Patterns {
    /// A tag whose value is a pattern.
    fn tag(&mut self, tag: &str) -> Result<TagFilter, String> {
        let (key, value) = split(tag)?;
        let value = value.map_or(Ok(TagValue::Any), |value| self.read(value).map(TagValue::Matching))?;
        Ok(TagFilter { key: key.to_owned(), value })
    }
}

/// `key:value`, or the key alone.
fn split(tag: &str) -> Result<(&str, Option<&str>), String> {
    let (key, value) = tag.split_once(':').unwrap_or((tag, ""));
    let (key, value) = (key.trim(), value.trim());
    if key.is_empty() {
        return Err(format!("`{tag}` has no key"));
    }
    Ok((key, Some(value).filter(|value| !value.is_empty())))
}

/// Tags with spaces between them, or a list of texts in JSON.
fn words(text: &str) -> Result<Vec<String>, String> {
    if text.starts_with('[') {
        return serde_json::from_str(text)
            .map_err(|error| format!("not a list of texts in JSON ({error}); no tag is used"));
    }
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

/// Fields with commas between them; one in double quotes may have commas itself, and two quotes in it are one.
fn fields(text: &str) -> Result<Vec<String>, String> {
    let (mut fields, mut rest) = (Vec::new(), text.trim_start());
    while !rest.is_empty() {
        let (field, after) = match rest.strip_prefix('"') {
            Some(inside) => quoted(inside)?,
            None => {
                let (field, after) = rest.split_once(',').unwrap_or((rest, ""));
                (field.to_owned(), after)
            }
        };
        if !field.is_empty() {
            fields.push(field);
        }
        rest = after.trim_start();
    }
    Ok(fields)
}

/// The field up to its closing quote, and what follows the comma behind it.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (part, after) =
            rest.split_once('"').ok_or("a quote that is not closed; no resource is ignored")?;
        field.push_str(part);
        if let Some(after) = after.strip_prefix('"') {
            field.push('"');
            rest = after;
            continue;
        }
        let after = after.trim_start();
        return match after.strip_prefix(',') {
            None if !after.is_empty() => {
                Err("a closing quote without a comma behind it; no resource is ignored".to_owned())
            }
            next => Ok((field, next.unwrap_or_default())),
        };
    }
}

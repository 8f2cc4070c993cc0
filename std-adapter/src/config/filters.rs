//! Which traces are dropped as if they had never been, in the agent's own form.

use regex::{Regex, RegexBuilder};

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
        let mut wrong = Vec::new();
        // Lists of others: neither many nor large, whatever they say.
        let [ignore_resources, require, reject, regex_require, regex_reject] =
            [ignore_resources, require, reject, regex_require, regex_reject]
                .map(|list| list.get(..MOST).unwrap_or(list));
        let mut all = |list: &[S], read: fn(&str) -> Result<TagFilter, String>| -> Vec<TagFilter> {
            list.iter().filter_map(|tag| read(tag.as_ref()).map_err(|why| wrong.push(why)).ok()).collect()
        };
        let (mut require, mut reject) = (all(require, exact), all(reject, exact));
        require.extend(all(regex_require, matching));
        reject.extend(all(regex_reject, matching));
        let resources = ignore_resources.iter().map(|text| pattern(text.as_ref()));
        let ignore_resources =
            resources.filter_map(|read| read.map_err(|why| wrong.push(why)).ok()).collect();
        (Self { ignore_resources, require, reject }, wrong)
    }
}

pub(super) fn read(reader: &mut Reader) -> Filters {
    let ignore_resources = reader.read_list(IGNORE, |text| kept(fields(text), pattern)).unwrap_or_default();
    let mut tags = |variable, read: fn(&str) -> Result<TagFilter, String>| {
        reader.read_list(variable, |text| kept(words(text), read)).unwrap_or_default()
    };
    let (mut require, mut reject) = (tags(REQUIRE, exact), tags(REJECT, exact));
    require.extend(tags(REGEX_REQUIRE, matching));
    reject.extend(tags(REGEX_REJECT, matching));
    Filters { ignore_resources, require, reject }
}

/// What can be read, and what is wrong with the rest.
fn kept<T>(list: Vec<String>, read: impl Fn(&str) -> Result<T, String>) -> (Vec<T>, Vec<String>) {
    let (mut all, mut wrong) = (Vec::new(), Vec::new());
    for item in list {
        match read(&item) {
            Ok(item) => all.push(item),
            Err(why) => wrong.push(why),
        }
    }
    (all, wrong)
}

/// So many of a list count, and a pattern takes at most so many bytes: enough for a hundred characters of any script.
const MOST: usize = 256;
const LARGEST: usize = 1 << 18;

/// A regular expression; `Err`: why it is none.
pub(super) fn pattern(text: &str) -> Result<Regex, String> {
    // The library shows the place on several lines; the last says what it is.
    RegexBuilder::new(text).size_limit(LARGEST).build().map_err(|error| {
        let error = error.to_string();
        let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("`{text}` is no regular expression ({why})")
    })
}

fn exact(tag: &str) -> Result<TagFilter, String> {
    let (key, value) = split(tag)?;
    let value = value.map_or(TagValue::Any, |value| TagValue::Exactly(value.to_owned()));
    Ok(TagFilter { key: key.to_owned(), value })
}

fn matching(tag: &str) -> Result<TagFilter, String> {
    let (key, value) = split(tag)?;
    let value = value.map_or(Ok(TagValue::Any), |value| pattern(value).map(TagValue::Matching))?;
    Ok(TagFilter { key: key.to_owned(), value })
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

/// Tags with spaces between them, or a list in JSON.
fn words(text: &str) -> Vec<String> {
    if text.starts_with('[')
        && let Ok(list) = serde_json::from_str(text)
    {
        return list;
    }
    text.split_whitespace().map(str::to_owned).collect()
}

/// Fields with commas between them; one in double quotes may have commas itself, and two quotes in it are one.
fn fields(text: &str) -> Vec<String> {
    let (mut fields, mut rest) = (Vec::new(), text.trim_start());
    while !rest.is_empty() {
        let (field, after) = match rest.strip_prefix('"').and_then(quoted) {
            Some(both) => both,
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
    fields
}

/// The field up to its closing quote, and what follows the comma behind it; `None`: it is not closed.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('"')?;
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return Some((field, after.split_once(',').map_or("", |(_, after)| after))),
        }
    }
}

//! Hiding what is not to leave: replace rules, in the agent's own form.

use super::resolve;
use crate::config::ReplaceRule;
use crate::model::normal::VALUE;
use crate::model::{Span, Tag, Text, Value};

/// Applies each rule in turn to a span: its resource, its tags, and those of its links and events; to names of events, which may be
/// whole lines of a log.
pub(super) fn apply(rules: &[ReplaceRule], span: &mut Span) {
    for rule in rules {
        if rule.target.is_for_resource()
            && let text = span.resource.as_deref().unwrap_or(&span.name)
            && let Some(new) = replaced(rule, text, resolve::RESOURCE)
        {
            span.resource = Some(new);
        }
        for event in span.events.iter_mut().filter(|_| rule.target.is_for_events()) {
            if let Some(new) = replaced(rule, &event.name, VALUE) {
                event.name = new;
            }
        }
        let links = span.links.iter_mut().map(|link| &mut link.attributes);
        let events = span.events.iter_mut().map(|event| &mut event.attributes);
        std::iter::once(&mut span.tags).chain(links).chain(events).for_each(|tags| in_tags(rule, tags));
    }
}

/// Applies each rule in turn to tags.
pub(super) fn in_all(rules: &[ReplaceRule], tags: &mut [Tag]) {
    rules.iter().for_each(|rule| in_tags(rule, tags));
}

/// Applies each rule in turn to what goes out under this key.
pub(super) fn in_text(rules: &[ReplaceRule], key: &str, text: &mut Option<Text>) {
    for rule in rules.iter().filter(|rule| rule.target.is_for_tag(key)) {
        if let Some(new) = text.as_deref().and_then(|text| replaced(rule, text, VALUE)) {
            *text = Some(new);
        }
    }
}

fn in_tags(rule: &ReplaceRule, tags: &mut [Tag]) {
    for (_, value) in tags.iter_mut().filter(|(key, _)| rule.target.is_for_tag(key)) {
        match value {
            Value::Str(text) => {
                if let Some(new) = replaced(rule, text, VALUE) {
                    *value = Value::Str(new);
                }
            }
            _ => {
                let text = value.to_string();
                if let Some(new) = replaced(rule, &text, VALUE) {
                    // A number that still is one stays one.
                    let number = new.parse().ok().filter(|number: &f64| number.is_finite());
                    *value = number.map_or_else(|| Value::Str(new), Value::Float);
                }
            }
        }
    }
}

/// What a text becomes, at most so many bytes of it; `None`: it stays as it is.
fn replaced(rule: &ReplaceRule, text: &str, most: usize) -> Option<Text> {
    let mut new = Text::from(built(rule, text, most)?);
    new.truncate(most);
    Some(new)
}

/// The same, and what one match brought beyond it.
fn built(rule: &ReplaceRule, text: &str, most: usize) -> Option<String> {
    let mut matches = rule.pattern.captures_iter(text).peekable();
    matches.peek()?;
    let (mut new, mut end) = (String::new(), 0);
    for groups in matches {
        let whole = groups.get_match();
        new.push_str(&text[end..whole.start()]);
        groups.expand(&rule.replacement, &mut new);
        end = whole.end();
        if new.len() > most {
            return Some(new);
        }
    }
    new.push_str(&text[end..]);
    Some(new)
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn a_text_that_grows_is_built_no_further_than_it_is_kept() {
        let rule =
            |replacement: &str| ReplaceRule::new("*", Regex::new(".").expect("a pattern"), replacement);
        let text = "a".repeat(25_000);
        let grown = built(&rule(&"x".repeat(100)), &text, 5_000).expect("a match");
        assert_eq!(grown.len(), 5_100);
        assert_eq!(built(&rule("b$0"), "aa", 4).as_deref(), Some("baba"));
        assert_eq!(built(&rule("b"), "", 4), None);
    }
}

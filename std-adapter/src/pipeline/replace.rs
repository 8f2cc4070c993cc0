//! Hiding what is not to leave: replace rules, in the agent's own form.

use std::borrow::Cow;

use super::resolve;
use crate::config::ReplaceRule;
use crate::model::{Span, Tag, Text, Value};

/// Applies each rule in turn to a span: its resource, its tags, and those of its links and events.
pub(super) fn apply(rules: &[ReplaceRule], span: &mut Span) {
    for rule in rules {
        if rule.target.is_for_resource()
            && let Cow::Owned(text) = replaced(rule, span.resource.as_deref().unwrap_or(&span.name))
        {
            let mut text = Text::from(text);
            text.truncate(resolve::RESOURCE);
            span.resource = Some(text);
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
        if let Some(Cow::Owned(new)) = text.as_deref().map(|text| replaced(rule, text)) {
            *text = Some(Text::from(new));
        }
    }
}

fn in_tags(rule: &ReplaceRule, tags: &mut [Tag]) {
    for (_, value) in tags.iter_mut().filter(|(key, _)| rule.target.is_for_tag(key)) {
        match value {
            Value::Str(text) => {
                if let Cow::Owned(new) = replaced(rule, text) {
                    let mut new = Text::from(new);
                    new.truncate(resolve::VALUE);
                    *value = Value::Str(new);
                }
            }
            _ => {
                let text = value.to_string();
                if let Cow::Owned(new) = replaced(rule, &text) {
                    // A number that still is one stays one.
                    let number = new.parse().ok().filter(|number: &f64| number.is_finite());
                    *value = number.map_or_else(|| Value::Str(Text::from(new)), Value::Float);
                }
            }
        }
    }
}

/// What a text becomes; borrowed if it stays as it is.
fn replaced<'t>(rule: &ReplaceRule, text: &'t str) -> Cow<'t, str> {
    rule.pattern.replace_all(text, rule.replacement.as_str())
}

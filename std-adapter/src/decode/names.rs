//! The strings of a session, and what texts and values are with them.

use microspan::wire::{TagValue, Tags, Text as WireText};

use super::indexed::Indexed;
use crate::model::{Tag, Text, Value};

/// How many names are kept: more than a device's table can hold.
const NAMES: usize = 4096;

/// A text as a device told it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Named {
    Index(u32),
    Text(Text),
}

impl From<WireText<'_>> for Named {
    fn from(text: WireText<'_>) -> Self {
        match text {
            WireText::Name(index) => Self::Index(index),
            WireText::Inline(text) => Self::Text(Text::new(text)),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Names {
    texts: Indexed<Text>,
}

impl Names {
    /// Takes the text of an index; tells whether it is news.
    pub(super) fn learn(&mut self, index: u32, text: &str) -> bool {
        let new = self.texts.get(&index).is_none_or(|known| known.as_str() != text)
            && (self.texts.len() < NAMES || self.texts.contains_key(&index));
        if new {
            self.texts.insert(index, Text::new(text));
        }
        new
    }

    /// The text of an index; while it is missing none, or by `force` a stand-in.
    pub(super) fn find(&self, index: u32, force: bool) -> Option<Text> {
        self.texts.get(&index).cloned().or_else(|| force.then(|| Text::new(&format!("name#{index}"))))
    }

    pub(super) fn find_named(&self, named: &Named, force: bool) -> Option<Text> {
        match named {
            Named::Text(text) => Some(text.clone()),
            Named::Index(index) => self.find(*index, force),
        }
    }

    pub(super) fn knows(&self, text: WireText<'_>) -> bool {
        match text {
            WireText::Name(index) => self.texts.contains_key(&index),
            WireText::Inline(_) => true,
        }
    }

    pub(super) fn knows_tags(&self, mut tags: Tags<'_>) -> bool {
        tags.all(|tag| {
            self.knows(tag.key)
                && match tag.value {
                    TagValue::Text(text) | TagValue::Cut(text) | TagValue::Baggage(text) => self.knows(text),
                    TagValue::Event(event) => self.knows_tags(event.attributes),
                    TagValue::Link(link) => self.knows_tags(link.attributes),
                    TagValue::RemoteLink(_, attributes) => self.knows_tags(attributes),
                    _ => true,
                }
        })
    }

    /// A text, or its stand-in.
    pub(super) fn text(&self, text: WireText<'_>) -> Text {
        match text {
            WireText::Name(index) => self.find(index, true).unwrap_or_else(|| Text::from("")),
            WireText::Inline(text) => Text::new(text),
        }
    }

    /// A value, with stand-ins for what is missing; `None`: it is not the value of a tag.
    pub(super) fn value(&self, value: TagValue<'_>) -> Option<Value> {
        convert(value, |text| self.text(text))
    }

    /// What is said of an event or a link.
    pub(super) fn attributes(&self, tags: Tags<'_>) -> Vec<Tag> {
        let mut attributes: Vec<Tag> = Vec::new();
        for tag in tags {
            let key = self.text(tag.key);
            if let Some(value) = self.value(tag.value)
                && attributes.iter().all(|(known, _)| *known != key)
            {
                attributes.push((key, value));
            }
        }
        attributes
    }
}

/// A value, with its names looked up by `text`; `None`: it is not the value of a tag.
pub(super) fn convert<'a>(value: TagValue<'a>, text: impl FnOnce(WireText<'a>) -> Text) -> Option<Value> {
    Some(match value {
        TagValue::Bool(value) => Value::Bool(value),
        TagValue::U64(value) => Value::Uint(value),
        TagValue::I64(value) => Value::Int(value),
        // By its shortest decimal, so that 0.1 stays 0.1.
        TagValue::F32(value) => Value::Float(value.to_string().parse().unwrap_or(f64::from(value))),
        TagValue::F64(value) => Value::Float(value),
        TagValue::Text(wire) => Value::Str(text(wire)),
        TagValue::Cut(wire) => Value::Str(Text::new(&format!("{}...", text(wire).as_str()))),
        _ => return None,
    })
}

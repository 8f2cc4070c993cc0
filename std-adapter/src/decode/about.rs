//! What a device says of itself, its names not yet looked up.

use std::sync::Arc;

use microspan::wire::{Sync, TagValue, Text as WireText};

use super::names::{Named, Names, convert};
use crate::model::{Source, Text, Value};

#[derive(Debug, PartialEq)]
pub(super) struct About {
    service: Named,
    tags: Vec<(Named, Datum)>,
}

#[derive(Debug, PartialEq)]
enum Datum {
    Value(Value),
    Name(u32),
}

impl About {
    pub(super) fn of(sync: &Sync<'_>) -> Self {
        Self {
            service: Named::from(sync.service),
            tags: sync.tags.filter_map(|tag| Some((Named::from(tag.key), Datum::of(tag.value)?))).collect(),
        }
    }

    /// The source it describes, of session `id`; `None` when a name is missing, unless by `force` that must do.
    pub(super) fn describe(&self, names: &Names, id: u128, force: bool) -> Option<Source> {
        let mut source = Source::new(id);
        source.service = Some(names.find_named(&self.service, force)?).filter(|service| !service.is_empty());
        // Of two with one key the first holds.
        for (key, datum) in self.tags.iter().rev() {
            let value = match datum {
                Datum::Value(value) => value.clone(),
                Datum::Name(index) => Value::Str(names.find(*index, force)?),
            };
            source.set_tag(names.find_named(key, force)?, value);
        }
        Some(source)
    }
}

/// The source that `new` describes: the known one, if that says the same.
pub(super) fn shared(known: &Option<Arc<Source>>, new: Source) -> Arc<Source> {
    match known {
        Some(known) if **known == new => known.clone(),
        _ => Arc::new(new),
    }
}

impl Datum {
    fn of(value: TagValue<'_>) -> Option<Self> {
        match value {
            TagValue::Text(WireText::Name(index)) | TagValue::Cut(WireText::Name(index)) => {
                Some(Self::Name(index))
            }
            value => convert(value, |text| match text {
                WireText::Inline(text) => Text::new(text),
                WireText::Name(_) => Text::from(""),
            })
            .map(Self::Value),
        }
    }
}

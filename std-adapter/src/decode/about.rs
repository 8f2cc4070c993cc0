//! What a device says of itself, its names not yet looked up.

use std::sync::Arc;

use microspan::wire::{Sync, TagValue, Text as WireText};

use super::names::{Lack, Named, Names, convert};
use crate::model::{Source, Text, Value};

#[derive(Debug, PartialEq)]
pub(super) struct About {
    service: Named,
    tags: Vec<(Named, Datum)>,
}

#[derive(Debug, PartialEq)]
enum Datum {
    Value(Value),
    Text(Named),
}

impl About {
    pub(super) fn of(sync: &Sync<'_>) -> Self {
        Self {
            service: Named::from(sync.service),
            tags: sync.tags.filter_map(|tag| Some((Named::from(tag.key), Datum::of(tag.value)?))).collect(),
        }
    }

    /// Adds what is not known of its texts and can be asked for.
    pub(super) fn add_lack(&self, names: &Names, lack: &mut Lack) {
        names.add_lack_of_named(&self.service, lack);
        for (key, datum) in &self.tags {
            names.add_lack_of_named(key, lack);
            if let Datum::Text(named) = datum {
                names.add_lack_of_named(named, lack);
            }
        }
    }

    /// The source it describes, of session `id`; `None` when a name is missing, unless by `force` that must do.
    pub(super) fn describe(
        &self,
        device: Option<&Named>,
        names: &Names,
        id: u128,
        force: bool,
    ) -> Option<Source> {
        let mut source = Source::new(id);
        source.service = Some(names.find(&self.service, force)?).filter(|service| !service.is_empty());
        if let Some(device) = device {
            source.device = Some(names.find(device, force)?).filter(|name| !name.is_empty());
        }
        source.build_id = hex(names.build_id());
        // Of two with one key the first holds.
        for (key, datum) in self.tags.iter().rev() {
            let value = match datum {
                Datum::Value(value) => value.clone(),
                Datum::Text(named) => Value::Str(names.find(named, force)?),
            };
            source.set_tag(names.find(key, force)?, value);
        }
        Some(source)
    }
}

/// Bytes as hex digits; `None` of none.
fn hex(bytes: &[u8]) -> Option<Text> {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    (!digits.is_empty()).then(|| Text::from(digits))
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
            TagValue::Text(text) => Some(Self::Text(Named::from(text))),
            value => convert(value, |text| match text {
                WireText::Inline(text) => Text::new(text),
                WireText::Name(_) | WireText::Address { .. } => Text::from(""),
            })
            .map(Self::Value),
        }
    }
}

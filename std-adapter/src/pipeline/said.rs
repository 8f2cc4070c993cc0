//! What roots that went out said of their traces, for the parts that come after them.

use super::decision::{LIMIT, MECHANISM, PRIORITY, RATE, RULE};
use super::recent::Recent;
use super::table::Key;
use crate::model::{Span, Text, Value};

/// How many traces are remembered.
const REMEMBERED: usize = 8_192;

/// The tags that say what was decided, and by what.
const KEYS: [&str; 5] = [PRIORITY, MECHANISM, RULE, LIMIT, RATE];

/// The longest text that is remembered of a tag.
const TEXT: usize = 16;

/// Of traces whose roots went out and decided something.
pub(super) struct Said(Recent<Key, [Option<Value>; 5]>);

impl Default for Said {
    fn default() -> Self {
        Self(Recent::new(REMEMBERED))
    }
}

impl Said {
    /// Whether the root of a trace went out and decided something.
    pub(super) fn knows(&self, key: Key) -> bool {
        self.0.get(&key).is_some()
    }

    /// Takes note of the root of a trace.
    pub(super) fn note(&mut self, key: Key, root: &Span) {
        let short = |value: &&Value| !matches!(value, Value::Str(text) if text.len() > TEXT);
        self.0.insert(key, KEYS.map(|key| root.tag(key).filter(short).cloned()));
    }

    /// Has the first span of a part say what the root said, if it says nothing itself.
    pub(super) fn repeat(&self, key: Key, first: &mut Span) {
        if first.is_local_root() || first.tag(PRIORITY).is_some() {
            return;
        }
        for (key, value) in KEYS.into_iter().zip(self.0.get(&key).into_iter().flatten()) {
            if let Some(value) = value
                && first.tag(key).is_none()
            {
                first.tags.push((Text::from(key), value.clone()));
            }
        }
    }
}

//! The strings of a program, as its packets tell them.

use microspan::wire::Text;

use super::key;
use super::lane::Lane;

/// Strings that a drain tells: keys, names of lanes, the service.
const INDICES: usize = 32;

/// A string, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Number,
    Parent,
    Time,
    Check,
    Text,
    Hit,
    /// The name of the lane in this place.
    Lane(usize),
    Other,
}

/// Which index stands for which string.
pub(super) struct Words {
    lanes: &'static [Lane],
    told: [Option<Word>; INDICES],
}

impl Words {
    pub(super) const fn new(lanes: &'static [Lane]) -> Self {
        Self { lanes, told: [None; INDICES] }
    }

    /// Learns what an index stands for; `false`: it stood for something else before, or is too large.
    pub(super) fn learn(&mut self, index: u32, text: &str) -> bool {
        let word = self.word(text);
        let place = usize::try_from(index).ok().and_then(|index| self.told.get_mut(index));
        place.is_some_and(|place| *place.get_or_insert(word) == word)
    }

    /// What a string says; `None`: nobody told this index.
    pub(super) fn read(&self, text: Text<'_>) -> Option<Word> {
        match text {
            Text::Name(index) => *self.told.get(usize::try_from(index).ok()?)?,
            Text::Inline(text) => Some(self.word(text)),
            Text::Address { .. } => None,
        }
    }

    fn word(&self, text: &str) -> Word {
        match text {
            key::NUMBER => Word::Number,
            key::TIME => Word::Time,
            key::CHECK => Word::Check,
            key::TEXT => Word::Text,
            _ if key::PARENTS.contains(&text) => Word::Parent,
            _ if key::HITS.contains(&text) => Word::Hit,
            _ => self.lanes.iter().position(|lane| lane.name == text).map_or(Word::Other, Word::Lane),
        }
    }
}

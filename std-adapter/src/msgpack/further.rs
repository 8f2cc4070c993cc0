//! The tags that spans have beside their own, as they were written last: mostly the next span has the same.

use rmp::encode::ByteBuf;

use super::tags::Tags;
use crate::model::{Tag, Text};
use crate::pipeline::{Further, Trace, look};

/// Those of the first span of a chunk, and those of another.
#[derive(Debug, Clone, Default)]
pub(super) struct Known([Written; 2]);

#[derive(Debug, Clone, Default)]
struct Written {
    /// `None`: nothing is known.
    of: Option<Further>,
    keys: Vec<Text>,
    /// What is seen of the keys at a glance.
    looks: u64,
    texts: Vec<u8>,
    numbers: Vec<u8>,
    counts: [u32; 2],
}

impl Known {
    /// Writes the further tags of the span at `index`, whose own are `own`.
    pub(super) fn write(&mut self, tags: &mut Tags<'_>, trace: &Trace, index: usize, own: &[Tag]) {
        let [first, other] = &mut self.0;
        let known = if index == 0 { first } else { other };
        if !known.of.as_ref().is_some_and(|of| trace.has_further(index, of)) {
            known.write_anew(tags, trace, index);
        } else if known.has_none_of(own) {
            known.copy(tags);
        } else {
            trace.each_further_tag(index, |key, datum| tags.write(key, datum));
        }
    }
}

impl Written {
    /// Writes those of a span, and knows them from then on, unless its own tags are in their way.
    fn write_anew(&mut self, tags: &mut Tags<'_>, trace: &Trace, index: usize) {
        let ([texts, numbers], before) = ([end(tags.texts), end(tags.numbers)], tags.counts);
        self.keys.clear();
        let are_all = trace.each_further_tag(index, |key, datum| {
            self.keys.push(key.clone());
            tags.write(key, datum);
        });
        self.of = trace.further(index).filter(|_| are_all);
        self.looks = self.keys.iter().fold(0, |looks, key| looks | look(key.as_bytes()));
        self.texts.clear();
        self.texts.extend_from_slice(&tags.texts.as_slice()[texts..]);
        self.numbers.clear();
        self.numbers.extend_from_slice(&tags.numbers.as_slice()[numbers..]);
        self.counts = [0, 1].map(|of| tags.counts[of] - before[of]);
    }

    fn has_none_of(&self, own: &[Tag]) -> bool {
        own.iter().all(|(key, _)| self.looks & look(key.as_bytes()) == 0 || !self.keys.contains(key))
    }

    fn copy(&self, tags: &mut Tags<'_>) {
        tags.texts.as_mut_vec().extend_from_slice(&self.texts);
        tags.numbers.as_mut_vec().extend_from_slice(&self.numbers);
        tags.counts = [0, 1].map(|of| tags.counts[of] + self.counts[of]);
    }
}

fn end(bytes: &ByteBuf) -> usize {
    bytes.as_slice().len()
}

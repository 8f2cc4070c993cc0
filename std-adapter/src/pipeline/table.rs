//! The traces being assembled, found by key and by how long they have been quiet.
//!
//! Slots lie in one vector; each is a link of one of two lists, traces with a root and traces without, ordered by the
//! time of their latest span. Time only moves forward, so that a touched trace moves to the end of its list, and both
//! finding the next deadline and touching take constant time.

use hashbrown::HashTable;

use super::secret::Secret;
use super::size;
use crate::model::Span;

/// A trace of one source: trace id and runtime id.
pub(super) type Key = (u128, u128);

/// No slot.
const NONE: usize = usize::MAX;

/// One trace in the making.
pub(super) struct Slot {
    pub(super) key: Key,
    hash: u64,
    pub(super) spans: Vec<Span>,
    /// The bytes of the spans.
    pub(super) bytes: usize,
    pub(super) has_root: bool,
    pub(super) touched: u64,
    previous: usize,
    next: usize,
}

/// First (longest quiet) and last (latest touched) slot of a list.
#[derive(Clone, Copy)]
struct Ends {
    first: usize,
    last: usize,
}

/// All traces in the making.
pub(super) struct Table {
    slots: Vec<Slot>,
    free: Vec<usize>,
    index: HashTable<usize>,
    secret: Secret,
    /// Without and with a root.
    lists: [Ends; 2],
    /// The slot touched last: spans come in runs.
    recent: usize,
}

impl Table {
    pub(super) fn new() -> Self {
        let empty = Ends { first: NONE, last: NONE };
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            index: HashTable::new(),
            secret: Secret::default(),
            lists: [empty; 2],
            recent: NONE,
        }
    }

    /// How many traces are held.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The trace of a slot handed out by this table.
    pub(super) fn slot(&self, at: usize) -> &Slot {
        &self.slots[at]
    }

    /// Adds a span to its trace, which is thereby touched; tells where the trace lies, and how many bytes came.
    pub(super) fn add(
        &mut self,
        key: Key,
        span: Span,
        now: u64,
        spare: impl FnOnce() -> Vec<Span>,
    ) -> (usize, usize) {
        let at = self.find_or_insert(key, spare);
        let had_root = self.slots[at].has_root;
        let has_root = had_root || span.is_local_root();
        // Spans come in runs: mostly it lies where it belongs.
        if has_root != had_root || self.lists[usize::from(had_root)].last != at {
            self.unlink(at);
            self.slots[at].has_root = has_root;
            self.link_last(at);
        }
        let slot = &mut self.slots[at];
        slot.touched = now;
        slot.spans.push(span);
        let added = size::of_last(&slot.spans);
        slot.bytes += added;
        self.recent = at;
        (at, added)
    }

    /// The longest quiet trace of those with or without a root.
    pub(super) fn quietest(&self, has_root: bool) -> Option<usize> {
        let first = self.lists[usize::from(has_root)].first;
        (first != NONE).then_some(first)
    }

    /// The traces that came from the source with this runtime id.
    pub(super) fn slots_of(&mut self, source: u128) -> impl Iterator<Item = &mut Slot> {
        self.slots.iter_mut().filter(move |slot| slot.key.1 == source)
    }

    /// Takes a trace out.
    pub(super) fn remove(&mut self, at: usize) -> Vec<Span> {
        self.unlink(at);
        let slot = &mut self.slots[at];
        slot.has_root = false;
        slot.bytes = 0;
        let spans = std::mem::take(&mut slot.spans);
        if let Ok(entry) = self.index.find_entry(slot.hash, |&other| other == at) {
            entry.remove();
        }
        self.free.push(at);
        if self.recent == at {
            self.recent = NONE;
        }
        spans
    }

    fn find_or_insert(&mut self, key: Key, spare: impl FnOnce() -> Vec<Span>) -> usize {
        if self.recent != NONE && self.slots[self.recent].key == key {
            return self.recent;
        }
        let words = [key.0, key.1].into_iter().flat_map(|id| [id as u64, (id >> 64) as u64]);
        let hash = self.secret.hash_all(words);
        if let Some(&at) = self.index.find(hash, |&at| self.slots[at].key == key) {
            return at;
        }
        let spans = spare();
        let slot =
            Slot { key, hash, spans, bytes: 0, has_root: false, touched: 0, previous: NONE, next: NONE };
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        };
        self.index.insert_unique(hash, at, |&at| self.slots[at].hash);
        self.link_last(at);
        at
    }

    fn link_last(&mut self, at: usize) {
        let list = &mut self.lists[usize::from(self.slots[at].has_root)];
        let last = std::mem::replace(&mut list.last, at);
        if last == NONE {
            list.first = at;
        } else {
            self.slots[last].next = at;
        }
        self.slots[at].previous = last;
        self.slots[at].next = NONE;
    }

    fn unlink(&mut self, at: usize) {
        let Slot { previous, next, has_root, .. } = self.slots[at];
        let list = usize::from(has_root);
        match previous {
            NONE => self.lists[list].first = next,
            _ => self.slots[previous].next = next,
        }
        match next {
            NONE => self.lists[list].last = previous,
            _ => self.slots[next].previous = previous,
        }
    }
}

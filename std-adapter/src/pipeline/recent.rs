//! What is remembered of the last so many keys.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// A map that forgets its oldest key when it is full.
pub(super) struct Recent<K, V> {
    most: usize,
    known: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K: Copy + Eq + Hash, V> Recent<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, known: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.known.get(key)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.known.insert(key, value).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > 2 * self.most {
            self.order.retain(|key| self.known.contains_key(key));
        }
        while self.known.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// Forgets a key. It is not to come again.
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        self.known.remove(key)
    }
}

impl<K: Copy + Eq + Hash, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self::new(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_key_is_forgotten_when_there_are_too_many() {
        let mut recent = Recent::new(2);
        for (key, value) in [(1, 'a'), (2, 'b'), (1, 'c'), (3, 'd')] {
            recent.insert(key, value);
        }
        assert_eq!([1, 2, 3].map(|key| recent.get(&key).copied()), [None, Some('b'), Some('d')]);
    }

    #[test]
    fn what_is_taken_away_takes_no_place() {
        let mut recent = Recent::new(2);
        recent.insert(0, ());
        for key in 1..100 {
            recent.insert(key, ());
            assert_eq!(recent.remove(&key), Some(()));
            assert!(recent.order.len() <= 4);
        }
        assert!(recent.get(&0).is_some() && recent.remove(&1).is_none());
    }
}

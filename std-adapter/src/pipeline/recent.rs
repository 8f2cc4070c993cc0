//! What is remembered of the last so many keys.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// A map that forgets its oldest key when it is full.
pub(super) struct Recent<K, V> {
    most: usize,
    /// Each with the number of its insertion.
    known: HashMap<K, (u64, V)>,
    /// Those that were removed stay for a while; a key that came again has another number.
    order: VecDeque<(u64, K)>,
    inserted: u64,
}

impl<K: Copy + Eq + Hash, V> Recent<K, V> {
    pub(super) fn new(most: usize) -> Self {
        Self { most, known: HashMap::new(), order: VecDeque::new(), inserted: 0 }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.known.get(key).map(|(_, value)| value)
    }

    pub(super) fn insert(&mut self, key: K, value: V) {
        if let Some((_, known)) = self.known.get_mut(&key) {
            *known = value;
            return;
        }
        self.inserted += 1;
        self.known.insert(key, (self.inserted, value));
        self.order.push_back((self.inserted, key));
        if self.order.len() > 2 * self.most {
            let known = &self.known;
            self.order.retain(|(number, key)| known.get(key).is_some_and(|(known, _)| known == number));
        }
        while self.known.len() > self.most
            && let Some((number, key)) = self.order.pop_front()
        {
            if self.known.get(&key).is_some_and(|(known, _)| *known == number) {
                self.known.remove(&key);
            }
        }
    }

    /// Forgets a key.
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        self.known.remove(key).map(|(_, value)| value)
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

    #[test]
    fn a_key_that_comes_and_goes_takes_one_place_and_is_as_old_as_its_last_coming() {
        let mut recent = Recent::new(2);
        for key in [0, 1] {
            recent.insert(key, ());
        }
        for _ in 0..100 {
            assert_eq!(recent.remove(&0), Some(()));
            recent.insert(0, ());
            assert!(recent.order.len() <= 4);
        }
        recent.insert(2, ());
        assert_eq!([0, 1, 2].map(|key| recent.get(&key).is_some()), [true, false, true]);
    }
}

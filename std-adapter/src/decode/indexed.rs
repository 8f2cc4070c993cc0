//! Values by a number that a device gave them: from 0 upwards, if it is one of ours; any number, if it is a stranger.

use std::collections::HashMap;

/// Numbers below this are places in a list.
const PLACES: u32 = 4096;

/// A map from such numbers.
#[derive(Debug)]
pub(super) struct Indexed<T> {
    places: Vec<Option<T>>,
    others: HashMap<u32, T>,
    len: usize,
}

impl<T> Default for Indexed<T> {
    fn default() -> Self {
        Self { places: Vec::new(), others: HashMap::new(), len: 0 }
    }
}

impl<T> Indexed<T> {
    #[inline]
    pub(super) fn get(&self, index: &u32) -> Option<&T> {
        match self.places.get(*index as usize) {
            Some(place) => place.as_ref(),
            None if *index < PLACES => None,
            None => self.others.get(index),
        }
    }

    pub(super) fn contains_key(&self, index: &u32) -> bool {
        self.get(index).is_some()
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn insert(&mut self, index: u32, value: T) {
        let before = if index < PLACES {
            if self.places.len() <= index as usize {
                self.places.resize_with(index as usize + 1, || None);
            }
            self.places.get_mut(index as usize).and_then(|place| place.replace(value))
        } else {
            self.others.insert(index, value)
        };
        self.len += usize::from(before.is_none());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_is_kept_once_and_small_ones_take_no_more_than_their_places() {
        let mut indexed = Indexed::default();
        let all = [3, 0, PLACES - 1, PLACES, u32::MAX];
        for (nth, index) in all.into_iter().enumerate() {
            assert!(!indexed.contains_key(&index));
            indexed.insert(index, 0);
            indexed.insert(index, index);
            assert_eq!(indexed.len(), nth + 1);
        }
        assert!(all.iter().all(|index| indexed.get(index) == Some(index)));
        assert_eq!((indexed.get(&1), indexed.get(&(PLACES + 1))), (None, None));
        assert_eq!((indexed.places.len(), indexed.others.len()), (PLACES as usize, 2));
    }
}

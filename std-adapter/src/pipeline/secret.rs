//! Hashes of ids that come from elsewhere, by a number that is drawn when the program runs, so that nobody can choose ids that make
//! a table slow.

use std::hash::{BuildHasher, RandomState};

#[derive(Clone, Copy)]
pub(super) struct Secret(u64);

impl Default for Secret {
    fn default() -> Self {
        Self(RandomState::new().hash_one(0))
    }
}

impl Secret {
    #[inline]
    pub(super) fn hash(self, id: u64) -> u64 {
        let mixed = u128::from(id ^ self.0) * u128::from(self.0 | 1);
        mixed as u64 ^ (mixed >> 64) as u64
    }

    /// The same of several ids.
    #[inline]
    pub(super) fn hash_all(self, ids: impl IntoIterator<Item = u64>) -> u64 {
        ids.into_iter().fold(0, |hash, id| self.hash(hash ^ id))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_that_are_alike_have_hashes_that_differ_at_both_ends() {
        let secret = Secret::default();
        let hashes: Vec<u64> = (0..4_096).map(|n| secret.hash_all([(n % 64) << 58, n / 64])).collect();
        for shift in [0, 50] {
            let ends: HashSet<u64> = hashes.iter().map(|hash| hash >> shift & 0x3fff).collect();
            assert!(ends.len() > 3_000, "{}", ends.len());
        }
        assert_ne!(secret.hash(1), Secret::default().hash(1));
    }
}

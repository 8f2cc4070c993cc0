//! Where the spans of a trace lie, by their ids.

use super::secret::Secret;

/// A table in which an id is looked for from the place on that its hash names. No more than half of it is taken.
#[derive(Default)]
pub(super) struct Places {
    secret: Secret,
    slots: Vec<Slot>,
}

#[derive(Clone, Copy)]
struct Slot {
    id: u64,
    /// [`NOWHERE`]: nobody has taken it.
    place: u32,
}

const NOWHERE: u32 = u32::MAX;

impl Places {
    /// Forgets all, and makes room for so many.
    pub(super) fn clear(&mut self, spans: usize) {
        self.slots.clear();
        self.slots.resize((2 * spans).next_power_of_two(), Slot { id: 0, place: NOWHERE });
    }

    /// Takes note of where an id lies, unless it lies somewhere already; tells whether it did.
    #[inline]
    pub(super) fn insert(&mut self, id: u64, place: usize) -> bool {
        let slot = self.look(id);
        let Some(slot) = self.slots.get_mut(slot) else { return false };
        let is_new = slot.place == NOWHERE;
        if is_new {
            *slot = Slot { id, place: place as u32 };
        }
        is_new
    }

    /// Where the span with this id lies.
    #[inline]
    pub(super) fn find(&self, id: u64) -> Option<usize> {
        let slot = self.slots.get(self.look(id)).filter(|slot| slot.place != NOWHERE)?;
        Some(slot.place as usize)
    }

    /// The slot that has this id, or else the one that it would get.
    #[inline]
    fn look(&self, id: u64) -> usize {
        let mut at = self.secret.hash(id) as usize;
        loop {
            at &= self.slots.len().wrapping_sub(1);
            match self.slots.get(at) {
                Some(slot) if slot.place != NOWHERE && slot.id != id => at += 1,
                _ => return at,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_where_it_was_first() {
        let mut places = Places::default();
        assert_eq!(places.find(1), None);
        for spans in [1, 2, 3, 700] {
            places.clear(spans);
            let id = |n: usize| (n as u64).wrapping_mul(if spans == 3 { 1 << 56 } else { 8 });
            for n in 0..spans {
                assert_eq!(places.find(id(n)), None);
                assert!(places.insert(id(n), n));
                assert!(!places.insert(id(n), n + 1));
            }
            assert!((0..spans).all(|n| places.find(id(n)) == Some(n)), "{spans}");
            assert_eq!(places.find(id(spans)), None);
        }
    }
}

//! A few numbers, one of which is the right one.

/// The place of no number.
pub(super) const EMPTY: u32 = u32::MAX;

/// Places in a set: what is known of the current span when interrupts of two priorities each come in between.
pub(super) const PLACES: usize = 4;

/// Up to four numbers; a place may be empty, and a number stand twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Set(pub(super) [u32; PLACES]);

impl Set {
    pub(super) const NONE: Self = Self([EMPTY; PLACES]);

    /// One number.
    pub(super) const fn of(number: u32) -> Self {
        Self([number, EMPTY, EMPTY, EMPTY])
    }

    /// Adds a number, if a place is left.
    pub(super) fn insert(&mut self, number: u32) {
        if !self.contains(number)
            && let Some(place) = self.0.iter_mut().find(|place| **place == EMPTY)
        {
            *place = number;
        }
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        self.0.contains(&number)
    }

    /// Its numbers, each once.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let once =
            |(place, number): &(usize, &u32)| !self.0.iter().take(*place).any(|other| other == *number);
        self.0.iter().enumerate().filter(once).map(|(_, number)| *number).filter(|number| *number != EMPTY)
    }

    /// The number, when there is one only.
    pub(super) fn only(&self) -> Option<u32> {
        let mut numbers = self.iter();
        numbers.next().filter(|_| numbers.next().is_none())
    }

    /// The numbers that are in both.
    pub(super) fn meet(&self, other: &Self) -> Self {
        let mut met = Self::NONE;
        self.iter().filter(|number| other.contains(*number)).for_each(|number| met.insert(number));
        met
    }

    pub(super) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

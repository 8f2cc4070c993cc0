//! The contexts that are attached to a thread, and what was current before each of them.
//!
//! Guards may be dropped in any order, and only the leaving of the topmost is told, with the context that is current then. So what
//! is here may have been left long ago, and is taken for that as soon as it makes no difference, or there is more of it than can be
//! attached.

use microspan::__private::Place;

/// OpenTelemetry attaches fewer contexts to a thread: of so many some were left out of order. Whether fewer were cannot be told,
/// as contexts with the same spans may be in each other again and again.
const MANY: usize = u16::MAX as usize;

/// The contexts of one thread.
pub(super) struct Attached(Vec<Entry>);

struct Entry {
    /// Of its span; 0: it has none.
    id: u64,
    before: Place,
}

impl Attached {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// A context with this span is attached.
    pub(super) fn enter(&mut self, id: u64, before: Place) {
        self.0.push(Entry { id, before });
    }

    /// The topmost is left, with those below it that were left before, and one with this span is current again. What was current
    /// before them; `None`: nobody knows.
    pub(super) fn leave(&mut self, id: u64) -> Option<Place> {
        let (top, below) = self.0.split_last()?;
        let rest = match below.iter().rposition(|entry| entry.id == id) {
            Some(at) => at + 1,
            None if id == 0 => 0,
            None => below.len() + usize::from(top.id == id),
        };
        let before = self.0.get(rest).map(|entry| entry.before);
        self.0.truncate(rest);
        if rest >= MANY
            && let Some(first) = self.0.iter().position(|entry| entry.id == id)
        {
            self.0.truncate(first + 1);
        }
        before
    }

    /// Forgets all, if leaving any of them would make nothing current: so does leaving what is not known.
    pub(super) fn settle(&mut self, leads_to_a_span: impl Fn(Place) -> bool) {
        // What is open is likely the newest.
        if !self.0.iter().rev().any(|entry| leads_to_a_span(entry.before)) {
            self.0.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use microspan::{Arena, Clock, Tracer};

    use super::*;

    struct Still;

    impl Clock for Still {
        fn now(&self) -> u64 {
            0
        }

        fn frequency(&self) -> u32 {
            1
        }
    }

    static ARENA: Arena<64, 4> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &Still);
    const NOWHERE: Place = Place::nowhere(&TRACER);

    fn attached(ids: &[u64]) -> Attached {
        let mut attached = Attached::new();
        ids.iter().for_each(|id| attached.enter(*id, NOWHERE));
        attached
    }

    fn ids(attached: &Attached) -> Vec<u64> {
        attached.0.iter().map(|entry| entry.id).collect()
    }

    #[test]
    fn what_is_left_goes_with_all_that_were_above_the_one_that_is_current_again() {
        for (before, id, after) in [
            (&[1, 2][..], 1, &[1][..]),
            (&[1, 2], 0, &[]),
            (&[1, 2, 3], 1, &[1]),
            (&[1, 1], 1, &[1]),
            (&[1, 0, 2], 0, &[1, 0]),
            (&[1, 2, 1], 1, &[1]),
            (&[0, 0], 0, &[0]),
            // What was attached before anybody looked.
            (&[2], 1, &[]),
            (&[], 1, &[]),
        ] {
            let mut attached = attached(before);
            attached.leave(id);
            assert_eq!(ids(&attached), after, "{before:?} to {id}");
        }
    }

    #[test]
    fn what_was_current_before_the_lowest_of_them_is_so_again() {
        let outer = TRACER.trace("outer");
        let around = Place::here(&TRACER);
        let inner = TRACER.trace("inner");
        let mut attached = attached(&[1]);
        attached.enter(2, around);
        attached.enter(3, Place::here(&TRACER));
        assert_eq!(format!("{:?}", attached.leave(1)), format!("{:?}", Some(around)));
        drop((inner, outer));
    }

    #[test]
    fn guards_that_are_dropped_out_of_order_leave_nothing_behind() {
        let mut attached = Attached::new();
        for round in (1..1_000).map(|round| 10 * round) {
            // Of each list all but the last are left first, which nobody is told.
            for list in [&[0, 0, 0][..], &[round, 0, round + 1], &[round, round + 1], &[round, round, round]]
            {
                list.iter().for_each(|id| attached.enter(*id, NOWHERE));
                attached.leave(0);
                attached.settle(Place::is_open);
                assert_eq!(ids(&attached), [0; 0]);
            }
        }
    }

    #[test]
    fn in_a_span_that_stays_open_there_is_an_end_of_what_they_leave_behind() {
        let span = TRACER.trace("open");
        let place = Place::here(&TRACER);
        for id in [0, 7] {
            let mut attached = Attached::new();
            attached.enter(id, place);
            for round in 100..100_000 {
                [round, id, round + 1].iter().for_each(|id| attached.enter(*id, place));
                attached.leave(id);
                attached.settle(Place::is_open);
                assert!(attached.0.len() < MANY, "{} of {id}", attached.0.len());
            }
        }
        drop(span);
    }

    #[test]
    fn contexts_that_are_deep_in_each_other_are_left_one_by_one() {
        let mut attached = attached(&[1, 2]);
        (0..1_000).for_each(|_| attached.enter(2, NOWHERE));
        for _ in 0..1_000 {
            attached.leave(2);
            assert_eq!(ids(&attached).first_chunk(), Some(&[1, 2]));
        }
        attached.leave(1);
        attached.leave(0);
        assert_eq!(ids(&attached), [0; 0]);
    }

    #[test]
    fn contexts_that_are_in_each_other_again_and_again_lead_back_to_what_was_around_each() {
        let around = TRACER.trace("around");
        let outside = Place::here(&TRACER);
        let within = TRACER.trace("within");
        let inside = Place::here(&TRACER);
        let mut attached = Attached::new();
        let depth = MANY as u64 - 1;
        let (before, id) = (|at| if at % 3 == 0 { outside } else { inside }, |at| 1 + at % 2);
        (0..depth).for_each(|at| attached.enter(id(at), before(at)));
        for at in (0..depth).rev() {
            let now = at.checked_sub(1).map_or(0, id);
            assert_eq!(format!("{:?}", attached.leave(now)), format!("{:?}", Some(before(at))), "{at} left");
        }
        assert_eq!(ids(&attached), [0; 0]);
        drop((within, around));
    }
}

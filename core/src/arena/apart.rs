//! Spans that are born apart from what is current where they start: those of an executor's tasks.

use super::current::byte;
use super::{ArenaView, Cause, Here, INTERRUPT, Started};
use crate::clock::Clock;
use crate::slot_ring::{Claimed, Mode};
use crate::sync::Ordering;

impl ArenaView {
    /// Starts a span in the nearest open one of `within` and its ancestors, and where there is none as the root of a trace.
    /// It becomes the current one here; its `previous` is what was current, by whatever name.
    ///
    /// Where there was no slot for it, which is counted, or its trace is not recorded, its handle is 0, and what it was to be in is current. Reserved slots
    /// are not for it: there are too many of its kind.
    pub(crate) fn start_apart(
        &self,
        here: Here,
        name: &'static str,
        within: u32,
        clock: &dyn Clock,
    ) -> Started {
        if self.cores.get(here.core).is_none() {
            self.count(here.core, Cause::SpansFull);
            return Started { handle: 0, previous: 0 };
        }
        let (parent, root) = if within == 0 { (0, 0) } else { self.nearest_and_root(within, 0) };
        if parent != 0 && root == 0 {
            // Its trace is not recorded.
            return Started { handle: 0, previous: self.enter(here, parent) };
        }
        let handle = match self.claim_by_policy(Mode::Shared, here, false) {
            Some(Claimed { handle, slot }) => {
                slot.bytes[INTERRUPT].store(byte(here.interrupt), Ordering::Relaxed);
                self.begin(handle, slot, name, parent, if parent == 0 { handle } else { root }, clock);
                handle
            }
            None => 0,
        };
        Started { handle, previous: self.enter(here, if handle == 0 { parent } else { handle }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Arena, Tracer};

    struct Still;

    impl Clock for Still {
        fn now(&self) -> u64 {
            0
        }

        fn frequency(&self) -> u32 {
            1
        }
    }

    #[test]
    fn a_flood_of_polls_leaves_reserved_slots_to_others_and_is_counted() {
        static ARENA: Arena<4, 4> = Arena::new();
        static TRACER: Tracer = Tracer::new(&ARENA, &Still).reserve(2);
        let here = Here { core: 0, interrupt: 0 };
        let start = |here| TRACER.arena.start_apart(here, "poll", 0, &Still).handle;
        assert!(start(here) != 0 && start(here) != 0);
        assert_eq!((start(here), TRACER.stats().spans_reserved), (0, 1));
        assert!(TRACER.trace("root").is_recording());

        let elsewhere = Here { core: 1, ..here };
        assert_eq!((start(elsewhere), TRACER.stats().spans_dropped()), (0, 2));
    }
}

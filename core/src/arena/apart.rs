//! Spans that are born apart from what is current where they start: those of an executor's tasks.

use super::current::byte;
use super::{ArenaView, Here, INTERRUPT, Started};
use crate::clock::Clock;
use crate::slot_ring::{Claimed, Mode};
use crate::sync::Ordering;

impl ArenaView {
    /// Starts a span in the nearest open one of `within` and its ancestors, and where there is none as the root of a trace.
    /// It becomes the current one here; its `previous` is what was current, by whatever name.
    ///
    /// Where there was no slot for it, which is counted, its handle is 0, and what it was to be in is current.
    pub(crate) fn start_apart(
        &self,
        here: Here,
        name: &'static str,
        within: u32,
        clock: &dyn Clock,
    ) -> Started {
        let (parent, root) = self.nearest_and_root(within, 0);
        let handle = match self.claim_by_policy(Mode::Shared, here, parent == 0) {
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

//! The current span of each core: one of thread mode, and one of its interrupts.
//!
//! A word of a core is touched by that core alone, so compiler fences order it; its interrupts see what came before.
//! A span may be finished anywhere. The core that started it finds out when it looks, and goes on with the nearest
//! ancestor that is open.

use super::{ArenaView, Core, INTERRUPT, PARENT, ROOT, TAGS};
use crate::context::Context;
use crate::sync::{Ordering, compiler_fence, fence};

/// How many ancestors are looked at for one that is open.
const ANCESTORS: u32 = 32;

/// Where the code runs that asks.
#[derive(Clone, Copy)]
pub(crate) struct Here {
    pub(crate) core: usize,
    pub(crate) interrupt: u32,
}

impl Here {
    #[inline(always)]
    pub(crate) fn of(context: &dyn Context) -> Self {
        Self { core: context.core(), interrupt: context.interrupt() }
    }
}

/// What a span that starts now is born into.
#[derive(Clone, Copy)]
pub(super) struct Birth {
    /// What is current where it starts, and is so again after it.
    pub(super) previous: u32,
    /// The open span that becomes its parent; 0: none.
    pub(super) parent: u32,
    /// It is the first of its interrupt in that parent.
    pub(super) enters: bool,
}

impl Core {
    #[inline(always)]
    pub(super) fn current(&self, here: Here) -> u32 {
        let [thread, interrupt] = &self.current;
        let word = if here.interrupt == 0 { thread } else { interrupt };
        let current = word.load(Ordering::Relaxed);
        compiler_fence(Ordering::Acquire);
        current
    }

    #[inline(always)]
    pub(super) fn set_current(&self, here: Here, handle: u32) {
        let [thread, interrupt] = &self.current;
        let word = if here.interrupt == 0 { thread } else { interrupt };
        compiler_fence(Ordering::Release);
        word.store(handle, Ordering::Relaxed);
    }
}

impl ArenaView {
    #[inline(always)]
    pub(crate) fn is_open(&self, handle: u32) -> bool {
        self.spans.is_open(handle)
    }

    /// Whether a span is open, or finished and not freed.
    pub(crate) fn is_there(&self, handle: u32) -> bool {
        self.spans.is_used_by(handle)
    }

    /// The handle of the root of an open span's trace; `None` when that span is not open.
    #[inline(always)]
    pub(crate) fn root(&self, handle: u32) -> Option<u32> {
        let root = self.spans.slot(handle).shared[ROOT].load(Ordering::Relaxed);
        // A handle that is open after this look was so before it. If another core has reused the slot meanwhile, what
        // was read came after its release fence, behind which the slot is no longer this handle's.
        fence(Ordering::Acquire);
        self.spans.is_open(handle).then_some(root)
    }

    /// A word of a span that may be finished, if nothing has used its slot since.
    pub(super) fn last(&self, handle: u32, word: usize) -> Option<u32> {
        let slot = self.spans.slot(handle);
        let word = slot.shared.get(word)?.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        let is_last = self.spans.is_used_by(handle)
            // A slot that is free has its next stamp already; whose it was its closed chain tells.
            || slot.is_free() && slot.shared[TAGS].load(Ordering::Relaxed) == self.closed_chain(handle);
        is_last.then_some(word)
    }

    /// The handle of the root of a span's trace, open or not; 0: its slot has been used again.
    #[cold]
    pub(crate) fn last_root(&self, handle: u32) -> u32 {
        self.last(handle, ROOT).unwrap_or(0)
    }

    /// A span, if it is open, or else its nearest ancestor that is; 0: none.
    #[cold]
    fn nearest(&self, mut handle: u32) -> u32 {
        for _ in 0..ANCESTORS {
            if handle == 0 || self.is_open(handle) {
                return handle;
            }
            handle = self.last(handle, PARENT).unwrap_or(0);
        }
        0
    }

    /// The nearest open one of a span and its ancestors, and the root of its trace; 0 and `root`: there is none.
    #[cold]
    #[inline(never)]
    pub(super) fn nearest_and_root(&self, mut handle: u32, root: u32) -> (u32, u32) {
        for _ in 0..ANCESTORS {
            handle = self.nearest(handle);
            if handle == 0 {
                break;
            }
            // Another core may have finished it since: then its own ancestors are looked at.
            if let Some(found) = self.root(handle) {
                return (handle, found);
            }
        }
        (0, root)
    }

    /// The parent of a span that is born into `parent`, and the root of its trace; 0 and 0: it has none.
    ///
    /// Another core may have finished `parent` since it was found open, and a span with a parent and no root would be taken
    /// for one with a link.
    #[inline]
    pub(super) fn parent_and_root(&self, parent: u32) -> (u32, u32) {
        match self.root(parent) {
            Some(root) => (parent, root),
            None => self.nearest_and_root(parent, 0),
        }
    }

    /// What a span that starts here is born into, in whatever context.
    pub(super) fn birth(&self, core: &Core, here: Here) -> Birth {
        let previous = self.nearest(core.current(here));
        if here.interrupt == 0 {
            return Birth { previous, parent: previous, enters: false };
        }
        if previous != 0 {
            let interrupt = self.spans.slot(previous).bytes[INTERRUPT].load(Ordering::Relaxed);
            return Birth { previous, parent: previous, enters: interrupt != byte(here.interrupt) };
        }
        let parent = self.nearest(core.current(Here { interrupt: 0, ..here }));
        Birth { previous, parent, enters: parent != 0 }
    }

    /// The current span here, which is open; 0: none.
    pub(crate) fn current(&self, here: Here) -> u32 {
        let Some(core) = self.cores.get(here.core) else { return 0 };
        let own = self.nearest(core.current(here));
        if own != 0 || here.interrupt == 0 {
            return own;
        }
        self.nearest(core.current(Here { interrupt: 0, ..here }))
    }

    /// Has nothing be current on a core, whose number somebody else has from here on.
    pub(crate) fn forget_current(&self, core: usize) {
        let words = self.cores.get(core).map(|core| &core.current);
        words.into_iter().flatten().for_each(|word| word.store(0, Ordering::Relaxed));
    }

    /// Makes a span the current one here; returns the one that was.
    #[inline]
    pub(crate) fn enter(&self, here: Here, handle: u32) -> u32 {
        let Some(core) = self.cores.get(here.core) else { return 0 };
        let previous = core.current(here);
        core.set_current(here, handle);
        previous
    }

    /// Makes `previous` the current span here, if it is now `handle`.
    #[inline(always)]
    pub(crate) fn leave(&self, here: Here, handle: u32, previous: u32) {
        if let Some(core) = self.cores.get(here.core)
            && core.current(here) == handle
        {
            core.set_current(here, previous);
        }
    }
}

/// The number of an interrupt, as a slot keeps it.
#[inline(always)]
pub(super) fn byte(interrupt: u32) -> u8 {
    interrupt.min(255) as u8
}

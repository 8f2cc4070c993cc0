//! The current span of each core: one of thread mode, and one of its interrupts.
//!
//! A word of a core is touched by that core alone, so compiler fences order it; its interrupts see what came before.
//! A span may be finished anywhere. The core that started it finds out when it looks, and goes on with the nearest
//! ancestor that is open.

use super::{ArenaView, Core, INTERRUPT, PARENT, ROOT};
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
    /// The root of the parent's trace.
    pub(super) root: u32,
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

    /// The handle of the root of an open span's trace; `None` when that span is not open.
    #[inline(always)]
    pub(crate) fn root(&self, handle: u32) -> Option<u32> {
        let root = self.spans.slot(handle).shared[ROOT].load(Ordering::Relaxed);
        // A handle that is open after this look was so before it. If another core has reused the slot meanwhile, what
        // was read came after its release fence, behind which the slot is no longer this handle's.
        fence(Ordering::Acquire);
        self.spans.is_open(handle).then_some(root)
    }

    /// The parent of a span that may be finished, if nothing has used its slot since.
    fn parent(&self, handle: u32) -> Option<u32> {
        let parent = self.spans.slot(handle).shared[PARENT].load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        self.spans.is_last(handle).then_some(parent)
    }

    /// A span, if it is open, or else its nearest ancestor that is; 0: none.
    #[cold]
    fn nearest(&self, mut handle: u32) -> u32 {
        for _ in 0..ANCESTORS {
            if handle == 0 || self.is_open(handle) {
                return handle;
            }
            handle = self.parent(handle).unwrap_or(0);
        }
        0
    }

    /// What a span that starts here is born into.
    #[inline(always)]
    pub(super) fn birth(&self, core: &Core, here: Here) -> Birth {
        let previous = core.current(here);
        if here.interrupt != 0 {
            return self.birth_in_interrupt(core, here, previous);
        }
        match self.root(previous) {
            Some(root) => Birth { previous, parent: previous, root, enters: false },
            None => self.birth_after(previous),
        }
    }

    /// The same, where what was current is no longer open.
    #[inline(always)]
    fn birth_after(&self, previous: u32) -> Birth {
        if previous == 0 {
            return Birth { previous, parent: 0, root: 0, enters: false };
        }
        let parent = self.nearest(previous);
        match self.root(parent) {
            Some(root) => Birth { previous: parent, parent, root, enters: false },
            None => Birth { previous: 0, parent: 0, root: 0, enters: false },
        }
    }

    #[inline(never)]
    fn birth_in_interrupt(&self, core: &Core, here: Here, previous: u32) -> Birth {
        let own = self.birth_after(previous);
        if own.parent != 0 {
            let interrupt = self.spans.slot(own.parent).bytes[INTERRUPT].load(Ordering::Relaxed);
            return Birth { enters: interrupt != byte(here.interrupt), ..own };
        }
        let thread = self.birth_after(core.current(Here { interrupt: 0, ..here }));
        Birth { previous: own.previous, enters: thread.parent != 0, ..thread }
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

    /// Makes a span the current one here; returns the one that was.
    #[allow(dead_code, reason = "futures in a span come next")]
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

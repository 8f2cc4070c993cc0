//! Fetching the slots that the next claims write, where a processor with caches does so when told.
//!
//! A drain on another core leaves the slots that it freed in that core's cache, and the exchange of a claim waits for its
//! slot to come from there, which costs more than all else in a start. Asked for a few claims before, it is there by then.

use super::SlotRingView;

/// How many claims ahead: more than 100 nanoseconds of the shortest spans.
#[cfg(all(target_arch = "x86_64", not(any(test, loom, shuttle, miri))))]
const AHEAD: u32 = 12;

impl<T, const W: usize, const B: usize> SlotRingView<T, W, B> {
    /// Has the slot come that is claimed some claims after this one.
    #[cfg(all(target_arch = "x86_64", not(any(test, loom, shuttle, miri))))]
    #[inline(always)]
    pub(super) fn fetch_after(&self, index: u32) {
        let slot = core::ptr::from_ref(self.slot(index.wrapping_add(AHEAD)));
        // SAFETY: a hint, which reads and writes nothing that a program sees. The intrinsic would fetch to read.
        unsafe {
            core::arch::asm!("prefetchw [{}]", in(reg) slot, options(readonly, nostack, preserves_flags));
        }
    }

    #[cfg(not(all(target_arch = "x86_64", not(any(test, loom, shuttle, miri)))))]
    #[inline(always)]
    pub(super) fn fetch_after(&self, _: u32) {}
}

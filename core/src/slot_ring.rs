//! The one primitive: a ring of slots.
//!
//! A slot is `FREE`, then `OPEN`, then `FINISHED`, then `FREE` again. It belongs to whoever its state says:
//! between `OPEN` and `FINISHED` to the one who claimed it, between `FINISHED` and `FREE` to the reaper.
//! - **Claim** takes the first free slot within a bounded number of steps from a hint, by compare-exchange. Who claims by a
//!   hint of its own ([`By`]) has pieces of the ring to itself, for as long as there are free ones.
//! - **Finish** is one release store, from any thread, core or interrupt: it cannot fail, wait or loop.
//! - **Reap** walks the ring, takes what is finished and steps over what is open.
//! - **Overwrite**, for who asks for it: a claim that finds no free slot takes the oldest finished one. So the reaper
//!   *takes* a slot before it reads it, and one that is taken is passed by.
//!
//! A claim is [`Shared`](Mode::Shared), by compare-exchange, or [`Exclusive`](Mode::Exclusive), by a load and a store, where only one
//! thread ever claims.
//!
//! A claim yields a *handle*: the slot's index in the low bits, above them its stamp, which counts how often the ring was
//! gone round. Who frees a slot gives it the stamp of its next use, so a claim has nothing to reckon. A slot's handles only
//! ever grow, so a handle names one use of a slot and [`Ring::is_open`] tells whether that use still lasts. No handle is 0.
//! Handles wrap after 2^32 claims; sooner where claims by hints of their own search a ring that is nearly full, since each
//! piece that is passed by counts.

use crate::sync::{AtomicU8, AtomicU32, FENCED, Line, Ordering, UnsafeCell, array_of, const_unless_loom};
use core::mem::MaybeUninit;

/// The states, in the low two bits of a slot's word.
const STATE: u32 = 0b11;
const FREE: u32 = 0;
const OPEN: u32 = 1;
const FINISHED: u32 = 2;
/// Finished, and the reaper is reading it.
const TAKEN: u32 = 3;

/// What the word of a slot ends in that is chained from another ring: nobody claims it.
pub(crate) const CHAINED: u32 = FINISHED;

/// Who else claims.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Any thread, core or interrupt.
    Shared,
    /// Nobody: the ring has one claimer, on one thread.
    Exclusive,
}

/// Who claims.
#[derive(Clone, Copy)]
pub(crate) struct By<'h> {
    pub(crate) mode: Mode,
    /// Where its next claim starts to look, if it claims by a hint of its own: so that two who claim at the same time write
    /// neither one hint nor slots of one cache line. `None`: by the ring's, as all others.
    pub(crate) own: Option<&'h AtomicU32>,
}

impl From<Mode> for By<'_> {
    #[inline(always)]
    fn from(mode: Mode) -> Self {
        Self { mode, own: None }
    }
}

/// How many slots whoever has a hint of its own takes at a time. They fill whole cache lines.
pub(crate) const PIECE: u32 = if cfg!(any(loom, shuttle)) { 2 } else { 64 };

/// One slot: its word (state and, above it, a stamp), `W` words and `B` bytes that others may touch while it is open,
/// and what belongs to its owner alone.
#[repr(C)]
pub(crate) struct Slot<T, const W: usize, const B: usize> {
    word: AtomicU32,
    pub(crate) shared: [AtomicU32; W],
    pub(crate) bytes: [AtomicU8; B],
    owned: UnsafeCell<MaybeUninit<T>>,
}

impl<T, const W: usize, const B: usize> Slot<T, W, B> {
    const_unless_loom! {
        fn new() -> Self {
            Self {
                word: AtomicU32::new(FREE),
                shared: shared_words(),
                bytes: shared_bytes(),
                // Not left open: what was never written may be looked at after a reset.
                owned: UnsafeCell::new(MaybeUninit::zeroed()),
            }
        }
    }

    /// Whether it is free; acquires what its last user stored.
    pub(crate) fn is_free(&self) -> bool {
        self.word.load(Ordering::Acquire) & STATE == FREE
    }

    /// Writes what the owner alone may touch.
    ///
    /// # Safety
    ///
    /// The caller claimed the slot and has not finished or freed it.
    #[inline(always)]
    pub(crate) unsafe fn write(&self, value: T) {
        self.owned.with_mut(|owned| {
            // SAFETY: the slot is open and the caller's, so nobody else reads or writes it.
            unsafe { (*owned).write(value) };
        });
    }

    /// Writes a part of it that `part` names.
    ///
    /// # Safety
    ///
    /// As [`write`](Self::write), and `part` stays within what it is given.
    #[inline(always)]
    pub(crate) unsafe fn write_part<P>(&self, part: impl FnOnce(*mut T) -> *mut P, value: P) {
        self.owned.with_mut(|owned| {
            // SAFETY: as in `write`; the caller's promise of `part`.
            unsafe { part(owned.cast()).write(value) };
        });
    }

    /// Reads what the owner wrote.
    ///
    /// # Safety
    ///
    /// The caller is the reaper and has seen, by an acquire load, that the owner is done with this slot (and has taken it,
    /// where claims may overwrite it). All of it was written.
    #[inline(always)]
    pub(crate) unsafe fn read(&self) -> T
    where
        T: Copy,
    {
        self.owned.with(|owned| {
            // SAFETY: the owner wrote it before its release store, and nobody writes until the slot is free.
            unsafe { (*owned).assume_init_read() }
        })
    }

    /// Reads a part of what the owner wrote.
    ///
    /// # Safety
    ///
    /// As [`read`](Self::read), or the caller is the owner; that part was written, and `part` stays within what it is given.
    #[inline(always)]
    pub(crate) unsafe fn read_part<P: Copy>(&self, part: impl FnOnce(*const T) -> *const P) -> P {
        self.owned.with(|owned| {
            // SAFETY: the owner wrote it, and nobody writes until the slot is free but the owner.
            unsafe { part(owned.cast()).read() }
        })
    }

    /// Sets the word of a slot that is chained from another ring and therefore needs no stamp: [`CHAINED`] in its lowest
    /// two bits, and the caller's note above. The owner calls this, and publishes the slot by the store that chains it.
    #[inline(always)]
    pub(crate) fn chain(&self, word: u32) {
        self.word.store(word, Ordering::Relaxed);
    }

    /// What [`chain`](Self::chain) set, for who has acquired the link.
    #[inline(always)]
    pub(crate) fn chained(&self) -> u32 {
        self.word.load(Ordering::Relaxed)
    }
}

#[cfg(not(loom))]
const fn shared_words<const N: usize>() -> [AtomicU32; N] {
    array_of!(AtomicU32::new(0))
}
#[cfg(loom)]
fn shared_words<const N: usize>() -> [AtomicU32; N] {
    array_of!(AtomicU32::new(0))
}

#[cfg(not(loom))]
const fn shared_bytes<const N: usize>() -> [AtomicU8; N] {
    array_of!(AtomicU8::new(0))
}
#[cfg(loom)]
fn shared_bytes<const N: usize>() -> [AtomicU8; N] {
    array_of!(AtomicU8::new(0))
}

/// A slot that was claimed: whoever gets this owns it.
pub(crate) struct Claimed<'r, T, const W: usize, const B: usize> {
    pub(crate) handle: u32,
    pub(crate) slot: &'r Slot<T, W, B>,
}

/// A ring over some number of slots; see [`SlotRing`] and [`SlotRingView`].
#[repr(C)]
pub(crate) struct Ring<S: ?Sized> {
    /// Where the next claim starts to look, or the next piece begins. Only a hint: it may run back when claims overlap.
    hint: Line<AtomicU32>,
    slots: S,
}

/// A ring of `N` slots.
pub(crate) type SlotRing<T, const W: usize, const B: usize, const N: usize> = Ring<[Slot<T, W, B>; N]>;

/// A ring whose number of slots is known at run time only: what a `&SlotRing` coerces to.
pub(crate) type SlotRingView<T, const W: usize, const B: usize> = Ring<[Slot<T, W, B>]>;

// SAFETY: the one part that is not atomic, `owned`, is reached through `unsafe` methods whose callers own the
// slot by its state; the state changes hands by acquire and release.
unsafe impl<T: Send, const W: usize, const B: usize, const N: usize> Sync for SlotRing<T, W, B, N> {}
// SAFETY: as above.
unsafe impl<T: Send, const W: usize, const B: usize> Sync for SlotRingView<T, W, B> {}

impl<T, const W: usize, const B: usize, const N: usize> SlotRing<T, W, B, N> {
    const_unless_loom! {
        /// An empty ring. `N` is a power of two from 4 to 2^20, checked at compile time.
        pub(crate) fn new() -> Self {
            const { assert!(N.is_power_of_two() && N >= 4 && N <= 1 << 20, "a ring has 4 to 2^20 slots, a power of two") };
            Self { hint: Line(AtomicU32::new(0)), slots: array_of!(Slot::new()) }
        }
    }
}

impl<T, const W: usize, const B: usize> SlotRingView<T, W, B> {
    /// How many slots there are.
    #[inline(always)]
    pub(crate) const fn capacity(&self) -> u32 {
        self.slots.len() as u32
    }

    #[inline(always)]
    fn mask(&self) -> u32 {
        self.capacity() - 1
    }

    /// The slot of a handle (or an index; a handle's low bits are its index).
    #[inline(always)]
    pub(crate) fn slot(&self, handle: u32) -> &Slot<T, W, B> {
        // SAFETY: the number of slots is a power of two (checked in `new`, the only constructor), so the mask
        // is below it.
        unsafe { self.slots.get_unchecked((handle & self.mask()) as usize) }
    }

    /// How often the ring had been gone round when this handle was claimed.
    #[inline(always)]
    pub(crate) fn round(&self, handle: u32) -> u32 {
        handle >> self.capacity().trailing_zeros()
    }

    /// The stamp of the next use of a slot after `handle`: above its own, and not behind the ring's round, so that handles
    /// grow with the order of their claims.
    #[inline(always)]
    fn next_stamp(&self, handle: u32) -> u32 {
        let next = handle.wrapping_add(self.capacity());
        let hint = self.hint.load(Ordering::Relaxed);
        let later = if (hint.wrapping_sub(next) as i32) > 0 { hint } else { next };
        later & !self.mask()
    }

    /// Whether the use of the slot that this handle names is still open. What was stored before is not acquired.
    #[inline(always)]
    pub(crate) fn is_open(&self, handle: u32) -> bool {
        self.slot(handle).word.load(Ordering::Relaxed) == handle & !self.mask() | OPEN
    }

    /// Finishes the use of a slot: from here on it is the reaper's.
    #[inline(always)]
    pub(crate) fn finish(&self, handle: u32) {
        self.slot(handle).word.store(handle & !self.mask() | FINISHED, Ordering::Release);
    }

    /// Whether the slot's use, open or finished, is the one that this handle names.
    #[inline]
    pub(crate) fn is_used_by(&self, handle: u32) -> bool {
        self.slot(handle).word.load(Ordering::Relaxed) & !STATE == handle & !self.mask()
    }

    /// How many slots from this index on are not finished; `None`: none of the next `steps` ones was.
    #[inline]
    pub(crate) fn until_finished(&self, index: u32, steps: u32) -> Option<u32> {
        let is_finished = |slot: &Slot<T, W, B>| slot.word.load(Ordering::Relaxed) & STATE == FINISHED;
        let (before, from) = self.slots.split_at_checked((index & self.mask()) as usize)?;
        let steps = steps as usize;
        let near = from.get(..steps).unwrap_or(from);
        let found = near.iter().position(is_finished).or_else(|| {
            let behind = before.get(..steps.saturating_sub(near.len())).unwrap_or(before);
            Some(near.len() + behind.iter().position(is_finished)?)
        });
        found.map(|steps| steps as u32)
    }

    /// Takes the slot at this index, of which the low bits count, if it is finished: its handle. From then on no claim
    /// overwrites it.
    #[inline(always)]
    pub(crate) fn take(&self, index: u32) -> Option<u32> {
        let word = &self.slot(index).word;
        let finished = word.load(Ordering::Relaxed);
        if finished & STATE != FINISHED {
            return None;
        }
        let taken = finished & !STATE | TAKEN;
        // A claim that may overwrite can be faster.
        word.compare_exchange(finished, taken, Ordering::Acquire, Ordering::Relaxed).ok()?;
        Some(finished & !STATE | index & self.mask())
    }

    /// The handle of the slot at this index, if its use is open.
    pub(crate) fn open_at(&self, index: u32) -> Option<u32> {
        let word = self.slot(index).word.load(Ordering::Relaxed);
        (word & STATE == OPEN).then_some(word & !STATE | index & self.mask())
    }

    /// Has a slot that its reaper took be finished again, when that reaper will not come back to it.
    pub(crate) fn give_back(&self, index: u32) {
        let slot = self.slot(index);
        let word = slot.word.load(Ordering::Relaxed);
        if word & STATE == TAKEN {
            slot.word.store(word & !STATE | FINISHED, Ordering::Release);
        }
    }

    /// Gives a slot back that was taken and not used up: it is finished again.
    #[inline]
    pub(crate) fn put_back(&self, handle: u32) {
        self.slot(handle).word.store(handle & !self.mask() | FINISHED, Ordering::Release);
    }

    /// Gives back a slot whose use came to nothing: if no claim came since, the next one takes it, before it looks at slots that
    /// are in use.
    pub(crate) fn free_unused(&self, handle: u32) {
        let next = self.next_stamp(handle);
        self.free_slot(self.slot(handle), handle);
        if self.hint.load(Ordering::Relaxed) == handle.wrapping_add(1) {
            self.hint.store(next | handle & self.mask(), Ordering::Relaxed);
        }
    }

    /// Gives back a slot, the one that this handle names. Its owner or the reaper calls this, once.
    #[inline(always)]
    pub(crate) fn free_slot(&self, slot: &Slot<T, W, B>, handle: u32) {
        slot.word.store(self.next_stamp(handle) | FREE, Ordering::Release);
    }

    /// Gives back a slot that is chained from another ring: its stamps say nothing, but that its next handle is not 0.
    #[inline(always)]
    pub(crate) fn free_chained(&self, handle: u32) {
        self.slot(handle).word.store(self.capacity() | FREE, Ordering::Release);
    }
}

#[cfg(not(loom))]
mod found;
#[cfg(not(loom))]
pub(crate) use found::Found;

mod claim;

#[cfg(all(test, not(shuttle)))]
mod tests;

//! The one primitive: a ring of slots.
//!
//! A slot is `FREE`, then `OPEN`, then `FINISHED`, then `FREE` again. It belongs to whoever its state says:
//! between `OPEN` and `FINISHED` to the one who claimed it, between `FINISHED` and `FREE` to the reaper.
//! - **Claim** takes the first free slot within a bounded number of steps from a hint, by compare-exchange.
//! - **Finish** is one release store, from any thread, core or interrupt: it cannot fail, wait or loop.
//! - **Reap** walks the ring, takes what is finished and steps over what is open.
//! - **Overwrite**, for who asks for it: a claim that finds no free slot takes the oldest finished one. The reaper then
//!   has to *take* a slot before it reads it, and one that is taken is passed by.
//!
//! A claim is [`Shared`](Mode::Shared), by compare-exchange, or [`Exclusive`](Mode::Exclusive), by a load and a store, where only one
//! thread ever claims.
//!
//! A claim yields a *handle*: the slot's index in the low bits, above them how often the ring was gone round.
//! A slot's handles only ever grow, so a handle names one use of a slot and [`Ring::is_open`] tells whether
//! that use still lasts. No handle is 0. Handles wrap after 2^32 claims.

use crate::sync::{AtomicU8, AtomicU32, Ordering, UnsafeCell, array_of, const_unless_loom};
use core::mem::MaybeUninit;

/// The states, in the low two bits of a slot's word.
const STATE: u32 = 0b11;
const FREE: u32 = 0;
const OPEN: u32 = 1;
const FINISHED: u32 = 2;
/// Finished, and the reaper is reading it.
const TAKEN: u32 = 3;

/// Who else claims.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Any thread, core or interrupt.
    Shared,
    /// Nobody: the ring has one claimer, on one thread.
    Exclusive,
}

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
                owned: UnsafeCell::new(MaybeUninit::uninit()),
            }
        }
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

/// A ring over some number of slots; see [`SlotRing`] and [`SlotRingView`].
pub(crate) struct Ring<S: ?Sized> {
    /// Where the next claim starts to look. Only a hint: it may run back when claims overlap.
    hint: AtomicU32,
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
            Self { hint: AtomicU32::new(0), slots: array_of!(Slot::new()) }
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

    /// The handle of the next use of a slot whose word is `word`, at or after `position`.
    ///
    /// A stale hint must not give a handle out twice: never below the slot's last one.
    #[inline(always)]
    fn next_handle(&self, position: u32, word: u32) -> u32 {
        let mask = self.mask();
        let (next, last) = (position & !mask, word & !mask);
        let stamp = if (next.wrapping_sub(last) as i32) > 0 { next } else { last.wrapping_add(mask + 1) };
        stamp | position & mask
    }

    /// Has a slot whose word is `word` go over to the use of `handle`, if it is still as it was.
    #[inline(always)]
    fn open(&self, mode: Mode, word: u32, handle: u32) -> bool {
        let (to, slot) = (handle & !self.mask() | OPEN, self.slot(handle));
        match mode {
            Mode::Shared => {
                slot.word.compare_exchange(word, to, Ordering::Acquire, Ordering::Relaxed).is_ok()
            }
            Mode::Exclusive => {
                slot.word.store(to, Ordering::Relaxed);
                true
            }
        }
    }

    /// Claims a free slot within `steps` steps, but none of the first `reserved` ones. `None`: they were all taken.
    #[inline(always)]
    pub(crate) fn claim(&self, mode: Mode, reserved: u32, steps: u32) -> Option<u32> {
        let mask = self.mask();
        let mut position = self.hint.load(Ordering::Relaxed);
        for _ in 0..steps {
            if position & mask < reserved {
                position = position & !mask | reserved;
            }
            let slot = self.slot(position);
            // Exclusive claims acquire here what the reaper has released.
            let seen = if mode == Mode::Exclusive { Ordering::Acquire } else { Ordering::Relaxed };
            let word = slot.word.load(seen);
            if word & STATE == FREE {
                let handle = self.next_handle(position, word);
                if handle != 0 && self.open(mode, word, handle) {
                    self.hint.store(handle.wrapping_add(1), Ordering::Relaxed);
                    return Some(handle);
                }
            }
            position = position.wrapping_add(1);
        }
        self.look_further(position, steps);
        None
    }

    /// The next claim looks further on, past a cluster of long-lived slots, but not in a later round: claims that fail
    /// use up no handles.
    #[cold]
    fn look_further(&self, position: u32, steps: u32) {
        let round = position.wrapping_sub(steps) & !self.mask();
        self.hint.store(round | (position & self.mask()), Ordering::Relaxed);
    }

    /// Claims one of the first `reserved` slots: a free one, or with `overwrite` the oldest finished one. Also whether
    /// that was so.
    #[inline(never)]
    pub(crate) fn claim_reserved(&self, mode: Mode, reserved: u32, overwrite: bool) -> Option<(u32, bool)> {
        // In step with the others, so that handles stay in the order of their starts.
        let round = self.hint.load(Ordering::Relaxed) & !self.mask();
        let look = |index| {
            let word = self.slot(index).word.load(Ordering::Acquire);
            (word, self.next_handle(round | index, word))
        };
        let free = (0..reserved).find_map(|index| {
            let (word, handle) = look(index);
            (word & STATE == FREE && handle != 0 && self.open(mode, word, handle)).then_some(handle)
        });
        if let Some(handle) = free {
            return Some((handle, false));
        }
        let finished = (0..reserved).map(look).filter(|(word, _)| overwrite && word & STATE == FINISHED);
        let (word, handle) = finished.max_by_key(|(word, _)| round.wrapping_sub(*word & !self.mask()))?;
        (handle != 0 && self.open(Mode::Shared, word, handle)).then_some((handle, true))
    }

    /// Claims the oldest finished slot but for the first `reserved` ones, for whose use `may` answers yes; looks at `steps`
    /// slots at most. What was in it is lost: the caller counts it.
    #[inline(never)]
    pub(crate) fn claim_finished(
        &self,
        reserved: u32,
        steps: u32,
        may: impl Fn(&Slot<T, W, B>) -> bool,
    ) -> Option<u32> {
        // Claims go round, so the slot that the hint names was claimed the longest ago.
        let from = self.hint.load(Ordering::Relaxed);
        (0..steps).map(|step| from.wrapping_add(step)).find_map(|position| {
            let slot = self.slot(position);
            let word = slot.word.load(Ordering::Acquire);
            let handle = self.next_handle(position, word);
            let taken = position & self.mask() >= reserved
                && word & STATE == FINISHED
                && handle != 0
                && may(slot)
                && self.open(Mode::Shared, word, handle);
            taken.then(|| {
                self.hint.store(handle.wrapping_add(1), Ordering::Relaxed);
                handle
            })
        })
    }

    /// Whether the use of the slot that this handle names is still open.
    #[inline(always)]
    pub(crate) fn is_open(&self, handle: u32) -> bool {
        self.slot(handle).word.load(Ordering::Acquire) == handle & !self.mask() | OPEN
    }

    /// Finishes the use of a slot: from here on it is the reaper's.
    #[inline(always)]
    pub(crate) fn finish(&self, handle: u32) {
        self.slot(handle).word.store(handle & !self.mask() | FINISHED, Ordering::Release);
    }

    /// Sets what stands above the state in the word of a slot that is linked from another ring and therefore
    /// needs no stamp: 30 bits. The owner calls this, and publishes the slot by the store that links it.
    #[inline(always)]
    pub(crate) fn set_note(&self, handle: u32, note: u32) {
        self.slot(handle).word.store(note << 2 | FINISHED, Ordering::Relaxed);
    }

    /// What [`set_note`](Self::set_note) set, for who has acquired the link.
    #[inline(always)]
    pub(crate) fn note(&self, handle: u32) -> u32 {
        self.slot(handle).word.load(Ordering::Relaxed) >> 2
    }

    /// Whether the slot's last use, open or not, is the one that this handle names.
    #[inline]
    pub(crate) fn is_last(&self, handle: u32) -> bool {
        self.slot(handle).word.load(Ordering::Relaxed) & !STATE == handle & !self.mask()
    }

    /// The next finished slot from `from` on, looking at `steps` slots: its handle.
    pub(crate) fn next_finished(&self, from: u32, steps: u32) -> Option<u32> {
        (0..steps.min(self.capacity())).map(|step| from.wrapping_add(step)).find_map(|position| {
            let word = self.slot(position).word.load(Ordering::Acquire);
            (word & STATE == FINISHED).then_some(word & !self.mask() | position & self.mask())
        })
    }

    /// Takes a finished slot for reading, where claims may overwrite it; `false`: one just did.
    #[inline]
    pub(crate) fn take(&self, handle: u32) -> bool {
        let stamp = handle & !self.mask();
        let word = &self.slot(handle).word;
        word.compare_exchange(stamp | FINISHED, stamp | TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Gives a slot back that was taken and not used up: it is finished again.
    #[inline]
    pub(crate) fn put_back(&self, handle: u32) {
        self.slot(handle).word.store(handle & !self.mask() | FINISHED, Ordering::Release);
    }

    /// Gives a slot back. Its owner or the reaper calls this, once.
    #[inline(always)]
    pub(crate) fn free(&self, handle: u32) {
        self.slot(handle).word.store(handle & !self.mask() | FREE, Ordering::Release);
    }

    /// Writes what the owner alone may touch.
    ///
    /// # Safety
    ///
    /// The caller claimed this handle and has not finished or freed it.
    #[inline(always)]
    pub(crate) unsafe fn write(&self, handle: u32, value: T) {
        self.slot(handle).owned.with_mut(|owned| {
            // SAFETY: the slot is open and the caller's, so nobody else reads or writes it.
            unsafe { (*owned).write(value) };
        });
    }

    /// Changes what the owner alone may touch.
    ///
    /// # Safety
    ///
    /// As [`write`](Self::write), and it has been written.
    #[inline(always)]
    pub(crate) unsafe fn update(&self, handle: u32, change: impl FnOnce(&mut T)) {
        self.slot(handle).owned.with_mut(|owned| {
            // SAFETY: the slot is open and the caller's, and holds a value.
            change(unsafe { (*owned).assume_init_mut() });
        });
    }

    /// Reads what the owner wrote.
    ///
    /// # Safety
    ///
    /// The caller is the reaper and has seen, by an acquire load, that the owner is done with this slot (and has taken it, where
    /// claims may overwrite it); or it is the owner.
    #[inline(always)]
    pub(crate) unsafe fn read(&self, handle: u32) -> T
    where
        T: Copy,
    {
        self.slot(handle).owned.with(|owned| {
            // SAFETY: the owner wrote it before its release store, and nobody writes until the slot is free.
            unsafe { (*owned).assume_init_read() }
        })
    }
}

#[cfg(test)]
mod tests;

//! Memory asked for and held, of each thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which every program with this crate uses.
struct Counting;

#[derive(Clone, Copy)]
struct Counts {
    asked: u64,
    held: isize,
    peak: isize,
}

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts { asked: 0, held: 0, peak: 0 }) };
}

/// What `act` returns, and how often it asked for memory.
pub fn asked_by<R>(act: impl FnOnce() -> R) -> (R, u64) {
    let before = COUNTS.get().asked;
    let result = act();
    (result, COUNTS.get().asked - before)
}

/// How many bytes this thread holds.
pub fn held() -> isize {
    COUNTS.get().held
}

/// The most bytes this thread held since [`forget_peak`].
pub fn peak() -> isize {
    COUNTS.get().peak
}

/// Has [`peak`] begin with what is held now.
pub fn forget_peak() {
    let counts = COUNTS.get();
    COUNTS.set(Counts { peak: counts.held, ..counts });
}

fn note(asked: u64, more: isize) {
    // A thread that ends has no counts any more.
    let _ = COUNTS.try_with(|counts| {
        let Counts { asked: before, held, peak } = counts.get();
        let held = held + more;
        counts.set(Counts { asked: before + asked, held, peak: peak.max(held) });
    });
}

// SAFETY: all work is the system allocator's; counting touches no memory of its own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as isize);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        note(0, -(layout.size() as isize));
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, size as isize - layout.size() as isize);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

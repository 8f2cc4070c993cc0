//! Which thread asks: the context of a tracer that threads share.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use microspan::__private::forget_current;
use microspan::Context;

/// The greatest bound: an arena has places for so many cores.
const MOST: usize = 256;

/// The number of a thread that has none; no arena has a place for it.
const NONE: usize = usize::MAX;

/// Which numbers are taken, a bit each.
static TAKEN: [AtomicU64; MOST / 64] = [const { AtomicU64::new(0) }; MOST / 64];

thread_local! {
    // Without a destructor of its own, so that reading it is one load.
    static NUMBER: Cell<usize> = const { Cell::new(NONE) };
    static GIVES_BACK: GivesBack = const { GivesBack };
}

/// A [`Context`] in which each thread is a core: so each has a current span of its own, and its spans are children of its
/// own spans.
///
/// A thread gets the lowest free number below `BOUND` (at most 256) when it first traces, and gives it back when it ends.
/// Beyond `BOUND` threads at a time the spans of further ones are dropped, until one of the others ends. So are those that a thread
/// starts when it has given its number back, in destructors of its thread-locals that run after that. Both are counted as
/// [`spans_full`](microspan::Stats::spans_full), however empty the arena is.
///
/// Numbers are those of the process: give all its tracers one `BOUND`, and their arenas so many cores. A signal handler
/// must not trace with it: a thread's first number may allocate.
///
/// A span may be finished on another thread. One that is still open when the thread that started it ends is nobody's parent any more, if
/// its tracer is the program's ([`microspan::set_global`]). Of any other tracer it is the parent of what the next thread of that
/// number starts, until it is finished.
///
/// ```
/// use microspan::{Arena, Clock, Tracer};
/// use microspan_std::threads::Threads;
/// # struct Ticks;
/// # impl Clock for Ticks {
/// #     fn now(&self) -> u64 { 0 }
/// #     fn frequency(&self) -> u32 { 1 }
/// # }
/// static ARENA: Arena<4096, 4096, 64> = Arena::new();
/// static TRACER: Tracer = Tracer::new(&ARENA, &Ticks).context(&Threads::<64>);
///
/// let request = TRACER.trace("request");
/// std::thread::spawn(|| drop(TRACER.trace("a root: its thread has no other"))).join().unwrap();
/// drop(TRACER.trace("a child of the request"));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Threads<const BOUND: usize>;

impl<const BOUND: usize> Context for Threads<BOUND> {
    #[inline]
    fn core(&self) -> usize {
        const { assert!(BOUND >= 1 && BOUND <= MOST, "there are 1 to 256 threads at a time") };
        let number = NUMBER.get();
        if number < BOUND { number } else { number_below(BOUND) }
    }
}

/// The number of a thread that has none below `bound` yet.
#[cold]
fn number_below(bound: usize) -> usize {
    // Where it fails the thread is ending, and has given its number back.
    if NUMBER.get() == NONE && GIVES_BACK.try_with(|_| ()).is_ok() {
        NUMBER.set((0..bound).find(|number| take(*number)).unwrap_or(NONE));
        // What a thread before it left open is not what this one is in.
        if let Some(tracer) = microspan::global() {
            forget_current(tracer, NUMBER.get());
        }
    }
    if NUMBER.get() < bound { NUMBER.get() } else { NONE }
}

/// Gives the number of a thread back when that ends.
struct GivesBack;

impl Drop for GivesBack {
    fn drop(&mut self) {
        let number = NUMBER.replace(NONE);
        if let Some(word) = TAKEN.get(number / 64) {
            // The next thread of this number sees what this one stored.
            word.fetch_and(!(1 << (number % 64)), Ordering::Release);
        }
    }
}

/// Takes a number, if it is free.
fn take(number: usize) -> bool {
    let bit = 1 << (number % 64);
    TAKEN.get(number / 64).is_some_and(|word| {
        word.load(Ordering::Relaxed) & bit == 0 && word.fetch_or(bit, Ordering::Acquire) & bit == 0
    })
}

#[cfg(test)]
mod tests;

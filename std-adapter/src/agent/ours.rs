//! Threads that send or hand on: what they wait for is done by themselves or by nobody.

use std::cell::Cell;

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}

/// The calling thread is one of them.
pub(crate) fn adopt() {
    IS_OURS.set(true);
}

/// Whether the calling thread is one of them, in code of the program: a filter, a log.
pub(crate) fn is_this() -> bool {
    IS_OURS.get()
}

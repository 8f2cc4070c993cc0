//! A child of `fork` has the arena and no thread that drains it: it is told so, once, and records nothing.

use std::process;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The process that the drain's thread runs in; 0: none does.
static HOME: AtomicU32 = AtomicU32::new(0);

static IS_REFUSED: AtomicBool = AtomicBool::new(false);

/// This is the process that the drain's thread runs in.
pub(super) fn settle() {
    HOME.store(process::id(), Ordering::Relaxed);
}

/// Whether this is a child of the process that the drain's thread runs in.
pub(super) fn has_happened() -> bool {
    let home = HOME.load(Ordering::Relaxed);
    home != 0 && home != process::id()
}

/// Has nothing recorded in this process.
pub(super) fn refuse() {
    if IS_REFUSED.swap(true, Ordering::Relaxed) {
        return;
    }
    if let Some(tracer) = microspan::global() {
        tracer.set_enabled(false);
    }
    log::error!(
        "this process was forked after `microspan_std::init()`, and the thread that sends spans stayed behind: nothing is \
         recorded here; fork first, or start the program anew by `std::process::Command`"
    );
}

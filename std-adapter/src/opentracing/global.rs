//! The one tracer of a program, for those of its parts that are handed none.

use std::sync::{LazyLock, PoisonError, RwLock};

use super::tracer::Tracer;

static REGISTERED: RwLock<Option<Tracer>> = RwLock::new(None);

/// The tracer that was registered; before that one that records nothing.
pub fn global_tracer() -> Tracer {
    static NOOP: LazyLock<Tracer> = LazyLock::new(Tracer::noop);
    REGISTERED.read().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_else(|| NOOP.clone())
}

/// Registers a tracer, in place of one that was before.
pub fn set_global_tracer(tracer: Tracer) {
    *REGISTERED.write().unwrap_or_else(PoisonError::into_inner) = Some(tracer);
}

/// Whether a tracer was registered.
pub fn is_global_tracer_registered() -> bool {
    REGISTERED.read().unwrap_or_else(PoisonError::into_inner).is_some()
}

//! The attribute macros of `microspan`.
//!
//! There is none yet: `#[wrap]` needs the program's one global tracer, which `microspan` does not have yet either.
//! `Tracer::trace` does the same by hand. The crate stands here because a proc macro must live in one of its own.

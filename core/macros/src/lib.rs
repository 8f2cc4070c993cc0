//! The attribute macros of `microspan`.

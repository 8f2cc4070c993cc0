//! microspan
#![no_std]
#![deny(missing_docs, unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[allow(unsafe_code)]
mod arena;
mod clock;
mod drain;
mod id;
#[allow(unsafe_code)]
mod slot_ring;
#[allow(unsafe_code)]
mod span;
mod sync;
#[allow(unsafe_code)]
mod tag;
mod tracer;
mod transport;
pub mod wire;

pub use arena::{Arena, MAX_STR};
pub use clock::Clock;
pub use drain::Drain;
pub use id::Session;
pub use span::{Span, SpanRef};
pub use tag::{Static, Value};
pub use tracer::{Stats, Tracer};
pub use transport::*;

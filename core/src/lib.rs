//! Datadog-style spans without a heap, down to an interrupt handler on a Cortex-M0.
//!
//! A span is something a program does: it has a name, a start, a length, a parent, tags, and perhaps an error. Spans
//! with one root make a trace. This crate records spans where there is no operating system and no allocator, and
//! encodes them for a host that sends them to the Datadog agent (the crate `microspan-std` and its command).
//!
//! ```
//! use microspan::{Arena, Clock, Static, Tracer};
//!
//! struct Microseconds;
//! impl Clock for Microseconds {
//!     fn now(&self) -> u64 { 0 } // read a timer here
//!     fn frequency(&self) -> u32 { 1_000_000 }
//! }
//!
//! // 16 spans of 32 bytes and 32 tag cells of 16 bytes.
//! static ARENA: Arena<16, 32> = Arena::new();
//! static TRACER: Tracer = Tracer::new(&ARENA, &Microseconds).service("sandwich-device");
//!
//! fn make_sandwich_request(order: u32) {
//!     let span = TRACER.trace("make_sandwich_request");
//!     span.set_tag("order.id", order);
//!     get_ingredients();
//! } // the guard is dropped: the span is finished
//!
//! fn get_ingredients() {
//!     let span = TRACER.trace("get_ingredients"); // a child of the one above
//!     span.set_tag("bread", Static("rye"));
//!     span.set_error_info("OutOfPickles", "the jar is empty");
//! }
//! # make_sandwich_request(1);
//! ```
//!
//! Somewhere else (the main loop, a task, an interrupt of low priority) a [`Drain`] takes what is finished, encodes
//! it and hands it to a [`Transport`].
//!
//! The same with macros is [`span!`] and [`macro@wrap`]; a library names no tracer, [`set_global`] says which is meant. Who
//! comes from Datadog's `ddtrace` finds both side by side in [`from_ddtrace`].
//!
//! # The model
//!
//! - The [`Arena`] is all the memory there is: a ring of span slots and a ring of tag cells, in a `static`.
//! - The [`Tracer`] starts spans in it. The newest open one is the current span, and the parent of the next.
//! - The [`Span`] is the guard of an open span: whoever holds it tags it, and dropping it finishes the span. A
//!   [`SpanRef`] ([`Tracer::current_span`]) names a span that somebody else holds. A [`Detached`] span is open and not
//!   current; a future that is [in a span](InSpan::in_span) has a current span of its own.
//! - Which traces are recorded is decided when their root starts: by a [`Sampler`], by a [filter](Tracer::filter), or all are.
//! - Ids are derived from a random [`Session`] key and a counter, by both sides: nothing is drawn in a start, and they
//!   do not travel.
//! - [`wire`] is the format, in both directions.
//! - [`propagation`] takes a trace over from another process or device, and hands one on.
//!
//! # What is guaranteed
//!
//! - **Nothing waits.** Starting looks at a bounded number of slots. Finishing is one release store. No operation
//!   masks interrupts on a core that has compare-exchange; on one that has none (thumbv6m) `portable-atomic`'s
//!   critical section does for the length of one.
//! - **Nothing is encoded in the hot path.** A start and a finish write words. Names and keys are `&'static str`, kept
//!   by address. Encoding is the drain's work.
//! - **Nothing is lost uncounted.** A full arena, a full table, a packet too small: each has a counter in [`Stats`],
//!   which goes out with the spans. A packet that a transport refuses is kept.
//! - **A handle reaches its own span or none.** What is done to a span that was finished does nothing, and is counted.
//!
//! Which span is current is known for each core, and on each core for thread mode and for interrupts: the tracer's
//! [`Context`] says which of them asks. Without one there is one context, in which interrupts nest like calls. An arena has
//! one tracer.
//!
//! # When the arena is full
//!
//! A new span is dropped. [`Tracer::overwrite`] has it take the place of the oldest finished one, and [`Tracer::reserve`]
//! keeps places for roots and errors. What is dropped is counted by cause and core, and [`Callsites`] go on counting what
//! happens at each callsite.
//!
//! # After a reset
//!
//! A [`Recorder`] is an arena in memory that a reset leaves alone. At the next start a [`Boot`] looks at what is there, sends what is
//! sound as the session that it was, and then begins a new one: what was open when the device came to grief is
//! closed as an error, with the reason of the reset, and where the program was when the handler of the fault has left that
//! ([`Tracer::note_reset`]). What is damaged is recognised by a check of each record, left out and counted.
//!
//! # Features
//!
//! None is on by default, and each but `off` only adds.
//!
//! - `embedded-io`: `Stream`, the transport over a byte stream. It waits as long as the stream does.
//! - `rtt-target`: `Rtt`, the transport over an RTT channel of its own, which a debug probe reads. It never waits.
//! - `embedded-io-async`: `AsyncStream`, which is awaited, and keeps each packet until its stream has flushed it.
//! - `embassy-net-tcp`: `Tcp`, a connection as such a stream, whose peer has acknowledged what is flushed.
//! - `embassy-net`: `Udp`, the transport over a UDP socket. It never waits.
//! - `embassy-executor`: spans of the tasks of `embassy-executor`; see `executor`. For the final binary alone to enable.
//! - `defmt`: `Format` for the public types; `Defmt`, the transport between the lines of a log, and `Stamp`, by which lines find
//!   their spans.
//! - `linked-tracer`: `link_tracer!`, by which the program's tracer is linked instead of set; a program that does not
//!   say it does not link. For the final binary alone to enable; [`set_global`] says more.
//! - `off`: nothing is recorded by anybody. Every start is a constant "no", so that instrumented code compiles to what it
//!   was before; everything else stays as it is. For the final binary alone to enable.
//!
//! On a core without compare-exchange the final binary picks the implementation of `critical-section`; no library
//! should.

#![no_std]
#![deny(missing_docs, missing_debug_implementations, unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[allow(unsafe_code)]
mod arena;
#[allow(unsafe_code)]
mod callsite;
mod clock;
#[allow(unsafe_code)]
mod context;
mod drain;
mod exclusive;
#[cfg(all(feature = "embassy-executor", not(loom)))]
#[allow(unsafe_code)]
pub mod executor;
mod future;
#[cfg(not(loom))]
#[allow(unsafe_code)]
mod global;
#[allow(unsafe_code)]
mod global_tags;
mod id;
#[cfg(all(test, not(any(loom, shuttle))))]
#[allow(unsafe_code)]
mod model;
#[allow(unsafe_code)]
mod on_panic;
pub mod propagation;
#[allow(unsafe_code)]
mod recorder;
mod sampler;
mod shown;
#[allow(unsafe_code)]
mod slot_ring;
#[allow(unsafe_code)]
mod span;
mod span_context;
#[cfg(feature = "defmt")]
mod stamp;
mod sync;
#[allow(unsafe_code)]
mod tag;
mod tracer;
mod transport;
#[cfg(not(target_os = "none"))]
mod unwinding;
pub mod wire;
mod wrap;

#[cfg(not(loom))]
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

#[cfg(not(target_os = "none"))]
pub use arena::LongTexts;
pub use arena::{Arena, Cause, MAX_STR, Stats};
pub use callsite::{Callsite, Callsites};
pub use clock::{Clock, Counter, Widened};
#[cfg(all(target_arch = "arm", target_os = "none"))]
pub use context::CortexM;
pub use context::{Context, Cores, Interrupts, OneContext};
pub use drain::{Drain, Held, Names, Said, Taken};
pub use exclusive::{AnyThread, Exclusive, OneThread, Threads};
pub use future::{Detached, InSpan, WithSpan};
#[cfg(not(loom))]
pub use global::{SetGlobalError, current_root_span, current_span, global, set_global, span, trace};
pub use global_tags::{GlobalTagError, GlobalTags};
pub use id::Session;
#[cfg(not(loom))]
pub use on_panic::on_panic;
#[cfg(not(loom))]
pub use recorder::{Boot, Image, Previous, Program, Reason, Recorder, Reset};
pub use sampler::{Rule, Sampler};
pub use span::{Number, RecordErr, Span, SpanBuilder, SpanRef};
pub use span_context::SpanContext;
#[cfg(feature = "defmt")]
pub use stamp::Stamp;
pub use tag::{Static, Value};
pub use tracer::Tracer;
pub use transport::*;
#[cfg(not(target_os = "none"))]
pub use unwinding::Unwinding;
pub use wrap::wrap;

#[cfg(any(doc, doctest))]
#[doc = include_str!("../docs/from_ddtrace.md")]
pub mod from_ddtrace {}

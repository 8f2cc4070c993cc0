//! The host side of microspan: spans of devices, on their way to the Datadog agent.
//!
//! # The way of a span
//!
//! ```text
//! bytes of a link          decode::Decoder          pipeline::Assembler      msgpack::Payload        agent::Client
//! (daemon)           --->  packets to spans,  --->  gathers spans into  ---> encodes the trace  ---> queues, posts,
//!                          ticks to times           a trace, completes it    in a request body       retries, counts
//!                                                           \
//!                                                            `-----------> print::tree: the trace in the terminal
//! ```
//!
//! The steps know nothing of those after them. [`pipeline`] and [`msgpack`] perform no I/O and read no clock: bytes and
//! time come from the caller, so that tests, fuzzers, replay and the daemon run the same code.
//!
//! ```
//! use std::sync::Arc;
//! use microspan_std::config::Config;
//! use microspan_std::model::{Source, Span};
//! use microspan_std::msgpack::Payload;
//! use microspan_std::pipeline::{Assembler, Limits};
//!
//! let config = Config::from_vars([("DD_SERVICE", "gateway"), ("DD_ENV", "prod")]);
//! let mut assembler = Assembler::new(Limits::default(), config.tagging);
//! let source = Arc::new(Source::new(0x1234));
//! assembler.push(Span::new(42, 1, 0, "request", source), 0, &mut |_| {});
//!
//! let mut payload = Payload::new();
//! assembler.flush(&mut |trace| assert!(payload.push(trace, 10_000_000)));
//! assert_eq!((payload.traces(), payload.spans()), (1, 1));
//! ```
//!
//! A program that traces itself calls [`init`]: [`local`] takes its spans the same way, without packets.
//!
//! # What is promised
//!
//! - Everything that is held is bounded, and everything that is dropped is counted by cause:
//!   [`decode::Counters`], [`pipeline::Counters`], [`agent::Stats`].
//! - One chunk holds spans of one trace and one source, and what stands in it is what the agent takes.
//! - Ids are kept whole: 128 bits of trace id, 64 of span id.
//! - A steady flow of spans allocates nothing between the assembler and the request body, with up to 128 names each of spans, services,
//!   peers and environments that the agent would write otherwise.
//!
//! # Features
//!
//! - `cli` (default): what only the command `microspan` needs: its arguments, its signals, ELF files and the stand-in for the
//!   agent. A program that traces itself leaves it out; it brings in an HTTP server.
//! - `defmt`, which `cli` includes: packets among the lines of a log, and the lines as events of their spans.
//! - `http`: traces in the header maps of HTTP; `tower`: layers that trace the requests of services and of clients.
//! - `tracing`: a layer that records the spans and events of `tracing`.
//! - `opentelemetry`: a tracer provider of OpenTelemetry's API over the tracer of the program; and an exporter, a span processor and a
//!   propagator for programs that keep the OpenTelemetry SDK.
//! - `otlp`, which `cli` includes: traces in OpenTelemetry's protocol, beside the agent or in its place.
//! - `opentracing`: OpenTracing's API over the tracer of the program.
//! - `elf`, which `cli` includes: names, and where a device stopped, out of the ELF files of devices' programs.

#![deny(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod agent;
pub mod carrier;
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod clock;
pub mod config;
pub mod correlation;
#[cfg(feature = "cli")]
pub mod daemon;
mod deadline;
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod decode;
#[cfg(feature = "defmt")]
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod defmt;
#[cfg(feature = "elf")]
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod elf;
pub mod error;
mod interned;
#[cfg(feature = "tracing")]
pub mod layer;
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod local;
pub mod log_events;
pub mod model;
pub mod msgpack;
#[cfg(feature = "opentracing")]
pub mod opentracing;
#[cfg(feature = "opentelemetry")]
pub mod otel;
#[cfg(feature = "otlp")]
#[cfg_attr(not(test), deny(clippy::indexing_slicing))]
pub mod otlp;
pub mod pipeline;
pub mod print;
#[cfg(feature = "cli")]
pub mod screen;
#[cfg(feature = "cli")]
pub mod standin;
pub mod stats;
pub mod threads;
#[cfg(feature = "tower")]
pub mod tower;

pub use local::init;

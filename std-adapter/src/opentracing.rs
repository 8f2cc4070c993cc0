//! OpenTracing's API over the tracer of the program, with the semantics of Datadog's tracers for it.
//!
//! ```
//! use std::collections::HashMap;
//! use microspan_std::opentracing::{Format, global_tracer, tags};
//!
//! // In `main`, before the first span: `set_global_tracer(Tracer::new("kitchen", Config::new())?)`.
//! # let headers = HashMap::from([("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "9")]);
//! let tracer = global_tracer();
//! let caller = tracer.extract(Format::HttpHeaders, &headers)?;
//! let order = tracer.build_span("order").child_of(&caller).tag(tags::SPAN_KIND, "server").start_active();
//! {
//!     let bread = tracer.start_active_span("bread.cut"); // a child of `order`
//!     bread.span().log_kv([("event", "sliced"), ("knife", "long")]).set_baggage_item("plan", "gold");
//! } // finished here
//! let mut out = HashMap::<String, String>::new();
//! tracer.inject(&order.span().context(), Format::HttpHeaders, &mut out)?; // for a request that is sent
//! # Ok::<(), microspan_std::opentracing::PropagationError>(())
//! ```
//!
//! Spans are recorded where those of [`microspan::trace`] are: each nests in whatever is current, whoever started it, and a span that
//! is active here is the current one there.
//!
//! | of OpenTracing | becomes |
//! | --- | --- |
//! | an operation name | the name of the span |
//! | the standard [tags] | fields and tags of Datadog |
//! | a [log](logs) | an event of the span, and its error if it says so |
//! | `child_of` | the parent; beyond one, a link |
//! | `follows_from` | a link, and the parent where there is no other |
//! | baggage | headers `baggage` and `ot-baggage-<key>`, and baggage of microspan |
//! | `TEXT_MAP`, `HTTP_HEADERS` | Datadog's headers and W3C's |
//! | `BINARY` | the same, as bytes |
//!
//! A span whose parent is finished by the time it starts belongs to the trace and to the parent all the same. Names and keys that are no
//! `&'static str` are kept for ever, up to 4,096 of them: let them not hold what differs from request to request.
//!
//! | file | idea |
//! | --- | --- |
//! | `opentracing/tracer.rs`, `config.rs`, `global.rs` | the tracer, what it is told, the one of the program |
//! | `opentracing/span.rs`, `builder.rs` | spans, and starting them |
//! | `opentracing/context.rs` | what names a span, and references to others |
//! | `opentracing/scope.rs`, `stack.rs`, `task.rs` | which span is active on a thread and in a task |
//! | `opentracing/carrier.rs`, `travel.rs`, `binary.rs` | contexts in carriers |
//! | `opentracing/tags.rs`, `logs.rs` | what is standard |
//! | `opentracing/time.rs` | times of a program as the arena has them |
//! | `opentracing/error.rs` | what can go wrong in its calls |

mod binary;
mod builder;
mod carrier;
mod config;
mod context;
mod error;
mod global;
pub mod logs;
mod scope;
mod span;
mod stack;
pub mod tags;
mod task;
mod time;
mod tracer;
mod travel;

use crate::interned::Interned;

pub use builder::SpanBuilder;
pub use carrier::{ExtractCarrier, Format, Held, InjectCarrier, Room, TextMapReader, TextMapWriter};
pub use config::{Config, Setting, keys};
pub use context::{HasContext, Reference, SpanContext};
pub use error::{ConfigError, PropagationError};
pub use global::{global_tracer, is_global_tracer_registered, set_global_tracer};
pub use scope::{ActiveScope, NoopScopeManager, Scope, ScopeManager, ThreadScopeManager};
pub use span::Span;
pub use task::{Task, TaskScopeManager};
pub use tracer::Tracer;

/// Names and keys that the program makes up as it runs.
static TEXTS: Interned<4096> = Interned::new();

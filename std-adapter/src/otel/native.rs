//! OpenTelemetry's API without its SDK: spans of programs that are written against it, in the program's own arena.
//!
//! ```no_run
//! use microspan_std::otel::MicrospanTracerProvider;
//! use opentelemetry::trace::{Span, Tracer};
//! use opentelemetry::{KeyValue, global};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let _tracing = microspan_std::init()?;
//! global::set_tracer_provider(MicrospanTracerProvider::new());
//!
//! global::tracer("bakery").in_span("bake", |_context| {
//!     let oven = microspan::trace("oven"); // a child of `bake`
//!     let mut bread = global::tracer("bakery").start("bread"); // a child of `oven`
//!     bread.set_attribute(KeyValue::new("slices", 12));
//! });
//! # Ok(()) }
//! ```
//!
//! The tracer is that of [`local`](crate::local). What it drains is mapped as the exporter maps the SDK's spans; through a
//! [`Drain`](microspan::Drain) of somebody else spans of these tracers come out as they were recorded.
//!
//! # Whose child a span is
//!
//! That of the span in its context: of this process, open or ended, or of another. Where the context has none it is a child of
//! the current span, as `microspan::trace` is, unless it is given a context without a span where the attached one has one: then it
//! is a root. In an attached context it is a child of the innermost open span, whoever started that.
//!
//! While a context with a span of ours is attached that span is `microspan::current_span()`. This stands on the feature
//! `experimental_context_observer` of `opentelemetry`, of which a process has one: where somebody else observes contexts first,
//! `microspan::current_span()` does not follow them. The current span of a thread to which a context with a span of another process
//! is attached is none: only OpenTelemetry's tracers continue that. Contexts that were attached before the first provider was made are
//! not seen, for as long as they stay attached: make it first.
//!
//! # What it takes
//!
//! A span with scalar attributes allocates nothing, nor does what drains it, but an id in hex digits for each trace. Keys are kept
//! for ever, up to 4,096, and names up to 2,048: of attributes beyond these the span says that it lost some
//! (`microspan.lost_tags`), names beyond go along with their spans. A text of more than 255 bytes [allocates](crate::local), as in any tag.
//! OpenTelemetry's global tracer, and a span in a context, box what they hold: that is theirs.

mod attached;
mod cells;
mod ids;
mod names;
mod provider;
mod scopes;
mod span;
mod tracer;
mod values;
mod watch;

pub(crate) use cells::Finisher;
pub use provider::MicrospanTracerProvider;
pub(crate) use provider::flushes_by;
pub use span::MicrospanSpan;
pub use tracer::MicrospanTracer;

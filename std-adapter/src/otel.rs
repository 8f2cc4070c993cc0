//! OpenTelemetry: its API over the program's own tracer, and its SDK's spans to the Datadog agent.
//!
//! [`MicrospanTracerProvider`] gives programs that are written against OpenTelemetry's API tracers whose spans nest with those of
//! this crate, and cost as much ([`native`]). The others are for programs that keep the SDK.
//!
//! [`DatadogSpanExporter`] takes finished spans, [`DatadogExportSpanProcessor`] gathers those of a trace until every span
//! that was started has ended, and [`DatadogPropagator`] carries the context in Datadog's headers. They stand on
//! `opentelemetry` and `opentelemetry_sdk` 0.33.
//!
//! ```no_run
//! use microspan_std::otel::{DatadogExportSpanProcessor, DatadogPropagator, DatadogSpanExporter};
//! use opentelemetry::trace::{Tracer, TracerProvider};
//! use opentelemetry_sdk::trace::SdkTracerProvider;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let exporter = DatadogSpanExporter::builder().service("bakery").env("prod").build()?;
//! let provider =
//!     SdkTracerProvider::builder().with_span_processor(DatadogExportSpanProcessor::new(exporter)?).build();
//! opentelemetry::global::set_text_map_propagator(DatadogPropagator::new());
//!
//! provider.tracer("bakery").in_span("bake", |_context| {});
//! provider.shutdown()?;
//! # Ok(()) }
//! ```
//!
//! # How a span is shown
//!
//! As the agent's own OTLP receiver shows it: the operation name, resource, type and service follow from the semantic
//! conventions, attributes are tags, integers and floats are metrics, links and events stay what they are, ids
//! keep all their bits.

mod attributes;
mod errors;
mod exporter;
mod facts;
mod gather;
mod kind;
mod map;
mod name;
pub mod native;
mod processor;
mod propagator;
mod resource;
mod travel;

pub use exporter::{DatadogSpanExporter, ExporterBuilder};
pub(crate) use native::{Finisher, flushes_by};
pub use native::{MicrospanSpan, MicrospanTracer, MicrospanTracerProvider};
pub use processor::{DatadogExportSpanProcessor, ProcessorError};
pub use propagator::DatadogPropagator;

#[cfg(test)]
mod tests;

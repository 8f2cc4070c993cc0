//! A trace that goes on elsewhere: its identity in headers, and in a few bytes.
//!
//! [`Propagator::inject`] writes the headers of a request that is sent, [`Propagator::extract`] reads those of one that is
//! served: Datadog's own, W3C's `traceparent` and `tracestate`, B3 in one header or several, and W3C baggage, several of them at once.
//! Headers are those of HTTP, or the user properties of MQTT 5. Nothing is copied: what was extracted borrows its headers, and what
//! is injected shows itself into the carrier's own buffer.
//!
//! Baggage of OpenTracing (`ot-baggage-*`), which Datadog's tracers read only when told to, is not read: of such headers the names are
//! not known beforehand, and a program asks its carrier for those it wants.
//!
//! Where a header is too much, [`encode`] and [`decode`] have the identity alone, in at most 26 bytes.
//!
//! ```
//! # struct Clock; impl microspan::Clock for Clock { fn now(&self) -> u64 { 0 } fn frequency(&self) -> u32 { 1 } }
//! use core::fmt::{Display, Write};
//! use microspan::propagation::{Passing, Propagator};
//! use microspan::{Arena, Drain, Session, Tracer};
//!
//! static ARENA: Arena<16, 64> = Arena::new();
//! static TRACER: Tracer = Tracer::new(&ARENA, &Clock);
//! const PROPAGATOR: Propagator = Propagator::new();
//! let drain = Drain::<256>::new(&TRACER, Session::new(7)); // ids are known from here on
//!
//! // A request comes in.
//! let headers = [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "9"), ("x-datadog-sampling-priority", "2")];
//! let extracted = PROPAGATOR.extract(headers.as_slice());
//! let request = TRACER.span("request").root().start();
//! extracted.continue_in(&request);
//!
//! // Another one goes out on its behalf.
//! let call = TRACER.trace("call");
//! let mut out = String::new();
//! let mut set = |name: &'static str, value: &dyn Display| writeln!(out, "{name}: {value}").unwrap();
//! PROPAGATOR.inject(&call.context().unwrap(), &extracted.passing, &mut set).unwrap();
//! assert!(out.contains("x-datadog-trace-id: 7\n"));
//! assert!(out.contains("traceparent: 00-00000000000000000000000000000007-"));
//! ```
//!
//! | file | idea |
//! | --- | --- |
//! | `propagation/mod.rs` | several styles at once |
//! | `propagation/style.rs` | kinds of headers, and lists of them |
//! | `propagation/carrier.rs` | what headers are read from and written to |
//! | `propagation/extracted.rs` | what headers said, and what of it goes on |
//! | `propagation/datadog.rs`, `b3.rs`, `w3c.rs`, `tracestate.rs`, `baggage.rs` | a style each, and the list of members in `tracestate` |
//! | `propagation/tags.rs` | the tags of a trace that travel |
//! | `propagation/passed.rs` | those that came with a trace, as tags of its root |
//! | `propagation/compact.rs` | at most 26 bytes |
//! | `propagation/parse.rs`, `shown.rs` | numbers; what is written as it is asked for |

mod b3;
mod baggage;
mod carrier;
mod compact;
mod datadog;
mod extracted;
mod parse;
mod passed;
mod shown;
mod style;
mod tags;
#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
mod tracestate;
mod w3c;

pub use baggage::{Baggage, BaggageText};
pub use carrier::{Headers, SetHeader};
pub use compact::{MAX_COMPACT, decode, encode};
pub use extracted::{Extracted, Passing, PropagationError, RemoteLink};
pub use style::Style;

use crate::span_context::SpanContext;
use baggage::Limits;
use style::Styles;

/// What becomes of a trace that comes in (`DD_TRACE_PROPAGATION_BEHAVIOR_EXTRACT`).
///
/// ```
/// use microspan::propagation::*;
/// const OUTWARD: Propagator = Propagator::new().behavior(Behavior::Ignore); // trust no caller
/// assert!(OUTWARD.extract([("x-datadog-trace-id", "7")].as_slice()).context.is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Behavior {
    /// It is continued.
    Continue,
    /// A new one begins, with a link to it; baggage is kept.
    Restart,
    /// A new one begins, and nothing is kept.
    Ignore,
}

/// Which headers are read and written, and how: see the [module](self).
///
/// ```
/// use microspan::propagation::{Propagator, Style};
/// const PROPAGATOR: Propagator = Propagator::new().styles(&[Style::TraceContext, Style::Baggage]);
/// assert!(PROPAGATOR.extract([("x-datadog-trace-id", "7")].as_slice()).context.is_none());
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Propagator {
    extract: Styles,
    inject: Styles,
    is_first_only: bool,
    behavior: Behavior,
    longest_tags: usize,
    baggage: Limits,
}

impl Propagator {
    /// Datadog's headers, W3C's and baggage, in this order; traces are continued.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// const PROPAGATOR: Propagator = Propagator::new();
    /// assert!(PROPAGATOR.extract([("host", "oven")].as_slice()).context.is_none());
    /// ```
    pub const fn new() -> Self {
        let styles = Styles::of(&[Style::Datadog, Style::TraceContext, Style::Baggage]);
        Self {
            extract: styles,
            inject: styles,
            is_first_only: false,
            behavior: Behavior::Continue,
            longest_tags: 512,
            baggage: Limits::DATADOGS,
        }
    }

    /// The styles that are read and written.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// const B3: Propagator = Propagator::new().styles(&[Style::B3, Style::B3Multi]);
    /// ```
    #[must_use]
    pub const fn styles(self, styles: &[Style]) -> Self {
        self.extract_styles(styles).inject_styles(styles)
    }

    /// The styles that are read: of those that name a span the first holds.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// const FROM_ALL: Propagator = Propagator::new().extract_styles(&[Style::Datadog, Style::TraceContext, Style::B3]);
    /// ```
    #[must_use]
    pub const fn extract_styles(mut self, styles: &[Style]) -> Self {
        self.extract = Styles::of(styles);
        self
    }

    /// The styles that are written.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// const AS_W3C: Propagator = Propagator::new().inject_styles(&[Style::TraceContext]);
    /// ```
    #[must_use]
    pub const fn inject_styles(mut self, styles: &[Style]) -> Self {
        self.inject = Styles::of(styles);
        self
    }

    /// Reads no style but the first, and baggage (`DD_TRACE_PROPAGATION_EXTRACT_FIRST`).
    ///
    /// ```
    /// use microspan::propagation::*;
    /// const FIRST: Propagator = Propagator::new().extract_first();
    /// let parent = [("traceparent", "00-0000000000000000000000000000000a-000000000000000b-01")];
    /// assert!(FIRST.extract(parent.as_slice()).context.is_none()); // Datadog's headers come first
    /// ```
    #[must_use]
    pub const fn extract_first(mut self) -> Self {
        self.is_first_only = true;
        self
    }

    /// What becomes of a trace that comes in.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// const OUTWARD: Propagator = Propagator::new().behavior(Behavior::Restart);
    /// ```
    #[must_use]
    pub const fn behavior(mut self, behavior: Behavior) -> Self {
        self.behavior = behavior;
        self
    }

    /// The most bytes of `x-datadog-tags` that are read or written; 0: none (`DD_TRACE_X_DATADOG_TAGS_MAX_LENGTH`).
    ///
    /// ```
    /// use microspan::propagation::*;
    /// const SHORT: Propagator = Propagator::new().longest_tags(64);
    /// ```
    #[must_use]
    pub const fn longest_tags(mut self, bytes: usize) -> Self {
        self.longest_tags = bytes;
        self
    }

    /// The most items of baggage that are written, and the most bytes of them (`DD_TRACE_BAGGAGE_MAX_ITEMS`,
    /// `DD_TRACE_BAGGAGE_MAX_BYTES`). 64 and 8192 are read, whatever this says.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// const FEW: Propagator = Propagator::new().baggage_limits(8, 512);
    /// ```
    #[must_use]
    pub const fn baggage_limits(mut self, items: usize, bytes: usize) -> Self {
        self.baggage = Limits { items, bytes };
        self
    }

    /// The styles that are written, in their order.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// assert!(Propagator::new().injected().eq([Style::Datadog, Style::TraceContext, Style::Baggage]));
    /// ```
    pub fn injected(&self) -> impl Iterator<Item = Style> + use<> {
        self.inject.iter()
    }

    /// Reads the headers of a request that is served.
    ///
    /// The first style that names a trace holds. Of the others, `traceparent` of the same trace gives its span and the members of
    /// `tracestate`; one of another trace becomes a link.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// let headers = [("traceparent", "00-0000000000000000000000000000000a-000000000000000b-01")];
    /// let caller = Propagator::new().extract(headers.as_slice()).context.unwrap();
    /// assert_eq!((caller.trace_id, caller.span_id, caller.sampling_priority), (0xa, 0xb, Some(1)));
    /// ```
    pub fn extract<'c>(&self, headers: &'c (impl Headers + ?Sized)) -> Extracted<'c> {
        if self.behavior == Behavior::Ignore {
            return Extracted::default();
        }
        let mut found = heapless::Vec::<(Style, Found<'c>), 4>::new();
        for style in self.extract.iter().take(if self.is_first_only { 1 } else { usize::MAX }) {
            let one = match style {
                Style::Datadog => datadog::extract(headers, self.longest_tags),
                Style::TraceContext => w3c::extract(headers),
                Style::B3Multi => b3::extract_multi(headers),
                Style::B3 => b3::extract_single(headers),
                Style::Baggage => None,
            };
            if let Some(one) = one {
                // There are four of them.
                found.push((style, one)).ok();
            }
        }
        let mut extracted = resolve(&found);
        if self.behavior == Behavior::Restart {
            extracted = Extracted::default();
            if let Some((style, one)) = found.first() {
                extracted.links.extend(one.link(*style, "propagation_behavior_extract"));
            }
        }
        if self.extract.contain(Style::Baggage) {
            extracted.passing.baggage = Baggage::of(headers.header("baggage").unwrap_or_default());
        }
        extracted
    }

    /// Writes the headers of a request that is sent on behalf of a span. Without a decision its priority is 1.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// let call = microspan::SpanContext { trace_id: 7, span_id: 9, sampling_priority: Some(1) };
    /// let mut headers = vec![];
    /// let mut set = |name: &'static str, value: &dyn core::fmt::Display| headers.push((name, value.to_string()));
    /// Propagator::new().inject(&call, &Passing::default(), &mut set).unwrap();
    /// assert!(headers.contains(&("x-datadog-parent-id", "9".into())));
    /// ```
    ///
    /// # Errors
    ///
    /// The tags of the trace do not go along as `x-datadog-tags`; all else does. The error is the value of the tag
    /// `_dd.propagation_error`, which the span should get. A context that is not [valid](SpanContext::is_valid) writes baggage alone.
    pub fn inject(
        &self,
        context: &SpanContext,
        passing: &Passing<'_>,
        headers: &mut impl SetHeader,
    ) -> Result<(), PropagationError<'static>> {
        let priority = context.sampling_priority.unwrap_or(1);
        let mut result = Ok(());
        for style in self.inject.iter() {
            match style {
                Style::Baggage => passing.baggage.inject(self.baggage, headers),
                _ if !context.is_valid() => {}
                Style::Datadog => {
                    result = datadog::inject(context, priority, passing, self.longest_tags, headers)
                }
                Style::TraceContext => w3c::inject(context, priority, passing, headers),
                Style::B3Multi => b3::inject_multi(context, priority, headers),
                Style::B3 => b3::inject_single(context, priority, headers),
            }
        }
        result
    }
}

impl Default for Propagator {
    fn default() -> Self {
        Self::new()
    }
}

/// What the headers of one style said.
#[derive(Clone, Copy, Debug, Default)]
struct Found<'c> {
    /// 0: none.
    trace_id: u128,
    /// 0: none.
    span_id: u64,
    priority: Option<i8>,
    passing: Passing<'c>,
    last_datadog_span: Option<u64>,
    error: Option<PropagationError<'c>>,
}

impl Found<'_> {
    fn context(&self) -> Option<SpanContext> {
        let context =
            SpanContext { trace_id: self.trace_id, span_id: self.span_id, sampling_priority: self.priority };
        context.names_a_trace().then_some(context)
    }

    fn link(&self, style: Style, reason: &'static str) -> Option<RemoteLink> {
        let context = self.context().filter(SpanContext::is_valid)?;
        Some(RemoteLink { context, reason, context_headers: style.name() })
    }
}

/// What several styles said, as one.
fn resolve<'c>(found: &[(Style, Found<'c>)]) -> Extracted<'c> {
    let Some(((_, first), others)) = found.split_first() else { return Extracted::default() };
    let mut one = *first;
    let mut extracted = Extracted::default();
    for (style, other) in others {
        if other.trace_id != 0 && other.trace_id != one.trace_id {
            extracted.links.extend(other.link(*style, "terminated_context"));
        } else if *style == Style::TraceContext {
            (one.passing.state, one.passing.flags) = (other.passing.state, other.passing.flags);
            if other.span_id != one.span_id {
                let datadog =
                    found.iter().find(|(style, _)| *style == Style::Datadog).map(|(_, found)| found.span_id);
                one.last_datadog_span = other.last_datadog_span.or(datadog);
                one.span_id = other.span_id;
            }
        }
    }
    one.passing.is_continued = one.trace_id != 0;
    Extracted {
        context: one.context(),
        sampling_priority: one.priority,
        last_datadog_span: one.last_datadog_span,
        error: one.error,
        passing: one.passing,
        ..extracted
    }
}

//! From single spans to traces that an agent takes.
//!
//! Spans come in the order in which they finished, from several threads or devices, children before parents, some twice
//! and some never. The [`Assembler`] gathers them by trace and source until a trace is worth sending, completes what
//! depends on other spans of the trace (services, top-level marks), and hands each finished [`Trace`] to the caller.
//!
//! # When a trace goes out
//!
//! | it has | and | it goes out |
//! | --- | --- | --- |
//! | its local root | nothing new came for [`Limits::quiet`] | complete |
//! | no root | it holds [`Limits::partial_flush_min_spans`] | in part; the rest follows |
//! | no root | nothing new came for [`Limits::patience`] | without its root, counted as incomplete |
//! | a root | it holds [`Limits::trace_max_spans`] | early, counted as oversized |
//! | | all traces together pass a bound of [`Limits`] | the longest quiet one, counted as evicted |
//!
//! A root that continues the trace of another process or device says so when it comes, after its children. Then all
//! spans of its trace that are held, and those that come later, go over to that trace. What goes out in part before does so
//! where open roots can be asked ([`Assembler::ask_roots`]), as in a program that traces itself, and otherwise does not.
//!
//! Where they can be asked a trace goes out in part while its root is open, as the table says, and waits for the root where parts are
//! switched off, where there are lists of filters, or a [`TraceFilter`]. It does not wait when it holds
//! [`Limits::trace_max_spans`], or, where parts are switched off or the root is finished and comes next, an eighth of
//! [`Limits::bytes`], nor when memory is full.
//!
//! # What happens to it then
//!
//! [Filters](crate::config::Filters) and [`TraceFilter`]s look at it: what they drop is counted and leaves nothing, neither in the
//! parts that come later. Lists of filters look at its root, so that with them a trace goes out in part only when it is oversized,
//! silent for long, or memory is full. Of a trace of which nobody has decided the host's sampler does, once for all of its parts. At last
//! [replace rules](crate::config::ReplaceRule) hide what is not to leave.
//!
//! A part that goes out before an open root is judged by what that is so far, by lists and by the sampler, and that holds for all that
//! comes of the trace, but for what the program's hand says later. A tag that is required may still come: the trace then passes, as
//! it is worse to lose one that was wanted than to show one that was not. Where a root cannot be asked the first span of the part
//! stands in its place.
//!
//! A part that comes after its root, as of a child that outlived it, passes the lists as the root did and says what the root said: what
//! came with it, was said by hand, or was decided.
//!
//! A trace that goes on elsewhere before it is gathered is decided on then ([`Decider`]), and that holds for all of its parts.
//!
//! Nothing here performs I/O or reads a clock: spans and the time come from the caller. Spans of one trace that come
//! from two sources make two chunks, as two tracers would, because what stands on a chunk's first span says who made it.

#[cfg(feature = "otlp")]
mod about;
mod ahead;
mod assembler;
mod baggage;
mod context;
mod correct;
mod decided;
mod decision;
mod early;
mod facts;
mod filter;
mod further;
mod limiter;
mod part;
mod passed;
mod places;
mod rates;
mod recent;
mod remotes;
mod replace;
mod resolve;
mod said;
mod sampling;
mod secret;
mod size;
mod stage;
mod table;
mod trace;

pub use ahead::{Ahead, Continued, OpenRoot, Roots};
pub use assembler::Assembler;
pub use early::{Decider, Early};
pub use filter::TraceFilter;
pub(crate) use further::Further;
pub use rates::Rates;
pub(crate) use trace::look;
pub use trace::{Datum, Trace};

/// How much is held back, and for how long. Times are nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// A trace with its root is complete when nothing came for it this long: 200 ms.
    pub quiet: u64,
    /// A trace without its root is given up when nothing came for it this long: 10 s.
    pub patience: u64,
    /// A trace that holds this many spans and no root goes out in part: 300, as in Datadog's own tracers.
    pub partial_flush_min_spans: usize,
    /// A trace that holds this many spans goes out although it has not been quiet: 3 000. With typical spans a chunk
    /// then stays below a megabyte.
    pub trace_max_spans: usize,
    /// Spans held in all traces together: 100 000.
    pub spans: usize,
    /// Bytes of those spans and of their sources, as near as can be told: 64 MB.
    pub bytes: usize,
    /// Traces held: 10 000.
    pub traces: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            quiet: 200_000_000,
            patience: 10_000_000_000,
            partial_flush_min_spans: 300,
            trace_max_spans: 3_000,
            spans: 100_000,
            bytes: 64_000_000,
            traces: 10_000,
        }
    }
}

/// What went through an [`Assembler`], and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Spans taken in.
    pub spans: u64,
    /// Spans handed on.
    pub spans_out: u64,
    /// Traces, or parts of them, handed on.
    pub traces_out: u64,
    /// Spans dropped because their trace id (its low half) or span id was 0, or a [`TraceFilter`] made the latter 0.
    pub invalid: u64,
    /// Spans dropped because their trace held one with the same id.
    pub duplicates: u64,
    /// Traces handed on without their root.
    pub incomplete: u64,
    /// Parts of traces handed on while their root was still open.
    pub partial_flushes: u64,
    /// Traces handed on before they were quiet because they were too long.
    pub oversized: u64,
    /// Traces handed on early because too much was held.
    pub evicted: u64,
    /// Traces, or parts of them, that filters dropped.
    pub filtered_traces: u64,
    /// Spans in them.
    pub filtered_spans: u64,
    /// How many of those traces were dropped because a [`TraceFilter`] panicked.
    pub filter_panics: u64,
}

#[cfg(test)]
mod tests;

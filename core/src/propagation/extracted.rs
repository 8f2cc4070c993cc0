//! What headers said.

use super::baggage::Baggage;
use super::passed::Passed;
use super::tags::{DM, KSR, Tag, TagValue, Tags};
use crate::exclusive::Threads;
use crate::span::Span;
use crate::span_context::SpanContext;
use crate::tag::{Static, Value};
use core::fmt::{self, Write};

/// What [`Propagator::extract`](super::Propagator::extract) found: the span to continue from, what travels on with its
/// trace, and what went wrong. It borrows the headers and copies nothing.
///
/// ```
/// use microspan::propagation::*;
/// let headers = [("b3", "000000000000000a-000000000000000b-1")];
/// let extracted = Propagator::new().styles(&[Style::B3]).extract(headers.as_slice());
/// assert_eq!(extracted.context.unwrap().span_id, 0xb);
/// assert_eq!(extracted.sampling_priority, Some(1));
/// ```
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Extracted<'c> {
    /// The span that called, or its trace alone, where its id is 0; `None`: there is none to continue from.
    pub context: Option<SpanContext>,
    /// The sampling priority that came, also when it came without a span.
    pub sampling_priority: Option<i8>,
    /// Spans of other traces that the headers named beside `context`.
    pub links: heapless::Vec<RemoteLink, 3>,
    /// The last span that Datadog knows of, where other tracers were between it and `context`.
    pub last_datadog_span: Option<u64>,
    /// Why tags of the trace did not come along.
    pub error: Option<PropagationError<'c>>,
    /// What goes on to whoever is called next.
    pub passing: Passing<'c>,
}

/// A span of another trace that headers named.
///
/// ```
/// use microspan::propagation::*;
/// let headers = [("b3", "000000000000000a-000000000000000b-1")];
/// let propagator = Propagator::new().styles(&[Style::B3]).behavior(Behavior::Restart);
/// let link = propagator.extract(headers.as_slice()).links[0];
/// assert_eq!((link.context.span_id, link.reason), (0xb, "propagation_behavior_extract"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RemoteLink {
    /// The span.
    pub context: SpanContext,
    /// Why it is a link and no parent: `terminated_context` or `propagation_behavior_extract`.
    pub reason: &'static str,
    /// The [style](super::Style::name) of the headers that named it.
    pub context_headers: &'static str,
}

/// What travels on with a trace beside the identity of its spans.
///
/// That of a trace which begins here is [`Passing::default`].
///
/// ```
/// use microspan::propagation::*;
/// let here = Passing::default().baggage_items(&[("plan", "gold")]);
/// assert!(here.origin().is_none() && here.tags().next().is_none());
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Passing<'c> {
    pub(super) origin: Option<TagValue<'c>>,
    pub(super) tags: Tags<'c>,
    /// The members of `tracestate`, ours among them.
    pub(super) state: &'c str,
    /// The flags of `traceparent`.
    pub(super) flags: u8,
    /// No tags are sent as `x-datadog-tags`: what came of them was not whole.
    pub(super) is_broken: bool,
    /// The trace comes from elsewhere, and with it how it was decided on it.
    pub(super) is_continued: bool,
    /// The mechanism that decided here.
    pub(super) decision: Option<u8>,
    /// What was decided elsewhere does not hold.
    pub(super) is_overruled: bool,
    /// The rate by which it was decided here.
    pub(super) rate: Option<&'c str>,
    pub(super) baggage: Baggage<'c>,
}

impl<'c> Passing<'c> {
    /// The same with the number of Datadog's mechanism that decided on the trace, here: 3 a rule, 4 the user. Of one that
    /// came from elsewhere its own holds.
    ///
    /// Without it that is 4 for the priority 2, 0 for 1, and none where the trace is rejected.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// let by_a_rule = Passing::default().decided_by(3); // `_dd.p.dm=-3`
    /// ```
    #[must_use]
    pub const fn decided_by(mut self, mechanism: u8) -> Self {
        self.decision = Some(mechanism);
        self
    }

    /// The same with the number of the mechanism that decided on the trace here, whatever was decided on it elsewhere: 4 where a
    /// user keeps or drops a trace that came.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// let by_hand = Passing::default().overruled_by(4); // `_dd.p.dm=-4`
    /// ```
    #[must_use]
    pub const fn overruled_by(mut self, mechanism: u8) -> Self {
        self.is_overruled = true;
        self.decided_by(mechanism)
    }

    /// The same with the rate by which it was decided here, as text of six decimals at most: the tag `_dd.p.ksr`.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// let by_the_agents_rate = Passing::default().decided_by(1).sampled_at("0.25");
    /// ```
    #[must_use]
    pub const fn sampled_at(mut self, rate: &'c str) -> Self {
        self.rate = Some(rate);
        self
    }

    /// The same with these items of baggage, before those that came. Of two with one key the first holds.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// let passing = Passing::default().baggage_items(&[("user", "ada")]);
    /// assert_eq!(passing.baggage().get("user").unwrap().to_string(), "ada");
    /// ```
    #[must_use]
    pub const fn baggage_items(mut self, items: &'c [(&'c str, &'c str)]) -> Self {
        self.baggage.items = items;
        self
    }

    /// The mechanism to tell of a trace that was decided on here. Of one that is rejected it is told where it is known.
    pub(super) fn new_decision(&self, priority: i8) -> Option<u8> {
        if self.is_continued && !self.is_overruled {
            return None;
        }
        let by_default = match priority {
            ..=0 => None,
            1 => Some(0),
            _ => Some(4),
        };
        self.decision.or(by_default)
    }

    /// The tags that go on: those that came, but for who decided where that does not hold, and the rate where there is one of here.
    pub(super) fn sent_tags(self) -> impl Iterator<Item = Tag<'c>> + Clone {
        let came = self.tags.iter().filter(move |tag| match tag.key {
            DM => !self.is_overruled,
            KSR => self.rate.is_none(),
            _ => true,
        });
        came.chain(self.rate.map(|rate| Tag { key: KSR, value: TagValue::plain(rate) }))
    }

    /// The baggage: what came, and what was added.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// assert!(Passing::default().baggage().is_empty());
    /// ```
    pub const fn baggage(&self) -> Baggage<'c> {
        self.baggage
    }

    /// The product that began the trace, such as `synthetics`, as it came: what shows it.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// let headers = [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "9"), ("x-datadog-tags", "_dd.p.dm=-4"), ("x-datadog-origin", "rum")];
    /// let extracted = Propagator::new().extract(headers.as_slice());
    /// assert_eq!(extracted.passing.origin().unwrap().to_string(), "rum");
    /// ```
    pub fn origin(&self) -> Option<impl fmt::Display> {
        self.origin
    }

    /// The tags that travel, each as what shows its key, without `_dd.p.` before it, and its value.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// let headers = [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "9"), ("x-datadog-tags", "_dd.p.dm=-4"), ("x-datadog-origin", "rum")];
    /// let extracted = Propagator::new().extract(headers.as_slice());
    /// let tags: Vec<_> = extracted.passing.tags().map(|(key, value)| format!("{key}={value}")).collect();
    /// assert_eq!(tags, ["dm=-4"]);
    /// ```
    pub fn tags(&self) -> impl Iterator<Item = (&'c str, impl fmt::Display + use<'c>)> {
        self.tags.iter().map(|tag| (tag.key, tag.value))
    }
}

impl Extracted<'_> {
    /// What the [compact form](super::encode) says, for a span that continues its caller's trace and calls others in turn.
    ///
    /// ```
    /// use microspan::propagation::Extracted;
    /// let frame = [3, 7, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0];
    /// assert_eq!(Extracted::of_compact(&frame).unwrap().context.unwrap().trace_id, 7);
    /// assert!(Extracted::of_compact(b"noise").is_none());
    /// ```
    pub fn of_compact(bytes: &[u8]) -> Option<Self> {
        let (context, decided_by) = super::decode(bytes)?;
        let context = context.is_valid().then_some(context)?;
        // The mechanism that came goes on as if it had decided here; where none was told, none is.
        let passing = match decided_by {
            Some(mechanism) => Passing::default().decided_by(mechanism),
            None => Passing { is_continued: true, ..Passing::default() },
        };
        Some(Self {
            context: Some(context),
            sampling_priority: context.sampling_priority,
            passing,
            ..Self::default()
        })
    }

    /// Continues the trace in the root span that serves the request: its parent, its links, and what Datadog shows of where it
    /// comes from (`_dd.origin`, `_dd.parent_id`, `_dd.propagation_error`, and the tags that travel). Where a sampling priority came
    /// alone, as B3's headers may say it, the trace that begins in this span has it.
    ///
    /// It takes a dozen tag cells, or more if many tags travel; what finds no cell is counted as it is for any tag. Baggage stays
    /// in `passing`.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// use microspan::propagation::Propagator;
    /// let headers = [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "9")];
    /// let request = TRACER.span("request").root().start();
    /// Propagator::new().extract(headers.as_slice()).continue_in(&request);
    /// # let drain = Drain::<256>::new(&TRACER, Session::new(7));
    /// assert_eq!(request.context().unwrap().trace_id, 7);
    /// ```
    pub fn continue_in<M: Threads>(&self, span: &Span<M>) {
        if let Some(context) = &self.context {
            span.continue_from(context);
        } else if let Some(priority) = self.sampling_priority {
            span.begin_with_priority(priority);
        }
        for link in &self.links {
            let attributes: [(&'static str, Value<'_>); 2] = [
                ("reason", Static(link.reason).into()),
                ("context_headers", Static(link.context_headers).into()),
            ];
            span.add_remote_link(&link.context, &attributes);
        }
        if let Some(origin) = self.passing.origin {
            set_shown(span, "_dd.origin", format_args!("{origin}"));
        }
        if let Some(last) = self.last_datadog_span {
            set_shown(span, "_dd.parent_id", format_args!("{last:016x}"));
        }
        if let Some(error) = &self.error {
            set_shown(span, "_dd.propagation_error", format_args!("{error}"));
        }
        let mut passed = Passed::new(span);
        for tag in self.passing.sent_tags() {
            passed.put(tag.key, &tag.value);
        }
        if let Some(mechanism) = self.sampling_priority.and_then(|said| self.passing.new_decision(said)) {
            passed.put(DM, &format_args!("-{mechanism}"));
        }
        passed.flush();
    }
}

/// Sets what shows itself, cut to what a tag holds.
fn set_shown<M: Threads>(span: &Span<M>, key: &'static str, shown: fmt::Arguments<'_>) {
    let mut text = heapless::String::<{ crate::MAX_STR }>::new();
    // What is beyond a tag's length is left out.
    text.write_fmt(shown).ok();
    span.set_tag(key, text.as_str());
}

/// Why tags of a trace do not travel on; it shows itself as Datadog's tag `_dd.propagation_error` has it.
///
/// ```
/// use microspan::propagation::*;
/// let headers = [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "9"), ("x-datadog-tags", "_dd.p.tid=1")];
/// let error = Propagator::new().extract(headers.as_slice()).error.unwrap();
/// assert_eq!(error.to_string(), "malformed_tid 1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PropagationError<'c> {
    /// What came is too long.
    ExtractMaxSize,
    /// What would be sent is too long.
    InjectMaxSize,
    /// What came is malformed, or its `_dd.p.dm` is.
    DecodingError,
    /// What would be sent has characters that the header cannot hold.
    EncodingError,
    /// The propagator's limit is 0.
    Disabled,
    /// The upper half of the trace's id is not 16 hexadecimal digits in lower case.
    MalformedTid(&'c str),
}

impl fmt::Display for PropagationError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExtractMaxSize => f.write_str("extract_max_size"),
            Self::InjectMaxSize => f.write_str("inject_max_size"),
            Self::DecodingError => f.write_str("decoding_error"),
            Self::EncodingError => f.write_str("encoding_error"),
            Self::Disabled => f.write_str("disabled"),
            Self::MalformedTid(tid) => write!(f, "malformed_tid {tid}"),
        }
    }
}

impl core::error::Error for PropagationError<'_> {}

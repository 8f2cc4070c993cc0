//! What a request carries that is sent on behalf of a span: the span's identity, what was decided on its trace, baggage.

use std::sync::OnceLock;
use std::sync::atomic::{Ordering, fence};

use microspan::propagation::{Passing, PropagationError, SetHeader};
use microspan::{SpanContext, SpanRef, Value};

use super::left_out::inject;
use super::ot_baggage::MOST_ITEMS;
use super::propagator;
use crate::model::Text;

/// The rate of the rule of [`microspan::Sampler`] that kept a trace, on its root.
const RULE: &str = "_dd.rule_psr";

/// The priority of the trace, on its root.
const PRIORITY: &str = "_sampling_priority_v1";

/// The mechanism of what the program's hand decides.
const BY_HAND: u8 = 4;

/// What a request carries that is sent on behalf of a span: its identity, and its baggage.
///
/// Whether the trace is kept is decided when the first request is sent for it, by what its root is then: by the program's hand, by
/// who began it elsewhere, by rules, or by the rate that the agent asks for. What was sent is what the agent gets, but for what the
/// program's hand says afterwards (`keep`, `reject`, the tags `manual.keep` and `manual.drop`).
///
/// ```
/// # use microspan::{Arena, Clock, Drain, Session, Tracer};
/// # struct Ticks;
/// # impl Clock for Ticks {
/// #     fn now(&self) -> u64 { 0 }
/// #     fn frequency(&self) -> u32 { 1 }
/// # }
/// # static ARENA: Arena<16, 32> = Arena::new();
/// # static TRACER: Tracer = Tracer::new(&ARENA, &Ticks);
/// # let drain = Drain::<256>::new(&TRACER, Session::new(7));
/// use std::collections::HashMap;
/// use microspan::propagation::Passing;
/// use microspan_std::carrier::{Outgoing, SetMap};
///
/// let call = TRACER.trace("call");
/// call.keep();
/// let mut headers = HashMap::new();
/// if let Some(outgoing) = Outgoing::of(&call) {
///     outgoing.inject(Passing::default(), &mut SetMap(&mut headers)).unwrap();
/// }
/// assert_eq!(headers["x-datadog-sampling-priority"], "2");
/// assert!(headers["x-datadog-tags"].starts_with("_dd.p.dm=-4"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    context: SpanContext,
    /// What was decided here; `None`: what came holds, if anything did.
    decided: Option<Decided>,
    /// The span's baggage, and that of the spans it is in.
    items: Vec<(&'static str, String)>,
}

/// What was decided on a trace here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decided {
    pub(crate) priority: i8,
    pub(crate) mechanism: u8,
    /// The rate by which it was, as it travels.
    pub(crate) rate: Option<Text>,
}

/// Decides on a trace by its root, or tells what was decided; `None`: nobody does here.
pub(crate) type Decide = dyn Fn(&SpanRef, u128) -> Option<Decided> + Send + Sync;

static DECIDE: OnceLock<Box<Decide>> = OnceLock::new();

/// Has this decide on traces that are handed on; the first call holds.
pub(crate) fn decide_by(decide: Box<Decide>) {
    _ = DECIDE.set(decide);
}

impl Outgoing {
    /// What is to be sent on behalf of this span; `None` where it has no [context](SpanRef::context): the root of its trace is
    /// finished, or nothing is recorded.
    pub fn of(span: &SpanRef) -> Option<Self> {
        let (root, mut context) = (span.root()?, span.context()?);
        context.sampling_priority = context.sampling_priority.or_else(|| asked_for(&root));
        let by_hand = root.is_kept_by_hand().or_else(|| span.is_kept_by_hand());
        let decided = match by_hand {
            Some(is_kept) => {
                Some(Decided { priority: if is_kept { 2 } else { -1 }, mechanism: BY_HAND, rate: None })
            }
            None if context.sampling_priority.is_some() => None,
            None => by_device(&root).or_else(|| {
                let decided = DECIDE.get()?(&root, context.trace_id);
                // If the root is open after that its trace was not gathered before, and whoever gathers it goes by this.
                fence(Ordering::SeqCst);
                decided
            }),
        };
        let priority = decided.as_ref().map(|decided| decided.priority).or(context.sampling_priority);
        let context = SpanContext { sampling_priority: priority, ..context };
        // One more than may travel in any header, so that it is known to be left out.
        let most = propagator().most_baggage().0.max(MOST_ITEMS).saturating_add(1);
        let mut items: Vec<(&'static str, String)> = Vec::new();
        span.each_baggage_item(|key, value| {
            if items.len() < most && items.iter().all(|(known, _)| *known != key) {
                items.push((key, value.to_owned()));
            }
        });
        root.is_open().then_some(Self { context, decided, items })
    }

    /// The span's identity, with the sampling priority of its trace.
    pub fn context(&self) -> &SpanContext {
        &self.context
    }

    /// What travels on beside it, out of what came with the trace.
    pub fn passing<'o>(&'o self, came: Passing<'o>) -> Passing<'o> {
        match &self.decided {
            Some(Decided { mechanism, rate, .. }) => {
                // Who came first made that mark, and only the program's hand is above it.
                let is_marked = *mechanism != BY_HAND && came.tags().any(|(key, _)| key == "dm");
                let came = if is_marked { came } else { came.overruled_by(*mechanism) };
                rate.as_ref().map_or(came, |rate| came.sampled_at(rate))
            }
            None => came,
        }
    }

    /// The baggage of the span and of those it is in, which was set here.
    pub fn baggage(&self) -> impl Iterator<Item = (&str, &str)> {
        self.items.iter().map(|(key, value)| (*key, value.as_str()))
    }

    /// Writes it by the [configured propagator](propagator), with what came with the trace. The span's baggage takes the place of
    /// items that were added to `came` ([`Passing::baggage_items`]).
    ///
    /// # Errors
    /// As [`Propagator::inject`](microspan::propagation::Propagator::inject).
    pub fn inject(
        &self,
        came: Passing<'_>,
        headers: &mut impl SetHeader,
    ) -> Result<(), PropagationError<'static>> {
        let items: Vec<_> = self.baggage().collect();
        inject(&propagator(), &self.context, &self.passing(came).baggage_items(&items), headers)
    }
}

/// The priority that came without a trace.
fn asked_for(root: &SpanRef) -> Option<i8> {
    root.with_tag(PRIORITY, |priority| match priority {
        Value::I64(priority) => i8::try_from(priority).ok(),
        _ => None,
    })?
}

/// What the sampler of the tracer itself decided when the root began.
fn by_device(root: &SpanRef) -> Option<Decided> {
    let rate = root.with_tag(RULE, |rate| match rate {
        Value::F32(rate) => Some(rate),
        _ => None,
    })??;
    Some(Decided { priority: 2, mechanism: 3, rate: Some(Text::from(rate_text(rate.into()))) })
}

/// At most six decimals, a half rounded up, and no zeros at the end.
fn rate_text(rate: f64) -> String {
    let text = format!("{:.6}", (rate * 1e6 + 0.5).floor() / 1e6);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

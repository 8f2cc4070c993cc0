//! Traces that go nowhere: by lists like the agent's, and by a program's own code.

use super::context::Context;
use super::sampling::tag;
use crate::config::{Filters, TagFilter, TagValue};
use crate::model::{Span, Value};

/// Code that changes traces, or drops them whole, before they are sampled and sent.
///
/// It sees each trace with its services inherited and the local root first if that is there. What it writes is sampled, hidden by
/// replace rules and cut to length like anything else.
///
/// In a program that traces itself a trace waits for its root, unless it holds [`Limits::trace_max_spans`](super::Limits), memory is
/// full, or the program flushes. Then, and of a device's trace, it sees a part without the root; what it drops by the root alone
/// has left that part behind.
///
/// It may put spans in another order. The trace is not its to say: all spans go out with the id of the trace that they came
/// with. A span that has the id 0 afterwards is dropped and counted as [`invalid`](super::Counters::invalid), and one that has another's
/// as a [duplicate](super::Counters::duplicates). Where a span gets another id, its children's parents are for the filter to change.
///
/// It is called on the thread that hands on traces, and holds up all of them: there [`Local::flush`](crate::local::Local::flush) and
/// [`Local::shutdown`](crate::local::Local::shutdown) do not wait.
///
/// A trace at which it panics is dropped, counted as filtered and as [`filter_panics`](super::Counters::filter_panics), and the next
/// one is shown to it as ever. A program that traces itself tells the first such panic in its log as an error.
///
/// ```
/// use microspan_std::model::Span;
/// use microspan_std::pipeline::TraceFilter;
///
/// struct NoPolls;
///
/// impl TraceFilter for NoPolls {
///     fn keep(&mut self, spans: &mut [Span]) -> bool {
///         spans.first().is_none_or(|root| root.name != "poll")
///     }
/// }
/// ```
pub trait TraceFilter: Send {
    /// Looks at a trace, and may change it; `false` drops it whole.
    fn keep(&mut self, spans: &mut [Span]) -> bool;
}

impl<F: FnMut(&mut [Span]) -> bool + Send> TraceFilter for F {
    fn keep(&mut self, spans: &mut [Span]) -> bool {
        self(spans)
    }
}

/// Whether the lists let a trace with this root pass.
pub(super) fn pass(filters: &Filters, root: &Span, context: &Context) -> bool {
    passes_so_far(filters, root, context) && filters.require.iter().all(|filter| has(filter, root, context))
}

/// The same of a root that is open: a tag that is required may still come.
pub(super) fn passes_so_far(filters: &Filters, root: &Span, context: &Context) -> bool {
    let resource = root.resource.as_deref().unwrap_or(&root.name);
    !filters.ignore_resources.iter().any(|pattern| pattern.is_match(resource))
        && !filters.reject.iter().any(|filter| has(filter, root, context))
}

fn has(filter: &TagFilter, root: &Span, context: &Context) -> bool {
    tag(root, context, &filter.key).is_some_and(|value| is(&filter.value, &value))
}

fn is(wanted: &TagValue, value: &Value) -> bool {
    let text = || value.to_string();
    match (wanted, value) {
        (TagValue::Any, _) => true,
        (TagValue::Exactly(wanted), Value::Str(value)) => value == wanted.as_str(),
        (TagValue::Exactly(wanted), _) => text() == *wanted,
        (TagValue::Matching(pattern), Value::Str(value)) => pattern.is_match(value),
        (TagValue::Matching(pattern), _) => pattern.is_match(&text()),
    }
}

/// The span that stands for the root of a part of a trace: the local root, or else the first whose parent is not there.
pub(super) fn root(spans: &[Span]) -> usize {
    if spans.first().is_some_and(Span::is_local_root) {
        return 0;
    }
    let mut ids: Vec<u64> = spans.iter().map(|span| span.span_id).collect();
    ids.sort_unstable();
    spans.iter().position(|span| ids.binary_search(&span.parent_id).is_err()).unwrap_or(0)
}

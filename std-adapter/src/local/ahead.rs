//! What open roots say of their traces, for parts that go out before them.

use microspan::__private::Root;
use microspan::{SpanRef, Tracer};

use super::spans::{PRIORITY, convert};
use crate::model::{Text, Value};
use crate::pipeline::{Ahead, Continued, OpenRoot, Roots};

/// What came with a trace and is shown on its root: its tags in one or some, and the product that began it.
const PASSED: [&str; 4] = ["_dd.p", "_dd.p+1", "_dd.p+2", "_dd.origin"];

/// Looks for roots among the spans of this tracer; for the thread that takes them out.
pub(super) fn roots(tracer: &'static Tracer) -> Box<Roots> {
    Box::new(move |trace_id| match Root::find(tracer, trace_id) {
        Root::Open(root) => said(&root, trace_id),
        Root::Finished => Ahead::Coming,
        Root::Gone => Ahead::Unknown,
    })
}

fn said(root: &SpanRef, own: u128) -> Ahead {
    let continued = root.context().and_then(|context| {
        let asked_for = || root.with_tag(PRIORITY, |value| convert(value, false)).flatten();
        let priority =
            context.sampling_priority.map(|priority| Value::Int(priority.into())).or_else(asked_for);
        // Of one that begins here no more than a priority may have come.
        if context.trace_id == own && priority.is_none() {
            return None;
        }
        let priority = priority.map(|priority| (PRIORITY, priority));
        let read = |key| Some((key, root.with_tag(key, |value| convert(value, false))??));
        let tags = priority.into_iter().chain(PASSED.into_iter().filter_map(read));
        let tags = tags.map(|(key, value)| (Text::from(key), value)).collect();
        Some(Continued { trace_id: context.trace_id, tags })
    });
    let said = OpenRoot { continued, is_kept: root.is_kept_by_hand() };
    // One that was finished meanwhile may have said less than it does.
    if root.is_open() { Ahead::Open(said) } else { Ahead::Coming }
}

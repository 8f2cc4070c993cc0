//! Baggage that is not sent, as there is more than may travel: the first time it is told.

use std::sync::atomic::{AtomicBool, Ordering};

use microspan::SpanContext;
use microspan::propagation::{Passing, PropagationError, Propagator, SetHeader};

/// Writes the headers of a request. What is left out of its baggage is warned of once in a process.
pub(crate) fn inject(
    propagator: &Propagator,
    context: &SpanContext,
    passing: &Passing<'_>,
    headers: &mut impl SetHeader,
) -> Result<(), PropagationError<'static>> {
    static IS_TOLD: AtomicBool = AtomicBool::new(false);
    // The log may send requests of its own.
    if !IS_TOLD.load(Ordering::Relaxed)
        && let Some(warning) = warning(propagator, passing)
        && !IS_TOLD.swap(true, Ordering::Relaxed)
    {
        log::warn!("{warning}");
    }
    propagator.inject(context, passing, headers)
}

fn warning(propagator: &Propagator, passing: &Passing<'_>) -> Option<String> {
    // It may have come from elsewhere, and a line of a log is to stay one.
    let key = propagator.baggage_left_out(passing)?.to_string();
    let (items, bytes) = propagator.most_baggage();
    Some(format!(
        "the baggage item `{}` and those behind it are not sent: at most {items} items and {bytes} bytes travel; set less \
         baggage, or raise DD_TRACE_BAGGAGE_MAX_ITEMS or DD_TRACE_BAGGAGE_MAX_BYTES (this is told once)",
        key.escape_debug()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_named_with_the_limits_and_what_travels_is_not() {
        let few = Propagator::new().baggage_limits(2, 30);
        let warn = |items: &[(&str, &str)]| warning(&few, &Passing::default().baggage_items(items));
        assert_eq!(warn(&[("user", "ada"), ("plan", "gold")]), None);
        let too_many = warn(&[("user", "ada"), ("plan", "gold"), ("kind", "x")]).expect("one too many");
        let expected =
            "the baggage item `kind` and those behind it are not sent: at most 2 items and 30 bytes travel;";
        assert!(too_many.starts_with(expected), "{too_many}");
        let too_long = warn(&[("user", "ada"), ("pl\nan", &"g".repeat(20))]).expect("too long");
        assert!(too_long.starts_with("the baggage item `pl\\nan`"), "{too_long}");
    }
}

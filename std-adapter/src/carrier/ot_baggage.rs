//! Baggage as OpenTracing has it: one header an item, `ot-baggage-<key>`.
//!
//! Datadog's tracers read and write it when `DD_TRACE_PROPAGATION_HTTP_BAGGAGE_ENABLED` says so. Its names are not known
//! beforehand, so a carrier has to be able to list them.

use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(any(feature = "http", feature = "opentelemetry", feature = "opentracing"))]
use microspan::propagation::Baggage;

/// Before the key of an item.
const PREFIX: &str = "ot-baggage-";

/// Items beyond so many do not travel, as with W3C's baggage.
pub(super) const MOST_ITEMS: usize = 64;

/// Nor do those whose names and values take more bytes than this together.
const MOST_BYTES: usize = 8192;

/// The items among these headers, in their order: keys, in the case that they have there, and values.
///
/// ```
/// use microspan_std::carrier::ot_baggage;
/// let headers = [("host", "oven"), ("Ot-Baggage-plan", "gold")];
/// assert_eq!(ot_baggage(headers).collect::<Vec<_>>(), [("plan", "gold")]);
/// ```
pub fn ot_baggage<'h>(
    headers: impl IntoIterator<Item = (&'h str, &'h str)>,
) -> impl Iterator<Item = (&'h str, &'h str)> {
    let items = headers.into_iter().filter_map(|(name, value)| {
        let (prefix, key) = name.split_at_checked(PREFIX.len())?;
        (prefix.eq_ignore_ascii_case(PREFIX) && !key.is_empty()).then_some((key, value))
    });
    let mut room = Room::new();
    items.take_while(move |(key, value)| room.takes(key, value))
}

/// Writes items into headers: `set` gets the name of each, and its value. An item whose key no header's name can hold, or whose
/// value no header, is left out.
///
/// ```
/// use microspan_std::carrier::set_ot_baggage;
/// let mut headers = Vec::new();
/// set_ot_baggage([("plan", "gold"), ("two words", "x")], |name, value| headers.push(format!("{name}: {value}")));
/// assert_eq!(headers, ["ot-baggage-plan: gold"]);
/// ```
pub fn set_ot_baggage<'b>(
    items: impl IntoIterator<Item = (&'b str, &'b str)>,
    mut set: impl FnMut(&str, &str),
) {
    let fits = |(key, value): &(&str, &str)| {
        !key.is_empty()
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
            && value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
    };
    let mut room = Room::new();
    for (key, value) in items.into_iter().filter(fits) {
        if !room.takes(key, value) {
            return warn(key);
        }
        set(&format!("{PREFIX}{key}"), value);
    }
}

/// Writes baggage into headers in the same way.
#[cfg(any(feature = "http", feature = "opentelemetry", feature = "opentracing"))]
pub(crate) fn set_baggage(baggage: Baggage<'_>, set: impl FnMut(&str, &str)) {
    let items: Vec<_> = baggage.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    set_ot_baggage(items.iter().map(|(key, value)| (key.as_str(), value.as_str())), set);
}

/// How many items there is room for, and how many bytes.
struct Room {
    items: usize,
    bytes: usize,
}

impl Room {
    fn new() -> Self {
        Self { items: MOST_ITEMS, bytes: MOST_BYTES }
    }

    /// Whether there is room for an item, which is taken then.
    fn takes(&mut self, key: &str, value: &str) -> bool {
        let items = self.items.checked_sub(1);
        let bytes = self.bytes.checked_sub(PREFIX.len() + key.len() + value.len());
        let left = items.zip(bytes);
        (self.items, self.bytes) = left.unwrap_or_default();
        left.is_some()
    }
}

/// Tells which item is the first that is not sent, once in a process.
fn warn(key: &str) {
    static IS_TOLD: AtomicBool = AtomicBool::new(false);
    // The log may send requests of its own.
    if !IS_TOLD.swap(true, Ordering::Relaxed) {
        log::warn!(
            "the baggage item `{key}` and those behind it are not sent: at most {MOST_ITEMS} items and {MOST_BYTES} bytes \
             travel in headers `{PREFIX}..`; set less baggage (this is told once)"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_other_headers_are_not() {
        let mut headers: Vec<(String, String)> = vec![("ot-baggage".into(), "x".into())];
        let items = [("plan", "gold"), ("User.Id", "Ada L."), ("ort", "München"), ("", "x"), ("a:b", "x")];
        set_ot_baggage(items, |name, value| headers.push((name.to_owned(), value.to_owned())));
        headers.push(("OT-BAGGAGE-".into(), "no key".into()));
        headers.push(("ot-baggag\u{e9}-plan".into(), "no prefix".into()));
        let read = ot_baggage(headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        assert_eq!(read.collect::<Vec<_>>(), [("plan", "gold"), ("User.Id", "Ada L.")]);
    }

    #[test]
    fn neither_more_items_nor_more_bytes_travel_than_of_other_baggage() {
        let names: Vec<String> = (0..70).map(|number| format!("ot-baggage-{number}")).collect();
        assert_eq!(ot_baggage(names.iter().map(|name| (name.as_str(), "x"))).count(), MOST_ITEMS);
        let long = "x".repeat(5000);
        let mut count = 0;
        set_ot_baggage([("a", long.as_str()), ("b", &long), ("c", "x")], |_, _| count += 1);
        assert_eq!(count, 1);
    }
}

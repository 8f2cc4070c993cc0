//! Which baggage becomes tags of the root that continues a trace.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use microspan::SpanRef;

use super::settled::settings;

/// How many keys are known at most, and how long they may be; items with others are not shown.
const KEYS: usize = 1_024;
const LENGTH: usize = 200;

/// Sets the tags `baggage.<key>` of those items that the configuration asks for (`DD_TRACE_BAGGAGE_TAG_KEYS`), on the root that
/// continues the trace they came with.
///
/// ```
/// # use microspan::{Arena, Clock, Tracer, Value};
/// # struct Ticks;
/// # impl Clock for Ticks {
/// #     fn now(&self) -> u64 { 0 }
/// #     fn frequency(&self) -> u32 { 1 }
/// # }
/// # static ARENA: Arena<16, 32> = Arena::new();
/// # static TRACER: Tracer = Tracer::new(&ARENA, &Ticks);
/// use microspan_std::carrier::show_baggage;
/// let request = TRACER.trace("request");
/// show_baggage(&request, [("user.id", "ada"), ("plan", "gold")]);
/// assert_eq!(request.with_tag("baggage.user.id", |user| user == Value::Str("ada")), Some(true));
/// assert!(request.with_tag("baggage.plan", |_| ()).is_none());
/// ```
pub fn show_baggage<K: AsRef<str>, V: AsRef<str>>(root: &SpanRef, items: impl IntoIterator<Item = (K, V)>) {
    for (key, value) in items {
        let key = key.as_ref();
        if settings().shown.contain(key)
            && let Some(key) = name(key)
        {
            root.set_tag(key, value.as_ref());
        }
    }
}

/// The tag of a key. It stays until the program ends, so there are not more than so many.
fn name(key: &str) -> Option<&'static str> {
    static NAMES: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);
    if key.len() > LENGTH {
        return None;
    }
    let name = format!("baggage.{key}");
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let names = names.get_or_insert_default();
    if let Some(known) = names.get(name.as_str()) {
        return Some(known);
    }
    if names.len() >= KEYS {
        return None;
    }
    let name: &'static str = Box::leak(name.into_boxed_str());
    names.insert(name);
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_name_and_there_are_not_too_many() {
        let first = name("user.id").expect("room");
        assert!(first == "baggage.user.id" && std::ptr::eq(first, name("user.id").expect("room")));
        assert_eq!(name(&"x".repeat(LENGTH + 1)), None);
        let known = (0..2 * KEYS).filter(|number| name(&number.to_string()).is_some()).count();
        assert_eq!(known, KEYS - 1);
        assert!(name("user.id").is_some() && name("another").is_none());
    }
}

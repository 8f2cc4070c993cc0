//! Which baggage becomes tags of the root that continues a trace.

use microspan::SpanRef;

use super::settled::settings;
use crate::interned::Interned;

/// How long a key may be; items with longer ones are not shown.
const LENGTH: usize = 200;

/// The tags of keys. They stay until the program ends; items with keys beyond these are not shown.
static NAMES: Interned<1024> = Interned::new();

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

/// The tag of a key.
fn name(key: &str) -> Option<&'static str> {
    if key.len() > LENGTH {
        return None;
    }
    NAMES.get(&format!("baggage.{key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_a_name_unless_it_is_too_long() {
        assert_eq!(name("user.id"), Some("baggage.user.id"));
        let most = "x".repeat(LENGTH);
        assert_eq!(name(&most), Some(format!("baggage.{most}").as_str()));
        assert_eq!(name(&format!("{most}x")), None);
    }
}

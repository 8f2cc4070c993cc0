//! Attributes to tag cells.

use microspan::Value;
use opentelemetry::{KeyValue, Value as OtelValue};

use crate::interned::Interned;
use crate::otel::attributes;

/// The keys that were seen.
static KEYS: Interned<4096> = Interned::new();

/// The tag of a span that lost some.
pub(super) const LOST: &str = "microspan.lost_tags";

/// Hands on an attribute: of an array each element, with its index behind the key. Whether all of it went.
#[inline]
pub(super) fn each<'v>(attribute: &'v KeyValue, mut set: impl FnMut(&'static str, Value<'v>)) -> bool {
    let Some(key) = KEYS.get(attribute.key.as_str()) else { return false };
    match &attribute.value {
        OtelValue::Bool(value) => set(key, Value::Bool(*value)),
        OtelValue::I64(value) => set(key, Value::I64(*value)),
        OtelValue::F64(value) => set(key, Value::F64(*value)),
        OtelValue::String(value) => set(key, Value::Str(value.as_str())),
        _ => return false,
    }
    true
}

/// The attributes of which `attribute` consists: itself, or the elements of its array.
pub(super) fn flat(attribute: KeyValue) -> Vec<KeyValue> {
    let OtelValue::Array(array) = &attribute.value else { return vec![attribute] };
    let mut flat = Vec::new();
    attributes::each(array, |index, value| {
        flat.push(KeyValue::new(format!("{}.{index}", attribute.key), value));
    });
    flat
}

/// Sets the attributes of an event or a link, and what is `told` of it besides.
pub(super) fn with_list(
    attributes: Vec<KeyValue>,
    told: Option<(&'static str, Value<'_>)>,
    set: impl FnOnce(&[(&'static str, Value<'_>)]),
) {
    let flat: Vec<KeyValue> = attributes.into_iter().flat_map(flat).collect();
    let mut list = Vec::with_capacity(flat.len() + 2);
    let mut is_whole = true;
    for attribute in &flat {
        is_whole &= each(attribute, |key, value| list.push((key, value)));
    }
    if !is_whole {
        list.push((LOST, Value::Bool(true)));
    }
    list.extend(told);
    set(&list);
}

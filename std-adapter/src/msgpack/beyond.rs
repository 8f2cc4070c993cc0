//! Links and events.

use rmp::encode::{self, ByteBuf};

use super::write::{begin_map, constant, end_map, float, string, sure, text};
use crate::model::{Event, Link, Tag, Value};

/// The bit of a link's flags that says that they are set.
const SET: u32 = 1 << 31;

pub(super) fn write_links(out: &mut ByteBuf, links: &[Link]) {
    sure(encode::write_array_len(out, links.len() as u32));
    for link in links {
        let head = begin_map(out);
        let mut keys = 2;
        constant(out, b"\xa8trace_id");
        sure(encode::write_uint(out, link.trace_id as u64));
        let high = (link.trace_id >> 64) as u64;
        if high != 0 {
            keys += 1;
            constant(out, b"\xadtrace_id_high");
            sure(encode::write_uint(out, high));
        }
        constant(out, b"\xa7span_id");
        sure(encode::write_uint(out, link.span_id));
        if !link.attributes.is_empty() {
            keys += 1;
            constant(out, b"\xaaattributes");
            sure(encode::write_map_len(out, link.attributes.len() as u32));
            for (key, value) in &link.attributes {
                text(out, key);
                match value {
                    Value::Str(value) => text(out, value),
                    value => string(out, &value.to_string()),
                }
            }
        }
        if let Some(state) = &link.tracestate {
            keys += 1;
            constant(out, b"\xaatracestate");
            text(out, state);
        }
        if let Some(sampled) = link.sampled {
            keys += 1;
            constant(out, b"\xa5flags");
            sure(encode::write_uint(out, (SET | u32::from(sampled)).into()));
        }
        end_map(out, head, keys);
    }
}

pub(super) fn write_events(out: &mut ByteBuf, events: &[Event]) {
    sure(encode::write_array_len(out, events.len() as u32));
    for event in events {
        let head = begin_map(out);
        let mut keys = 2;
        constant(out, b"\xaetime_unix_nano");
        sure(encode::write_uint(out, event.time.max(0).unsigned_abs()));
        constant(out, b"\xa4name");
        text(out, &event.name);
        let attributes = || event.attributes.iter().filter(|(_, value)| can_be_sent(value));
        let count = attributes().count();
        if count != 0 {
            keys += 1;
            constant(out, b"\xaaattributes");
            sure(encode::write_map_len(out, count as u32));
            attributes().for_each(|attribute| write_attribute(out, attribute));
        }
        end_map(out, head, keys);
    }
}

/// Neither the agent nor JSON takes NaN and the infinities.
pub(super) fn can_be_sent(value: &Value) -> bool {
    !matches!(value, Value::Float(value) if !value.is_finite())
}

fn write_attribute(out: &mut ByteBuf, (key, value): &Tag) {
    text(out, key);
    sure(encode::write_map_len(out, 2));
    constant(out, b"\xa4type");
    match value {
        Value::Str(value) => {
            constant(out, b"\x00\xacstring_value");
            text(out, value);
        }
        Value::Bool(value) => {
            constant(out, b"\x01\xaabool_value");
            constant(out, if *value { b"\xc3" } else { b"\xc2" });
        }
        Value::Int(value) => write_integer(out, *value),
        Value::Uint(value) => match i64::try_from(*value) {
            Ok(value) => write_integer(out, value),
            Err(_) => write_float(out, *value as f64),
        },
        Value::Float(value) => write_float(out, *value),
    }
}

fn write_integer(out: &mut ByteBuf, value: i64) {
    constant(out, b"\x02\xa9int_value");
    sure(encode::write_sint(out, value));
}

fn write_float(out: &mut ByteBuf, value: f64) {
    constant(out, b"\x03\xacdouble_value");
    float(out, value);
}

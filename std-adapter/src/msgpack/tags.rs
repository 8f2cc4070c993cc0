//! The tags of a span: texts, numbers, and what goes out as JSON text.

use rmp::encode::{self, ByteBuf};

use super::Form;
use super::forms::Forms;
use super::json::{self, Json};
use super::write::{begin_map, constant, end_map, float, string, sure, text};
use crate::model::normal;
use crate::pipeline::{Datum, Trace};

/// Writes the maps of string and number tags, each unless it is empty; tells how many it wrote.
pub(super) fn write_tags(
    out: &mut ByteBuf,
    metrics: &mut ByteBuf,
    forms: &mut Forms,
    trace: &Trace,
    index: usize,
    (form, keep_rate): (Form, Option<f64>),
) -> usize {
    let before = out.as_slice().len();
    constant(out, b"\xa4meta");
    let head = begin_map(out);
    metrics.as_mut_vec().clear();
    let (mut texts, mut numbers) = (0, 0);
    let span = trace.spans().get(index);
    let events = span.map(|span| span.events.as_slice()).filter(|_| !form.native_events).unwrap_or_default();
    let links = span.map(|span| span.links.as_slice()).filter(|_| form.text_links).unwrap_or_default();
    for (key, json, missing) in [
        (EVENTS, (!events.is_empty()).then(|| json::events(events)), EVENTS_MISSING),
        (LINKS, (!links.is_empty()).then(|| json::links(links)), LINKS_MISSING),
    ] {
        let Some(Json { text, left_out }) = json else { continue };
        texts += 1;
        string(out, key);
        string(out, &text);
        if left_out != 0 {
            numbers += 1;
            string(metrics, missing);
            float(metrics, left_out as f64);
        }
    }
    let keep_rate = keep_rate.filter(|_| index == 0);
    if let Some(rate) = keep_rate {
        numbers += 1;
        string(metrics, KEEP_RATE);
        float(metrics, rate);
    }
    trace.each_tag(index, |key, datum| match datum {
        // A span has one tag of a key.
        _ if !events.is_empty() && *key == EVENTS => {}
        _ if !links.is_empty() && *key == LINKS => {}
        _ if keep_rate.is_some() && *key == KEEP_RATE => {}
        Datum::Text(value) if normal::is_tag(key.as_bytes(), value.as_bytes()) => {
            texts += 1;
            text(out, key);
            text(out, value);
        }
        Datum::Text(value) => {
            if let Some(value) = forms.tag(key.as_bytes(), value) {
                texts += 1;
                text(out, key);
                text(out, value);
            }
        }
        Datum::Number(value) => {
            numbers += 1;
            text(metrics, key);
            float(metrics, value);
        }
    });
    if texts == 0 {
        out.as_mut_vec().truncate(before);
    } else {
        end_map(out, head, texts);
    }
    if numbers != 0 {
        constant(out, b"\xa7metrics");
        sure(encode::write_map_len(out, numbers));
        out.as_mut_vec().extend_from_slice(metrics.as_slice());
    }
    usize::from(texts != 0) + usize::from(numbers != 0)
}

/// The tag that holds events as JSON.
const EVENTS: &str = "events";

/// The tag that holds links as JSON.
const LINKS: &str = "_dd.span_links";

/// The numbers that say how many of those had no room in a tag.
const EVENTS_MISSING: &str = "microspan.events_left_out";
const LINKS_MISSING: &str = "microspan.links_left_out";

/// The number that says which share of traces found room lately.
const KEEP_RATE: &str = "_dd.tracer_kr";

//! B3: Zipkin's headers, as one or as several.

use super::parse::hex;
use super::shown::Shown;
use super::{Found, Headers, SetHeader};
use crate::span_context::SpanContext;
use core::fmt;

const SINGLE: &str = "b3";
const TRACE_ID: &str = "x-b3-traceid";
const SPAN_ID: &str = "x-b3-spanid";
const SAMPLED: &str = "x-b3-sampled";
const FLAGS: &str = "x-b3-flags";

pub(super) fn extract_multi<'c>(headers: &'c (impl Headers + ?Sized)) -> Option<Found<'c>> {
    let is_debug = headers.header(FLAGS) == Some("1");
    let priority = if is_debug { Some(2) } else { priority(headers.header(SAMPLED)) };
    match headers.header(TRACE_ID) {
        Some(trace) => found(Some(trace), headers.header(SPAN_ID), priority),
        None => priority.and_then(|priority| found(None, None, Some(priority))),
    }
}

pub(super) fn extract_single<'c>(headers: &'c (impl Headers + ?Sized)) -> Option<Found<'c>> {
    let header = headers.header(SINGLE).filter(|header| !header.is_empty())?;
    let mut parts = header.split('-');
    let (first, span, state) = (parts.next()?, parts.next(), parts.next());
    match span {
        None => found(None, None, priority(Some(first))),
        Some(_) => found(Some(first), span, priority(state)),
    }
}

fn found<'c>(trace: Option<&str>, span: Option<&str>, priority: Option<i8>) -> Option<Found<'c>> {
    let trace_id = trace.map_or(Some(0), |trace| hex(trace, 32))?;
    let span_id = span.map_or(Some(0), |span| hex(span, 16))? as u64;
    Some(Found { trace_id, span_id, priority, ..Found::default() })
}

fn priority(state: Option<&str>) -> Option<i8> {
    match state? {
        "0" => Some(0),
        "1" => Some(1),
        "d" => Some(2),
        _ => None,
    }
}

/// What shows a trace's id: 16 digits, or 32.
fn trace_id(context: &SpanContext) -> impl fmt::Display {
    let id = context.trace_id;
    let digits = if id >> 64 == 0 { 16 } else { 32 };
    Shown(move |f: &mut fmt::Formatter<'_>| write!(f, "{id:0digits$x}"))
}

pub(super) fn inject_multi(context: &SpanContext, priority: i8, headers: &mut impl SetHeader) {
    headers.set_header(TRACE_ID, &trace_id(context));
    headers.set_header(SPAN_ID, &format_args!("{:016x}", context.span_id));
    match priority {
        ..=0 => headers.set_header(SAMPLED, &0),
        1 => headers.set_header(SAMPLED, &1),
        2.. => headers.set_header(FLAGS, &1),
    }
}

pub(super) fn inject_single(context: &SpanContext, priority: i8, headers: &mut impl SetHeader) {
    let state = match priority {
        ..=0 => '0',
        1 => '1',
        2.. => 'd',
    };
    headers.set_header(SINGLE, &format_args!("{}-{:016x}-{state}", trace_id(context), context.span_id));
}

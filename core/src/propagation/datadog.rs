//! Datadog's own headers.

use super::parse::{decimal, lower_hex, priority};
use super::shown::{Shown, length};
use super::tags::{DM, TagValue, Tags, TagsError};
use super::{Found, Headers, Passing, PropagationError, SetHeader};
use crate::span_context::SpanContext;
use core::fmt;

const TRACE_ID: &str = "x-datadog-trace-id";
const PARENT_ID: &str = "x-datadog-parent-id";
const PRIORITY: &str = "x-datadog-sampling-priority";
const ORIGIN: &str = "x-datadog-origin";
const TAGS: &str = "x-datadog-tags";

pub(super) fn extract<'c>(headers: &'c (impl Headers + ?Sized), longest: usize) -> Option<Found<'c>> {
    let low = headers.header(TRACE_ID).and_then(decimal).filter(|id| *id != 0)?;
    let span_id = headers.header(PARENT_ID).map_or(Some(0), decimal)?;
    let priority = match headers.header(PRIORITY) {
        Some(text) => Some(priority(text)?),
        None => None,
    };
    let mut error = None;
    let tags = match Tags::datadog(headers.header(TAGS).unwrap_or_default(), longest) {
        Ok(tags) => tags,
        Err(why) => {
            error = Some(match why {
                TagsError::TooLong if longest == 0 => PropagationError::Disabled,
                TagsError::TooLong => PropagationError::ExtractMaxSize,
                TagsError::Malformed => PropagationError::DecodingError,
            });
            Tags::None
        }
    };
    let mut high = 0;
    if let Some(tid) = tags.tid() {
        match lower_hex(tid, 16).filter(|high| *high != 0) {
            Some(half) => high = half,
            None => error = Some(PropagationError::MalformedTid(tid)),
        }
    }
    if tags.has_bad_decision() {
        error = Some(PropagationError::DecodingError);
    }
    let passing = Passing {
        origin: headers.header(ORIGIN).filter(|origin| !origin.is_empty()).map(TagValue::plain),
        tags,
        is_broken: error.is_some(),
        ..Passing::default()
    };
    Some(Found {
        trace_id: high << 64 | u128::from(low),
        span_id,
        priority,
        passing,
        error,
        ..Found::default()
    })
}

pub(super) fn inject(
    context: &SpanContext,
    priority: i8,
    passing: &Passing<'_>,
    longest: usize,
    headers: &mut impl SetHeader,
) -> Result<(), PropagationError<'static>> {
    headers.set_header(TRACE_ID, &(context.trace_id as u64));
    headers.set_header(PARENT_ID, &context.span_id);
    headers.set_header(PRIORITY, &priority);
    if let Some(origin) = passing.origin {
        headers.set_header(ORIGIN, &origin);
    }
    if longest == 0 {
        return Err(PropagationError::Disabled);
    }
    if passing.is_broken {
        return Ok(());
    }
    if passing.sent_tags().any(|tag| !tag.fits_datadog()) {
        return Err(PropagationError::EncodingError);
    }
    let (passing, high) = (*passing, (context.trace_id >> 64) as u64);
    let text = Shown(move |f: &mut fmt::Formatter<'_>| {
        let mut comma = "";
        if let Some(decision) = passing.new_decision(priority) {
            write!(f, "_dd.p.{DM}=-{decision}")?;
            comma = ",";
        }
        for tag in passing.sent_tags() {
            write!(f, "{comma}_dd.p.{}={}", tag.key, tag.value)?;
            comma = ",";
        }
        if high != 0 {
            write!(f, "{comma}_dd.p.tid={high:016x}")?;
        }
        Ok(())
    });
    match length(&text) {
        0 => Ok(()),
        bytes if bytes > longest => Err(PropagationError::InjectMaxSize),
        _ => {
            headers.set_header(TAGS, &text);
            Ok(())
        }
    }
}

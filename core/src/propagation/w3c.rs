//! W3C trace context: `traceparent`, and in `tracestate` a member of ours.

use super::parse::{hex, lower_hex, priority};
use super::shown::{Shown, length};
use super::tags::{DM, TagValue, Tags, member_key_char};
use super::tracestate;
use super::{Found, Headers, Passing, SetHeader};
use crate::span_context::SpanContext;
use core::fmt::{self, Write};

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";
/// The flag that says a trace is recorded.
const SAMPLED: u8 = 1;
/// The flags that have a meaning: that one, and the one that says ids are random. Others are not passed on.
const KNOWN: u8 = 3;
/// The tag that stands right behind `dm`.
const USER: &str = "usr.id";
/// A member of ours is no longer, its key included.
const MOST_CHARS: usize = 256;

pub(super) fn extract<'c>(headers: &'c (impl Headers + ?Sized)) -> Option<Found<'c>> {
    let (trace_id, span_id, flags) = parent(headers.header(PARENT)?.trim())?;
    let state =
        headers.header(STATE).filter(|state| state.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')));
    let state = state.unwrap_or_default();
    let ours = tracestate::ours(state).and_then(Ours::of).unwrap_or_default();
    let priority = agreed(flags & SAMPLED != 0, ours.priority, ours.is_rum());
    let mut passing = Passing { origin: ours.origin, tags: ours.tags, state, flags, ..Passing::default() };
    if ours.priority.is_some() && ours.priority != priority {
        // Somebody between decided otherwise: the mark of who did before is no longer true.
        passing = Passing { is_overruled: true, ..passing };
    }
    Some(Found { trace_id, span_id, priority, passing, last_datadog_span: ours.last, error: None })
}

/// The trace, the span and the flags of a `traceparent`.
fn parent(text: &str) -> Option<(u128, u64, u8)> {
    let mut parts = text.splitn(5, '-');
    let version = lower_hex(parts.next()?, 2)?;
    let trace_id = lower_hex(parts.next()?, 32)?;
    let span_id = lower_hex(parts.next()?, 16)? as u64;
    let flags = lower_hex(parts.next()?, 2)? as u8;
    // A version that is not ours may have more, behind another dash.
    let is_whole = parts.next().is_none_or(|more| version != 0 && !more.is_empty());
    (version != 0xff && trace_id != 0 && span_id != 0 && is_whole).then_some((trace_id, span_id, flags))
}

/// What our member of `tracestate` says.
#[derive(Default)]
struct Ours<'c> {
    priority: Option<i8>,
    origin: Option<TagValue<'c>>,
    last: Option<u64>,
    tags: Tags<'c>,
}

impl<'c> Ours<'c> {
    /// Nothing of it holds where an item has no colon, or the priority is no number.
    fn of(member: &'c str) -> Option<Self> {
        let mut ours = Self { tags: Tags::member(member), ..Self::default() };
        for item in member.split(';') {
            let (key, value) = item.split_once(':')?;
            match key {
                "s" => ours.priority = Some(priority(value)?),
                "o" => ours.origin = Some(TagValue::of_member(value)).filter(|_| !value.is_empty()),
                "p" => ours.last = hex(value, 16).map(|id| id as u64),
                _ => {}
            }
        }
        Some(ours)
    }

    fn is_rum(&self) -> bool {
        self.origin.is_some_and(|origin| origin.is("rum"))
    }
}

/// The priority on which the flag of `traceparent` and our member agree: the flag says which side, the member how far.
fn agreed(is_sampled: bool, priority: Option<i8>, is_rum: bool) -> Option<i8> {
    let told = priority.filter(|priority| *priority != 0);
    match (is_sampled, told) {
        (_, None) if is_rum => priority,
        (false, None | Some(0..)) => Some(0),
        (true, None | Some(..0)) => Some(1),
        _ => told,
    }
}

pub(super) fn inject(
    context: &SpanContext,
    priority: i8,
    passing: &Passing<'_>,
    headers: &mut impl SetHeader,
) {
    let flags = passing.flags & KNOWN & !SAMPLED | u8::from(priority > 0);
    headers.set_header(
        PARENT,
        &format_args!("00-{:032x}-{:016x}-{flags:02x}", context.trace_id, context.span_id),
    );
    let (span_id, passing) = (context.span_id, *passing);
    let member = Shown(move |f: &mut fmt::Formatter<'_>| member(f, span_id, priority, &passing));
    headers
        .set_header(STATE, &Shown(|f: &mut fmt::Formatter<'_>| tracestate::write(f, &member, passing.state)));
}

/// Writes our member, with the tags that there is room for.
fn member(f: &mut fmt::Formatter<'_>, span_id: u64, priority: i8, passing: &Passing<'_>) -> fmt::Result {
    let mut used = 0;
    let mut put = |f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>| {
        let next = used + length(text);
        if next > MOST_CHARS {
            return Ok(());
        }
        used = next;
        f.write_fmt(text)
    };
    put(f, format_args!("dd=p:{span_id:016x};s:{priority}"))?;
    if let Some(origin) = passing.origin {
        put(f, format_args!(";o:{}", origin.for_member()))?;
    }
    if let Some(decision) = passing.new_decision(priority) {
        put(f, format_args!(";t.{DM}:-{decision}"))?;
    }
    let rank = |key: &str| match key {
        DM => 0,
        USER => 1,
        _ => 2,
    };
    for wanted in 0..=2 {
        for tag in passing.sent_tags().filter(|tag| rank(tag.key) == wanted) {
            let key = Shown(|f: &mut fmt::Formatter<'_>| {
                tag.key.chars().try_for_each(|c| f.write_char(member_key_char(c)))
            });
            put(f, format_args!(";t.{key}:{}", tag.value.for_member()))?;
        }
    }
    Ok(())
}

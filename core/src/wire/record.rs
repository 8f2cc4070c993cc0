//! Records: a finished span with its tags, a name, a sync. What each writes, it reads, in this file.

use super::codec::{Full, Malformed, Reader, Writer};
use super::tag::{Tag, Tags, Text, put_tag};
use crate::tag::cut;
use crate::tracer::Stats;

// The first byte of a record: below 0x80 a kind, from 0x80 on a span and its flags.
const NAME: u8 = 1;
const SYNC: u8 = 2;
const SPAN: u8 = 0x80;
const ERROR: u8 = 0x40;
const TAGS: u8 = 0x20;
const LOST: u8 = 0x10;
const ROOT: u8 = 0x08;
const TRACE_IS_PARENT: u8 = 0x04;
const SAME_TRACE: u8 = 0x02;
const RESERVED: u8 = 0x01;

/// What is told relative to the span before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deltas {
    counter: u64,
    trace: u64,
    start: u64,
}

impl Deltas {
    pub(crate) fn new(counter: u64, time: u64) -> Self {
        Self { counter, trace: 0, start: time }
    }
}

/// A finished span.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    /// The span's counter in its session; its id is [`Session::span_id`](crate::Session::span_id) of it.
    pub counter: u64,
    /// The counter of its parent; `None`: it is the root of its trace.
    pub parent: Option<u64>,
    /// The counter of the root of its trace.
    pub trace: u64,
    /// What it is called.
    pub name: Text<'a>,
    /// When it started, in ticks of the device's clock.
    pub start: u64,
    /// How long it lasted, in ticks.
    pub duration: u64,
    /// Whether it is an error.
    pub error: bool,
    /// Whether it had tags that found no room.
    pub lost_tags: bool,
    /// Its tags.
    pub tags: Tags<'a>,
}

/// A span on its way out: what stands before its tags.
pub(crate) struct SpanHead<'a> {
    pub(crate) counter: u64,
    pub(crate) parent: Option<u64>,
    pub(crate) trace: u64,
    pub(crate) name: Text<'a>,
    pub(crate) start: u64,
    pub(crate) duration: u64,
    pub(crate) error: bool,
    pub(crate) lost_tags: bool,
    pub(crate) tags: u8,
}

/// Writes a span up to its tags.
#[inline]
pub(crate) fn put_span(w: &mut Writer<'_>, deltas: &mut Deltas, span: &SpanHead<'_>) -> Result<(), Full> {
    let same_trace = span.trace == deltas.trace;
    let mut head = SPAN;
    for (holds, flag) in [
        (span.error, ERROR),
        (span.tags != 0, TAGS),
        (span.lost_tags, LOST),
        (span.parent.is_none(), ROOT),
        (span.parent == Some(span.trace), TRACE_IS_PARENT),
        (span.parent.is_some_and(|parent| parent != span.trace) && same_trace, SAME_TRACE),
    ] {
        head |= if holds { flag } else { 0 };
    }
    w.put(&head)?;
    span.name.put(w)?;
    w.put(&difference(span.counter, deltas.counter.wrapping_add(1)))?;
    if let Some(parent) = span.parent {
        w.put(&difference(span.counter, parent))?;
        if head & (TRACE_IS_PARENT | SAME_TRACE) == 0 {
            w.put(&difference(span.counter, span.trace))?;
        }
    }
    w.put(&difference(span.start, deltas.start))?;
    w.put(&span.duration)?;
    if span.tags != 0 {
        w.put(&span.tags)?;
    }
    *deltas = Deltas { counter: span.counter, trace: span.trace, start: span.start };
    Ok(())
}

/// Takes a tag out of the count of the span that stands at `span`, whose count stands at `count`, and marks the loss.
pub(crate) fn drop_tag(w: &mut Writer<'_>, span: usize, count: usize) {
    w.patch(span, |head| head | LOST);
    w.patch(count, |tags| tags.saturating_sub(1));
}

fn difference(a: u64, b: u64) -> i64 {
    a.wrapping_sub(b) as i64
}

impl<'a> Span<'a> {
    fn take(head: u8, r: &mut Reader<'a>, deltas: &mut Deltas) -> Result<Self, Malformed> {
        let name = Text::take(r)?;
        let counter = deltas.counter.wrapping_add(1).wrapping_add_signed(r.take()?);
        let (parent, trace) = if head & ROOT != 0 {
            (None, counter)
        } else {
            let parent = counter.wrapping_sub(r.take::<i64>()? as u64);
            let trace = match (head & TRACE_IS_PARENT != 0, head & SAME_TRACE != 0) {
                (true, _) => parent,
                (_, true) => deltas.trace,
                _ => counter.wrapping_sub(r.take::<i64>()? as u64),
            };
            (Some(parent), trace)
        };
        let start = deltas.start.wrapping_add_signed(r.take()?);
        let duration = r.take()?;
        let count = if head & TAGS != 0 { r.take()? } else { 0 };
        let tags = Tags::take(r, count)?;
        *deltas = Deltas { counter, trace, start };
        let (error, lost_tags) = (head & ERROR != 0, head & LOST != 0);
        Ok(Self { counter, parent, trace, name, start, duration, error, lost_tags, tags })
    }
}

/// What a session says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Sync<'a> {
    /// Ticks per second of the device's clock.
    pub frequency: u32,
    /// What was dropped on the device since the session began.
    pub dropped: Stats,
    /// The service its spans belong to, unless they say otherwise; empty: the host's configuration says it.
    pub service: Text<'a>,
    /// Tags of every span of the session.
    pub tags: Tags<'a>,
}

impl<'a> Sync<'a> {
    fn take(mut r: Reader<'a>) -> Result<Self, Malformed> {
        let frequency = r.take()?;
        let dropped = Stats {
            spans_full: r.take()?,
            spans_oversize: r.take()?,
            tags_full: r.take()?,
            tags_oversize: r.take()?,
            stale: r.take()?,
        };
        let service = Text::take(&mut r)?;
        let count = r.take()?;
        Ok(Self { frequency, dropped, service, tags: Tags::take(&mut r, count)? })
    }
}

/// Writes a record that is not a span: its kind, the length of its body (one byte), its body.
fn put_framed(
    w: &mut Writer<'_>,
    kind: u8,
    body: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
) -> Result<(), Full> {
    w.put(&kind)?;
    let place = w.used();
    w.put(&0u8)?;
    body(w)?;
    let len = u8::try_from(w.used() - place - 1).map_err(|_| Full)?;
    w.patch(place, |_| len);
    Ok(())
}

/// Writes a sync with as many of `tags` as fit.
pub(crate) fn put_sync<'a>(
    w: &mut Writer<'_>,
    frequency: u32,
    dropped: &Stats,
    service: Text<'_>,
    tags: impl Iterator<Item = Tag<'a>>,
) -> Result<(), Full> {
    put_framed(w, SYNC, |w| {
        w.put(&frequency)?;
        let Stats { spans_full, spans_oversize, tags_full, tags_oversize, stale } = *dropped;
        for count in [spans_full, spans_oversize, tags_full, tags_oversize, stale] {
            w.put(&count)?;
        }
        service.put(w)?;
        let count = w.used();
        w.put(&0u8)?;
        for tag in tags {
            let before = w.used();
            if put_tag(w, &tag).is_err() || w.used() - count > SYNC_TAGS {
                w.rewind(before);
            } else {
                w.patch(count, |tags| tags.saturating_add(1));
            }
        }
        Ok(())
    })
}

/// The bytes of a sync's tags, so that its length fits one byte.
const SYNC_TAGS: usize = 200;

/// Writes the name of an index; with `short`, cut to what fits.
pub(crate) fn put_name(w: &mut Writer<'_>, index: u32, name: &str, short: bool) -> Result<(), Full> {
    put_framed(w, NAME, |w| {
        w.put(&index)?;
        let text = if short { cut(name, w.room()) } else { name };
        w.put_bytes(text.as_bytes())
    })
}

/// A record of a packet.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Record<'a> {
    /// A finished span.
    Span(Span<'a>),
    /// The string that an index stands for in this session.
    Name {
        /// The index.
        index: u32,
        /// The string.
        text: &'a str,
    },
    /// What the session says of itself.
    Sync(Sync<'a>),
    /// A record of a kind that this version does not know, skipped.
    Unknown {
        /// Its kind.
        kind: u8,
    },
}

impl<'a> Record<'a> {
    pub(crate) fn take(r: &mut Reader<'a>, deltas: &mut Deltas) -> Result<Self, Malformed> {
        let kind: u8 = r.take()?;
        if kind & SPAN != 0 {
            // A flag of a later version may change what follows.
            return if kind & RESERVED == 0 {
                Span::take(kind, r, deltas).map(Record::Span)
            } else {
                Err(Malformed)
            };
        }
        let len: u8 = r.take()?;
        let mut body = Reader(r.take_bytes(usize::from(len))?);
        Ok(match kind {
            NAME => {
                let index = body.take()?;
                Record::Name { index, text: core::str::from_utf8(body.0).map_err(|_| Malformed)? }
            }
            SYNC => Record::Sync(Sync::take(body)?),
            kind => Record::Unknown { kind },
        })
    }
}

#[cfg(test)]
mod tests;

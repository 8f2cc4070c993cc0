//! A finished span on the wire. What each writes, it reads, in this file.

use super::codec::{Full, Malformed, Put, Reader, Writer};
use super::packet::Header;
use super::record::{put_counted, take_counted};
use super::tag::{ADDRESS, Tags, Text, Whose};
use crate::clock::ahead40;

/// The bits of a span's first byte.
pub(super) const SPAN: u8 = 0x80;
const ERROR: u8 = 0x40;
const TAGS: u8 = 0x20;
const LOST: u8 = 0x10;
pub(super) const ROOT: u8 = 0x08;
const TRACE_IS_PARENT: u8 = 0x04;
const SAME_TRACE: u8 = 0x02;
pub(super) const MORE: u8 = 0x01;

/// What is told relative to the span before, by who writes: handles, and the low 40 bits of ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deltas {
    counter: u32,
    trace: u32,
    start: u64,
}

impl Deltas {
    pub(crate) fn new(header: &Header) -> Self {
        Self { counter: header.counter as u32, trace: 0, start: header.time }
    }

    /// Whether a start of these low 32 bits, and these 8 above them, is less than 2^31 ticks after the last one, with the
    /// same 8.
    #[inline(always)]
    pub(crate) fn is_near(&self, high: u8, low: u32) -> bool {
        let last = self.start as u32;
        (self.start >> 32) as u8 == high && low >= last && ahead(low, last) >= 0
    }
}

/// The same, by who reads.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Sums {
    counter: u64,
    trace: u64,
    start: u64,
}

impl Sums {
    pub(crate) fn new(header: &Header) -> Self {
        Self { counter: header.counter, trace: 0, start: header.time }
    }
}

/// A finished span.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// # let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
/// # TRACER.trace("order").finish();
/// # drain.poll(&mut line).unwrap();
/// # let packet = wire::Packet::parse(&line.0[0]).unwrap();
/// let span = packet.records().find_map(|record| match record {
///     Ok(wire::Record::Span(span)) => Some(span),
///     _ => None,
/// }).unwrap();
/// assert_eq!((span.parent, span.duration, span.error), (None, 0, false));
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
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
    /// The number of the interrupt it was started in, from 1 to 255; 0: none.
    pub interrupt: u32,
    /// The counter of a span that it has a link to: of a root, the span that its interrupt came into.
    pub link: Option<u64>,
    /// The counter of the root of that span's trace; `None`: its slot had been used again, and it was sent before.
    pub link_trace: Option<u64>,
    /// Its tags.
    pub tags: Tags<'a>,
}

/// A span on its way out: what stands before its tags.
pub(crate) struct SpanHead<'a> {
    /// Its handle.
    pub(crate) counter: u32,
    /// The handle of its parent; of a root, that of the span it has a link to; 0: none.
    pub(crate) parent: u32,
    /// The handle of the root of its trace.
    pub(crate) trace: u32,
    /// The handle of the root of the trace of the span it has a link to; 0: not known.
    pub(crate) link_trace: u32,
    pub(crate) interrupt: u8,
    pub(crate) name: Text<'a>,
    /// The low 40 bits of the tick of its start.
    pub(crate) start: u64,
    pub(crate) duration: u64,
    pub(crate) error: bool,
    pub(crate) lost_tags: bool,
    pub(crate) tags: u8,
}

/// A span on its way out that most spans are: in thread mode, without tags, not far in time from the one before.
pub(crate) struct ShortSpan {
    /// Its handle.
    pub(crate) counter: u32,
    /// The handle of its parent; 0: none.
    pub(crate) parent: u32,
    /// The handle of the root of its trace.
    pub(crate) trace: u32,
    pub(crate) name: &'static str,
    /// The form in which its name goes out; not in full.
    pub(crate) form: u32,
    /// The low 32 bits of its start; the next 8 are those of the span before.
    pub(crate) start: u32,
    pub(crate) duration: u32,
    pub(crate) error: bool,
    pub(crate) lost_tags: bool,
}

/// Writes a span into a window, if there is one.
#[inline(always)]
pub(crate) fn put_short_span(w: &mut Writer<'_>, deltas: &mut Deltas, span: &ShortSpan) -> bool {
    let Some(mut window) = w.window() else { return false };
    let mut head = SPAN;
    if span.trace == span.counter {
        head |= ROOT;
    } else if span.parent == span.trace {
        head |= TRACE_IS_PARENT;
    } else if span.trace == deltas.trace {
        head |= SAME_TRACE;
    }
    head |= if span.error { ERROR } else { 0 } | if span.lost_tags { LOST } else { 0 };
    let Ok(()) = window.byte(head);
    let Ok(()) = window.u32(span.form);
    if span.form == ADDRESS.into() {
        let Ok(()) = window.u64(span.name.as_ptr().addr() as u64);
        let Ok(()) = window.u32(span.name.len() as u32);
    }
    let Ok(()) = window.i32(ahead(span.counter, deltas.counter.wrapping_add(1)));
    if head & ROOT == 0 {
        let Ok(()) = window.i32(ahead(span.counter, span.parent));
        if head & (TRACE_IS_PARENT | SAME_TRACE) == 0 {
            let Ok(()) = window.i32(ahead(span.counter, span.trace));
        }
    }
    let Ok(()) = window.i32(ahead(span.start, deltas.start as u32));
    let Ok(()) = window.u32(span.duration);
    let len = window.len;
    w.advance(len);
    deltas.counter = span.counter;
    deltas.trace = span.trace;
    deltas.start = deltas.start >> 32 << 32 | u64::from(span.start);
    true
}

/// Writes a span up to its tags.
pub(crate) fn put_span(w: &mut Writer<'_>, deltas: &mut Deltas, span: &SpanHead<'_>) -> Result<(), Full> {
    let head = first_byte(span, deltas);
    w.byte(head)?;
    span.name.put(w)?;
    put_numbers(w, head, deltas, span)?;
    if head & MORE != 0 {
        put_more(w, span, head & ROOT != 0)?;
    }
    if span.tags != 0 {
        w.byte(span.tags)?;
    }
    *deltas = Deltas { counter: span.counter, trace: span.trace, start: span.start };
    Ok(())
}

#[inline(always)]
fn first_byte(span: &SpanHead<'_>, deltas: &Deltas) -> u8 {
    let is_root = span.trace == span.counter;
    let mut head = SPAN;
    if is_root {
        head |= ROOT;
    } else if span.parent == span.trace {
        head |= TRACE_IS_PARENT;
    } else if span.trace == deltas.trace {
        head |= SAME_TRACE;
    }
    if span.error {
        head |= ERROR;
    }
    if span.lost_tags {
        head |= LOST;
    }
    if span.tags != 0 {
        head |= TAGS;
    }
    if span.interrupt != 0 || is_root && span.parent != 0 {
        head |= MORE;
    }
    head
}

/// The fields that every span has, but for its name.
#[inline(always)]
fn put_numbers<P: Put>(w: &mut P, head: u8, deltas: &Deltas, span: &SpanHead<'_>) -> Result<(), P::Error> {
    w.i32(ahead(span.counter, deltas.counter.wrapping_add(1)))?;
    if head & ROOT == 0 {
        w.i32(ahead(span.counter, span.parent))?;
        if head & (TRACE_IS_PARENT | SAME_TRACE) == 0 {
            w.i32(ahead(span.counter, span.trace))?;
        }
    }
    w.i64(ahead40(span.start, deltas.start))?;
    w.u64(span.duration)
}

#[inline(never)]
fn put_more(w: &mut Writer<'_>, span: &SpanHead<'_>, is_root: bool) -> Result<(), Full> {
    put_counted(w, |w| {
        w.number(span.interrupt)?;
        if !is_root || span.parent == 0 {
            return w.byte(0);
        }
        w.signed(ahead(span.counter, span.parent))?;
        w.signed(if span.link_trace != 0 { ahead(span.counter, span.link_trace) } else { 0 })
    })
}

/// How far a handle is ahead of another.
#[inline(always)]
fn ahead(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

/// Takes a tag out of the count of the span that stands at `span`, whose count stands at `count`, and marks the loss.
pub(crate) fn drop_tag(w: &mut Writer<'_>, span: usize, count: usize) {
    w.patch(span, |head| head | LOST);
    w.patch(count, |tags| tags.saturating_sub(1));
}

impl<'a> Span<'a> {
    pub(super) fn take(head: u8, r: &mut Reader<'a>, sums: &mut Sums) -> Result<Self, Malformed> {
        let name = Text::take(r)?;
        let counter = sums.counter.wrapping_add(1).wrapping_add_signed(r.take()?);
        let (parent, trace) = if head & ROOT != 0 {
            (None, counter)
        } else {
            let parent = counter.wrapping_sub(r.take::<i64>()? as u64);
            let trace = match (head & TRACE_IS_PARENT != 0, head & SAME_TRACE != 0) {
                (true, _) => parent,
                (_, true) => sums.trace,
                _ => counter.wrapping_sub(r.take::<i64>()? as u64),
            };
            (Some(parent), trace)
        };
        let start = sums.start.wrapping_add_signed(r.take()?);
        let duration = r.take()?;
        let (interrupt, link, link_trace) =
            if head & MORE != 0 { Self::take_more(r, counter)? } else { (0, None, None) };
        let count = if head & TAGS != 0 { r.take()? } else { 0 };
        let tags = Tags::take(r, count, Whose::Spans(counter))?;
        *sums = Sums { counter, trace, start };
        let (error, lost_tags) = (head & ERROR != 0, head & LOST != 0);
        Ok(Self {
            counter,
            parent,
            trace,
            name,
            start,
            duration,
            error,
            lost_tags,
            interrupt,
            link,
            link_trace,
            tags,
        })
    }

    /// The interrupt, the span linked to, and the root of its trace.
    fn take_more(r: &mut Reader<'a>, counter: u64) -> Result<(u32, Option<u64>, Option<u64>), Malformed> {
        let mut body = take_counted(r)?;
        let interrupt = body.take()?;
        let mut behind = || {
            let ahead = body.take::<i64>()?;
            Ok((ahead != 0).then(|| counter.wrapping_sub(ahead as u64)))
        };
        let link = behind()?;
        let trace = if link.is_some() { behind()? } else { None };
        Ok((interrupt, link, trace))
    }
}

//! What hangs on a span beside its tags: removed keys, events, links, a remote parent, baggage. It stands among the tags,
//! each with its length, so that a receiver skips what it does not know. What each writes, it reads, in this file.

use super::codec::{Full, Malformed, Put as _, Reader, Writer};
use super::tag::{SIZED, TagValue, Tags, Text, Whose, put_inline};
use crate::span_context::SpanContext;

// The kinds of a tag's value, from `SIZED` on.
const REMOVED: u8 = SIZED;
const EVENT: u8 = 9;
const LINK: u8 = 10;
const REMOTE_LINK: u8 = 11;
const REMOTE_PARENT: u8 = 12;
const BAGGAGE: u8 = 13;

/// Something that happened at one time within a span.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// # let order = TRACER.trace("order");
/// # order.add_event("hot", &[("degrees", 200u32.into())]);
/// # order.finish();
/// # let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
/// # drain.poll(&mut line).unwrap();
/// # let packet = wire::Packet::parse(&line.0[0]).unwrap();
/// # let mut tags = packet.records().find_map(|record| match record {
/// #     Ok(wire::Record::Span(span)) => Some(span.tags),
/// #     _ => None,
/// # }).unwrap();
/// let Some(wire::TagValue::Event(event)) = tags.next().map(|tag| tag.value) else { panic!() };
/// assert_eq!((event.time, event.attributes.count()), (0, 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Event<'a> {
    /// When, in ticks after the span's start.
    pub time: i64,
    /// What is said of it; of two with one key the first holds.
    pub attributes: Tags<'a>,
}

/// A link to a span of the same session.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// # let order = TRACER.trace("order");
/// # order.add_link(&order.as_ref().unwrap(), &[]);
/// # order.finish();
/// # let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
/// # drain.poll(&mut line).unwrap();
/// # let packet = wire::Packet::parse(&line.0[0]).unwrap();
/// # let mut tags = packet.records().find_map(|record| match record {
/// #     Ok(wire::Record::Span(span)) => Some(span.tags),
/// #     _ => None,
/// # }).unwrap();
/// let Some(wire::TagValue::Link(link)) = tags.next().map(|tag| tag.value) else { panic!() };
/// assert_eq!(link.trace, Some(link.counter)); // a link to a root
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Link<'a> {
    /// The counter of that span.
    pub counter: u64,
    /// The counter of the root of its trace; `None`: its slot had been used again, and it was sent before.
    pub trace: Option<u64>,
    /// What is said of the link; of two with one key the first holds.
    pub attributes: Tags<'a>,
}

/// Whether the tag of a span's context says its sampling priority.
const HAS_PRIORITY: u8 = 1;

/// Writes what a body consists of.
type Put<'f> = &'f mut dyn FnMut(&mut Writer<'_>) -> Result<(), Full>;

/// Writes a body with its length before it, a varint. There is one of it, since a small device has it once it has a drain.
#[inline(never)]
fn put_sized(w: &mut Writer<'_>, key: Text<'_>, kind: u8, body: Put<'_>) -> Result<(), Full> {
    key.put(w)?;
    w.byte(kind)?;
    let place = w.used();
    w.byte(0)?;
    body(w)?;
    let len = w.used() - place - 1;
    if len < 0x80 {
        w.patch(place, |_| len as u8);
        return Ok(());
    }
    // A packet is shorter than 2^14 bytes.
    w.patch(place, |_| (len >> 7) as u8);
    w.insert(place, len as u8 | 0x80)
}

#[inline(never)]
fn put_counted(w: &mut Writer<'_>, count: u8, attributes: Put<'_>) -> Result<(), Full> {
    w.byte(count)?;
    attributes(w)
}

/// Writes that a key is removed.
pub(crate) fn put_removed(w: &mut Writer<'_>, key: Text<'_>) -> Result<(), Full> {
    put_sized(w, key, REMOVED, &mut |_| Ok(()))
}

/// Writes an event of this many ticks after the span's start.
pub(crate) fn put_event(
    w: &mut Writer<'_>,
    name: Text<'_>,
    time: i64,
    count: u8,
    attributes: Put<'_>,
) -> Result<(), Full> {
    put_sized(w, name, EVENT, &mut |w| {
        w.signed(time)?;
        put_counted(w, count, attributes)
    })
}

/// Writes a link to a span of this handle, and of this root of its trace (0: not told), from the span `from`.
pub(crate) fn put_link(
    w: &mut Writer<'_>,
    from: u32,
    [linked, root]: [u32; 2],
    count: u8,
    attributes: Put<'_>,
) -> Result<(), Full> {
    put_sized(w, Text::Inline(""), LINK, &mut |w| {
        w.signed(from.wrapping_sub(linked) as i32)?;
        w.signed(if root == 0 { 0 } else { linked.wrapping_add(1).wrapping_sub(root) as i32 })?;
        put_counted(w, count, attributes)
    })
}

/// The context of a span of elsewhere: the 24 bytes of its ids in pieces, and its priority.
pub(crate) struct Elsewhere<I> {
    pub(crate) ids: I,
    pub(crate) sampling_priority: Option<i8>,
}

/// Writes a link to a span of elsewhere.
pub(crate) fn put_remote_link<P: AsRef<[u8]>>(
    w: &mut Writer<'_>,
    mut context: Elsewhere<impl Iterator<Item = P>>,
    count: u8,
    attributes: Put<'_>,
) -> Result<(), Full> {
    put_sized(w, Text::Inline(""), REMOTE_LINK, &mut |w| {
        put_context(w, &mut context)?;
        put_counted(w, count, attributes)
    })
}

/// Writes the parent of a root.
pub(crate) fn put_remote_parent<P: AsRef<[u8]>>(
    w: &mut Writer<'_>,
    mut context: Elsewhere<impl Iterator<Item = P>>,
) -> Result<(), Full> {
    put_sized(w, Text::Inline(""), REMOTE_PARENT, &mut |w| put_context(w, &mut context))
}

/// Writes an item of baggage whose value of `len` bytes comes in pieces.
pub(crate) fn put_baggage<P: AsRef<[u8]>>(
    w: &mut Writer<'_>,
    key: Text<'_>,
    len: u8,
    mut pieces: impl Iterator<Item = P>,
) -> Result<(), Full> {
    put_sized(w, key, BAGGAGE, &mut |w| put_inline(w, len, &mut pieces))
}

#[inline(never)]
fn put_context<P: AsRef<[u8]>>(
    w: &mut Writer<'_>,
    context: &mut Elsewhere<impl Iterator<Item = P>>,
) -> Result<(), Full> {
    for piece in &mut context.ids {
        w.put_bytes(piece.as_ref())?;
    }
    w.byte(if context.sampling_priority.is_some() { HAS_PRIORITY } else { 0 })?;
    w.byte(context.sampling_priority.unwrap_or(0) as u8)
}

fn take_context(r: &mut Reader<'_>) -> Result<SpanContext, Malformed> {
    let (trace_id, span_id): ([u8; 16], [u8; 8]) = (r.take()?, r.take()?);
    let (flags, priority): (u8, u8) = (r.take()?, r.take()?);
    Ok(SpanContext {
        trace_id: u128::from_le_bytes(trace_id),
        span_id: u64::from_le_bytes(span_id),
        sampling_priority: (flags & HAS_PRIORITY != 0).then_some(priority as i8),
    })
}

fn take_attributes<'a>(r: &mut Reader<'a>) -> Result<Tags<'a>, Malformed> {
    let count = r.take()?;
    Tags::take(r, count, Whose::Others)
}

/// Reads the body of a value of a kind from `SIZED` on, of the span with this counter.
pub(super) fn take<'a>(kind: u8, mut r: Reader<'a>, counter: u64) -> Result<TagValue<'a>, Malformed> {
    Ok(match kind {
        REMOVED => TagValue::Removed,
        EVENT => TagValue::Event(Event { time: r.take()?, attributes: take_attributes(&mut r)? }),
        LINK => {
            let linked = counter.wrapping_sub(r.take::<i64>()? as u64);
            let trace = r.take::<i64>()?;
            TagValue::Link(Link {
                counter: linked,
                trace: (trace != 0).then(|| linked.wrapping_add(1).wrapping_sub(trace as u64)),
                attributes: take_attributes(&mut r)?,
            })
        }
        REMOTE_LINK => TagValue::RemoteLink(take_context(&mut r)?, take_attributes(&mut r)?),
        REMOTE_PARENT => TagValue::RemoteParent(take_context(&mut r)?),
        BAGGAGE => TagValue::Baggage(Text::take(&mut r)?),
        kind => TagValue::Unknown(kind),
    })
}

#[cfg(test)]
mod tests;

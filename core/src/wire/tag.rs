//! Strings and tags, as spans and syncs carry them. What each writes, it reads, in this file.

use super::beyond::{self, Event, Link};
use super::codec::{Full, Malformed, Put, Reader, Writer};
use crate::span_context::SpanContext;

// The forms of a text: a string, an address and a length, or a name's index plus the last of these.
const INLINE: u8 = 0;
pub(crate) const ADDRESS: u8 = 1;
pub(crate) const FIRST_NAME: u32 = 2;

// The kinds of a tag's value.
const FALSE: u8 = 0;
const TRUE: u8 = 1;
const U64: u8 = 2;
const I64: u8 = 3;
const F32: u8 = 4;
const F64: u8 = 5;
const TEXT: u8 = 6;
const CUT: u8 = 7;
/// From this kind on the value has its length before it.
pub(super) const SIZED: u8 = 8;

/// A string on the wire: the index of a name, where it lies in the program, or the string itself.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// # let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
/// # TRACER.trace("order").finish();
/// # drain.poll(&mut line).unwrap();
/// # let packet = wire::Packet::parse(&line.0[0]).unwrap();
/// let name = packet.records().find_map(|record| match record {
///     Ok(wire::Record::Span(span)) => Some(span.name),
///     _ => None,
/// });
/// assert!(matches!(name, Some(wire::Text::Name(_)))); // told by a record
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Text<'a> {
    /// The name of this index in the session, told by a [`Record::Name`](super::Record::Name) of this or another packet.
    Name(u32),
    /// A string of the device's program: who has the program's ELF file finds it there.
    Address {
        /// Where it begins.
        address: u64,
        /// How many bytes it has.
        length: u32,
    },
    /// The string itself.
    Inline(&'a str),
}

impl<'a> Text<'a> {
    /// A string of the program, by where it lies.
    #[inline(always)]
    pub(crate) fn at(text: &'static str) -> Text<'static> {
        Text::Address { address: text.as_ptr().addr() as u64, length: text.len() as u32 }
    }

    #[inline(never)]
    pub(super) fn put(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        match self {
            Text::Name(index) => w.number(index.wrapping_add(FIRST_NAME)),
            Text::Address { address, length } => {
                w.byte(ADDRESS)?;
                w.number(*address)?;
                w.number(*length)
            }
            Text::Inline(text) => {
                w.byte(INLINE)?;
                w.text(text)
            }
        }
    }

    #[inline(always)]
    pub(super) fn take(r: &mut Reader<'a>) -> Result<Self, Malformed> {
        let form: u32 = r.take()?;
        match form.checked_sub(FIRST_NAME) {
            Some(index) => Ok(Text::Name(index)),
            None => Self::take_in_full(r, form),
        }
    }

    #[inline(never)]
    fn take_in_full(r: &mut Reader<'a>, form: u32) -> Result<Self, Malformed> {
        if form == ADDRESS.into() {
            return Ok(Text::Address { address: r.take()?, length: r.take()? });
        }
        Ok(Text::Inline(r.take()?))
    }

    /// Goes over what [`take`](Self::take) reads; tells what it needs, as [`Tags::names`].
    #[inline(always)]
    fn pass(r: &mut Reader<'a>) -> Result<u32, Malformed> {
        let form: u32 = r.take()?;
        match form.checked_sub(FIRST_NAME) {
            Some(index) => Ok(index.saturating_add(1)),
            None => Self::pass_in_full(r, form),
        }
    }

    #[inline(never)]
    fn pass_in_full(r: &mut Reader<'a>, form: u32) -> Result<u32, Malformed> {
        if form == ADDRESS.into() {
            let (_address, _length) = (r.take::<u64>()?, r.take::<u32>()?);
            return Ok(u32::MAX);
        }
        let len = usize::try_from(r.take::<u64>()?).map_err(|_| Malformed)?;
        let text = r.take_bytes(len)?;
        // Most are ASCII, which is seen sooner.
        if text.is_ascii() || core::str::from_utf8(text).is_ok() { Ok(0) } else { Err(Malformed) }
    }

    /// As [`Tags::names`].
    #[inline]
    fn names(&self) -> u32 {
        match self {
            Text::Name(index) => index.saturating_add(1),
            Text::Address { .. } => u32::MAX,
            Text::Inline(_) => 0,
        }
    }
}

/// A tag, or what else hangs on a span.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// # let order = TRACER.trace("order");
/// # order.set_tag("slices", 2u32);
/// # order.finish();
/// # let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
/// # drain.poll(&mut line).unwrap();
/// # let packet = wire::Packet::parse(&line.0[0]).unwrap();
/// # let mut tags = packet.records().find_map(|record| match record {
/// #     Ok(wire::Record::Span(span)) => Some(span.tags),
/// #     _ => None,
/// # }).unwrap();
/// let tag = tags.next().unwrap();
/// assert_eq!(tag.value, wire::TagValue::U64(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tag<'a> {
    /// What it is called; of an event its name; of a link and of a remote parent the empty string.
    pub key: Text<'a>,
    /// What it says.
    pub value: TagValue<'a>,
}

/// The value of a tag. From [`Removed`](Self::Removed) on they stand among the tags of a span only.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// # let order = TRACER.trace("order");
/// # order.set_tag("bread", true);
/// # order.finish();
/// # let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
/// # drain.poll(&mut line).unwrap();
/// # let packet = wire::Packet::parse(&line.0[0]).unwrap();
/// # let mut tags = packet.records().find_map(|record| match record {
/// #     Ok(wire::Record::Span(span)) => Some(span.tags),
/// #     _ => None,
/// # }).unwrap();
/// assert_eq!(tags.next().unwrap().value, wire::TagValue::Bool(true));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum TagValue<'a> {
    /// `true` or `false`.
    Bool(bool),
    /// An integer that is not negative.
    U64(u64),
    /// An integer.
    I64(i64),
    /// A single-precision number.
    F32(f32),
    /// A number.
    F64(f64),
    /// A string.
    Text(Text<'a>),
    /// A string that was longer on the device.
    Cut(Text<'a>),
    /// No value: what was set under this key before, and for all spans of the session, does not hold.
    Removed,
    /// Something that happened at one time within the span.
    Event(Event<'a>),
    /// A span of the same session that it has to do with.
    Link(Link<'a>),
    /// A span of elsewhere that it has to do with, and what is said of that.
    RemoteLink(SpanContext, Tags<'a>),
    /// The span of elsewhere that is the parent of this root.
    RemoteParent(SpanContext),
    /// What the span hands to all that come from it.
    Baggage(Text<'a>),
    /// Of a kind that this version does not know or does not expect there, skipped.
    Unknown(u8),
}

/// A tag whose value is to follow by [`put_pieces`].
pub(crate) struct TagStart<'a> {
    pub(crate) key: Text<'a>,
    pub(crate) cut: bool,
}

/// Writes a tag.
#[inline(never)]
pub(crate) fn put_tag(w: &mut Writer<'_>, tag: &Tag<'_>) -> Result<(), Full> {
    tag.key.put(w)?;
    match &tag.value {
        TagValue::Bool(v) => w.byte(if *v { TRUE } else { FALSE }),
        TagValue::U64(v) => w.byte(U64).and_then(|()| w.number(*v)),
        TagValue::I64(v) => w.byte(I64).and_then(|()| w.signed(*v)),
        TagValue::F32(v) => w.byte(F32).and_then(|()| w.put(v)),
        TagValue::F64(v) => w.byte(F64).and_then(|()| w.put(v)),
        TagValue::Text(v) => w.byte(TEXT).and_then(|()| v.put(w)),
        TagValue::Cut(v) => w.byte(CUT).and_then(|()| v.put(w)),
        // A device writes these from its cells: `beyond.rs`.
        _ => Err(Full),
    }
}

/// Writes a tag whose string of `len` bytes comes in pieces; the same bytes as an inline [`TagValue::Text`].
pub(crate) fn put_pieces<P: AsRef<[u8]>>(
    w: &mut Writer<'_>,
    tag: &TagStart<'_>,
    len: u8,
    pieces: impl Iterator<Item = P>,
) -> Result<(), Full> {
    tag.key.put(w)?;
    w.byte(if tag.cut { CUT } else { TEXT })?;
    put_inline(w, len, pieces)
}

/// Writes an inline text of `len` bytes that come in pieces.
pub(super) fn put_inline<P: AsRef<[u8]>>(
    w: &mut Writer<'_>,
    len: u8,
    pieces: impl Iterator<Item = P>,
) -> Result<(), Full> {
    w.byte(INLINE)?;
    w.number(len)?;
    let mut left = usize::from(len);
    for piece in pieces {
        let bytes = piece.as_ref();
        let bytes = bytes.get(..left.min(bytes.len())).unwrap_or(bytes);
        w.put_bytes(bytes)?;
        left -= bytes.len();
    }
    Ok(())
}

impl<'a> Tag<'a> {
    #[inline(always)]
    fn take(r: &mut Reader<'a>, whose: Whose) -> Result<Self, Malformed> {
        let key = Text::take(r)?;
        let value = match r.take::<u8>()? {
            FALSE => TagValue::Bool(false),
            TRUE => TagValue::Bool(true),
            U64 => TagValue::U64(r.take()?),
            I64 => TagValue::I64(r.take()?),
            F32 => TagValue::F32(f32::from_le_bytes(r.take()?)),
            F64 => TagValue::F64(f64::from_le_bytes(r.take()?)),
            TEXT => TagValue::Text(Text::take(r)?),
            CUT => TagValue::Cut(Text::take(r)?),
            kind => TagValue::take_sized(kind, r, whose)?,
        };
        Ok(Self { key, value })
    }

    /// Goes over what [`take`](Self::take) reads; tells what its texts need, as [`Tags::names`].
    #[inline]
    fn pass(r: &mut Reader<'a>, whose: Whose) -> Result<u32, Malformed> {
        let key = Text::pass(r)?;
        let value = match r.take::<u8>()? {
            FALSE | TRUE => 0,
            U64 | I64 => r.take::<u64>().map(|_| 0)?,
            F32 => r.take::<[u8; 4]>().map(|_| 0)?,
            F64 => r.take::<[u8; 8]>().map(|_| 0)?,
            TEXT | CUT => Text::pass(r)?,
            kind => TagValue::take_sized(kind, r, whose)?.names(),
        };
        Ok(key.max(value))
    }
}

impl<'a> TagValue<'a> {
    /// Reads a value of a kind from [`SIZED`] on.
    #[inline(never)]
    fn take_sized(kind: u8, r: &mut Reader<'a>, whose: Whose) -> Result<Self, Malformed> {
        let len = r.take::<u32>()? as usize;
        let body = Reader(r.take_bytes(len)?);
        match whose {
            Whose::Spans(counter) => beyond::take(kind, body, counter),
            Whose::Others => Ok(TagValue::Unknown(kind)),
        }
    }

    /// As [`Tags::names`].
    fn names(&self) -> u32 {
        match self {
            TagValue::Text(text) | TagValue::Cut(text) | TagValue::Baggage(text) => text.names(),
            TagValue::Event(event) => event.attributes.names,
            TagValue::Link(link) => link.attributes.names,
            TagValue::RemoteLink(_, attributes) => attributes.names,
            _ => 0,
        }
    }
}

/// Whose tags they are.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Whose {
    /// A span's, of this counter.
    Spans(u64),
    /// A sync's, or those of what stands among a span's tags.
    Others,
}

/// The tags of a span, a sync, an event or a link, already checked; of two with one key the first holds.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// # let order = TRACER.trace("order");
/// # order.set_tag("slices", 2u32).set_tag("guests", 1u32);
/// # order.finish();
/// # let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
/// # drain.poll(&mut line).unwrap();
/// # let packet = wire::Packet::parse(&line.0[0]).unwrap();
/// # let mut tags = packet.records().find_map(|record| match record {
/// #     Ok(wire::Record::Span(span)) => Some(span.tags),
/// #     _ => None,
/// # }).unwrap();
/// assert_eq!(tags.map(|tag| tag.value).collect::<Vec<_>>(), [wire::TagValue::U64(1), wire::TagValue::U64(2)]); // newest first
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tags<'a> {
    reader: Reader<'a>,
    left: u8,
    whose: Whose,
    names: u32,
}

impl<'a> Tags<'a> {
    pub(super) fn take(r: &mut Reader<'a>, count: u8, whose: Whose) -> Result<Self, Malformed> {
        let mut tags = Self { reader: *r, left: count, whose, names: 0 };
        for _ in 0..count {
            tags.names = tags.names.max(Tag::pass(r, whose)?);
        }
        Ok(tags)
    }

    /// What their texts need, those of attributes as well: all names below this index; `u32::MAX` if one is told by its address.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// # let order = TRACER.trace("order");
    /// # order.set_tag("slices", 2u32);
    /// # order.finish();
    /// # let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
    /// # drain.poll(&mut line).unwrap();
    /// # let packet = wire::Packet::parse(&line.0[0]).unwrap();
    /// # let mut tags = packet.records().find_map(|record| match record {
    /// #     Ok(wire::Record::Span(span)) => Some(span.tags),
    /// #     _ => None,
    /// # }).unwrap();
    /// let names = tags.names();
    /// assert!(tags.all(|tag| matches!(tag.key, wire::Text::Name(index) if index < names)));
    /// ```
    pub fn names(&self) -> u32 {
        self.names
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    #[inline]
    fn next(&mut self) -> Option<Tag<'a>> {
        self.left = self.left.checked_sub(1)?;
        Tag::take(&mut self.reader, self.whose).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::from(self.left), Some(usize::from(self.left)))
    }
}

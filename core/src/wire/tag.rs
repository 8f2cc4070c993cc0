//! Strings and tags, as spans and syncs carry them. What each writes, it reads, in this file.

use super::codec::{Full, Malformed, Put, Reader, Writer};

// The kinds of a tag's value.
const FALSE: u8 = 0;
const TRUE: u8 = 1;
const U64: u8 = 2;
const I64: u8 = 3;
const F32: u8 = 4;
const F64: u8 = 5;
const TEXT: u8 = 6;
const CUT: u8 = 7;

/// A string on the wire: the index of a name, or the string itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Text<'a> {
    /// The name of this index in the session, told by a [`Record::Name`](super::Record::Name) of this or another packet.
    Name(u32),
    /// The string itself.
    Inline(&'a str),
}

impl<'a> Text<'a> {
    #[inline(never)]
    pub(super) fn put(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        match self {
            Text::Name(index) => w.number(index.wrapping_add(1)),
            Text::Inline(text) => {
                w.byte(0)?;
                w.text(text)
            }
        }
    }

    pub(super) fn take(r: &mut Reader<'a>) -> Result<Self, Malformed> {
        match r.take::<u32>()?.checked_sub(1) {
            Some(index) => Ok(Text::Name(index)),
            None => Ok(Text::Inline(r.take()?)),
        }
    }
}

/// A tag.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tag<'a> {
    /// What it is called.
    pub key: Text<'a>,
    /// What it says.
    pub value: TagValue<'a>,
}

/// The value of a tag.
#[derive(Clone, Copy, Debug, PartialEq)]
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
    w.put_bytes(&[if tag.cut { CUT } else { TEXT }, 0])?;
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
    fn take(r: &mut Reader<'a>) -> Result<Self, Malformed> {
        let key = Text::take(r)?;
        let value = match r.take::<u8>()? {
            FALSE => TagValue::Bool(false),
            TRUE => TagValue::Bool(true),
            U64 => TagValue::U64(r.take()?),
            I64 => TagValue::I64(r.take()?),
            F32 => TagValue::F32(r.take()?),
            F64 => TagValue::F64(r.take()?),
            TEXT => TagValue::Text(Text::take(r)?),
            CUT => TagValue::Cut(Text::take(r)?),
            _ => return Err(Malformed),
        };
        Ok(Self { key, value })
    }
}

/// The tags of a span or a sync, already checked; of two with one key the first holds.
#[derive(Clone, Copy, Debug)]
pub struct Tags<'a> {
    reader: Reader<'a>,
    left: u8,
}

impl<'a> Tags<'a> {
    pub(super) fn take(r: &mut Reader<'a>, count: u8) -> Result<Self, Malformed> {
        let tags = Self { reader: *r, left: count };
        (0..count).try_for_each(|_| Tag::take(r).map(drop))?;
        Ok(tags)
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        self.left = self.left.checked_sub(1)?;
        Tag::take(&mut self.reader).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::from(self.left), Some(usize::from(self.left)))
    }
}

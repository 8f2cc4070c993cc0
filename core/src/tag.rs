//! Tag values, and how one lies in a cell.

use core::ptr;

/// The value of a tag.
///
/// Made by `From` from the scalar types, from [`Static`] and from `&str`.
///
/// ```
/// use microspan::{Static, Value};
/// assert_eq!(Value::from(7u8), Value::U64(7));
/// assert_eq!(Value::from(-7), Value::I64(-7));
/// assert_eq!(Value::from(Static("rye")), Value::Static("rye"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Value<'a> {
    /// `true` or `false`.
    Bool(bool),
    /// An integer that is not negative.
    U64(u64),
    /// An integer.
    I64(i64),
    /// A single-precision number, widened by the host: no floating-point work on the device.
    F32(f32),
    /// A number.
    F64(f64),
    /// A string that lives for ever: kept by address, sent once.
    Static(&'static str),
    /// A string that is copied into the tag cells: at most [`MAX_STR`](crate::MAX_STR) bytes, cut at a
    /// character boundary beyond; or, where somebody [keeps](crate::Tracer::keep_long_texts) long ones, beside them.
    Str(&'a str),
}

/// A string that lives for ever, as the value of a tag.
///
/// A `&str` is copied; this is kept by address: a store instead of a copy, and two bytes on the wire.
///
/// ```
/// use microspan::{Static, Value};
/// assert_eq!(Value::from(Static("rye")), Value::Static("rye"));
/// assert_eq!(Value::from("rye"), Value::Str("rye"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Static(pub &'static str);

macro_rules! from {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl From<$from> for Value<'_> {
            #[inline(always)]
            fn from(value: $from) -> Self {
                Value::$variant(value.into())
            }
        }
    )*};
}
from!(bool => Bool, u8 => U64, u16 => U64, u32 => U64, u64 => U64, i8 => I64, i16 => I64, i32 => I64, i64 => I64,
    f32 => F32, f64 => F64);

impl From<usize> for Value<'_> {
    #[inline(always)]
    fn from(value: usize) -> Self {
        Value::U64(value as u64)
    }
}

impl From<isize> for Value<'_> {
    #[inline(always)]
    fn from(value: isize) -> Self {
        Value::I64(value as i64)
    }
}

impl From<Static> for Value<'_> {
    #[inline(always)]
    fn from(value: Static) -> Self {
        Value::Static(value.0)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    #[inline(always)]
    fn from(value: &'a str) -> Self {
        Value::Str(value)
    }
}

/// A machine word that may be an address: integers in it have no provenance.
pub(crate) type Word = *const u8;

/// What lies in a cell beside its note: a key's address and two words of value, or three words of a string
/// that began in an earlier cell.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct CellBody(pub(crate) [Word; 3]);

// SAFETY: the words are numbers, or addresses of `&'static str`s, which any context may read.
unsafe impl Send for CellBody {}

pub(crate) const WORD: usize = size_of::<Word>();
/// Bytes of a string in the cell that names the key; the first byte of its value is the string's length.
pub(crate) const FIRST: usize = 2 * WORD - 1;
/// Bytes of a string in each further cell.
pub(crate) const MORE: usize = 3 * WORD;
/// Bytes of a string that lies in one cell although its length has no place there: 16, as ids often have. Where words are
/// shorter no string is stored so.
pub(crate) const FULL: usize = if WORD == 8 { 2 * WORD } else { usize::MAX };

/// The kinds of a cell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Kind {
    Bool,
    U64,
    I64,
    F32,
    F64,
    Static,
    /// A string that fills both words of the value: see [`FULL`].
    Full,
    Str,
    /// A string that was cut.
    Cut,
    /// No value: hides older ones of its key.
    Removed,
    /// What a span hands to its descendants: as `Str`.
    Baggage,
    /// A name, and a time. Its attributes follow.
    Event,
    /// The handles of another span and of its trace's root. Its attributes follow.
    Link,
    /// A sampling priority; the ids follow in cells of kind `More`, then its attributes.
    RemoteLink,
    /// The same without attributes.
    RemoteParent,
    /// A further cell of the one before.
    More = 15,
}

impl Kind {
    #[inline(always)]
    pub(crate) const fn from_bits(bits: u32) -> Kind {
        match bits & 0xf {
            0 => Kind::Bool,
            1 => Kind::U64,
            2 => Kind::I64,
            3 => Kind::F32,
            4 => Kind::F64,
            5 => Kind::Static,
            6 => Kind::Full,
            7 => Kind::Str,
            8 => Kind::Cut,
            9 => Kind::Removed,
            10 => Kind::Baggage,
            11 => Kind::Event,
            12 => Kind::Link,
            13 => Kind::RemoteLink,
            14 => Kind::RemoteParent,
            _ => Kind::More,
        }
    }
}

impl Kind {
    /// Whether of two cells of these kinds with one key the newer hides the older.
    pub(crate) const fn hides(self, older: Kind) -> bool {
        match self {
            Kind::Event | Kind::Link | Kind::RemoteLink | Kind::More => false,
            Kind::Baggage | Kind::RemoteParent => self as u8 == older as u8,
            _ => older as u8 <= Kind::Removed as u8,
        }
    }
}

/// An integer in the two words of a value.
#[inline(always)]
pub(crate) const fn words_of(bits: u64) -> [Word; 2] {
    if WORD == 8 {
        [ptr::without_provenance(bits as usize), ptr::null()]
    } else {
        [ptr::without_provenance(bits as usize), ptr::without_provenance((bits >> 32) as usize)]
    }
}

/// What [`words_of`] stored.
#[inline(always)]
pub(crate) fn bits_of([low, high]: [Word; 2]) -> u64 {
    if WORD == 8 { low.addr() as u64 } else { low.addr() as u64 | (high.addr() as u64) << 32 }
}

/// The kind and the words of a value that takes one cell; `Err`: a text that may take more. Static strings are cut after
/// `limit` bytes.
#[inline(always)]
pub(crate) fn in_one_cell(value: Value<'_>, limit: usize) -> Result<(Kind, [Word; 2]), &str> {
    Ok(match value {
        Value::Bool(v) => (Kind::Bool, words_of(v.into())),
        Value::U64(v) => (Kind::U64, words_of(v)),
        Value::I64(v) => (Kind::I64, words_of(v as u64)),
        Value::F32(v) => (Kind::F32, words_of(v.to_bits().into())),
        Value::F64(v) => (Kind::F64, words_of(v.to_bits())),
        Value::Static(v) => {
            let text = cut(v, limit);
            (Kind::Static, [text.as_ptr(), ptr::without_provenance(text.len())])
        }
        Value::Str(v) => match (v.as_bytes().first_chunk(), v.as_bytes().last_chunk()) {
            (Some(first), Some(last)) if v.len() == FULL => {
                (Kind::Full, [*first, *last].map(|half| ptr::without_provenance(usize::from_le_bytes(half))))
            }
            _ => return Err(v),
        },
    })
}

/// A word of up to `WORD` bytes of a string.
#[inline]
fn pack(bytes: &[u8]) -> Word {
    ptr::without_provenance(bytes.first_chunk().copied().map_or_else(|| pad(bytes), usize::from_le_bytes))
}

/// The word of fewer than `WORD` bytes, and zeros: by loads that may overlap, which takes no loop.
#[inline]
fn pad(bytes: &[u8]) -> usize {
    let at = |place: usize, part: usize| part << (8 * place as u32);
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let [first, last] = [first, last].map(|part| u32::from_le_bytes(*part) as usize);
        return first | at(bytes.len() - size_of::<u32>(), last);
    }
    let (middle, end) = (bytes.len() / 2, bytes.len().saturating_sub(1));
    let byte = |place: usize| at(place, bytes.get(place).map_or(0, |byte| usize::from(*byte)));
    byte(0) | byte(middle) | byte(end)
}

/// Three words of up to [`MORE`] bytes of a string.
pub(crate) fn pack3(bytes: &[u8]) -> [Word; 3] {
    let (first, rest) = bytes.split_at_checked(WORD).unwrap_or((bytes, &[]));
    let (second, third) = rest.split_at_checked(WORD).unwrap_or((rest, &[]));
    [pack(first), pack(second), pack(third)]
}

/// The three words of the cell that begins a string: its key, its length, up to [`FIRST`] bytes of it.
pub(crate) fn pack_first(key: &'static str, len: u8, bytes: &[u8]) -> [Word; 3] {
    // The length takes the place of one byte before them.
    let (first, rest) = bytes.split_at_checked(WORD - 1).unwrap_or((bytes, &[]));
    let value = (pack(first).addr() << 8) | usize::from(len);
    [key.as_ptr(), ptr::without_provenance(value), pack(rest)]
}

/// The bytes in the two words of a value: of a string that [`pack_first`] packed, its length and the first ones.
pub(crate) fn first_bytes(words: [Word; 2]) -> [u8; FIRST + 1] {
    let mut bytes = [0; FIRST + 1];
    bytes.iter_mut().zip(words.map(unpack).as_flattened()).for_each(|(to, from)| *to = *from);
    bytes
}

/// The bytes that a word holds.
pub(crate) fn unpack(word: Word) -> [u8; WORD] {
    word.addr().to_le_bytes()
}

/// The longest beginning of `text` of at most `limit` bytes that ends between two characters.
#[inline(always)]
pub(crate) const fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    match text.split_at_checked(text.floor_char_boundary(limit)) {
        Some((head, _)) => head,
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("bread", 9), "bread");
        assert_eq!(cut("bread", 3), "bre");
        assert_eq!(cut("brød", 3), "br");
        assert_eq!(cut("ø", 1), "");
    }

    #[test]
    fn a_word_of_a_string_holds_its_bytes_and_zeros() {
        let text = b"\x01\x82\x03\x84\x05\x86\x07\x88";
        for len in 0..=WORD {
            let mut padded = [0; WORD];
            padded[..len].copy_from_slice(&text[..len]);
            assert_eq!(unpack(pack(&text[..len])), padded);
        }
    }

    #[test]
    fn every_number_survives_its_two_words() {
        for bits in [0, 1, u32::MAX as u64, 1 << 32, u64::MAX, 1.5f64.to_bits(), i64::MIN as u64] {
            assert_eq!(bits_of(words_of(bits)), bits);
        }
    }
}

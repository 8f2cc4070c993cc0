//! Values of MessagePack, one after the other: what `rmp` writes, and faster what spans are full of.

use std::convert::Infallible;

use rmp::encode::{self, ByteBuf, ValueWriteError};

use crate::model::Text;

/// The marker of a map of fewer than 16 entries: the number is added to it.
const FIX_MAP: u8 = 0x80;

/// The marker of a string of fewer than 32 bytes: the number is added to it.
const FIX_STR: u8 = 0xa0;

/// The markers of numbers that follow in four bytes, and in eight.
const UINT_32: u8 = 0xce;
const UINT_64: u8 = 0xcf;
const FLOAT_64: u8 = 0xcb;

/// Leaves room for the header of a short map; tells where.
pub(super) fn begin_map(out: &mut ByteBuf) -> usize {
    out.as_mut_vec().push(FIX_MAP);
    out.as_slice().len() - 1
}

/// Writes the header of the map that began at `head` and now has `entries`.
#[inline]
pub(super) fn end_map(out: &mut ByteBuf, head: usize, entries: usize) {
    if entries < 16 {
        out.as_mut_vec()[head] = FIX_MAP | entries as u8;
    } else {
        end_long_map(out, head, entries);
    }
}

#[cold]
fn end_long_map(out: &mut ByteBuf, head: usize, entries: usize) {
    let mut header = ByteBuf::new();
    sure(encode::write_map_len(&mut header, entries as u32));
    out.as_mut_vec().splice(head..=head, header.into_vec());
}

/// Writes a key of the format: its text after the marker of a string of that length.
#[inline]
pub(super) fn constant<const N: usize>(out: &mut ByteBuf, encoded: &[u8; N]) {
    out.as_mut_vec().extend_from_slice(encoded);
}

/// Writes a string.
#[inline(always)]
pub(super) fn text(out: &mut ByteBuf, text: &Text) {
    let Some(held) = text.in_place() else { return bytes(out, text.as_bytes()) };
    // All there is room for is written at once, and what does not count is taken back.
    let [length, ..] = *held;
    let out = out.as_mut_vec();
    let start = out.len();
    out.extend_from_slice(held);
    out[start] = FIX_STR | length;
    out.truncate(start + 1 + usize::from(length));
}

/// The same of one that is no [`Text`].
pub(super) fn string(out: &mut ByteBuf, text: &str) {
    bytes(out, text.as_bytes());
}

/// The same of its bytes.
pub(super) fn bytes(out: &mut ByteBuf, utf8: &[u8]) {
    length(out, utf8.len());
    out.as_mut_vec().extend_from_slice(utf8);
}

/// Writes the marker of a string of so many bytes.
#[inline]
fn length(out: &mut ByteBuf, bytes: usize) {
    if bytes < 32 {
        out.as_mut_vec().push(FIX_STR | bytes as u8);
    } else {
        sure(encode::write_str_len(out, bytes as u32));
    }
}

/// Writes a number, in as few bytes as it has: ids and times have eight.
#[inline]
pub(super) fn number(out: &mut ByteBuf, value: u64) {
    if value > u32::MAX.into() {
        eight(out, UINT_64, value.to_be_bytes());
    } else if value > u16::MAX.into() {
        let [.., a, b, c, d] = value.to_be_bytes();
        constant(out, &[UINT_32, a, b, c, d]);
    } else {
        sure(encode::write_uint(out, value));
    }
}

/// The same of one that may be negative.
#[inline]
pub(super) fn signed(out: &mut ByteBuf, value: i64) {
    match u64::try_from(value) {
        Ok(value) => number(out, value),
        Err(_) => sure(encode::write_sint(out, value)),
    }
}

#[inline]
pub(super) fn float(out: &mut ByteBuf, value: f64) {
    eight(out, FLOAT_64, value.to_be_bytes());
}

/// Writes a marker and eight bytes.
#[inline]
fn eight(out: &mut ByteBuf, marker: u8, bytes: [u8; 8]) {
    let mut encoded = [marker; 9];
    encoded[1..].copy_from_slice(&bytes);
    constant(out, &encoded);
}

/// Writing to memory cannot fail, and the types say so.
pub(super) fn sure<T>(result: Result<T, ValueWriteError<Infallible>>) {
    match result {
        Ok(_) => {}
        Err(ValueWriteError::InvalidMarkerWrite(never) | ValueWriteError::InvalidDataWrite(never)) => {
            match never {}
        }
    }
}

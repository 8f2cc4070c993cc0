//! One field after the other, in postcard, into and out of a slice.

use postcard::Serializer;
use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

/// What is to be written does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// A packet whose CRC is right has content that is not of this version: a fault of the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Malformed;

impl core::fmt::Display for Malformed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the record does not follow PROTOCOL.md, though its packet's CRC is right")
    }
}

impl core::error::Error for Malformed {}

/// Writes fields into a buffer; can go back to an earlier place.
pub(crate) struct Writer<'b> {
    buffer: &'b mut [u8],
    used: usize,
}

impl<'b> Writer<'b> {
    pub(crate) fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, used: 0 }
    }

    #[inline]
    pub(crate) fn put<T: Serialize + ?Sized>(&mut self, field: &T) -> Result<(), Full> {
        field.serialize(&mut Serializer { output: self }).map_err(|_| Full)
    }

    /// An unsigned number. Most have one byte, which needs no encoder.
    #[inline(always)]
    pub(crate) fn put_u32(&mut self, number: u32) -> Result<(), Full> {
        if number < 0x80 { self.put_byte(number as u8) } else { self.put_long(number.into()) }
    }

    /// As [`put_u32`](Self::put_u32).
    #[inline(always)]
    pub(crate) fn put_u64(&mut self, number: u64) -> Result<(), Full> {
        if number < 0x80 { self.put_byte(number as u8) } else { self.put_long(number) }
    }

    /// A signed number, likewise.
    #[inline(always)]
    pub(crate) fn put_i32(&mut self, number: i32) -> Result<(), Full> {
        self.put_u32(((number << 1) ^ (number >> 31)) as u32)
    }

    /// As [`put_i32`](Self::put_i32).
    #[inline(always)]
    pub(crate) fn put_i64(&mut self, number: i64) -> Result<(), Full> {
        self.put_u64(((number << 1) ^ (number >> 63)) as u64)
    }

    #[inline(always)]
    fn put_byte(&mut self, byte: u8) -> Result<(), Full> {
        *self.buffer.get_mut(self.used).ok_or(Full)? = byte;
        self.used += 1;
        Ok(())
    }

    /// What postcard makes of it, seven bits after the other.
    #[inline(never)]
    fn put_long(&mut self, mut number: u64) -> Result<(), Full> {
        while number >= 0x80 {
            self.put_byte(number as u8 | 0x80)?;
            number >>= 7;
        }
        self.put_byte(number as u8)
    }

    /// Bytes as they are.
    #[inline]
    pub(crate) fn put_bytes(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.free().get_mut(..bytes.len()).ok_or(Full)?.copy_from_slice(bytes);
        self.used += bytes.len();
        Ok(())
    }

    /// Changes a byte that stands at `place`.
    pub(crate) fn patch(&mut self, place: usize, change: impl FnOnce(u8) -> u8) {
        if let Some(byte) = self.buffer.get_mut(place) {
            *byte = change(*byte);
        }
    }

    pub(crate) fn used(&self) -> usize {
        self.used
    }

    pub(crate) fn room(&self) -> usize {
        self.buffer.len().saturating_sub(self.used)
    }

    /// Goes back to where `used` was `place`.
    pub(crate) fn rewind(&mut self, place: usize) {
        self.used = place;
    }

    #[inline]
    fn free(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.used..).unwrap_or_default()
    }
}

/// Where postcard puts the bytes of a field: one by one, since most fields have one or two.
impl Flavor for &mut Writer<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        *self.buffer.get_mut(self.used).ok_or(postcard::Error::SerializeBufferFull)? = byte;
        self.used += 1;
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Reads fields from a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn take<T: Deserialize<'a>>(&mut self) -> Result<T, Malformed> {
        let (field, rest) = postcard::take_from_bytes(self.0).map_err(|_| Malformed)?;
        self.0 = rest;
        Ok(field)
    }

    pub(crate) fn take_bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }
}

//! One field after the other, in postcard, into and out of a slice.

use core::convert::Infallible;
use postcard::Serializer;
use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

/// What is to be written does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// A packet whose CRC is right has content that is not of this version: a fault of the sender.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// # let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
/// # TRACER.trace("order").finish();
/// # drain.poll(&mut line).unwrap();
/// # let packet = wire::Packet::parse(&line.0[0]).unwrap();
/// assert!(packet.records().all(|record| record.is_ok())); // or `Err(Malformed)`
/// ```
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

    /// A number, out of line: where size counts and not speed.
    #[inline(always)]
    pub(crate) fn number(&mut self, number: impl Into<u64>) -> Result<(), Full> {
        self.long(number.into())
    }

    /// A signed number, likewise.
    #[inline(always)]
    pub(crate) fn signed(&mut self, number: impl Into<i64>) -> Result<(), Full> {
        self.long_signed(number.into())
    }

    #[inline(never)]
    fn long_signed(&mut self, number: i64) -> Result<(), Full> {
        self.long(((number << 1) ^ (number >> 63)) as u64)
    }

    /// A string and its length.
    #[inline(never)]
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Full> {
        self.number(text.len() as u64)?;
        self.put_bytes(text.as_bytes())
    }

    /// Room for [`WINDOW`] bytes, if there is so much.
    #[inline(always)]
    pub(crate) fn window(&mut self) -> Option<Window<'_>> {
        let bytes = self.buffer.get_mut(self.used..)?.first_chunk_mut()?;
        Some(Window { bytes, len: 0 })
    }

    /// Goes on behind what was written into a window.
    #[inline(always)]
    pub(crate) fn advance(&mut self, len: usize) {
        self.used += len;
    }

    /// Bytes as they are.
    #[inline(never)]
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

    /// Moves what stands from `place` on to make room for a byte there.
    pub(crate) fn insert(&mut self, place: usize, byte: u8) -> Result<(), Full> {
        self.byte(0)?;
        // Byte by byte: a call that moves memory would cost a small device a kilobyte and more of flash.
        let moved = self.buffer.get_mut(place..self.used).ok_or(Full)?;
        moved.iter_mut().fold(byte, |before, here| core::mem::replace(here, before));
        Ok(())
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

/// Where numbers are written as postcard writes them. Most have one byte, which needs no encoder.
pub(crate) trait Put {
    type Error;

    fn byte(&mut self, byte: u8) -> Result<(), Self::Error>;

    /// A number of more than one byte, seven bits after the other.
    fn long(&mut self, number: u64) -> Result<(), Self::Error>;

    #[inline(always)]
    fn u32(&mut self, number: u32) -> Result<(), Self::Error> {
        if number < 0x80 { self.byte(number as u8) } else { self.long(number.into()) }
    }

    #[inline(always)]
    fn u64(&mut self, number: u64) -> Result<(), Self::Error> {
        if number < 0x80 { self.byte(number as u8) } else { self.long(number) }
    }

    #[inline(always)]
    fn i32(&mut self, number: i32) -> Result<(), Self::Error> {
        self.u32(((number << 1) ^ (number >> 31)) as u32)
    }

    #[inline(always)]
    fn i64(&mut self, number: i64) -> Result<(), Self::Error> {
        self.u64(((number << 1) ^ (number >> 63)) as u64)
    }
}

impl Put for Writer<'_> {
    type Error = Full;

    #[inline(never)]
    fn byte(&mut self, byte: u8) -> Result<(), Full> {
        *self.buffer.get_mut(self.used).ok_or(Full)? = byte;
        self.used += 1;
        Ok(())
    }

    #[inline(never)]
    fn long(&mut self, mut number: u64) -> Result<(), Full> {
        while number >= 0x80 {
            self.byte(number as u8 | 0x80)?;
            number >>= 7;
        }
        self.byte(number as u8)
    }
}

/// What fits into a [`Window`]: the fields of a span whose name is no string, which are at most 49 bytes.
const WINDOW: usize = 64;

/// A place for some fields, whose room was looked at once.
pub(crate) struct Window<'w> {
    bytes: &'w mut [u8; WINDOW],
    pub(crate) len: usize,
}

impl Put for Window<'_> {
    type Error = Infallible;

    #[inline(always)]
    fn byte(&mut self, byte: u8) -> Result<(), Infallible> {
        if let Some(place) = self.bytes.get_mut(self.len % WINDOW) {
            *place = byte;
        }
        self.len += 1;
        Ok(())
    }

    #[inline(always)]
    fn long(&mut self, number: u64) -> Result<(), Infallible> {
        self.len = match u32::try_from(number) {
            Ok(number) => long(self.bytes, self.len, number),
            Err(_) => very_long(self.bytes, self.len, number),
        };
        Ok(())
    }
}

/// Writes a number of more than one byte from `len` on; returns where it ends.
#[inline(never)]
fn long(bytes: &mut [u8; WINDOW], len: usize, mut number: u32) -> usize {
    let mut window = Window { bytes, len };
    loop {
        let Ok(()) = window.byte(number as u8 | 0x80);
        number >>= 7;
        if number < 0x80 {
            let Ok(()) = window.byte(number as u8);
            return window.len;
        }
    }
}

/// The same of one of more than 32 bits.
#[inline(never)]
fn very_long(bytes: &mut [u8; WINDOW], len: usize, mut number: u64) -> usize {
    let mut window = Window { bytes, len };
    while number >= 0x80 {
        let Ok(()) = window.byte(number as u8 | 0x80);
        number >>= 7;
    }
    let Ok(()) = window.byte(number as u8);
    window.len
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
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn take<T: Take<'a>>(&mut self) -> Result<T, Malformed> {
        T::take(self)
    }

    /// A field, by postcard.
    #[inline]
    fn take_any<T: Deserialize<'a>>(&mut self) -> Result<T, Malformed> {
        let (field, rest) = postcard::take_from_bytes(self.0).map_err(|_| Malformed)?;
        self.0 = rest;
        Ok(field)
    }

    /// A number that has one or two bytes, if it does.
    #[inline(always)]
    fn take_short(&mut self) -> Option<u16> {
        match *self.0 {
            [low @ ..0x80, ref rest @ ..] => {
                self.0 = rest;
                Some(low.into())
            }
            [low, high @ ..0x80, ref rest @ ..] => {
                self.0 = rest;
                Some(u16::from(low & 0x7f) | u16::from(high) << 7)
            }
            _ => None,
        }
    }

    pub(crate) fn take_bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }
}

/// What a [`Reader`] reads. Most numbers have one or two bytes, which need no decoder.
pub(crate) trait Take<'a>: Sized {
    fn take(r: &mut Reader<'a>) -> Result<Self, Malformed>;
}

impl<'a> Take<'a> for &'a str {
    #[inline]
    fn take(r: &mut Reader<'a>) -> Result<Self, Malformed> {
        let len = usize::try_from(r.take::<u64>()?).map_err(|_| Malformed)?;
        core::str::from_utf8(r.take_bytes(len)?).map_err(|_| Malformed)
    }
}

impl<const N: usize> Take<'_> for [u8; N] {
    #[inline]
    fn take(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (bytes, rest) = r.0.split_first_chunk().ok_or(Malformed)?;
        r.0 = rest;
        Ok(*bytes)
    }
}

impl Take<'_> for u8 {
    #[inline(always)]
    fn take(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (byte, rest) = r.0.split_first().ok_or(Malformed)?;
        r.0 = rest;
        Ok(*byte)
    }
}

impl Take<'_> for u32 {
    #[inline(always)]
    fn take(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        match r.take_short() {
            Some(number) => Ok(number.into()),
            None => r.take_any(),
        }
    }
}

impl Take<'_> for u64 {
    #[inline(always)]
    fn take(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        match r.take_short() {
            Some(number) => Ok(number.into()),
            None => r.take_any(),
        }
    }
}

impl Take<'_> for i64 {
    #[inline(always)]
    fn take(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let number: u64 = r.take()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    fn agrees<'a, T: Take<'a> + Deserialize<'a> + PartialEq + core::fmt::Debug>(bytes: &'a [u8]) {
        let (mut short, mut any) = (Reader(bytes), Reader(bytes));
        assert_eq!(short.take::<T>(), any.take_any::<T>(), "{bytes:x?}");
        if T::take(&mut Reader(bytes)).is_ok() {
            assert_eq!(short, any, "{bytes:x?}");
        }
    }

    fn all_agree(bytes: &[u8]) {
        agrees::<u8>(bytes);
        agrees::<u32>(bytes);
        agrees::<u64>(bytes);
        agrees::<i64>(bytes);
        agrees::<[u8; 8]>(bytes);
        agrees::<&str>(bytes);
    }

    #[test]
    fn numbers_of_one_and_two_bytes_are_read_as_postcard_reads_them() {
        all_agree(&[]);
        for low in 0..=255 {
            all_agree(&[low]);
            for high in if cfg!(miri) { low..=low } else { 0..=255 } {
                all_agree(&[low, high]);
                all_agree(&[low, high, 7]);
            }
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig {
            cases: if cfg!(miri) { 3 } else { 1_000 }, failure_persistence: None, ..Default::default()
        })]

        #[test]
        fn what_is_longer_is_read_as_postcard_reads_it(bytes in proptest::collection::vec(0x70_u8..0x90, 0..14)) {
            all_agree(&bytes);
        }
    }
}

//! COBS frames: packets on a byte stream, each ended by a zero byte.
//!
//! Consistent Overhead Byte Stuffing (Cheshire and Baker 1999) takes the zeros out of a packet at the cost of one
//! byte in 254, so that a zero ends a frame and a reader that comes late, or missed something, is in step again
//! at the next one.

use heapless::Vec;

/// The byte that ends a frame.
pub(crate) const END: u8 = 0;
/// The longest run that one code byte announces.
const RUN: usize = 254;

/// Writes `packet` as a frame, piece by piece: no second buffer is needed.
///
/// ```
/// let mut stream = vec![];
/// microspan::wire::write_frame(&[1, 0, 2], |bytes| Ok::<_, ()>(stream.extend_from_slice(bytes))).unwrap();
/// assert_eq!(stream, [2, 1, 2, 2, 0]);
/// ```
///
/// # Errors
///
/// The first error of `write`.
pub fn write_frame<E>(packet: &[u8], mut write: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    write_frame_body(packet, &mut write)?;
    write(&[END])
}

/// Writes `packet` as a frame without the zero that ends it.
pub(crate) fn write_frame_body<E>(
    packet: &[u8],
    mut write: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    runs(packet).try_for_each(|(code, run)| {
        write(&[code])?;
        write(run)
    })
}

/// The same, byte by byte.
#[cfg(feature = "embedded-io-async")]
pub(crate) fn frame_body(packet: &[u8]) -> impl Iterator<Item = u8> + '_ {
    runs(packet).flat_map(|(code, run)| core::iter::once(code).chain(run.iter().copied()))
}

/// The runs of a frame, each behind its code byte.
fn runs(packet: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    // As if a zero followed the packet: it ends the last run, and is not written.
    let mut rest = packet;
    let mut ended_by_zero = true;
    core::iter::from_fn(move || {
        if !ended_by_zero && rest.is_empty() {
            return None;
        }
        let run = rest.iter().take(RUN).position(|byte| *byte == END);
        let (bytes, after) = rest.split_at_checked(run.unwrap_or(rest.len().min(RUN))).unwrap_or((rest, &[]));
        ended_by_zero = run.is_some();
        rest = if ended_by_zero { after.get(1..).unwrap_or_default() } else { after };
        Some((bytes.len() as u8 + 1, bytes))
    })
}

/// Why bytes between two zeros are not a frame.
///
/// ```
/// use microspan::wire::{FrameDecoder, FrameError};
/// let mut decoder = FrameDecoder::<4>::new();
/// let mut input = &[9, 1, 0, 1, 2, 3, 4, 5, 0][..];
/// assert_eq!(decoder.next(&mut input), Some(Err(FrameError::Cobs)));
/// assert_eq!(decoder.next(&mut input), Some(Err(FrameError::TooLong)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum FrameError {
    /// Longer than the decoder's buffer.
    TooLong,
    /// Not COBS: damaged, or cut short.
    Cobs,
}

impl core::fmt::Display for FrameError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the bytes between two zeros are longer than any frame: not a microspan stream?",
            Self::Cobs => "the bytes between two zeros are not a COBS frame: damaged, or cut short",
        })
    }
}

impl core::error::Error for FrameError {}

/// Finds the frames in a byte stream; takes any bytes, in pieces of any size.
///
/// `N` is the longest frame it takes, without its final zero: [`MAX_FRAME`](super::MAX_FRAME) for every MTU.
///
/// ```
/// use microspan::wire::{FrameDecoder, MAX_FRAME};
/// let mut decoder = FrameDecoder::<MAX_FRAME>::new();
/// let mut first = &[3, 1][..]; // bytes as they come
/// assert_eq!(decoder.next(&mut first), None);
/// assert_eq!(decoder.next(&mut &[2, 0][..]), Some(Ok(&[1, 2][..])));
/// ```
#[derive(Default)]
pub struct FrameDecoder<const N: usize> {
    frame: Vec<u8, N>,
    /// The frame was returned, or is too long: what comes up to the next zero is not of it.
    done: bool,
    too_long: bool,
}

impl<const N: usize> FrameDecoder<N> {
    /// A decoder at the start of a stream.
    ///
    /// ```
    /// use microspan::wire::FrameDecoder;
    /// let mut decoder = FrameDecoder::<64>::new();
    /// assert_eq!(decoder.next(&mut &[][..]), None);
    /// ```
    pub const fn new() -> Self {
        Self { frame: Vec::new(), done: false, too_long: false }
    }

    /// Takes bytes from the front of `input` up to the end of the next frame and returns the packet in it;
    /// `None`: the input is used up.
    ///
    /// ```
    /// use microspan::wire::{FrameDecoder, MAX_FRAME, write_frame};
    /// let mut stream = Vec::new();
    /// write_frame(&[1, 0, 2], |bytes| { stream.extend_from_slice(bytes); Ok::<_, ()>(()) }).unwrap();
    /// let mut decoder = FrameDecoder::<MAX_FRAME>::new();
    /// let mut input = &stream[..];
    /// assert_eq!(decoder.next(&mut input), Some(Ok(&[1, 0, 2][..])));
    /// assert_eq!(decoder.next(&mut input), None);
    /// ```
    pub fn next(&mut self, input: &mut &[u8]) -> Option<Result<&[u8], FrameError>> {
        if self.done {
            self.frame.clear();
            self.done = false;
        }
        loop {
            let end = input.iter().position(|byte| *byte == END);
            let (bytes, rest) = input.split_at_checked(end.unwrap_or(input.len())).unwrap_or((*input, &[]));
            self.too_long |= self.frame.extend_from_slice(bytes).is_err();
            if end.is_none() {
                *input = rest;
                return None;
            }
            *input = rest.get(1..).unwrap_or_default();
            if core::mem::take(&mut self.too_long) {
                self.frame.clear();
                return Some(Err(FrameError::TooLong));
            }
            // Two zeros in a row: a sender that marks the start of its frames, too.
            if !self.frame.is_empty() {
                self.done = true;
                let decoded = cobs::decode_in_place(&mut self.frame);
                return Some(match decoded {
                    Ok(len) => Ok(self.frame.get(..len).unwrap_or_default()),
                    Err(_) => Err(FrameError::Cobs),
                });
            }
        }
    }

    /// The stream has ended, or was interrupted: the error of what came since the last zero, if anything did.
    ///
    /// ```
    /// use microspan::wire::{FrameDecoder, FrameError};
    /// let mut decoder = FrameDecoder::<64>::new();
    /// decoder.next(&mut &[3, 1][..]);
    /// assert_eq!(decoder.finish(), Some(FrameError::Cobs)); // the stream ended in a frame
    /// ```
    pub fn finish(&mut self) -> Option<FrameError> {
        let pending = self.too_long || !self.done && !self.frame.is_empty();
        let error = if self.too_long { FrameError::TooLong } else { FrameError::Cobs };
        *self = Self::new();
        pending.then_some(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use proptest::prelude::*;
    use std::vec::Vec as StdVec;

    fn frame(packet: &[u8]) -> StdVec<u8> {
        let mut frame = StdVec::new();
        write_frame(packet, |bytes| {
            frame.extend_from_slice(bytes);
            Ok::<_, ()>(())
        })
        .unwrap();
        frame
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 5 } else { 500 }, failure_persistence: None, ..Default::default() })]

        #[test]
        fn a_frame_is_what_the_cobs_crate_makes_of_the_packet(packet in prop::collection::vec(
            prop_oneof![1 => Just(0u8), 200 => any::<u8>()],
            0..if cfg!(miri) { 40 } else { 1100 },
        )) {
            let mut expected = std::vec![0; cobs::max_encoding_length(packet.len()) + 1];
            let len = cobs::try_encode(&packet, &mut expected).unwrap();
            expected.truncate(len + 1);
            expected[len] = END;
            let written = frame(&packet);
            prop_assert_eq!(written, expected);
        }

        #[test]
        fn packets_come_out_of_a_stream_in_any_pieces(
            packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..80), 1..8),
            pieces in prop::collection::vec(1usize..50, 1..40),
        ) {
            let stream: StdVec<u8> = packets.iter().flat_map(|packet| frame(packet)).collect();
            let mut decoder = FrameDecoder::<100>::new();
            let (mut found, mut at, mut turn) = (StdVec::new(), 0, 0);
            while at < stream.len() {
                let end = (at + pieces[turn % pieces.len()]).min(stream.len());
                let mut input = &stream[at..end];
                while let Some(packet) = decoder.next(&mut input) {
                    found.push(packet.unwrap().to_vec());
                }
                (at, turn) = (end, turn + 1);
            }
            prop_assert_eq!(found, packets);
        }

        #[test]
        fn after_any_noise_the_next_frame_is_found(noise in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut stream = noise;
            stream.push(END);
            stream.extend(frame(b"bread"));
            let (mut decoder, mut input) = (FrameDecoder::<64>::new(), &stream[..]);
            let mut last = None;
            while let Some(packet) = decoder.next(&mut input) {
                last = Some(packet.map(<[u8]>::to_vec));
            }
            prop_assert_eq!(last, Some(Ok(b"bread".to_vec())));
        }
    }

    #[test]
    fn a_stream_that_ends_within_a_frame_says_so() {
        let whole = frame(b"bread");
        for (bytes, error) in [
            (&whole[..], None),
            (&whole[..3], Some(FrameError::Cobs)),
            (&[7; 100], Some(FrameError::TooLong)),
            (&[], None),
        ] {
            let (mut decoder, mut input) = (FrameDecoder::<16>::new(), bytes);
            while decoder.next(&mut input).is_some() {}
            assert_eq!(decoder.finish(), error, "{bytes:?}");
            assert_eq!(decoder.finish(), None);
        }
    }

    #[test]
    fn a_frame_that_is_too_long_is_one_error() {
        let (mut decoder, stream) = (FrameDecoder::<8>::new(), frame(&[7; 20]));
        let mut input = &stream[..];
        assert_eq!(decoder.next(&mut input), Some(Err(FrameError::TooLong)));
        assert_eq!(decoder.next(&mut input), None);
    }
}

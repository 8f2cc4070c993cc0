//! Packets as frames on an `embedded-io` byte stream.

use super::ending::{FRAGMENT, WITHOUT_END};
use super::{Refused, Transport};
use crate::wire::{FRAME_END, write_frame_body};
use embedded_io::Write;

/// Sends packets as COBS frames on a byte stream: a UART, USB-CDC, a file.
///
/// It waits as long as the stream's `write` waits: give it a stream with a buffer of its own where the drain
/// must not.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
/// TRACER.trace("order").finish();
/// let mut bytes = [0; 512];
/// let mut uart = Stream::new(&mut bytes[..]); // anything that is `embedded_io::Write`
/// while drain.poll(&mut uart).unwrap() {}
/// ```
pub struct Stream<W> {
    stream: W,
    /// What ends that which the line carried before the next frame.
    ending: &'static [u8],
}

impl<W> Stream<W> {
    pub(crate) fn is_inside_a_frame(&self) -> bool {
        !self.ending.is_empty()
    }
}

impl<W: Write> Stream<W> {
    /// A transport over this stream. What the line carried before (a boot message, noise) is ended by a zero.
    ///
    /// ```
    /// let mut bytes = [0; 8];
    /// let mut uart = microspan::Stream::new(&mut bytes[..]);
    /// microspan::Transport::send(&mut uart, b"\x01\x02").unwrap();
    /// assert_eq!(bytes, [0, 3, 1, 2, 0, 0, 0, 0]); // a zero, and the frame
    /// ```
    pub const fn new(stream: W) -> Self {
        Self { stream, ending: FRAGMENT }
    }

    /// The stream, for reading what comes back: bytes for a [`RequestDecoder`](crate::wire::RequestDecoder).
    ///
    /// ```
    /// let mut bytes = [0; 8];
    /// let mut uart = microspan::Stream::new(&mut bytes[..]);
    /// assert_eq!(uart.get_mut().len(), 8);
    /// ```
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.stream
    }
}

impl<W: Write> Transport for Stream<W> {
    type Error = W::Error;

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<W::Error>> {
        let mut write = || {
            self.stream.write_all(self.ending)?;
            self.ending = FRAGMENT;
            write_frame_body(packet, |bytes| self.stream.write_all(bytes))?;
            self.ending = WITHOUT_END;
            self.stream.write_all(&[FRAME_END])?;
            self.ending = &[];
            Ok(())
        };
        write().map_err(Refused::Gone)?;
        // The stream has taken the packet. If it cannot pass it on, it says so again when it is given the next one.
        let _ = self.stream.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::FrameDecoder;
    use embedded_io::ErrorKind;

    /// A stream that fails once, after some bytes.
    struct Broken<'b> {
        line: &'b mut heapless::Vec<u8, 64>,
        fails_after: Option<usize>,
    }

    impl embedded_io::ErrorType for Broken<'_> {
        type Error = ErrorKind;
    }

    impl Write for Broken<'_> {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
            if self.fails_after.is_some_and(|limit| self.line.len() >= limit) {
                self.fails_after = None;
                return Err(ErrorKind::BrokenPipe);
            }
            self.line.extend_from_slice(&bytes[..1]).map_err(|_| ErrorKind::OutOfMemory)?;
            Ok(1)
        }

        fn flush(&mut self) -> Result<(), ErrorKind> {
            Ok(())
        }
    }

    #[test]
    fn a_packet_that_failed_half_way_arrives_when_it_is_sent_again() {
        // The last byte looks like the one that spoils a frame.
        const BREAD: &[u8] = b"bread\xff";
        for fails_after in 0..9 {
            let mut line = heapless::Vec::new();
            let mut stream = Stream::new(Broken { line: &mut line, fails_after: Some(fails_after) });
            assert_eq!(stream.send(BREAD), Err(Refused::Gone(ErrorKind::BrokenPipe)));
            stream.send(BREAD).unwrap();
            stream.send(b"butter").unwrap();
            let (mut decoder, mut input) = (FrameDecoder::<32>::new(), &line[..]);
            let mut whole = [0; 2];
            while let Some(packet) = decoder.next(&mut input) {
                match packet {
                    Ok(BREAD) => whole[0] += 1,
                    Ok(b"butter") => whole[1] += 1,
                    _ => (),
                }
            }
            assert_eq!(whole, [1, 1], "failing after {fails_after} bytes");
        }
    }
}

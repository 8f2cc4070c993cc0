//! Packets as frames on an `embedded-io-async` byte stream.

use super::Refused;
use super::ending::{FRAGMENT, WITHOUT_END};
use crate::drain::Drain;
use crate::wire::{FRAME_END, frame_body};
use embedded_io_async::Write;

/// How many bytes are written at a time: as many as a full-speed USB packet holds.
const PIECE: usize = 64;

/// Sends packets as COBS frames on an asynchronous byte stream: a UART, USB-CDC, a TCP connection.
///
/// A packet stays the drain's until the stream has *flushed* it, which for [`Tcp`](crate::Tcp) means that its peer has
/// acknowledged it. So when the stream breaks, what it had not passed on goes out again on the next one, and
/// meanwhile spans wait in the arena. A packet that arrives twice so is taken once. As one packet is on its way at a time, it
/// should be as long as the arena's memory allows.
///
/// ```
/// use embedded_io_async::Write;
/// use microspan::{AsyncStream, Drain, Refused};
/// // In the task of the drain, for as long as the connection lasts; then connect again, with the same drain.
/// async fn serve<W: Write>(drain: &mut Drain<1024>, connection: W) -> Result<(), Refused<W::Error>> {
///     let mut stream = AsyncStream::new(connection);
///     loop {
///         while stream.send(drain).await? {}
///         // and wait a little: spans that share a packet are cheaper
/// #       core::future::ready(()).await
///     }
/// }
/// ```
pub struct AsyncStream<W> {
    stream: W,
    /// What ends that which the line carried before the next frame.
    ending: &'static [u8],
}

impl<W> AsyncStream<W> {
    pub(crate) fn is_inside_a_frame(&self) -> bool {
        !self.ending.is_empty()
    }
}

impl<W: Write> AsyncStream<W> {
    /// A link over this stream. What the line carried before (a boot message, noise) is ended by a zero.
    ///
    /// ```
    /// # async fn send(port: impl embedded_io_async::Write, drain: &mut microspan::Drain<256>) {
    /// let mut link = microspan::AsyncStream::new(port);
    /// while let Ok(true) = link.send(drain).await {}
    /// # }
    /// ```
    pub const fn new(stream: W) -> Self {
        Self { stream, ending: FRAGMENT }
    }

    /// Sends one packet, if there is anything to send; returns whether there was.
    ///
    /// The future may be dropped at any time, for instance by a timeout: the packet is sent again by the next call.
    ///
    /// # Errors
    ///
    /// The stream failed, or took no byte, which is told as [`Refused::WouldBlock`]. The packet is kept.
    pub async fn send<const MTU: usize, const NAMES: usize>(
        &mut self,
        drain: &mut Drain<MTU, NAMES>,
    ) -> Result<bool, Refused<W::Error>> {
        let Some(packet) = drain.packet() else { return Ok(false) };
        self.frame(packet).await?;
        self.stream.flush().await.map_err(Refused::Gone)?;
        drain.packet_sent();
        Ok(true)
    }

    /// The stream itself, for what else is done with it: not for writing.
    ///
    /// ```
    /// # use microspan::wire::RequestDecoder;
    /// # async fn hear(port: impl embedded_io_async::Read + embedded_io_async::Write, drain: &mut microspan::Drain<256>) {
    /// # let mut requests = RequestDecoder::new();
    /// let mut link = microspan::AsyncStream::new(port);
    /// let mut byte = [0];
    /// if let Ok(1) = link.get_mut().read(&mut byte).await
    ///     && let Some(request) = requests.byte(byte[0])
    /// {
    ///     drain.answer(&request);
    /// }
    /// # }
    /// ```
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.stream
    }

    async fn frame(&mut self, packet: &[u8]) -> Result<(), Refused<W::Error>> {
        self.write(self.ending).await?;
        self.ending = FRAGMENT;
        let (mut piece, mut frame) = ([0; PIECE], frame_body(packet));
        loop {
            // No more of the frame than the piece has places.
            let length = piece.iter_mut().zip(&mut frame).map(|(place, byte)| *place = byte).count();
            if length == 0 {
                break;
            }
            self.write(piece.get(..length).unwrap_or_default()).await?;
        }
        self.ending = WITHOUT_END;
        self.write(&[FRAME_END]).await?;
        self.ending = &[];
        Ok(())
    }

    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Refused<W::Error>> {
        while !bytes.is_empty() {
            let written = self.stream.write(bytes).await.map_err(Refused::Gone)?;
            if written == 0 {
                return Err(Refused::WouldBlock);
            }
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;

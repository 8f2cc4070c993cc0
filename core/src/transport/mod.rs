//! The transport contract, and the transports.

#[cfg(feature = "defmt")]
mod defmt_log;
#[cfg(feature = "embassy-net")]
mod embassy_net;
#[cfg(feature = "embassy-net-tcp")]
mod embassy_net_tcp;
#[cfg(feature = "embedded-io")]
mod embedded_io;
#[cfg(feature = "embedded-io-async")]
mod embedded_io_async;
#[cfg(any(feature = "embedded-io", feature = "embedded-io-async"))]
mod ending;
#[cfg(feature = "rtt-target")]
mod rtt;

#[cfg(feature = "defmt")]
pub use defmt_log::Defmt;
#[cfg(feature = "embassy-net")]
pub use embassy_net::Udp;
#[cfg(feature = "embassy-net-tcp")]
pub use embassy_net_tcp::Tcp;
#[cfg(feature = "embedded-io")]
pub use embedded_io::Stream;
#[cfg(feature = "embedded-io-async")]
pub use embedded_io_async::AsyncStream;
#[cfg(feature = "rtt-target")]
pub use rtt::Rtt;

/// Where packets go.
///
/// # Obligations
///
/// [`send`](Transport::send)
/// - MUST take the packet whole (keep, send or queue all its bytes) before it returns `Ok`;
/// - MUST NOT have a packet that it refused arrive as if taken; the drain sends it again;
/// - MUST NOT wait for the link, unless the transport's documentation says that it does;
/// - carries a packet of up to the drain's MTU as one unit: a datagram, or a frame of a byte stream.
///
/// # A link of one's own
///
/// A link whose units are shorter than a packet is a byte stream in pieces. This one has notifications of 20 bytes, as
/// BLE does, and a queue that its radio empties; of CAN frames a piece would hold 8 bytes, or 64.
///
/// ```
#[doc = include_str!("../../docs/notifications.txt")]
///
/// // The host puts the pieces together again as they come: `microspan bridge --stdin`, or any stream.
/// let mut link = Notifications::default();
/// link.send(&[7; 50]).unwrap();
/// let stream: std::vec::Vec<u8> = link.queue.into_iter().flatten().collect();
/// let mut decoder = microspan::wire::FrameDecoder::<64>::new();
/// assert_eq!(decoder.next(&mut &stream[..]), Some(Ok(&[7; 50][..])));
/// ```
pub trait Transport {
    /// What is wrong when the link is gone.
    type Error;

    /// Takes a packet, or refuses it.
    ///
    /// ```
    /// # use microspan::{Refused, Transport};
    /// struct Mailbox { space: usize }
    /// impl Transport for Mailbox {
    ///     type Error = ();
    ///     fn send(&mut self, packet: &[u8]) -> Result<(), Refused<()>> {
    ///         self.space = self.space.checked_sub(packet.len()).ok_or(Refused::WouldBlock)?;
    ///         // Copy the packet into the mailbox.
    ///         Ok(())
    ///     }
    /// }
    /// let mut mailbox = Mailbox { space: 3 };
    /// assert_eq!(mailbox.send(&[1, 2, 3]), Ok(()));
    /// assert_eq!(mailbox.send(&[4]), Err(Refused::WouldBlock));
    /// ```
    ///
    /// # Errors
    ///
    /// [`Refused`]: the packet was not taken, and the drain will offer it again.
    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<Self::Error>>;
}

/// Why a transport did not take a packet.
///
/// ```
/// use microspan::Refused;
/// assert_eq!(Refused::Gone("unplugged").to_string(), "the link failed (\"unplugged\"); the packet is kept");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Refused<E> {
    /// There is no room at the moment.
    WouldBlock,
    /// The link failed.
    Gone(E),
}

impl<E: core::fmt::Debug> core::fmt::Display for Refused<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::WouldBlock => f.write_str("the link has no room at the moment; the packet is kept"),
            Self::Gone(error) => write!(f, "the link failed ({error:?}); the packet is kept"),
        }
    }
}

impl<E: core::fmt::Debug> core::error::Error for Refused<E> {}

impl<T: Transport + ?Sized> Transport for &mut T {
    type Error = T::Error;

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<Self::Error>> {
        (**self).send(packet)
    }
}

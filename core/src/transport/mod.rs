//! The transport contract, and the transports.

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

#[cfg(feature = "embassy-net")]
pub use embassy_net::Udp;
#[cfg(feature = "embassy-net-tcp")]
pub use embassy_net_tcp::Tcp;
#[cfg(feature = "embedded-io")]
pub use embedded_io::Stream;
#[cfg(feature = "embedded-io-async")]
pub use embedded_io_async::AsyncStream;

/// Where packets go.
///
/// # Obligations
///
/// [`send`](Transport::send)
/// - MUST take the packet whole (keep, send or queue all its bytes) before it returns `Ok`;
/// - MUST NOT have a packet that it refused arrive as if taken; the drain sends it again;
/// - MUST NOT wait for the link, unless the transport's documentation says that it does;
/// - carries a packet of up to the drain's MTU as one unit: a datagram, or a frame of a byte stream.
pub trait Transport {
    /// What is wrong when the link is gone.
    type Error;

    /// Takes a packet, or refuses it.
    ///
    /// # Errors
    ///
    /// [`Refused`]: the packet was not taken, and the drain will offer it again.
    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<Self::Error>>;
}

/// Why a transport did not take a packet.
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

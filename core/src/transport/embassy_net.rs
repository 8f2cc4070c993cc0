//! Packets as datagrams over `embassy-net`, and requests back.

use super::{Refused, Transport};
use crate::wire::Request;
use core::task::{Context, Poll, Waker};
use embassy_net::udp::{SendError, UdpMetadata, UdpSocket};

/// Sends packets as UDP datagrams from a bound socket of `embassy-net`. It never waits.
///
/// ```
/// use embassy_net::{IpEndpoint, udp::UdpSocket};
/// use microspan::{Drain, Udp};
/// async fn run(socket: UdpSocket<'_>, host: IpEndpoint, drain: &mut Drain<1472>) {
///     let mut link = Udp::new(&socket, host);
///     while let Ok(true) = drain.poll(&mut link) {}
/// }
/// ```
pub struct Udp<'u, 's> {
    socket: &'u UdpSocket<'s>,
    to: UdpMetadata,
}

impl<'u, 's> Udp<'u, 's> {
    /// A transport to this endpoint. The socket's send buffer must hold at least one packet of the drain's MTU.
    ///
    /// ```
    /// # use embassy_net::{IpEndpoint, udp::UdpSocket};
    /// # fn link(socket: &UdpSocket<'_>, host: IpEndpoint) {
    /// let link = microspan::Udp::new(socket, host);
    /// # }
    /// ```
    pub fn new(socket: &'u UdpSocket<'s>, to: impl Into<UdpMetadata>) -> Self {
        Self { socket, to: to.into() }
    }
}

impl Udp<'_, '_> {
    /// The request that came to the socket, if one did: for [`Drain::answer`](crate::Drain::answer). It takes one datagram a
    /// call, drops what is no request, and never waits.
    ///
    /// ```
    /// use microspan::{Drain, Udp};
    /// fn hear(drain: &mut Drain<1472>, link: &mut Udp<'_, '_>) {
    ///     while let Some(request) = link.request() {
    ///         drain.answer(&request);
    ///     }
    /// }
    /// ```
    pub fn request(&mut self) -> Option<Request> {
        let mut buffer = [0; Request::LEN];
        match self.socket.poll_recv_from(&mut buffer, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok((len, _))) => Request::parse(buffer.get(..len)?),
            _ => None,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.to.endpoint.port
    }
}

impl Transport for Udp<'_, '_> {
    type Error = SendError;

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<SendError>> {
        // The drain comes again by its own period, so nobody needs to be woken.
        match self.socket.poll_send_to(packet, self.to, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(sent) => sent.map_err(Refused::Gone),
            Poll::Pending => Err(Refused::WouldBlock),
        }
    }
}

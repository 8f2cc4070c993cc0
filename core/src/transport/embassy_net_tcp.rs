//! A TCP connection over `embassy-net` that does not say more than its peer has acknowledged.

use embassy_net::tcp::{Error, TcpSocket};
use embedded_io_async::{ErrorType, Write};

/// A connected TCP socket of `embassy-net`, for [`AsyncStream`](crate::AsyncStream).
///
/// The socket's own `flush` also returns when the connection is gone and bytes are left; this one fails then, so that no
/// packet is taken for sent that the peer has not acknowledged. What it has acknowledged and not read when it dies is lost, as
/// the sequence of packets tells its successor.
///
/// Set a [timeout](TcpSocket::set_timeout) on the socket: without one a peer that vanished without a word is waited for for
/// ever. The send buffer may be as short as a packet.
///
/// ```
/// use embassy_net::{IpEndpoint, tcp::TcpSocket};
/// use microspan::{AsyncStream, Drain, Tcp};
/// // Again and again, each time with a new socket.
/// async fn run(socket: &mut TcpSocket<'_>, host: IpEndpoint, drain: &mut Drain<1024>) {
///     if socket.connect(host).await.is_ok() {
///         let mut link = AsyncStream::new(Tcp::new(socket));
///         while link.send(drain).await.is_ok() {
///             // and wait a little
/// #           core::future::ready(()).await
///         }
///     }
/// }
/// ```
pub struct Tcp<'t, 's> {
    socket: &'t mut TcpSocket<'s>,
}

impl<'t, 's> Tcp<'t, 's> {
    /// The stream of this connection.
    ///
    /// ```
    /// # fn link(socket: &mut embassy_net::tcp::TcpSocket<'_>) {
    /// let link = microspan::AsyncStream::new(microspan::Tcp::new(socket));
    /// # }
    /// ```
    pub fn new(socket: &'t mut TcpSocket<'s>) -> Self {
        Self { socket }
    }

    /// The socket, for what comes from its peer: a [`RequestDecoder`](crate::wire::RequestDecoder) takes it.
    ///
    /// ```
    /// # fn has_word(link: &mut microspan::AsyncStream<microspan::Tcp<'_, '_>>) -> bool {
    /// link.get_mut().socket().can_recv()
    /// # }
    /// ```
    pub fn socket(&mut self) -> &mut TcpSocket<'s> {
        self.socket
    }
}

impl Tcp<'_, '_> {
    pub(crate) fn left(&self) -> usize {
        self.socket.send_queue()
    }
}

impl ErrorType for Tcp<'_, '_> {
    type Error = Error;
}

impl Write for Tcp<'_, '_> {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.socket.write(bytes).await
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.socket.flush().await?;
        if self.left() == 0 { Ok(()) } else { Err(Error::ConnectionReset) }
    }
}

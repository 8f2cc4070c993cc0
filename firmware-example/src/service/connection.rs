//! A TCP connection to the host that is made again whenever it breaks.

use embassy_net::Stack;
use embassy_net::tcp::TcpSocket;
use embassy_time::{Duration, Timer, with_timeout};

use super::backoff::Backoff;
use crate::board::lm3s6965::HOST;

/// A peer that has acknowledged nothing for so long is gone.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// What the peer of an ended connection has to hear of it.
const FAREWELL: Duration = Duration::from_millis(100);

/// Connects to this port of the host and has `serve` use the connection, again and again, until it returns `Ok`.
///
/// `serve` resets the pauses between attempts once a connection has proved good.
pub async fn keep<E: defmt::Format>(
    stack: Stack<'static>,
    port: u16,
    transmit: &mut [u8],
    mut serve: impl AsyncFnMut(&mut TcpSocket<'_>, &mut Backoff) -> Result<(), E>,
) {
    let mut receive = [0; 256];
    let mut backoff = Backoff::new();
    loop {
        let mut socket = TcpSocket::new(stack, &mut receive, transmit);
        socket.set_timeout(Some(PATIENCE));
        if let Err(error) = socket.connect((HOST, port)).await {
            defmt::warn!("no connection: {}", error);
        } else {
            defmt::info!("connected");
            match serve(&mut socket, &mut backoff).await {
                Ok(()) => {
                    socket.close();
                    // All is acknowledged: it does not matter whether the end is, too.
                    let _ = with_timeout(FAREWELL, socket.flush()).await;
                    return;
                }
                Err(error) => defmt::warn!("the connection broke: {}", error),
            }
        }
        socket.abort();
        // A peer that does not hear it finds out by itself.
        let _ = with_timeout(FAREWELL, socket.flush()).await;
        drop(socket);
        Timer::after(backoff.pause()).await;
    }
}

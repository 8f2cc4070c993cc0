//! The way back to devices: what the bridge asks of them.

use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};

use microspan::wire::{Request, write_frame};

/// A stream's way back, while it is open.
pub(super) type Back = Arc<Mutex<Option<Box<dyn Write + Send>>>>;

/// How devices are reached over a link.
pub(super) enum Way {
    None,
    Udp(Option<UdpSocket>),
    Stream(Back),
}

/// Where a packet came from.
#[derive(Clone, Copy)]
pub(super) enum From {
    Address(SocketAddr),
    Stream,
}

impl Way {
    /// Asks whoever sent a packet. One that does not get through is asked again when the next packet comes.
    pub(super) fn ask(&mut self, request: &Request, from: From) {
        match (self, from) {
            (Self::Udp(Some(socket)), From::Address(address)) => {
                let _ = socket.send_to(&request.encode(), address);
            }
            (Self::Stream(back), From::Stream) => {
                // A zero first: it ends what was cut short before.
                let mut frame = vec![0];
                let Ok(()) = write_frame(&request.encode(), |bytes| {
                    frame.extend_from_slice(bytes);
                    Ok::<_, std::convert::Infallible>(())
                });
                if let Some(stream) = &mut *back.lock().unwrap_or_else(PoisonError::into_inner) {
                    let _ = stream.write_all(&frame);
                }
            }
            _ => {}
        }
    }
}

/// Opens or ends a stream's way back.
pub(super) fn set(back: &Back, stream: Option<Box<dyn Write + Send>>) {
    *back.lock().unwrap_or_else(PoisonError::into_inner) = stream;
}

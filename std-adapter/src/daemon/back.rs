//! The way back to devices: what the bridge asks of them.

use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use microspan::wire::{Request, write_frame};

/// A stream's way back, while it is open.
pub(super) type Back = Arc<Mutex<Option<Box<dyn Write + Send>>>>;

/// How long nothing is asked over a stream that took no request: each try may wait, and all links wait with it.
const SILENCE: Duration = Duration::from_secs(60);

/// How devices are reached over a link.
pub(super) enum Way {
    None,
    Udp(Option<UdpSocket>),
    Stream {
        back: Back,
        /// When it took no request last.
        refused: Option<Instant>,
    },
}

/// Where a packet came from.
#[derive(Clone, Copy)]
pub(super) enum From {
    Address(SocketAddr),
    Stream,
}

impl Way {
    pub(super) fn stream(back: Back) -> Self {
        Self::Stream { back, refused: None }
    }

    /// Whether somebody can be asked.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::None | Self::Udp(None) => false,
            Self::Udp(Some(_)) => true,
            Self::Stream { refused, .. } => refused.is_none_or(|at| at.elapsed() >= SILENCE),
        }
    }

    /// Asks whoever sent a packet. One that does not get through is asked again when the next packet comes.
    pub(super) fn ask(&mut self, request: &Request, from: From) {
        match (self, from) {
            (Self::Udp(Some(socket)), From::Address(address)) => {
                let _ = socket.send_to(&request.encode(), address);
            }
            (Self::Stream { refused: Some(at), .. }, From::Stream) if at.elapsed() < SILENCE => {}
            (Self::Stream { back, refused }, From::Stream) => {
                // A zero first: it ends what was cut short before.
                let mut frame = vec![0];
                let Ok(()) = write_frame(&request.encode(), |bytes| {
                    frame.extend_from_slice(bytes);
                    Ok::<_, std::convert::Infallible>(())
                });
                if let Some(stream) = &mut *back.lock().unwrap_or_else(PoisonError::into_inner) {
                    *refused = stream.write_all(&frame).is_err().then(Instant::now);
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Full(Arc<AtomicUsize>);

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Err(io::ErrorKind::WouldBlock.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stream_that_takes_no_request_is_waited_for_once() {
        let (back, tries) = (Back::default(), Arc::new(AtomicUsize::new(0)));
        set(&back, Some(Box::new(Full(tries.clone()))));
        let mut way = Way::stream(back);
        for _ in 0..3 {
            way.ask(&Request { session: None, sync: true, names: true, time: None }, From::Stream);
        }
        assert_eq!(tries.load(Ordering::Relaxed), 1);
    }
}

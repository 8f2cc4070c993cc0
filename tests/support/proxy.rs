//! A TCP proxy that breaks connections.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A proxy in front of a port of 127.0.0.1, one connection at a time. It lives as long as the test.
pub struct Proxy {
    port: u16,
    broken: Arc<AtomicUsize>,
}

impl Proxy {
    /// Starts one that breaks the first connections after so many bytes of theirs each, and none that comes then.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start(to: u16, breaks_after: Vec<usize>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let broken = Arc::new(AtomicUsize::new(0));
        let count = broken.clone();
        thread::spawn(move || {
            let mut limits = breaks_after.into_iter();
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", to))) else {
                    return;
                };
                let limit = limits.next();
                if forward(&client, &server, limit) && limit.is_some() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                // Whatever the client has sent beyond that is lost, with a reset.
                let _ = server.shutdown(Shutdown::Both);
            }
        });
        Self { port, broken }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections it broke.
    pub fn broken(&self) -> usize {
        self.broken.load(Ordering::Relaxed)
    }
}

/// Passes bytes on, to the client's end or up to a limit; returns whether it was the limit.
fn forward(mut client: &TcpStream, mut server: &TcpStream, limit: Option<usize>) -> bool {
    let mut buffer = [0; 512];
    let mut left = limit.unwrap_or(usize::MAX);
    while left > 0 {
        let room = buffer.len().min(left);
        match client.read(&mut buffer[..room]) {
            Ok(length @ 1..) if server.write_all(&buffer[..length]).is_ok() => left -= length,
            _ => return false,
        }
    }
    true
}

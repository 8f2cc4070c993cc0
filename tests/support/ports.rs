//! Ports that nobody has.

use std::net::{TcpListener, UdpSocket};

/// A TCP port of 127.0.0.1 that was free a moment ago.
///
/// # Panics
/// When the system has none.
pub fn tcp() -> u16 {
    let [port] = several();
    port
}

/// TCP ports of 127.0.0.1 that were free a moment ago, no two of them the same.
///
/// # Panics
/// When the system has none.
pub fn several<const N: usize>() -> [u16; N] {
    // All are held before the first is given back.
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free TCP port"));
    held.map(|listener| listener.local_addr().expect("the address of a listener").port())
}

/// A UDP port of 127.0.0.1 that was free a moment ago.
///
/// # Panics
/// When the system has none.
pub fn udp() -> u16 {
    let held = UdpSocket::bind("127.0.0.1:0").expect("a free UDP port");
    held.local_addr().expect("the address of a socket").port()
}

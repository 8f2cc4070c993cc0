//! A pseudo-terminal, which a program takes for a serial device.
//!
//! QEMU has its own, and closes it the moment the firmware ends: what was not read by then is lost. This one stays.

use std::fs::File;
use std::io::{self, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::process::eventually;

/// A pseudo-terminal; its device goes away when this is dropped.
pub struct Terminal {
    end: File,
    path: String,
}

impl Terminal {
    /// A new one.
    ///
    /// # Panics
    /// When the system gives none.
    pub fn open() -> Self {
        let end = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&end).and_then(|()| unlockpt(&end)).expect("a pseudo-terminal to be opened");
        let path = ptsname(&end, Vec::new()).expect("the path of a pseudo-terminal");
        Self { end: File::from(end), path: path.to_string_lossy().into_owned() }
    }

    /// The path of its device.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Connects to a TCP port and has everything that comes from it come out of the device, to its end.
    ///
    /// # Panics
    /// When nobody listens, or nothing comes for a minute.
    pub fn feed(&mut self, port: u16) {
        let connect = || TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string());
        let mut source = eventually(Duration::from_secs(20), connect);
        let fed = source
            .set_read_timeout(Some(Duration::from_secs(60)))
            .and_then(|()| io::copy(&mut source, &mut self.end))
            .and_then(|_| self.end.flush());
        fed.unwrap_or_else(|error| panic!("cannot feed {} from port {port}: {error}", self.path));
    }
}

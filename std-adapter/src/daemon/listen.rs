//! Byte streams from peers that connect to us: each connection is a stream of its own.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::input::{Event, Outlet, WAIT, bytes};

/// How many connections there are at a time. One more takes the place of the one that was silent longest: a device that lost
/// its power has not closed the one before.
const CONNECTIONS: usize = 64;

/// The connections that are read.
type Open = Arc<Mutex<Vec<Arc<Connection>>>>;

struct Connection {
    link: usize,
    stream: TcpStream,
    /// When it said something last, by the bridge's monotonic time.
    heard: AtomicU64,
}

/// Takes connections until the bridge shall stop.
pub(super) fn listen(listener: &TcpListener, outlet: &Outlet) {
    let open = Open::default();
    while outlet.goes_on().is_ok() {
        match listener.accept() {
            Ok((stream, peer)) => {
                log::info!("{peer} has connected");
                if let Err(error) = start(stream, &open, outlet) {
                    log::warn!("{peer} is not read: {error}");
                }
            }
            // Nobody came, or somebody who went at once.
            Err(_) => thread::sleep(WAIT),
        }
    }
}

/// Reads a connection on a thread of its own until it ends.
fn start(stream: TcpStream, open: &Open, outlet: &Outlet) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(WAIT))?;
    let outlet = outlet.another_link();
    let heard = AtomicU64::new(outlet.now().monotonic);
    let mut source = stream.try_clone()?;
    let connection = Arc::new(Connection { link: outlet.link, stream, heard });
    admit(&mut open.lock().unwrap_or_else(PoisonError::into_inner), connection.clone());
    let open = open.clone();
    thread::Builder::new().name(format!("microspan-link-{}", outlet.link)).spawn(move || {
        let mut hear = || connection.heard.store(outlet.now().monotonic, Ordering::Relaxed);
        let ended = bytes(&mut source, &outlet, &mut hear);
        open.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| other.link != connection.link);
        if ended.is_ok() {
            // When the bridge is over nobody needs to know.
            let _ = outlet.send(Event::Broken { link: outlet.link });
        }
    })?;
    Ok(())
}

/// Makes room for a connection.
fn admit(open: &mut Vec<Arc<Connection>>, connection: Arc<Connection>) {
    if open.len() >= CONNECTIONS {
        let silent = open.iter().min_by_key(|connection| connection.heard.load(Ordering::Relaxed));
        if let Some(silent) = silent.cloned() {
            log::warn!("there are {CONNECTIONS} connections: the one that was silent longest is closed");
            // Its thread reads the end, also when the peer is gone.
            let _ = silent.stream.shutdown(Shutdown::Both);
            open.retain(|other| other.link != silent.link);
        }
    }
    open.push(connection);
}

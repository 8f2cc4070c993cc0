//! Byte streams from peers that connect to us: each connection is a stream of its own.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::back::{Back, Way, set};
use super::input::{ASKING, Event, Outlet, WAIT, bytes};

/// How many connections there are at a time. One more takes the place of the one that was silent longest: a device that lost
/// its power has not closed the one before.
const CONNECTIONS: usize = 64;

/// How often it looks whether somebody has come.
const GLANCE: Duration = Duration::from_millis(20);

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
            Err(_) => thread::sleep(GLANCE),
        }
    }
}

/// Reads a connection on a thread of its own until it ends.
fn start(stream: TcpStream, open: &Open, outlet: &Outlet) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(WAIT))?;
    let outlet = outlet.another_link();
    let heard = AtomicU64::new(outlet.now().monotonic);
    stream.set_write_timeout(Some(ASKING))?;
    let (mut source, writer) = (stream.try_clone()?, stream.try_clone()?);
    let connection = Arc::new(Connection { link: outlet.link, stream, heard });
    admit(&mut open.lock().unwrap_or_else(PoisonError::into_inner), connection.clone());
    let (open, back) = (open.clone(), Back::default());
    set(&back, Some(Box::new(writer)));
    thread::Builder::new().name(format!("microspan-link-{}", outlet.link)).spawn(move || {
        // When the bridge is over reading ends, too.
        let _ = outlet.send(Event::Connected { link: outlet.link, way: Way::stream(back) });
        let mut hear = || connection.heard.store(outlet.now().monotonic, Ordering::Relaxed);
        let ended = bytes(&mut source, &outlet, &mut hear);
        open.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| other.link != connection.link);
        if ended.is_ok() {
            // When the bridge is over nobody needs to know.
            let _ = outlet.send(Event::Ended { link: outlet.link });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::back::From;
    use microspan::wire::{Request, RequestDecoder};
    use std::io::{Read, Write};
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc;
    use std::time::Instant;

    #[test]
    fn one_connection_too_many_takes_the_place_of_the_silent_one_and_each_has_its_own_stream() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (events, received) = mpsc::sync_channel(1_000);
        let stop = Arc::new(AtomicBool::new(false));
        let outlet =
            Outlet { link: 0, events, stop: stop.clone(), started: Instant::now(), links: Arc::default() };
        let listening = thread::spawn(move || listen(&listener, &outlet));

        let request = Request { session: None, sync: true, names: true, time: None };
        let next = || loop {
            match received.recv_timeout(Duration::from_secs(10)).expect("something is to happen") {
                Event::Connected { mut way, .. } => way.ask(&request, From::Stream),
                event => break event,
            }
        };
        let connect = || {
            let mut client = TcpStream::connect(address).unwrap();
            client.write_all(b"x").unwrap();
            client
        };
        let mut clients: Vec<(TcpStream, usize)> = (0..CONNECTIONS)
            .map(|_| match (connect(), next()) {
                (client, Event::Bytes { link, .. }) => (client, link),
                _ => panic!("the byte is expected"),
            })
            .collect();
        let (first, second) = (clients[0].1, clients[1].1);
        assert_ne!(first, second);
        clients[0].0.write_all(b"y").unwrap();
        assert!(matches!(next(), Event::Bytes { link, .. } if link == first));
        let _last = connect();
        let closed = [next(), next()].into_iter().find_map(|event| match event {
            Event::Ended { link } => Some(link),
            _ => None,
        });
        assert_eq!(closed, Some(second), "the second was silent longest");
        let mut clients = clients.into_iter().map(|(client, _)| client).collect::<Vec<_>>();
        clients[1].set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        // Each was asked, over its own connection.
        let (mut heard, mut requests) = (Vec::new(), RequestDecoder::new());
        clients[1].read_to_end(&mut heard).unwrap();
        assert!(heard.into_iter().filter_map(|byte| requests.byte(byte)).eq([request]));
        stop.store(true, Ordering::Relaxed);
        listening.join().unwrap();
    }
}

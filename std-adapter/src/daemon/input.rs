//! The links: where bytes come from, what happens when they stop coming, and the way back.
//!
//! A link that can come back (a TCP peer, a serial device) is tried again every second, and said once when it is gone
//! and once when it is back.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::back::{Back, Way, set};
use super::listen::listen;
use super::mqtt::{Broker, subscribe};
use super::time;
use crate::decode::Arrival;
use crate::error::BridgeError;

/// How long a read waits before the link looks whether it shall stop.
pub(super) const WAIT: Duration = Duration::from_millis(200);
/// How long a request waits for room on a stream, which a device that does not read has none of.
pub(super) const ASKING: Duration = Duration::from_millis(50);
/// How long a link that is gone rests before it is tried again.
pub(super) const REST: Duration = Duration::from_secs(1);
/// More than a datagram or a read brings.
const PIECE: usize = 4096;
/// How many datagrams are still read at the end: more than a kernel holds.
const LAST_DATAGRAMS: usize = 10_000;
/// The rate of a serial line that names none.
const BAUD: u32 = 115_200;
/// The longest recording: it is held in memory, because it is read twice.
const RECORDING: u64 = 256 << 20;

/// A link to devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Datagrams to this address and port.
    Udp(String),
    /// A byte stream from a peer that listens at this address and port.
    Tcp(String),
    /// Byte streams from peers that connect to this address and port.
    TcpListen(String),
    /// Publications of the MQTT 5 broker at this URL, `mqtt://[USER:PASSWORD@]HOST[:PORT][/PREFIX]`.
    Mqtt(String),
    /// A byte stream from a serial device, `PATH` or `PATH:BAUD`.
    Serial(String),
    /// A byte stream from standard input.
    Stdin,
    /// A byte stream that was recorded.
    File(PathBuf),
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(address) => write!(f, "udp {address}"),
            Self::Tcp(address) => write!(f, "tcp {address}"),
            Self::TcpListen(address) => write!(f, "tcp connections to {address}"),
            // What stands before the `@` is a secret.
            Self::Mqtt(url) => write!(f, "mqtt {}", url.rsplit('@').next().unwrap_or_default()),
            Self::Serial(path) => write!(f, "serial {path}"),
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

/// What a link has to say.
pub(super) enum Event {
    Datagram {
        link: usize,
        from: SocketAddr,
        bytes: Box<[u8]>,
        at: Arrival,
    },
    Bytes {
        link: usize,
        bytes: Box<[u8]>,
        at: Arrival,
    },
    /// A packet from whom nobody can ask.
    Message {
        bytes: Box<[u8]>,
        at: Arrival,
    },
    /// One that was kept for those that come late.
    Kept {
        bytes: Box<[u8]>,
    },
    /// A stream begins, and how its device is reached.
    Connected {
        link: usize,
        way: Way,
    },
    /// It has ended for good.
    Ended {
        link: usize,
    },
    /// The stream was interrupted: what comes next does not continue what came last.
    Broken {
        link: usize,
    },
    /// A whole stream, and when it ended in Unix nanoseconds.
    Recording {
        bytes: Vec<u8>,
        recorded: i64,
    },
}

/// A link that was opened, or that can be.
pub(super) enum Reader {
    Udp(UdpSocket),
    Listener(TcpListener),
    Broker(Broker),
    /// A stream that is opened again whenever it ends; it may be open already.
    Stream {
        input: Input,
        first: Option<Open>,
        open: Box<dyn Fn() -> io::Result<Open> + Send>,
        back: Back,
    },
    Stdin,
    Recording {
        bytes: Vec<u8>,
        recorded: i64,
    },
}

/// A stream in both directions.
type Open = (Box<dyn Read + Send>, Box<dyn Write + Send>);

impl Reader {
    pub(super) fn open(input: Input) -> Result<Self, BridgeError> {
        let failed = |cause| BridgeError::Link { input: input.to_string(), hint: input.hint(), cause };
        match &input {
            Input::Udp(address) => {
                let socket = UdpSocket::bind(address).map_err(failed)?;
                socket.set_read_timeout(Some(WAIT)).map_err(failed)?;
                log::info!("listening on udp {}", socket.local_addr().map_err(failed)?);
                Ok(Self::Udp(socket))
            }
            Input::Tcp(address) => {
                // A name that is no address will not become one; a peer that is away may come.
                address.to_socket_addrs().map_err(failed)?;
                let address = address.clone();
                let open = move || {
                    let stream = TcpStream::connect(&address)?;
                    stream.set_read_timeout(Some(WAIT))?;
                    stream.set_write_timeout(Some(ASKING))?;
                    let back = stream.try_clone()?;
                    Ok((Box::new(stream) as _, Box::new(back) as _))
                };
                Ok(Self::Stream { input, first: None, open: Box::new(open), back: Back::default() })
            }
            Input::TcpListen(address) => {
                let listener = TcpListener::bind(address).map_err(failed)?;
                listener.set_nonblocking(true).map_err(failed)?;
                log::info!("listening on tcp {}", listener.local_addr().map_err(failed)?);
                Ok(Self::Listener(listener))
            }
            Input::Mqtt(url) => Ok(Self::Broker(Broker::parse(url).map_err(failed)?)),
            Input::Serial(line) => {
                let (path, baud) = serial_line(line);
                let open = move || {
                    let mut port = serial2::SerialPort::open(&path, baud)?;
                    port.set_read_timeout(WAIT)?;
                    let mut back = port.try_clone()?;
                    back.set_write_timeout(ASKING)?;
                    Ok((Box::new(port) as _, Box::new(back) as _))
                };
                // The first time it must be there: a mistyped path is not a device that was unplugged.
                let first = Some(open().map_err(failed)?);
                log::info!("reading {input}");
                Ok(Self::Stream { input, first, open: Box::new(open), back: Back::default() })
            }
            Input::Stdin => Ok(Self::Stdin),
            Input::File(path) => {
                // Asked before it is opened: opening a pipe waits for whoever writes to it.
                if !path.metadata().map_err(failed)?.is_file() {
                    return Err(failed(io::Error::other("it is no regular file")));
                }
                let file = File::open(path).map_err(failed)?;
                let ended =
                    file.metadata().and_then(|about| about.modified()).unwrap_or_else(|_| SystemTime::now());
                let mut bytes = Vec::new();
                file.take(RECORDING + 1).read_to_end(&mut bytes).map_err(failed)?;
                if bytes.len() as u64 > RECORDING {
                    return Err(failed(io::Error::other("it is longer than 256 MiB")));
                }
                Ok(Self::Recording { bytes, recorded: time::unix(ended) })
            }
        }
    }

    /// The way back.
    pub(super) fn way(&self) -> Way {
        match self {
            Self::Udp(socket) => Way::Udp(socket.try_clone().ok()),
            Self::Stream { back, .. } => Way::stream(back.clone()),
            Self::Listener(_) | Self::Broker(_) | Self::Stdin | Self::Recording { .. } => Way::None,
        }
    }

    /// Reads on a thread of its own until the link ends or `stop` is set.
    pub(super) fn start(self, outlet: Outlet) -> io::Result<()> {
        thread::Builder::new()
            .name(format!("microspan-link-{}", outlet.link))
            .spawn(move || self.read(&outlet))?;
        Ok(())
    }

    fn read(self, outlet: &Outlet) {
        match self {
            Self::Udp(socket) => datagrams(&socket, outlet),
            Self::Listener(listener) => listen(&listener, outlet),
            Self::Broker(broker) => subscribe(&broker, outlet),
            Self::Stream { input, first, open, back } => stream(&input, first, &open, &back, outlet),
            Self::Stdin => drop(bytes(&mut io::stdin().lock(), outlet, &mut || {})),
            Self::Recording { bytes, recorded } => drop(outlet.send(Event::Recording { bytes, recorded })),
        }
    }
}

impl Input {
    /// What to do when it cannot be opened.
    fn hint(&self) -> &'static str {
        match self {
            Self::Udp(_) | Self::TcpListen(_) => {
                "give an address of this machine and a port that no other program has; port 0 takes a free one"
            }
            Self::Tcp(_) => "give HOST:PORT of a device, or of an emulator's serial port",
            Self::Mqtt(_) => {
                "give mqtt://[USER:PASSWORD@]HOST[:PORT][/PREFIX]; the prefix is `microspan` without one"
            }
            Self::Serial(_) => {
                "look for the device with `ls /dev/tty*`; you may need to be in the group `dialout`"
            }
            Self::Stdin | Self::File(_) => {
                "give the path of a recorded byte stream; pipe a longer one into --stdin"
            }
        }
    }
}

/// A path, and a baud rate behind the last colon if there is a number.
fn serial_line(line: &str) -> (String, u32) {
    match line.rsplit_once(':').and_then(|(path, baud)| Some((path, baud.parse().ok()?))) {
        Some((path, baud)) => (path.to_owned(), baud),
        None => (line.to_owned(), BAUD),
    }
}

/// What a link's thread needs to hand over what it reads.
#[derive(Clone)]
pub(super) struct Outlet {
    pub(super) link: usize,
    pub(super) events: SyncSender<Event>,
    pub(super) stop: Arc<AtomicBool>,
    /// The origin of monotonic time.
    pub(super) started: Instant,
    /// How many links there were.
    pub(super) links: Arc<AtomicUsize>,
}

/// The bridge has ended, or shall.
pub(super) struct Over;

impl Outlet {
    /// That of one more link.
    pub(super) fn another_link(&self) -> Self {
        Self { link: self.links.fetch_add(1, Ordering::Relaxed), ..self.clone() }
    }

    pub(super) fn send(&self, event: Event) -> Result<(), Over> {
        self.events.send(event).map_err(|_| Over)
    }

    pub(super) fn goes_on(&self) -> Result<(), Over> {
        if self.stop.load(Ordering::Relaxed) { Err(Over) } else { Ok(()) }
    }

    pub(super) fn now(&self) -> Arrival {
        time::now(self.started)
    }
}

fn datagrams(socket: &UdpSocket, outlet: &Outlet) {
    let mut buffer = [0; PIECE];
    let hand_over = |came: io::Result<(usize, SocketAddr)>, buffer: &[u8]| match came {
        Ok((len, from)) => {
            let (link, bytes, at) = (outlet.link, buffer[..len].into(), outlet.now());
            outlet.send(Event::Datagram { link, from, bytes, at })
        }
        // A time-out, or the echo of something that was sent from this port: neither ends the link.
        Err(_) => Ok(()),
    };
    while outlet.goes_on().is_ok() {
        let came = socket.recv_from(&mut buffer);
        if hand_over(came, &buffer).is_err() {
            return;
        }
    }
    // What came before the end and was not read yet; bounded, since senders may go on.
    if socket.set_nonblocking(true).is_ok() {
        for _ in 0..LAST_DATAGRAMS {
            let came = socket.recv_from(&mut buffer);
            if came.is_err() || hand_over(came, &buffer).is_err() {
                return;
            }
        }
    }
}

/// A stream that comes back: says once that it is gone and once that it is back.
fn stream(
    input: &Input,
    first: Option<Open>,
    open: &dyn Fn() -> io::Result<Open>,
    back: &Back,
    outlet: &Outlet,
) {
    let mut opened = first.map(Ok);
    let mut gone = false;
    while outlet.goes_on().is_ok() {
        let already_open = opened.is_some();
        let error = match opened.take().unwrap_or_else(open) {
            Ok((mut source, writer)) => {
                set(back, Some(writer));
                if !already_open && !gone {
                    log::info!("reading {input}");
                }
                // Back when it says something: a peer that takes connections only to end them is not.
                let mut heard = || {
                    if std::mem::take(&mut gone) {
                        log::info!("reading {input} again");
                    }
                };
                let ended = bytes(&mut source, outlet, &mut heard);
                set(back, None);
                match ended {
                    Err(Over) => return,
                    Ok(error) => error,
                }
            }
            Err(error) => error,
        };
        if !std::mem::replace(&mut gone, true) {
            log::warn!("{input} is not there ({error}); trying again every second");
        }
        if outlet.send(Event::Broken { link: outlet.link }).is_err() {
            return;
        }
        thread::sleep(REST);
    }
}

/// Reads to the end, telling `heard` of each piece; returns why it ended.
pub(super) fn bytes(
    source: &mut dyn Read,
    outlet: &Outlet,
    heard: &mut dyn FnMut(),
) -> Result<io::Error, Over> {
    let mut buffer = [0; PIECE];
    loop {
        outlet.goes_on()?;
        match source.read(&mut buffer) {
            Ok(0) => return Ok(io::Error::new(io::ErrorKind::UnexpectedEof, "it was closed")),
            Ok(len) => {
                heard();
                let (bytes, at) = (buffer[..len].into(), outlet.now());
                outlet.send(Event::Bytes { link: outlet.link, bytes, at })?;
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => {}
                _ => return Ok(error),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_line_names_its_rate_behind_a_colon() {
        assert_eq!(serial_line("/dev/ttyUSB0"), ("/dev/ttyUSB0".to_owned(), 115_200));
        assert_eq!(serial_line("/dev/ttyUSB0:921600"), ("/dev/ttyUSB0".to_owned(), 921_600));
        assert_eq!(serial_line("/dev/serial/by-id/a:b"), ("/dev/serial/by-id/a:b".to_owned(), 115_200));
    }
}

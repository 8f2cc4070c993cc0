//! The program's tracer, and its spans over UDP.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use microspan::{Arena, Clock, Drain, Refused, Session, Tracer, Transport};
use microspan_std::threads::Threads;

/// How often finished spans are looked for.
const GLANCE: Duration = Duration::from_millis(10);
/// How often the session tells of itself, spans or not: the bridge then asks for its time.
const SYNC: Duration = Duration::from_millis(200);
/// The longest request of a bridge, and more.
const REQUEST: usize = 64;

/// Nanoseconds since the clock was first read.
struct Nanoseconds;

static START: LazyLock<(Instant, SystemTime)> = LazyLock::new(|| (Instant::now(), SystemTime::now()));

impl Clock for Nanoseconds {
    fn now(&self) -> u64 {
        START.0.elapsed().as_nanos() as u64
    }

    fn frequency(&self) -> u32 {
        1_000_000_000
    }
}

static ARENA: Arena<1024, 4096, 16> = Arena::new();
static TRACER: Tracer = Tracer::new(&ARENA, &Nanoseconds).context(&Threads::<16>).service("pantry");

struct Udp(UdpSocket);

impl Udp {
    /// Waits for a request of the bridge, and not for long.
    fn hear(&self, drain: &mut Drain<1472, 256>) {
        let mut request = [0; REQUEST];
        if let Ok(len) = self.0.recv(&mut request) {
            drain.hear(&request[..len]);
        }
    }
}

impl Transport for Udp {
    type Error = io::Error;

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<io::Error>> {
        match self.0.send(packet) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(Refused::WouldBlock),
            Err(error) => Err(Refused::Gone(error)),
        }
    }
}

/// The thread that sends spans.
pub struct Mail {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<u32>,
}

/// Has the program's spans sent to this bridge from now on.
pub fn start(bridge: SocketAddr) -> Result<Mail, Box<dyn std::error::Error>> {
    let key = RandomState::new().hash_one(SystemTime::now());
    let mut drain =
        Drain::<1472, 256>::new(&TRACER, Session::new(key)).ok_or("the tracer has a drain already")?;
    let base = START.1.duration_since(UNIX_EPOCH)?;
    drain.set_device("host").set_clock_base(base.as_nanos() as u64);
    microspan::set_global(&TRACER).map_err(|_| "the program has a tracer already")?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(bridge)?;
    socket.set_read_timeout(Some(GLANCE))?;
    let mut link = Udp(socket);
    let is_over = Arc::new(AtomicBool::new(false));
    let over = is_over.clone();
    let thread = thread::spawn(move || {
        let mut told: Option<Instant> = None;
        loop {
            // What is told last says how many spans there were.
            let is_over = over.load(Ordering::Acquire);
            if is_over || told.is_none_or(|told| told.elapsed() >= SYNC) {
                told = Some(Instant::now());
                drain.sync();
            }
            while drain.poll(&mut link).is_ok_and(|sent| sent) {}
            if is_over {
                return drain.spans();
            }
            link.hear(&mut drain);
        }
    });
    Ok(Mail { is_over, thread })
}

impl Mail {
    /// Sends what is left, and prints how many spans the program made.
    pub fn end(self) {
        self.is_over.store(true, Ordering::Release);
        // A thread that failed has said so.
        if let Ok(sent) = self.thread.join() {
            let dropped = TRACER.stats().spans_dropped();
            println!("{{\"spans_made\":{},\"spans_dropped\":{dropped}}}", sent + dropped);
        }
    }
}

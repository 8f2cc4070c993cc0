//! Runs the kitchen for a while: orders come in, spans go out, and at the end the books are balanced.

pub mod backoff;
pub mod connection;
pub mod mqtt;
pub mod post;
pub mod ready;
pub mod shift;

use embassy_time::{Duration, Instant, Ticker};
use microspan::wire::{Request, RequestDecoder};
use microspan::{Arena, Drain, Names, Refused, Rtt, Stream, Tracer, Transport, Udp};

use crate::app::{DEVICE, Kitchen, Order, SERVICE, TAGS};
use crate::board::host;
use crate::board::lm3s6965::systick::Microseconds;
use crate::board::lm3s6965::uart::Uart;
use crate::build_id::build_id;

static ARENA: Arena<32, 64> = Arena::new();

/// The kitchen's tracer.
pub static TRACER: Tracer = Tracer::new(&ARENA, &Microseconds).service(SERVICE).tags(TAGS);

/// An order comes every so often; between two of them the drain sends what the last one left.
const PERIOD: Duration = Duration::from_millis(20);

/// A link that goes both ways.
pub trait Link: Transport {
    /// The request that came over it, if one did.
    fn request(&mut self) -> Option<Request>;
}

impl Link for Udp<'_, '_> {
    fn request(&mut self) -> Option<Request> {
        Udp::request(self)
    }
}

/// RTT has down-channels, too; this program has none.
impl Link for Rtt {
    fn request(&mut self) -> Option<Request> {
        None
    }
}

/// Packets as frames on a serial line, and requests back.
pub struct Line {
    stream: Stream<Uart>,
    decoder: RequestDecoder,
}

impl Line {
    /// Over this port.
    pub const fn new(port: Uart) -> Self {
        Self { stream: Stream::new(port), decoder: RequestDecoder::new() }
    }
}

impl Transport for Line {
    type Error = <Stream<Uart> as Transport>::Error;

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<Self::Error>> {
        self.stream.send(packet)
    }
}

impl Link for Line {
    fn request(&mut self) -> Option<Request> {
        while let Some(byte) = self.stream.get_mut().received() {
            if let Some(request) = self.decoder.byte(byte) {
                return Some(request);
            }
        }
        None
    }
}

/// Serves orders for this many seconds, then sends what is left. With the argument `by_address=1` it tells names by where they
/// lie in this program.
///
/// Prints what was made, drained and dropped as one JSON object on the host's standard output, by this program's own
/// count.
pub async fn serve<const MTU: usize, const N: usize>(
    drain: &mut Drain<MTU, N>,
    link: &mut impl Link,
    seconds: u32,
) {
    drain.set_device(DEVICE).set_build_id(build_id());
    if host::argument("by_address") == Some(1) {
        drain.set_names(Names::ByAddress);
    }
    let mut kitchen = Kitchen::new(&TRACER);
    let mut ticker = Ticker::every(PERIOD);
    let end = Instant::now() + Duration::from_secs(seconds.into());
    let mut failed = 0_u32;
    for id in 0.. {
        if let Some(request) = link.request() {
            drain.answer(&request);
        }
        failed += u32::from(kitchen.make_sandwich_request(&Order::new(id)).is_err());
        send(drain, link);
        if Instant::now() >= end {
            break;
        }
        ticker.next().await;
    }
    // What is told last says how many spans there were, so that the host can tell whether it has them all.
    drain.sync();
    while !send(drain, link) {
        ticker.next().await;
    }
    defmt::info!("end: {} orders failed", failed);
    report(&TRACER, kitchen.spans_made(), drain);
}

/// Prints what was made, drained and dropped.
fn report<const MTU: usize, const NAMES: usize>(tracer: &Tracer, spans_made: u32, drain: &Drain<MTU, NAMES>) {
    let dropped = tracer.stats().spans_dropped();
    defmt::info!("{} spans made, {}", spans_made, tracer.stats());
    host::print(format_args!(
        "{{\"spans_made\":{spans_made},\"spans_drained\":{},\"spans_dropped\":{dropped}}}\n",
        drain.spans(),
    ));
}

/// Sends all there is; `false` when the link refused.
fn send<const MTU: usize, const N: usize>(drain: &mut Drain<MTU, N>, link: &mut impl Transport) -> bool {
    loop {
        match drain.poll(link) {
            Ok(true) => {}
            Ok(false) => return true,
            Err(_) => return false,
        }
    }
}

//! A tracer of this process, and what a host makes of what it records.

use std::convert::Infallible;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Instant;

use microspan::{Arena, Clock, Drain, Refused, Session, Tracer, Transport};
use microspan_std::decode::{Arrival, Decoder};
use microspan_std::model::{Span, Value};
use microspan_std::threads::Threads;

struct Nanoseconds;

impl Clock for Nanoseconds {
    fn now(&self) -> u64 {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed().as_nanos() as u64
    }

    fn frequency(&self) -> u32 {
        1_000_000_000
    }
}

static ARENA: Arena<1024, 8192, 64> = Arena::new();
const RECORDING: Tracer = Tracer::new(&ARENA, &Nanoseconds).context(&Threads::<64>).service("bakery");
static TRACER: Tracer = RECORDING;
static FILTERING: Tracer = RECORDING.filter(&["unwanted"]);

/// The tracer of this program, and its host.
pub struct Recorded {
    drain: Drain<1472, 256>,
    host: Host,
}

#[derive(Default)]
struct Host {
    decoder: Decoder,
    spans: Vec<Span>,
}

impl Transport for Host {
    type Error = Infallible;

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<Infallible>> {
        let arrival = Arrival { unix: 1_700_000_000_000_000_000, monotonic: 0 };
        self.decoder.packet(packet, arrival, &mut |span| self.spans.push(span));
        Ok(())
    }
}

impl Recorded {
    /// Sets the tracer, and begins its session.
    ///
    /// # Panics
    /// When the program has a tracer.
    pub fn begin() -> Self {
        Self::of(&TRACER)
    }

    /// The same of a tracer that records no trace of the resource `unwanted`.
    ///
    /// # Panics
    /// When the program has a tracer.
    pub fn begin_filtering() -> Self {
        Self::of(&FILTERING)
    }

    fn of(tracer: &'static Tracer) -> Self {
        let drain = Drain::new(tracer, Session::new(0x7_0057)).expect("the first drain");
        microspan::set_global(tracer).expect("the first tracer");
        Self { drain, host: Host::default() }
    }

    /// The spans that were finished since.
    pub fn take(&mut self) -> Vec<Span> {
        // What is finished behind the place at which a look goes on is found by the next one.
        for _ in 0..2 {
            while self.drain.poll(&mut self.host) == Ok(true) {}
        }
        std::mem::take(&mut self.host.spans)
    }
}

static SHARED: LazyLock<Mutex<(Recorded, Vec<Span>)>> =
    LazyLock::new(|| Mutex::new((Recorded::begin(), Vec::new())));

/// The same for several tests that run beside each other.
#[derive(Debug)]
pub struct Shared;

impl Shared {
    /// Has the tracer be set by now.
    pub fn begin() {
        LazyLock::force(&SHARED);
    }

    /// The span with this id, if it was finished by now.
    ///
    /// # Panics
    /// When it was recorded twice.
    pub fn find(id: u64) -> Option<Span> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let (recorded, seen) = &mut *shared;
        seen.extend(recorded.take());
        let mut found = seen.iter().filter(|span| span.span_id == id);
        let span = found.next().cloned();
        assert!(found.next().is_none(), "{id} is there twice");
        span
    }
}

/// The span of this name.
///
/// # Panics
/// When there is none.
pub fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name} in {spans:?}"))
}

/// A tag, as it is shown.
pub fn tag(span: &Span, key: &str) -> Option<String> {
    span.tag(key).map(Value::to_string)
}

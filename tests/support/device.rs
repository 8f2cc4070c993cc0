//! A device on this machine: the real tracer and the real drain, on a clock of its own.

use std::sync::atomic::{AtomicU64, Ordering};

use microspan::wire::write_frame;
use microspan::{Arena, Clock, Drain, Refused, Session, Static, Tracer, Transport};

/// Milliseconds, moved by hand.
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn frequency(&self) -> u32 {
        1000
    }
}

/// Takes everything.
#[derive(Default)]
pub(crate) struct Kept(pub(crate) Vec<Vec<u8>>);

impl Transport for Kept {
    type Error = ();

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<()>> {
        self.0.push(packet.to_vec());
        Ok(())
    }
}

/// Spans of a trace of [`packets`].
pub const SPANS: u64 = 2;

/// The packets of a device that makes traces of a root and a child, each trace in a packet of its own.
///
/// # Panics
/// Never: the drain's buffer has room for a packet.
pub fn packets(session: u64, traces: usize) -> Vec<Vec<u8>> {
    let clock: &'static Hand = Box::leak(Box::new(Hand(AtomicU64::new(1_000))));
    let arena = Box::leak(Box::new(Arena::<8, 16>::new()));
    let tracer: &'static Tracer = Box::leak(Box::new(Tracer::new(arena, clock).service("desk-device")));
    let mut drain =
        Drain::<256>::new(tracer, Session::new(session)).expect("a buffer of 256 bytes holds a packet");
    let mut kept = Kept::default();
    for number in 0..traces {
        let root = tracer.trace("turn");
        root.set_tag("number", number);
        let child = tracer.trace("step");
        child.set_tag("foot", Static(if number % 2 == 0 { "left" } else { "right" }));
        clock.0.fetch_add(3, Ordering::Relaxed);
        drop(child);
        clock.0.fetch_add(2, Ordering::Relaxed);
        drop(root);
        while drain.poll(&mut kept) == Ok(true) {}
    }
    kept.0
}

/// A packet as a frame of a byte stream.
pub fn frame(packet: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    let Ok(()) = write_frame(packet, |bytes| {
        frame.extend_from_slice(bytes);
        Ok::<_, std::convert::Infallible>(())
    });
    frame
}

/// Numbers that look random and are the same every time.
pub struct Seeded(u64);

impl Seeded {
    /// Starts from this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }

    /// Some bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.below(256) as u8).collect()
    }

    /// The same things in another order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for end in (1..things.len()).rev() {
            things.swap(end, self.below(end + 1));
        }
    }

    /// A packet after an accident: cut short, or with a byte changed, or with bytes in it that were not sent.
    pub fn damage(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut damaged = packet.to_vec();
        let at = self.below(damaged.len());
        match self.below(3) {
            0 => damaged.truncate(at),
            1 => damaged[at] ^= 1 << self.below(8),
            _ => {
                let len = 1 + self.below(20);
                damaged.splice(at..at, self.bytes(len));
            }
        }
        damaged
    }
}

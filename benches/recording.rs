//! Workloads as a device sends them: on a real arena, through the drain, into packets.

use std::convert::Infallible;

use anyhow::{Result, anyhow, ensure};
use microspan::{Arena, Clock, Drain, Refused, Session, Stats, Tracer, Transport};
use microspan_std::decode::Arrival;

use crate::workloads::{Hand, SERVICE, TAGS, Workload};

const SPANS: usize = 1_024;
const CELLS: usize = 8_192;
/// How many finished spans wait in the arena before a packet is filled: more than one holds, so that all are full.
const WAITING: u32 = 256;
/// When the device was started, in nanoseconds since the Unix epoch.
pub const BOOT: i64 = 1_790_000_000_000_000_000;

/// Packets, and when each arrived.
#[derive(Debug, Default)]
pub struct Recording {
    pub spans: u32,
    pub packets: Vec<(Arrival, Vec<u8>)>,
}

/// A link without a delay.
struct Link<'a> {
    clock: &'a Hand,
    packets: &'a mut Vec<(Arrival, Vec<u8>)>,
}

impl Transport for Link<'_> {
    type Error = Infallible;

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<Infallible>> {
        let monotonic = self.clock.now() * 1_000;
        self.packets.push((Arrival { unix: BOOT + monotonic as i64, monotonic }, packet.to_vec()));
        Ok(())
    }
}

impl Recording {
    /// Records at least so many spans of a workload and drains them into packets of at most `MTU` bytes.
    pub fn of<const MTU: usize>(workload: &Workload, at_least: u32) -> Result<Self> {
        let clock: &'static Hand = Box::leak(Box::new(Hand::new()));
        let arena = Box::leak(Box::new(Arena::<SPANS, CELLS>::new()));
        let tracer: &'static Tracer =
            Box::leak(Box::new(Tracer::new(arena, clock).service(SERVICE).tags(&TAGS)));
        let session = Session::new(0x6d69_6372_6f73_7061);
        let mut drain = Drain::<MTU>::new(tracer, session).ok_or_else(|| anyhow!("no first drain"))?;
        let mut recording = Self::default();
        let mut link = Link { clock, packets: &mut recording.packets };
        for number in 0..at_least.div_ceil(workload.spans) {
            workload.trace(tracer, clock, number);
            recording.spans += workload.spans;
            while recording.spans - drain.spans() >= WAITING {
                // This link refuses nothing.
                let _ = drain.poll(&mut link);
            }
        }
        while let Ok(true) = drain.poll(&mut link) {}
        ensure!(tracer.stats() == Stats::default(), "spans or tags were dropped: {:?}", tracer.stats());
        ensure!(
            drain.spans() == recording.spans,
            "{} spans were made and {} drained",
            recording.spans,
            drain.spans()
        );
        Ok(recording)
    }
}

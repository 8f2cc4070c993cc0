//! Two interrupts of different priorities against thread mode, on one core.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use microspan::{Clock, Drain, Tracer};

use super::lane::{Core, Lane, add};
use super::report::Report;
use super::set::PLACES;
use super::shadow::Shadow;
use super::sink::{Sink, empty};

/// Bits of the shape of a thread's tree of spans, of a low interrupt's, of a high interrupt's.
const SHAPES: [u32; 3] = [6, 4, 2];
/// Spans by which the strings are told: the last one has a text.
const ROUNDS: u32 = 8;
/// Packets that are drained between two trees, at most.
const PACKETS: u32 = 8;
/// No packet is drained after one tree in 2^`IDLE`: now and then the arena runs full.
const IDLE: u32 = 2;

/// The three contexts: thread mode, an interrupt, and one that preempts it.
pub struct Nested {
    core: Core,
    lanes: &'static [Lane; 3],
    /// The strings are told.
    warm: AtomicBool,
    /// The low interrupt is being served.
    low: AtomicBool,
    low_over_thread: AtomicU32,
    high_over_thread: AtomicU32,
    high_over_low: AtomicU32,
}

impl Nested {
    /// The contexts of a tracer, whose lanes are those of thread mode, of the low and of the high interrupt.
    pub const fn new(tracer: &'static Tracer, clock: &'static dyn Clock, lanes: &'static [Lane; 3]) -> Self {
        Self {
            core: Core { tracer, clock, shadow: Shadow::new() },
            lanes,
            warm: AtomicBool::new(false),
            low: AtomicBool::new(false),
            low_over_thread: AtomicU32::new(0),
            high_over_thread: AtomicU32::new(0),
            high_over_low: AtomicU32::new(0),
        }
    }

    /// What the low interrupt does. Returns a number of 8 bits that looks random.
    pub fn low(&self) -> u32 {
        self.low.store(true, Ordering::Relaxed);
        let random = self.interrupt(1);
        add(&self.low_over_thread, 1);
        self.low.store(false, Ordering::Relaxed);
        random
    }

    /// What the high interrupt does. Returns a number of 8 bits that looks random.
    pub fn high(&self) -> u32 {
        let low = self.low.load(Ordering::Relaxed);
        let random = self.interrupt(2);
        add(if low { &self.high_over_low } else { &self.high_over_thread }, 1);
        random
    }

    fn interrupt(&self, lane: usize) -> u32 {
        let (lane, bits) = (&self.lanes[lane], SHAPES[lane]);
        lane.hit(&self.core);
        lane.tree(&self.core, if self.warm.load(Ordering::Relaxed) { lane.random(bits) } else { 0 });
        lane.random(8)
    }

    /// Makes one span after the other and drains each, until every string is told; `pend` asks for the low and for the high
    /// interrupt.
    pub fn warm_up<const MTU: usize, const NAMES: usize, const KIN: usize>(
        &self,
        drain: &mut Drain<MTU, NAMES>,
        sink: &mut Sink<KIN>,
        pend: [fn(); 2],
    ) {
        let thread = &self.lanes[0];
        for round in 0..ROUNDS {
            thread.introduce(&self.core, 1 + round % PLACES as u32);
            empty(drain, sink);
        }
        for interrupt in pend {
            let open = thread.open(&self.core);
            interrupt();
            thread.close(&self.core, open);
            empty(drain, sink);
        }
        self.warm.store(true, Ordering::Relaxed);
    }

    /// What thread mode does until so many spans were made: spans, and draining them.
    pub fn run<const MTU: usize, const NAMES: usize, const KIN: usize>(
        &self,
        drain: &mut Drain<MTU, NAMES>,
        sink: &mut Sink<KIN>,
        spans: u32,
    ) {
        let thread = &self.lanes[0];
        while self.lanes.iter().map(Lane::made).sum::<u32>() < spans {
            thread.tree(&self.core, thread.random(SHAPES[0]));
            if thread.random(IDLE) != 0 {
                // A packet that was refused is offered again next time.
                let _ = (0..PACKETS).try_for_each(|_| drain.poll(sink).ok().filter(|more| *more).map(drop));
            }
        }
    }

    /// Drains the rest, when the interrupts have ended, and balances the books.
    pub fn finish<const MTU: usize, const NAMES: usize, const KIN: usize>(
        &self,
        drain: &mut Drain<MTU, NAMES>,
        sink: &mut Sink<KIN>,
    ) -> Report {
        empty(drain, sink);
        drain.sync();
        empty(drain, sink);
        let count = |count: &AtomicU32| count.load(Ordering::Relaxed);
        Report::of(self.lanes, self.core.tracer, drain.spans(), sink)
            .with("low_over_thread", count(&self.low_over_thread))
            .with("high_over_thread", count(&self.high_over_thread))
            .with("high_over_low", count(&self.high_over_low))
    }
}

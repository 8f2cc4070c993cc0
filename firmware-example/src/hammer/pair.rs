//! Two cores on one arena, each with an interrupt; spans are started on one and finished on the other.

use core::hint::{black_box, spin_loop};
use core::sync::atomic::{AtomicU32, Ordering};

use heapless::spsc::{Consumer, Producer};
use microspan::{Clock, Drain, Tracer};

use super::lane::{Core, Lane, Open, add};
use super::report::Report;
use super::set::{PLACES, Set};
use super::shadow::Shadow;
use super::sink::{Sink, empty};

/// Bits of the shape of a thread's tree of spans, and of an interrupt's.
const SHAPES: [u32; 2] = [6, 3];
/// Spans by which the strings are told: the last one has a text.
const ROUNDS: u32 = 8;
/// One tree in 2^`GIVE` is followed by a span for the other core.
const GIVE: u32 = 1;
/// No packet is drained after one tree in 2^`IDLE`: now and then the arena runs full.
const IDLE: u32 = 3;
/// The second core rests when the arena is full, for fewer than 2^`REST` turns of a loop.
const REST: u32 = 16;
/// Packets that are drained between two trees, at most.
const PACKETS: u32 = 8;

// The phases of a run.
const FIRST_ALONE: u32 = 0;
/// The second core has used its strings.
const SECOND_WARM: u32 = 1;
/// All strings are told.
const WARM: u32 = 2;
/// The first core makes no more spans.
const FIRST_DONE: u32 = 3;
/// Nor does the second.
const BOTH_DONE: u32 = 4;

/// What a core hands to the other, and gets from it.
pub struct Mail {
    /// To the other core.
    pub out: Producer<'static, Open>,
    /// From the other core.
    pub inbox: Consumer<'static, Open>,
}

/// The two cores: thread mode and the interrupt of the first, thread mode and the interrupt of the second.
pub struct Pair {
    cores: [Core; 2],
    lanes: &'static [Lane; 4],
    /// Spans that each core gave to the other, and that it finished for the other.
    given: [AtomicU32; 2],
    finished: [AtomicU32; 2],
    /// How often each interrupt came.
    interrupts: [AtomicU32; 2],
    phase: AtomicU32,
}

impl Pair {
    /// The cores of a tracer. Its lanes are those of the first core's thread mode and interrupt, and the second's.
    pub const fn new(tracer: &'static Tracer, clock: &'static dyn Clock, lanes: &'static [Lane; 4]) -> Self {
        const fn zeros() -> [AtomicU32; 2] {
            [AtomicU32::new(0), AtomicU32::new(0)]
        }
        Self {
            cores: [
                Core { tracer, clock, shadow: Shadow::new() },
                Core { tracer, clock, shadow: Shadow::new() },
            ],
            lanes,
            given: zeros(),
            finished: zeros(),
            interrupts: zeros(),
            phase: AtomicU32::new(FIRST_ALONE),
        }
    }

    /// What the interrupt of a core does. Returns a number of 8 bits that looks random.
    pub fn interrupt(&self, core: usize) -> u32 {
        let (lane, on) = (&self.lanes[2 * core + 1], &self.cores[core]);
        lane.hit(on);
        lane.tree(on, if self.phase() >= WARM { lane.random(SHAPES[1]) } else { 0 });
        add(&self.interrupts[core], 1);
        lane.random(8)
    }

    fn phase(&self) -> u32 {
        self.phase.load(Ordering::Acquire)
    }

    /// A span into which the interrupt of its core comes, which `pend` asks for.
    fn warm_up(&self, core: usize, pend: fn()) {
        let (lane, on) = (&self.lanes[2 * core], &self.cores[core]);
        let open = lane.open(on);
        pend();
        lane.close(on, open);
    }

    /// Makes one span after the other on the first core and drains each, until every string is told that it uses; `pend`
    /// asks for its interrupt. The second core is to be started after it.
    pub fn warm_up_first<const MTU: usize, const NAMES: usize, const KIN: usize>(
        &self,
        drain: &mut Drain<MTU, NAMES>,
        sink: &mut Sink<KIN>,
        pend: fn(),
    ) {
        for round in 0..ROUNDS {
            self.lanes[0].introduce(&self.cores[0], 1 + round % PLACES as u32);
            empty(drain, sink);
        }
        self.warm_up(0, pend);
        empty(drain, sink);
    }

    /// What thread mode does on the first core until so many spans were made, and until the second core has ended: spans,
    /// and draining those of both. `tick` starts this core's timer.
    pub fn first<const MTU: usize, const NAMES: usize, const KIN: usize>(
        &self,
        mail: &mut Mail,
        drain: &mut Drain<MTU, NAMES>,
        sink: &mut Sink<KIN>,
        spans: u32,
        tick: impl FnOnce(),
    ) {
        self.wait_for(SECOND_WARM);
        empty(drain, sink);
        tick();
        self.phase.store(WARM, Ordering::Release);
        while self.lanes.iter().map(Lane::made).sum::<u32>() < spans {
            self.turn(0, mail);
            if self.lanes[0].random(IDLE) != 0 {
                // A packet that was refused is offered again next time.
                let _ = (0..PACKETS).try_for_each(|_| drain.poll(sink).ok().filter(|more| *more).map(drop));
            }
        }
        while !self.has_all_back(0) {
            self.serve(0, mail);
        }
        self.phase.store(FIRST_DONE, Ordering::Release);
        while self.phase() != BOTH_DONE {
            self.serve(0, mail);
        }
    }

    /// What thread mode does on the second core until the first has ended; `tick` starts this core's timer. Then the timer
    /// is to be stopped, and [`end_second`](Self::end_second) called.
    pub fn second(&self, mail: &mut Mail, pend: fn(), tick: impl FnOnce()) {
        self.warm_up(1, pend);
        self.phase.store(SECOND_WARM, Ordering::Release);
        self.wait_for(WARM);
        tick();
        while self.phase() < FIRST_DONE {
            if self.turn(1, mail) {
                continue;
            }
            // The arena is full, and the first core needs time to drain.
            for turn in 0..self.lanes[2].random(REST) {
                black_box(turn);
            }
        }
        while !self.has_all_back(1) {
            spin_loop();
        }
    }

    /// The second core starts no more spans.
    pub fn end_second(&self) {
        self.phase.store(BOTH_DONE, Ordering::Release);
    }

    fn wait_for(&self, phase: u32) {
        while self.phase() < phase {
            spin_loop();
        }
    }

    /// Some spans, and perhaps one for the other core. `false`: there is no room for them.
    fn turn(&self, core: usize, mail: &mut Mail) -> bool {
        let (lane, on) = (&self.lanes[2 * core], &self.cores[core]);
        self.serve(core, mail);
        if self.has_all_back(core) {
            on.shadow.settle(&Set::of(0));
            if lane.random(GIVE) == 0 && mail.out.ready() {
                let open = lane.open(on);
                if open.number().is_some() {
                    add(&self.given[core], 1);
                    // There is room: nobody else puts anything in.
                    let _ = mail.out.enqueue(lane.let_go(on, open));
                }
            }
        }
        lane.tree(on, lane.random(SHAPES[0]))
    }

    /// Finishes what the other core has sent.
    fn serve(&self, core: usize, mail: &mut Mail) {
        while let Some(open) = mail.inbox.dequeue() {
            self.lanes[2 * core].take_over(open);
            let done = self.finished[core].load(Ordering::Relaxed).wrapping_add(1);
            self.finished[core].store(done, Ordering::Release);
        }
    }

    /// Whether the other core has finished all that this one gave it.
    fn has_all_back(&self, core: usize) -> bool {
        self.finished[1 - core].load(Ordering::Acquire) == self.given[core].load(Ordering::Relaxed)
    }

    /// Drains the rest, when both cores and their interrupts have ended, and balances the books.
    pub fn finish<const MTU: usize, const NAMES: usize, const KIN: usize>(
        &self,
        drain: &mut Drain<MTU, NAMES>,
        sink: &mut Sink<KIN>,
    ) -> Report {
        empty(drain, sink);
        drain.sync();
        empty(drain, sink);
        let count = |count: &AtomicU32| count.load(Ordering::Relaxed);
        Report::of(self.lanes, self.cores[0].tracer, drain.spans(), sink)
            .with("spans_of_second_core", self.lanes[2].made() + self.lanes[3].made())
            .with("finished_on_first_core", count(&self.finished[0]))
            .with("finished_on_second_core", count(&self.finished[1]))
            .with("interrupts_of_first_core", count(&self.interrupts[0]))
            .with("interrupts_of_second_core", count(&self.interrupts[1]))
    }
}

//! What the drain has told of its session: what the ids of spans are derived from before they are drained, and where
//! whoever takes the session over after a panic goes on.

use super::ArenaView;
use crate::id::{Session, widen};
use crate::sync::{AtomicBool, AtomicU32, Ordering, const_unless_loom};

/// What the drain has told of its session.
pub(super) struct Known {
    /// Whether a drain has been made.
    is_begun: AtomicBool,
    /// Whether the halves of the key are there.
    has_key: AtomicBool,
    /// Whether the time stands above the ids of traces that begin here, as in a program of an operating system.
    #[cfg(not(target_os = "none"))]
    are_timed: AtomicBool,
    /// That time: seconds; 0: the ids have 64 bits.
    #[cfg(not(target_os = "none"))]
    seconds: AtomicU32,
    key: [AtomicU32; 2],
    /// Bits 16 to 47 of the newest counter drained. Counters pass 2^48 after eight years of a million spans a second.
    latest: AtomicU32,
    /// The number of the packet after the one that was last filled, or is being filled.
    next_packet: AtomicU32,
    /// How many spans were encoded into packets.
    spans: AtomicU32,
}

impl Known {
    const_unless_loom! {
        pub(super) fn new() -> Self {
            Self {
                is_begun: AtomicBool::new(false),
                has_key: AtomicBool::new(false),
                #[cfg(not(target_os = "none"))]
                are_timed: AtomicBool::new(false),
                #[cfg(not(target_os = "none"))]
                seconds: AtomicU32::new(0),
                key: super::two(),
                latest: AtomicU32::new(0),
                next_packet: AtomicU32::new(0),
                spans: AtomicU32::new(0),
            }
        }
    }
}

impl ArenaView {
    /// Begins the session; `false`: it has begun already.
    pub(crate) fn begin_session(&self, session: Session) -> bool {
        let is_first = self.claim_session();
        if is_first {
            self.tell_session(session);
        }
        is_first
    }

    /// The same of one that has these seconds and 32 zero bits stand above the ids of traces that begin here.
    #[cfg(not(any(loom, target_os = "none")))]
    pub(crate) fn begin_timed_session(&self, session: Session, seconds: u32) -> bool {
        let is_first = self.claim_session();
        if is_first {
            // Before the key, without which nobody asks for an id.
            self.state.session.seconds.store(seconds, Ordering::Relaxed);
            self.state.session.are_timed.store(true, Ordering::Relaxed);
            self.tell_session(session);
        }
        is_first
    }

    /// Whether nobody has begun it before.
    fn claim_session(&self) -> bool {
        !self.state.asleep.load(Ordering::Relaxed)
            && !self.state.session.is_begun.swap(true, Ordering::AcqRel)
    }

    fn tell_session(&self, session: Session) {
        let known = &self.state.session;
        let [low, high] = &known.key;
        low.store(session.0 as u32, Ordering::Relaxed);
        high.store((session.0 >> 32) as u32, Ordering::Relaxed);
        known.has_key.store(true, Ordering::Release);
    }

    /// The session, once it has begun.
    pub(crate) fn session(&self) -> Option<Session> {
        let known = &self.state.session;
        let [low, high] = &known.key;
        known.has_key.load(Ordering::Acquire).then(|| {
            let half = |word: &AtomicU32| u64::from(word.load(Ordering::Relaxed));
            Session::new(half(high) << 32 | half(low))
        })
    }

    /// The id of the trace of this session whose root has this counter.
    pub(crate) fn trace_id(&self, session: Session, root: u64) -> u128 {
        #[cfg(not(target_os = "none"))]
        if self.state.session.are_timed.load(Ordering::Relaxed) {
            return session.timed_trace_id(root, self.state.session.seconds.load(Ordering::Relaxed));
        }
        session.trace_id(root)
    }

    /// Tells the newest counter drained, and how many spans went into packets.
    #[inline]
    pub(crate) fn note_drained(&self, latest: u64, spans: u32) {
        self.state.session.latest.store((latest >> 16) as u32, Ordering::Relaxed);
        self.state.session.spans.store(spans, Ordering::Relaxed);
    }

    /// Tells which packet is the next one.
    #[inline]
    pub(crate) fn note_packet(&self, next: u32) {
        self.state.session.next_packet.store(next, Ordering::Relaxed);
    }

    /// The number of the next packet, the spans in those before it, and about the newest counter.
    pub(crate) fn told(&self) -> (u32, u32, u64) {
        let known = &self.state.session;
        let latest = u64::from(known.latest.load(Ordering::Relaxed)) << 16;
        let spans = known.spans.load(Ordering::Relaxed);
        (known.next_packet.load(Ordering::Relaxed), spans, latest)
    }

    /// The counter of a span that is not drained yet.
    pub(crate) fn counter_of(&self, handle: u32) -> u64 {
        widen(u64::from(self.state.session.latest.load(Ordering::Relaxed)) << 16, handle)
    }
}

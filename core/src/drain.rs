//! The drain: from the arena through packets to a transport.
//!
//! | file | idea |
//! | --- | --- |
//! | `drain.rs` | when a packet is filled, and with what |
//! | `drain/encoder.rs` | spans and their tags into a packet |
//! | `drain/beyond.rs` | events, links, remote parents and baggage into a packet |
//! | `drain/session.rs` | what the session says of itself: sync, identity, counts |
//! | `drain/names.rs` | the table of strings |
//! | `drain/hear.rs` | what the program and listeners say to it |
//! | `drain/introduce.rs` | packets for those that come late |
//! | `drain/take.rs` | finished spans as they are, for a program that encodes them itself |

mod beyond;
mod encoder;
mod hear;
mod introduce;
mod names;
mod session;
mod take;

use crate::arena::{ArenaView, Cause, Finished};
use crate::id::{Session, widen};
use crate::tracer::Tracer;
use crate::transport::{Refused, Transport};
use crate::wire::{Header, MAX_MTU, MIN_MTU, Writer, put_echo, put_over, seal};
pub(crate) use beyond::{BEYOND, Beyond};
use encoder::Encoder;
use introduce::Introduction;
pub use names::Names;
use names::Table;
use session::{About, Told};
pub use take::{Held, Said, Taken};

/// Room for the CRC at the end of a packet.
const CRC: usize = 2;

/// How many slots of the arena one poll looks at before it finds a span, and between two.
const SWEEP: u32 = 256;

/// Takes finished spans out of a tracer's arena, encodes them into packets of at most `MTU` bytes (64 to 1,472)
/// and hands these to a [`Transport`].
///
/// There is one for a tracer. It keeps up to `NAMES` names, keys and static strings, by address, at 8 bytes each
/// on a 32-bit core; each goes out once and then again in turn, one in a packet, for listeners that come late.
/// What finds no room in this table is sent in full each time: nothing is lost, only bytes.
///
/// Nothing is encoded before the drain runs, and the drain runs where and when you [`poll`](Drain::poll) it: the
/// main loop, a task, a low-priority interrupt.
///
/// ```
#[doc = include_str!("../docs/setup.txt")]
/// let mut drain = Drain::<256>::new(&TRACER, Session::new(0x5EED)).unwrap();
/// TRACER.trace("request").finish();
/// while drain.poll(&mut line).unwrap() {}
/// assert_eq!((drain.spans(), line.0.len()), (1, 1)); // one span, in one packet
/// ```
pub struct Drain<const MTU: usize, const NAMES: usize = 64> {
    tracer: &'static Tracer,
    session: Session,
    buffer: [u8; MTU],
    /// The length of the packet that waits in the buffer; 0: none.
    waiting: usize,
    about: About,
    names: Table<NAMES>,
    sequence: u32,
    spans: u32,
    /// The newest counter seen.
    latest: u64,
    /// Where in the ring the next look begins.
    from: u32,
    /// How many slots were looked at since a span was found.
    swept: u32,
    told: Option<Told>,
    /// When a listener was answered last: the low 32 bits, so that one may be put off whom chance brings at their like.
    answered: u32,
    /// When the request was heard whose token is `echo`; of a session that is over, what its clock said last.
    moment: u64,
    /// The token of a request that asked when it was heard, or [`NO_ECHO`].
    echo: u8,
    /// The session was ended by a reset.
    is_over: bool,
    introduction: Introduction,
}

/// No token: those of requests are 4 bits.
const NO_ECHO: u8 = 0xff;

impl<const MTU: usize, const NAMES: usize> Drain<MTU, NAMES> {
    /// The drain of this tracer, which begins the tracer's session; `None` when it had one already, since a session is
    /// begun once.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let random = 0x5EED; // 64 bits of a hardware random number generator
    /// let drain = Drain::<256>::new(&TRACER, Session::new(random)).unwrap();
    /// assert!(Drain::<256>::new(&TRACER, Session::new(random)).is_none()); // there is one for a tracer
    /// ```
    pub fn new(tracer: &'static Tracer, session: Session) -> Option<Self> {
        const { assert!(MTU >= MIN_MTU && MTU <= MAX_MTU, "a drain's MTU is from 64 to 1,472 bytes") };
        tracer.arena.begin_session(session).then(|| Self::at(tracer, session, (0, 0, 0)))
    }

    /// The drain of a session that has just begun.
    pub(crate) const fn of_new_session(tracer: &'static Tracer, session: Session) -> Self {
        Self::at(tracer, session, (0, 0, 0))
    }

    /// The drain of a session that a reset has ended: its last time, and its clock base.
    pub(crate) fn of_old_session(
        tracer: &'static Tracer,
        session: Session,
        told: (u32, u32, u64),
        (time, clock_base): (u64, u64),
    ) -> Self {
        const { assert!(MTU >= MIN_MTU && MTU <= MAX_MTU, "a drain's MTU is from 64 to 1,472 bytes") };
        let about = About { clock_base, ..About::NOTHING };
        Self { moment: time, is_over: true, about, ..Self::at(tracer, session, told) }
    }

    /// A drain that begins with this packet, after so many spans, and whose newest counter is the third.
    const fn at(tracer: &'static Tracer, session: Session, told: (u32, u32, u64)) -> Self {
        let (sequence, spans, latest) = told;
        Self {
            tracer,
            session,
            buffer: [0; MTU],
            waiting: 0,
            about: About::NOTHING,
            names: Table::new(),
            sequence,
            spans,
            latest,
            from: 0,
            swept: 0,
            told: None,
            answered: 0,
            moment: 0,
            echo: NO_ECHO,
            is_over: false,
            introduction: Introduction::NONE,
        }
    }

    /// Hands one packet to the transport, if there is anything to send; returns whether there may be more.
    ///
    /// One call looks at 257 slots of the arena at most before it finds a span; in a larger arena `true` may mean that the
    /// look is to go on.
    ///
    /// ```
    /// use microspan::{Drain, Refused, Transport};
    /// fn send_all<T: Transport>(drain: &mut Drain<256>, link: &mut T) -> Result<(), Refused<T::Error>> {
    ///     while drain.poll(link)? {}
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The transport refused the packet. It is kept, and offered again by the next call.
    pub fn poll<T: Transport>(&mut self, transport: &mut T) -> Result<bool, Refused<T::Error>> {
        if self.waiting == 0 {
            self.waiting = self.fill();
        }
        let packet = self.buffer.get(..self.waiting).unwrap_or_default();
        if packet.is_empty() {
            return Ok(self.swept != 0);
        }
        transport.send(packet)?;
        self.packet_sent();
        Ok(true)
    }

    /// The packet that goes out next, for a link that is awaited instead of polled; `None`: there is nothing to say.
    ///
    /// It stays the next one until [`packet_sent`](Drain::packet_sent), also when the link breaks meanwhile: what was sent
    /// twice the host takes once. One call looks at each slot of the arena once at most.
    ///
    /// ```
    /// use microspan::Drain;
    /// async fn publish(packet: &[u8]) -> Result<(), ()> { // and wait for the answer
    /// #   let _ = packet;
    ///     Ok(())
    /// }
    /// async fn publish_all(drain: &mut Drain<256>) -> Result<(), ()> {
    ///     while let Some(packet) = drain.packet() {
    ///         publish(packet).await?;
    ///         drain.packet_sent();
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn packet(&mut self) -> Option<&[u8]> {
        while self.waiting == 0 {
            self.waiting = self.fill();
            if self.waiting == 0 && self.swept == 0 {
                return None;
            }
        }
        self.buffer.get(..self.waiting)
    }

    /// The [`packet`](Drain::packet) is at its destination, or with somebody who sees to that; the next one may be filled.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// drop(TRACER.trace("make_sandwich_request"));
    /// let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
    /// let first = drain.packet().map(<[u8]>::to_vec);
    /// assert_eq!(drain.packet().map(<[u8]>::to_vec), first); // the same, until it is sent
    /// drain.packet_sent();
    /// assert_eq!(drain.packet(), None);
    /// ```
    pub fn packet_sent(&mut self) {
        if self.waiting != 0 {
            self.waiting = 0;
            self.sequence = self.sequence.wrapping_add(1);
        }
    }

    /// How many spans were encoded into packets so far; wraps at 2^32.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
    /// TRACER.trace("request").finish();
    /// drain.poll(&mut line).unwrap();
    /// assert_eq!(drain.spans(), 1);
    /// ```
    pub fn spans(&self) -> u32 {
        self.spans
    }

    /// Fills the buffer with a packet; returns its length, 0 when there is nothing to say.
    // Not inlined: there is one of it for an MTU, however many places poll.
    #[inline(never)]
    fn fill(&mut self) -> usize {
        let mut sweep = Sweep { arena: self.tracer.arena, from: self.from, swept: self.swept };
        let mut next = if self.introduction.is_next() { None } else { sweep.next() };
        let Self { tracer, session, buffer, about, names, sequence, spans, latest, told, echo, .. } = self;
        let now = if self.is_over { self.moment } else { tracer.clock.now() };
        // A panic in the middle takes this packet with it.
        tracer.arena.note_packet(sequence.wrapping_add(1));
        tracer.arena.keep(sequence.wrapping_add(1), *spans, *latest, now);
        let header = Header {
            session: *session,
            sequence: *sequence,
            spans_before: *spans,
            time: now,
            counter: *latest,
        };
        let mut w = Writer::new(buffer.get_mut(..MTU - CRC).unwrap_or_default());
        if header.put(&mut w).is_err() || self.is_over && put_over(&mut w).is_err() {
            return 0;
        }
        let empty = w.used();

        if *echo != NO_ECHO {
            match put_echo(&mut w, *echo, now.wrapping_sub(self.moment)) {
                Ok(()) => *echo = NO_ECHO,
                Err(_) => w.rewind(empty),
            }
        }
        session::tell(&mut w, told, (*tracer, &*about), names, now, *sequence, next.is_some());
        let mut encoder = Encoder::new(tracer, names, &header);
        let told_names = encoder.tell_names(&mut w, empty);
        let mut taken = 0;
        while let Some(span) = next {
            let place = w.used();
            if encoder.span(&mut w, &span, false).is_err() {
                if place > empty || encoder.is_held {
                    sweep.put_back(&span);
                    break;
                }
                // It does not even fit a packet of its own: it goes with those of its tags that do.
                if encoder.span(&mut w, &span, true).is_err() {
                    tracer.arena.count(tracer.context.core(), Cause::SpansOversize);
                }
            }
            sweep.arena.free(|| tracer.context.core(), &span);
            taken += u32::from(w.used() > place);
            next = sweep.next();
        }
        *spans = spans.wrapping_add(taken);
        *latest = widen(*latest, encoder.newest);
        tracer.arena.note_drained(*latest, *spans);
        tracer.arena.keep(sequence.wrapping_add(1), *spans, *latest, now);

        let told_names = encoder.tell_names(&mut w, empty) || told_names;
        if taken > 0 && !told_names {
            encoder.repeat_a_name(&mut w);
        }

        let len = w.used();
        (self.from, self.swept) = (sweep.from, sweep.swept);
        if len == empty {
            self.tracer.arena.note_packet(self.sequence);
            self.tracer.arena.keep(self.sequence, self.spans, self.latest, now);
            // Not even a sync has room: spans go on.
            self.introduction = Introduction::NONE;
            return 0;
        }
        self.introduction.filled(self.names.news().is_some());
        seal(&mut self.buffer, len).unwrap_or(0)
    }
}

impl<const MTU: usize> Drain<MTU, 0> {
    /// The drain of a session that a panic has stopped, for the panic handler; `None` before
    /// [`on_panic`](Tracer::on_panic), when no session has begun, and the second time.
    ///
    /// What the drain before it had taken and not handed over is lost with its packet, which the host sees missing. This one
    /// keeps no names, since it does not know what the other has told, and sends each in full. It says nothing of the device
    /// and its program unless it is told these again.
    ///
    /// An example is at [`Tracer::on_panic`].
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// assert!(Drain::<256, 0>::take_over(&TRACER).is_none()); // no panic has been
    /// ```
    pub fn take_over(tracer: &'static Tracer) -> Option<Self> {
        let session = tracer.arena.session()?;
        let may = tracer.arena.has_panicked() && tracer.arena.take_over();
        may.then(|| Self::at(tracer, session, tracer.arena.told()))
    }
}

/// A walk round the arena.
struct Sweep {
    arena: ArenaView,
    /// Where in the ring the next look begins.
    from: u32,
    /// How many slots were looked at since a span was found.
    swept: u32,
}

impl Sweep {
    /// The next finished span.
    #[inline(always)]
    fn next(&mut self) -> Option<Finished> {
        let found = self.arena.next_finished(self.from).or_else(|| self.next_further());
        if let Some(span) = &found {
            self.from = span.handle.wrapping_add(1);
            self.swept = 0;
        }
        found
    }

    #[inline(never)]
    fn next_further(&mut self) -> Option<Finished> {
        let all = self.arena.capacity();
        let steps = all.saturating_sub(self.swept).min(SWEEP);
        let found = self.arena.next_finished_within(self.from, steps);
        if found.is_none() {
            self.from = self.from.wrapping_add(steps);
            self.swept += steps;
            if self.swept >= all {
                self.swept = 0;
            }
        }
        found
    }

    /// Goes back to a span that is not taken now.
    fn put_back(&mut self, span: &Finished) {
        self.arena.put_back(span);
        self.from = span.handle;
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;

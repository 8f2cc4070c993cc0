//! Packets for those that come late, on links that keep one for them.

use super::Drain;

/// Where an introduction stands. Its parts count from 1; 0: none. Beyond 255 they are all the last.
#[derive(Clone, Copy)]
pub(super) struct Introduction {
    /// The part that is filled next.
    next: u8,
    /// The part that the waiting packet is.
    waiting: u8,
}

impl Introduction {
    pub(super) const NONE: Self = Self { next: 0, waiting: 0 };

    /// Whether the packet that is filled next is part of it.
    pub(super) fn is_next(self) -> bool {
        self.next != 0
    }

    /// Notes that a packet was filled, and whether names were left over.
    pub(super) fn filled(&mut self, names_wait: bool) {
        self.waiting = self.next;
        self.next = if self.is_next() && names_wait { self.next.saturating_add(1) } else { 0 };
    }
}

impl<const MTU: usize, const NAMES: usize> Drain<MTU, NAMES> {
    /// Has the packets that come next say all that a late listener needs, and carry no spans: a sync, and every name so far.
    ///
    /// For a link that keeps packets for those that come late, as an MQTT broker does with retained ones. Such a packet is one of
    /// the sequence like any other; [`introduction`](Drain::introduction) tells which ones are meant. Names that are new
    /// afterwards are not in it: introduce the session again when [`names`](Drain::names) has grown.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// drop(TRACER.trace("make_sandwich_request"));
    /// let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
    /// drain.introduce();
    /// while drain.packet().is_some() {
    ///     let topic = if drain.introduction().is_some() { "kept" } else { "packets" };
    /// #   let publish = |_: &str, _: &[u8]| {};
    ///     publish(topic, drain.packet().unwrap());
    ///     drain.packet_sent();
    /// }
    /// ```
    pub fn introduce(&mut self) {
        self.sync();
        self.names.tell_all_from_the_first();
        self.introduction.next = 1;
    }

    /// Which part of an introduction the [`packet`](Drain::packet) is that goes out next, from 0 on; `None`: it is not part of
    /// one.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
    /// drain.introduce();
    /// assert!(drain.packet().is_some());
    /// assert_eq!(drain.introduction(), Some(0));
    /// ```
    pub fn introduction(&self) -> Option<usize> {
        usize::from(self.introduction.waiting).checked_sub(1).filter(|_| self.waiting != 0)
    }

    /// How many names this session has, of at most `NAMES`.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// drop(TRACER.trace("make_sandwich_request"));
    /// let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
    /// while drain.poll(&mut line) == Ok(true) {}
    /// assert_eq!(drain.names(), 1);
    /// ```
    pub fn names(&self) -> usize {
        self.names.len()
    }
}

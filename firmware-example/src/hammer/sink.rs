//! Packets, read as a host reads them, and checked.

use core::convert::Infallible;

use microspan::wire::{Packet, Record, Span};
use microspan::{Clock, Drain, Refused, Stats, Tracer, Transport};

use super::LANES;
use super::found::Found;
use super::kin::{Heard, Kin};
use super::lane::Lane;
use super::set::Set;
use super::words::{Word, Words};

/// Cores of a program, at most.
const CORES: usize = 2;
/// Causes of a drop.
const CAUSES: usize = 9;
/// One packet in so many is refused once.
const REFUSED: u32 = 5;

/// A transport that checks what it takes. It keeps what was said of `KIN` spans: several times what the arena holds.
pub struct Sink<const KIN: usize> {
    lanes: &'static [Lane],
    clock: &'static dyn Clock,
    words: Words,
    kin: Kin<KIN>,
    offered: u32,
    packets: u32,
    time: u64,
    pub(super) spans: u32,
    pub(super) tags: u32,
    /// The spans of each lane, and the sum of their numbers.
    pub(super) seen: [(u32, u32); LANES],
    /// Spans whose parent may have been one of several.
    pub(super) ambiguous: u32,
    /// Children that were drained so long after their parent that nobody knows it any more.
    pub(super) unknown: u32,
    /// What the packets told of drops, by core and cause.
    dropped: [[u32; CAUSES]; CORES],
    /// Spans that have children, and in whose place another span came.
    orphaned: u32,
    pub(super) faults: u32,
    pub(super) first_fault: Option<(&'static str, u32)>,
}

impl<const KIN: usize> Sink<KIN> {
    /// A sink for the spans of these lanes, whose times are this clock's.
    pub fn new(lanes: &'static [Lane], clock: &'static dyn Clock) -> Self {
        Self {
            lanes,
            clock,
            words: Words::new(lanes),
            kin: Kin::new(),
            offered: 0,
            packets: 0,
            time: 0,
            spans: 0,
            tags: 0,
            seen: [(0, 0); LANES],
            ambiguous: 0,
            unknown: 0,
            dropped: [[0; CAUSES]; CORES],
            orphaned: 0,
            faults: 0,
            first_fault: None,
        }
    }
}

impl<const KIN: usize> Sink<KIN> {
    /// Spans that have children and never came.
    pub(super) fn missing(&self) -> u32 {
        self.orphaned + self.kin.missing()
    }

    /// Whether the packets told the drops of all cores, as the tracer counts them.
    pub(super) fn knows_drops(&self, tracer: &Tracer) -> bool {
        let told =
            |causes: &[u32; CAUSES]| Stats::of(|cause| causes.get(cause as usize).copied().unwrap_or(0));
        self.dropped.iter().enumerate().all(|(core, causes)| told(causes) == tracer.stats_of(core))
    }

    /// Spans that came.
    pub fn spans(&self) -> u32 {
        self.spans
    }

    fn fault(&mut self, what: &'static str, number: u32) {
        self.faults += 1;
        self.first_fault.get_or_insert((what, number));
    }

    fn packet(&mut self, bytes: &[u8]) {
        let Ok(packet) = Packet::parse(bytes) else { return self.fault("a packet is damaged", self.packets) };
        let header = packet.header();
        if (header.sequence, header.spans_before) != (self.packets, self.spans) {
            self.fault("a packet does not follow on the one before", header.sequence);
        }
        if header.time < self.time {
            self.fault("the time ran back from one packet to the next", header.sequence);
        }
        (self.packets, self.time) = (self.packets.wrapping_add(1), header.time);
        let now = self.clock.now();
        // Names may stand behind the spans that use them.
        for record in packet.records() {
            if let Ok(Record::Name { index, text }) = record
                && !self.words.learn(index, text)
            {
                self.fault("an index stands for two strings", index);
            }
        }
        for record in packet.records() {
            match record {
                Ok(Record::Span(span)) => self.span(&span, now),
                Ok(Record::Dropped { core, cause: Some(cause), count }) => {
                    let core = self.dropped.get_mut(usize::from(core));
                    if let Some(told) = core.and_then(|core| core.get_mut(cause as usize)) {
                        *told = count;
                    }
                }
                Ok(Record::Sync(_) | Record::Name { .. }) => {}
                _ => self.fault("a record is of no known kind", header.sequence),
            }
        }
    }

    fn span(&mut self, span: &Span<'_>, now: u64) {
        self.spans = self.spans.wrapping_add(1);
        let found = Found::of(span, &self.words);
        self.tags = self.tags.wrapping_add(found.tags);
        let Some(Word::Lane(lane)) = self.words.read(span.name) else {
            return self.fault("a span has a name that no lane has", span.counter as u32);
        };
        let number = found.number.unwrap_or(0);
        if !found.is_whole(span.lost_tags) {
            self.fault("the tags of a span do not fit each other", number);
        }
        if !found.is_timely(span) || span.start.saturating_add(span.duration) > now {
            self.fault("the times of a span are wrong", number);
        }
        if span.error || span.link.is_some() {
            self.fault("a span is an error, or has a link", number);
        }
        if span.interrupt != self.lanes[lane].interrupt {
            self.fault("a span comes from another interrupt than its lane", number);
        }
        let (count, sum) = &mut self.seen[lane];
        *count = count.wrapping_add(1);
        match found.number {
            Some(number) if self.lanes[lane].owns(number) => *sum = sum.wrapping_add(number),
            Some(number) => self.fault("a span has the number of another lane", number),
            None => {}
        }
        self.relatives(span, &found);
    }

    /// Compares what a span says of its parent and of itself with what was said before.
    fn relatives(&mut self, span: &Span<'_>, found: &Found) {
        let number = found.number.unwrap_or(0);
        self.ambiguous += u32::from(found.parents.iter().nth(1).is_some());
        match span.parent {
            None if span.trace != span.counter => self.fault("a root is not the root of its trace", number),
            None if !found.parents.contains(0) && !span.lost_tags => {
                self.fault("a span has no parent and should have one", number);
            }
            None => {}
            Some(parent) => {
                let parents = if span.lost_tags { Set::NONE } else { found.parents };
                let heard = self.kin.hear(parent, span.trace, &parents, false);
                self.judge(heard, number);
            }
        }
        let itself = found.number.map_or(Set::NONE, Set::of);
        let heard = self.kin.hear(span.counter, span.trace, &itself, true);
        self.judge(heard, number);
    }

    fn judge(&mut self, heard: Heard, number: u32) {
        match heard {
            Heard::Fits => {}
            Heard::Unknown => self.unknown += 1,
            Heard::OtherNumber => self.fault("a span has another parent than its program saw", number),
            Heard::OtherTrace => self.fault("a span is in another trace than its parent", number),
            Heard::Twice => self.fault("a span came twice", number),
            Heard::Orphans => self.orphaned += 1,
        }
    }
}

impl<const KIN: usize> Transport for Sink<KIN> {
    type Error = Infallible;

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<Infallible>> {
        self.offered = self.offered.wrapping_add(1);
        if self.offered.is_multiple_of(REFUSED) {
            return Err(Refused::WouldBlock);
        }
        self.packet(packet);
        Ok(())
    }
}

/// Drains all that is finished.
pub(super) fn empty<const MTU: usize, const NAMES: usize, const KIN: usize>(
    drain: &mut Drain<MTU, NAMES>,
    sink: &mut Sink<KIN>,
) {
    while drain.poll(sink) != Ok(false) {}
}

//! The drain: from the arena through packets to a transport.

mod names;

use crate::arena::{Cell, ERROR, Finished, LOST};
use crate::clock::widen40;
use crate::id::{Session, widen};
use crate::sync::Ordering;
use crate::tag::{Kind, Value};
use crate::tracer::{Stats, Tracer};
use crate::transport::{Refused, Transport};
use crate::wire::{
    Deltas, Full, Header, MAX_MTU, MIN_MTU, SpanHead, Tag, TagStart, TagValue, Text, Writer, drop_tag,
    put_name, put_pieces, put_span, put_sync, put_tag, seal,
};
use names::Names;

/// Room for the CRC at the end of a packet.
const CRC: usize = 2;

/// Takes finished spans out of a tracer's arena, encodes them into packets of at most `MTU` bytes (64 to 1,472)
/// and hands these to a [`Transport`].
///
/// There is one for a tracer. It keeps up to `NAMES` names, keys and static strings, by address, at 8 bytes each
/// on a 32-bit core; each goes out once and then again in turn, one in a packet, for listeners that come late.
/// What finds no room in this table is sent in full each time: nothing is lost, only bytes.
///
/// Nothing is encoded before the drain runs, and the drain runs where and when you [`poll`](Drain::poll) it: the
/// main loop, a task, a low-priority interrupt.
pub struct Drain<const MTU: usize, const NAMES: usize = 64> {
    tracer: &'static Tracer,
    session: Session,
    buffer: [u8; MTU],
    /// The length of the packet that waits in the buffer; 0: none.
    waiting: usize,
    names: Names<NAMES>,
    sequence: u32,
    spans: u32,
    /// The newest counter seen.
    latest: u64,
    /// Where in the ring the next look begins.
    from: u32,
    synced: Option<Synced>,
}

/// The last sync record.
struct Synced {
    time: u64,
    stats: Stats,
    /// The packet it was in.
    sequence: u32,
}

impl Synced {
    /// Half a second old.
    fn is_old(&self, now: u64, tracer: &Tracer) -> bool {
        now.wrapping_sub(self.time) >= u64::from(tracer.clock.frequency() / 2).max(1)
    }
}

impl<const MTU: usize, const NAMES: usize> Drain<MTU, NAMES> {
    /// The drain of this tracer, which begins the tracer's session; `None` when it had one already, since a session is
    /// begun once.
    pub fn new(tracer: &'static Tracer, session: Session) -> Option<Self> {
        const { assert!(MTU >= MIN_MTU && MTU <= MAX_MTU, "a drain's MTU is from 64 to 1,472 bytes") };
        if tracer.arena.state.drained.swap(true, Ordering::AcqRel) {
            return None;
        }
        Some(Self {
            tracer,
            session,
            buffer: [0; MTU],
            waiting: 0,
            names: Names::new(),
            sequence: 0,
            spans: 0,
            latest: 0,
            from: 0,
            synced: None,
        })
    }

    /// Hands one packet to the transport, if there is anything to send; returns whether there was.
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
            return Ok(false);
        }
        transport.send(packet)?;
        self.waiting = 0;
        self.sequence = self.sequence.wrapping_add(1);
        Ok(true)
    }

    /// Has the next packet carry a sync record, also when there is no span to send: the session's service and
    /// tags, its clock, and what was dropped. Otherwise they go out every half second in which spans do.
    pub fn sync(&mut self) {
        self.synced = None;
    }

    /// How many spans were encoded into packets so far; wraps at 2^32.
    pub fn spans(&self) -> u32 {
        self.spans
    }

    /// Fills the buffer with a packet; returns its length, 0 when there is nothing to say.
    fn fill(&mut self) -> usize {
        let Self { tracer, session, buffer, names, sequence, spans, latest, from, synced, .. } = self;
        let now = tracer.clock.now();
        let header = Header {
            session: *session,
            sequence: *sequence,
            spans_before: *spans,
            time: now,
            counter: *latest,
        };
        let mut w = Writer::new(buffer.get_mut(..MTU - CRC).unwrap_or_default());
        if header.put(&mut w).is_err() {
            return 0;
        }
        let empty = w.used();

        let stats = tracer.stats();
        let waiting = tracer.arena.next_finished(*from).is_some();
        let due = match synced {
            None => true,
            // Spans that wait come first: a sync in every packet would leave them no room in a small one.
            Some(told) if waiting => told.is_old(now, tracer) && told.sequence != sequence.wrapping_sub(1),
            Some(told) => told.stats != stats,
        };
        if due && sync(&mut w, tracer, names, &stats).is_ok() {
            *synced = Some(Synced { time: now, stats, sequence: *sequence });
        }

        let mut encoder =
            Encoder { now, deltas: Deltas::new(header.counter, header.time), latest, names, tracer };
        let told = encoder.tell_names(&mut w, empty);
        let mut taken = 0;
        while let Some(span) = tracer.arena.next_finished(*from) {
            let place = w.used();
            if encoder.span(&mut w, &span, false).is_err() {
                if place > empty {
                    break;
                }
                // It does not even fit a packet of its own: it goes with those of its tags that do.
                if encoder.span(&mut w, &span, true).is_err() {
                    tracer.arena.state.spans_oversize.fetch_add(1, Ordering::Relaxed);
                }
            }
            tracer.arena.free(&span);
            *from = span.handle.wrapping_add(1);
            taken += u32::from(w.used() > place);
        }
        *spans = spans.wrapping_add(taken);

        let told = encoder.tell_names(&mut w, empty) || told;
        if taken > 0 && !told {
            encoder.repeat_a_name(&mut w);
        }

        let len = w.used();
        if len == empty { 0 } else { seal(buffer, len).unwrap_or(0) }
    }
}

/// Writes a sync record, or nothing. A service that does not fit is left out, and so is every such tag.
fn sync<const N: usize>(
    w: &mut Writer<'_>,
    tracer: &'static Tracer,
    names: &mut Names<N>,
    stats: &Stats,
) -> Result<(), Full> {
    let place = w.used();
    let service = names.text(tracer.service);
    let mut tag = |(key, value): &(&'static str, Value<'static>)| {
        let value = match *value {
            Value::Bool(v) => TagValue::Bool(v),
            Value::U64(v) => TagValue::U64(v),
            Value::I64(v) => TagValue::I64(v),
            Value::F32(v) => TagValue::F32(v),
            Value::F64(v) => TagValue::F64(v),
            Value::Static(v) | Value::Str(v) => TagValue::Text(names.text(v)),
        };
        Tag { key: names.text(key), value }
    };
    let frequency = tracer.clock.frequency();
    put_sync(w, frequency, stats, service, tracer.tags.iter().map(&mut tag))
        .or_else(|Full| {
            w.rewind(place);
            put_sync(w, frequency, stats, Text::Inline(""), tracer.tags.iter().map(&mut tag))
        })
        .inspect_err(|Full| w.rewind(place))
}

/// Encodes the spans of one packet.
struct Encoder<'d, const N: usize> {
    tracer: &'static Tracer,
    now: u64,
    deltas: Deltas,
    latest: &'d mut u64,
    names: &'d mut Names<N>,
}

impl<const N: usize> Encoder<'_, N> {
    /// Writes a span, or nothing; with `fewer`, without the tags that do not fit, which are counted.
    fn span(&mut self, w: &mut Writer<'_>, span: &Finished, fewer: bool) -> Result<(), Full> {
        let place = w.used();
        let deltas = self.deltas;
        self.try_span(w, span, fewer).inspect_err(|Full| {
            self.deltas = deltas;
            w.rewind(place);
        })
    }

    fn try_span(&mut self, w: &mut Writer<'_>, span: &Finished, fewer: bool) -> Result<(), Full> {
        let arena = self.tracer.arena;
        let tags = arena.tags(span);
        let found = tags.clone().count();
        let count = u8::try_from(found).unwrap_or(u8::MAX);
        let counter = widen(*self.latest, span.handle);
        *self.latest = counter.max(*self.latest);
        let start = widen40(self.now, span.start());
        let head = SpanHead {
            counter,
            parent: (span.parent() != 0).then(|| widen(counter, span.parent())),
            trace: widen(counter, span.trace),
            name: self.names.text(span.name()),
            start,
            duration: widen40(self.now, span.end()).saturating_sub(start),
            error: span.has(ERROR),
            lost_tags: span.has(LOST) || found > usize::from(count),
            tags: count,
        };
        let place = w.used();
        put_span(w, &mut self.deltas, &head)?;
        let counted = w.used() - 1;
        for tag in tags.take(usize::from(count)) {
            let before = w.used();
            let written = self.tag(w, &tag);
            if written.is_err() && fewer {
                w.rewind(before);
                drop_tag(w, place, counted);
                arena.state.tags_oversize.fetch_add(1, Ordering::Relaxed);
            } else {
                written?;
            }
        }
        if found > usize::from(count) {
            arena.state.tags_oversize.fetch_add((found - usize::from(count)) as u32, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Tells the names that have not gone out yet, as many as fit; returns whether there were any. One that is longer
    /// than any packet's room is cut, in a packet of its own.
    fn tell_names(&mut self, w: &mut Writer<'_>, empty: usize) -> bool {
        let mut told = false;
        while let Some((index, name)) = self.names.news() {
            let place = w.used();
            if put_name(w, index, name, place == empty).is_err() {
                w.rewind(place);
                break;
            }
            self.names.told();
            told = true;
        }
        told
    }

    /// Tells the name again whose turn it is, if it fits.
    fn repeat_a_name(&mut self, w: &mut Writer<'_>) {
        let place = w.used();
        let Some((index, name)) = self.names.again() else { return };
        match put_name(w, index, name, false) {
            Ok(()) => self.names.turn(),
            Err(Full) => w.rewind(place),
        }
    }

    fn tag(&mut self, w: &mut Writer<'_>, tag: &Cell) -> Result<(), Full> {
        let key = self.names.text(tag.key());
        let value = match tag.kind {
            Kind::Bool => TagValue::Bool(tag.bits() != 0),
            Kind::U64 => TagValue::U64(tag.bits()),
            Kind::I64 => TagValue::I64(tag.bits() as i64),
            Kind::F32 => TagValue::F32(f32::from_bits(tag.bits() as u32)),
            Kind::F64 => TagValue::F64(f64::from_bits(tag.bits())),
            Kind::Static => TagValue::Text(self.names.text(tag.fixed().unwrap_or_default())),
            Kind::Str | Kind::Cut | Kind::More => {
                let (len, pieces) = tag.pieces();
                return put_pieces(w, &TagStart { key, cut: tag.kind == Kind::Cut }, len, pieces);
            }
        };
        put_tag(w, &Tag { key, value })
    }
}

#[cfg(all(test, not(loom)))]
mod tests;

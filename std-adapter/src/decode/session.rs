//! One session: what its packets add up to, and those of them that wait for what they need.

use std::collections::VecDeque;
use std::sync::Arc;

use microspan::Session as Key;
use microspan::wire::{Identity, Packet, Record, Request, Span as WireSpan, Sync};

use super::about::{About, shared};
use super::exchange::Exchanges;
use super::logs::{Log, Logs};
use super::names::{Lack, Named, Names, Strings};
use super::reported::Counts;
use super::sequence::{Sequence, Verdict};
use super::traces::Traces;
use super::{Arrival, Correction, Counters, Reported};
use crate::clock::ClockMap;
use crate::model::{Source, Span, Tag, Text, Value};

/// How many bytes of packets wait for names or for the clock.
const WAITING: usize = 256 * 1024;
/// How long a packet waits for names, in nanoseconds. A device repeats one in each packet.
const PATIENCE_FOR_NAMES: u64 = 10_000_000_000;
/// How long it waits for the clock's rate, without which there is nothing to show. A device sends it after half a second.
const PATIENCE_FOR_CLOCK: u64 = 60_000_000_000;

/// The bytes of the shortest span.
const SHORT_SPAN: usize = 5;

/// How long it is asked for nothing after it was, in nanoseconds.
const ASKED: u64 = 1_000_000_000;

/// The tag that says in which interrupt a span was started; the program's own of this name holds.
const INTERRUPT: &str = "interrupt";

/// A packet that waits, and since when.
#[derive(Debug)]
struct Waiting {
    bytes: Box<[u8]>,
    since: u64,
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) key: Key,
    pub(super) names: Names,
    pub(super) clock: ClockMap,
    pub(super) exchanges: Exchanges,
    sequence: Sequence,
    about: Option<About>,
    device: Option<Named>,
    /// What `about` comes to; `None` while a name in it is missing.
    source: Option<Arc<Source>>,
    counts: Counts,
    pub(super) traces: Traces,
    logs: Logs,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    heard: u64,
    /// Whether a packet of it came.
    is_heard: bool,
    /// When it was last looked whether there is something to ask for.
    asked: Option<u64>,
    /// When it was last looked which stand-ins are to be corrected.
    corrected: u64,
    /// Emptied lists for tags, while a packet is read.
    pub(super) spare: Vec<Vec<Tag>>,
}

impl Session {
    pub(super) fn new(key: Key, programs: Option<Arc<dyn Strings>>) -> Self {
        Self {
            key,
            names: Names::new(programs),
            clock: ClockMap::default(),
            exchanges: Exchanges::default(),
            sequence: Sequence::default(),
            about: None,
            device: None,
            source: None,
            counts: Counts::default(),
            traces: Traces::default(),
            logs: Logs::default(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            heard: 0,
            is_heard: false,
            asked: None,
            corrected: 0,
            spare: Vec::new(),
        }
    }

    /// When its last packet arrived.
    pub(super) fn heard(&self) -> u64 {
        self.heard
    }

    pub(super) fn learn_clock(&mut self, other: &Session) {
        self.clock.learn(&other.clock);
    }

    pub(super) fn add_losses(&self, counters: &mut Counters) {
        let (packets, spans) = self.sequence.lost();
        counters.lost_packets += packets;
        counters.lost_spans += spans;
        counters.log_lines_astray += self.logs.astray();
        counters.clocks_restarted += self.clock.restarts();
    }

    pub(super) fn log(&mut self, log: Log) {
        self.logs.push(log);
    }

    pub(super) fn add_counts(&self, reported: &mut Reported) {
        self.counts.add_to(reported, &self.names);
    }

    #[cfg(test)]
    pub(super) fn kept_counts(&self) -> (usize, usize) {
        self.counts.len()
    }

    #[cfg(test)]
    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    pub(super) fn waiting_spans(&self) -> u64 {
        self.waiting
            .iter()
            .filter_map(|waiting| Packet::parse(&waiting.bytes).ok())
            .map(|packet| spans(&packet).len() as u64)
            .sum()
    }

    /// Takes the sync and the names of a packet that is not one of the sequence.
    pub(super) fn learn(&mut self, packet: &Packet<'_>) {
        for record in packet.records() {
            match record {
                Ok(Record::Name { index, text }) => drop(self.names.learn(index, text)),
                Ok(Record::Sync(sync)) => drop(self.sync(&sync)),
                Ok(Record::Identity(identity)) => drop(self.identity(&identity)),
                _ => {}
            }
        }
        self.describe_anew();
    }

    pub(super) fn packet(
        &mut self,
        packet: &Packet<'_>,
        bytes: &[u8],
        at: Arrival,
        counters: &mut Counters,
        out: &mut impl FnMut(Span),
    ) {
        let header = packet.header();
        counters.sessions += u64::from(!std::mem::replace(&mut self.is_heard, true));
        self.heard = at.monotonic;
        // Each record is read once, and kept: a packet has some 290 at most.
        let mut spans = Vec::with_capacity(bytes.len() / SHORT_SPAN);
        let mut others = Vec::new();
        for record in packet.records() {
            match record {
                Ok(Record::Span(span)) => spans.push(span),
                other => others.push(other),
            }
        }
        let count = spans.len() as u64;
        match self.sequence.take(header.sequence, header.spans_before, count) {
            Verdict::New => {}
            Verdict::Duplicate => return counters.duplicates += 1,
            Verdict::Late => return counters.late_packets += 1,
        }
        counters.packets += 1;
        counters.bytes += bytes.len() as u64;
        counters.spans += count;

        let mut news = false;
        let (mut clock_base, mut echo, mut is_over) = (None, None, false);
        for record in others {
            match record {
                Ok(Record::Name { index, text }) => news |= self.names.learn(index, text),
                Ok(Record::Sync(sync)) => {
                    news |= self.sync(&sync);
                    clock_base = Some(sync.clock_base);
                }
                Ok(Record::Identity(identity)) => news |= self.identity(&identity),
                Ok(Record::Dropped { core, cause: Some(cause), count }) => {
                    self.counts.dropped(core, cause, count);
                }
                Ok(Record::Callsite { name, started, finished, errored, dropped }) => {
                    let kept = self.counts.callsite(name, [started, finished, errored, dropped]);
                    counters.callsites_refused += u64::from(!kept);
                }
                Ok(Record::Echo { token, waited }) => {
                    echo = Some((token, header.time.saturating_sub(waited)))
                }
                Ok(Record::Over) => is_over = true,
                Ok(Record::Unknown { .. } | Record::Dropped { .. }) => counters.unknown_records += 1,
                Ok(_) => {}
                Err(_) => counters.malformed += 1,
            }
        }
        if is_over {
            self.clock.observe_over(header.time, at);
        } else {
            self.clock.observe(header.time, at, self.sequence.is_newest(header.sequence));
        }
        if let Some((token, heard)) = echo {
            self.echo(token, heard, counters);
        }
        if let Some(base) = clock_base {
            counters.clock_bases_refused += u64::from(!self.clock.set_base(base));
        }
        if news {
            self.describe_anew();
            self.poll(Some(at.monotonic), counters, out);
        }
        if self.waiting.is_empty() && self.is_ready(&spans) {
            self.emit(&spans, counters, out);
        } else {
            self.wait(bytes, at.monotonic, counters, out);
        }
    }

    /// Hands on the packets that need wait no longer, in their order; at `None` all of them.
    pub(super) fn poll(&mut self, now: Option<u64>, counters: &mut Counters, out: &mut impl FnMut(Span)) {
        while let Some(waiting) = self.waiting.front() {
            let patience = if self.clock.knows_frequency() { PATIENCE_FOR_NAMES } else { PATIENCE_FOR_CLOCK };
            let over = now.is_none_or(|now| now.saturating_sub(waiting.since) >= patience);
            // It was parsed when it came.
            let ready = Packet::parse(&waiting.bytes).is_ok_and(|packet| self.is_ready(&spans(&packet)));
            if !ready && !over {
                return;
            }
            self.release(counters, out);
        }
    }

    /// What to ask it for, if it can help and did not just refuse to: all that a late listener missed, or what its packets wait for.
    pub(super) fn wants(&mut self, now: u64) -> Option<Request> {
        if self.asked.is_some_and(|asked| now.saturating_sub(asked) < ASKED) {
            return None;
        }
        let is_late = self.asked.is_none() && self.sequence.begins_late();
        let mut lack = Lack { names: is_late, build_id: is_late };
        if let Some(about) = &self.about {
            about.add_lack(&self.names, &mut lack);
        }
        for waiting in &self.waiting {
            for record in Packet::parse(&waiting.bytes).iter().flat_map(Packet::records) {
                if let Ok(Record::Span(span)) = record {
                    self.names.add_lack(&span, &mut lack);
                }
            }
        }
        let sync = lack.build_id || self.about.is_none() || !self.clock.knows_frequency();
        if !self.waiting.is_empty() || sync || lack.names {
            self.asked = Some(now);
        }
        (sync || lack.names).then_some(Request {
            session: Some(self.key),
            sync,
            names: lack.names,
            time: None,
        })
    }

    /// The stand-ins that went out and whose texts are known by now: looked for at news, and once a second, as a program may come.
    pub(super) fn corrections(&mut self, now: u64) -> impl Iterator<Item = Correction> + use<> {
        let source = self.key.trace_id(0);
        let is_time = self.corrected == 0 || now.saturating_sub(self.corrected) >= ASKED;
        if is_time {
            self.corrected = now.max(1);
        }
        let known = if is_time { self.names.corrections() } else { Vec::new() };
        known.into_iter().map(move |(from, to)| Correction { source, from, to })
    }

    fn wait(&mut self, bytes: &[u8], since: u64, counters: &mut Counters, out: &mut impl FnMut(Span)) {
        self.waiting_bytes += bytes.len();
        self.waiting.push_back(Waiting { bytes: bytes.into(), since });
        while self.waiting_bytes > WAITING {
            self.release(counters, out);
        }
    }

    /// Hands on the packet that waits longest, ready or not.
    fn release(&mut self, counters: &mut Counters, out: &mut impl FnMut(Span)) {
        let Some(Waiting { bytes, .. }) = self.waiting.pop_front() else { return };
        self.waiting_bytes -= bytes.len();
        if let Ok(packet) = Packet::parse(&bytes) {
            self.emit(&spans(&packet), counters, out);
        }
    }

    fn sync(&mut self, sync: &Sync<'_>) -> bool {
        let knew_clock = self.clock.knows_frequency();
        self.clock.set_frequency(sync.frequency);
        let about = About::of(sync);
        let new = self.about.as_ref() != Some(&about);
        self.about = Some(about);
        new || !knew_clock
    }

    /// What is not told leaves what was told before.
    fn identity(&mut self, identity: &Identity<'_>) -> bool {
        let mut new = false;
        if !identity.build_id.is_empty() {
            new = self.names.learn_build_id(identity.build_id);
        }
        let device = Named::from(identity.device);
        if device != Named::Text(Text::from("")) && self.device.as_ref() != Some(&device) {
            self.device = Some(device);
            new = true;
        }
        new
    }

    fn describe_anew(&mut self) {
        self.corrected = 0;
        let new = self.about.as_ref().and_then(|about| self.describe(about, false));
        self.source = new.or(self.source.take());
    }

    /// What a device says of itself; `None` when a name is missing, unless by `force` that must do.
    fn describe(&self, about: &About, force: bool) -> Option<Arc<Source>> {
        let id = self.key.trace_id(0);
        let described = about.describe(self.device.as_ref(), &self.names, id, force);
        described.map(|source| shared(&self.source, source))
    }

    /// Whether everything is known that the packet's spans need.
    fn is_ready(&self, spans: &[WireSpan<'_>]) -> bool {
        self.clock.knows_frequency()
            && self.source.is_some()
            && spans.iter().all(|span| self.names.waits_for_none(span))
    }

    fn emit(&mut self, spans: &[WireSpan<'_>], counters: &mut Counters, out: &mut impl FnMut(Span)) {
        let source = match (&self.source, &self.about) {
            (Some(source), _) => source.clone(),
            (None, Some(about)) => match self.describe(about, true) {
                Some(source) => source,
                None => return,
            },
            (None, None) => return counters.unclocked_spans += spans.len() as u64,
        };
        // Spans of one trace come in runs.
        let mut latest = (0, self.key.trace_id(0));
        for span in spans {
            // Both ends lie on one line that never runs back: what was within a span stays within it.
            let last = span.start.saturating_add(span.duration);
            let Some([start, end]) = self.clock.stretch(span.start, last) else {
                counters.unclocked_spans += 1;
                continue;
            };
            let stand_ins = self.names.stand_ins();
            if latest.0 != span.trace {
                latest = (span.trace, self.key.trace_id(span.trace));
            }
            // The root's is the low half of its trace's.
            let id = |of| if of == span.trace { latest.1 as u64 } else { self.key.span_id(of) };
            let mut model = Span::new(
                latest.1,
                id(span.counter),
                span.parent.map_or(0, id),
                self.names.text(span.name),
                source.clone(),
            );
            model.start = start;
            model.duration = end - start;
            model.error = span.error;
            if span.parent.is_none() {
                model.clock_error = self.clock.error(span.start, last);
            }
            self.set_tags(&mut model, span, counters);
            if span.interrupt != 0 && model.tag(INTERRUPT).is_none() {
                model.tags.push((Text::from(INTERRUPT), Value::Uint(span.interrupt.into())));
            }
            if span.lost_tags {
                model.tags.push((Text::from("microspan.lost_tags"), Value::Bool(true)));
            }
            if let Some(link) = span.link {
                self.link(&mut model, link, span.link_trace, Vec::new(), counters);
            }
            self.logs.attach(span, &self.clock, &mut model);
            counters.unnamed_spans += u64::from(self.names.stand_ins() != stand_ins);
            self.traces.note(span);
            out(model);
        }
    }
}

fn spans<'a>(packet: &Packet<'a>) -> Vec<WireSpan<'a>> {
    let span = |record| if let Ok(Record::Span(span)) = record { Some(span) } else { None };
    packet.records().filter_map(span).collect()
}

//! One session: its names, its clock, its losses, and the packets that wait for what they need.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use microspan::wire::{Packet, Record, Sync, TagValue, Tags, Text as WireText};
use microspan::{Cause, Session as Key, Stats};

use super::sequence::{Sequence, Verdict};
use super::{Arrival, Counters};
use crate::clock::ClockMap;
use crate::model::{Source, Span, Tag, Text, Value};

/// How many names are kept: more than a device's table can hold.
const NAMES: usize = 4096;
/// How many bytes of packets wait for names or for the clock.
const WAITING: usize = 256 * 1024;
/// How long a packet waits for names, in nanoseconds. A device repeats one in each packet.
const PATIENCE_FOR_NAMES: u64 = 10_000_000_000;
/// How long it waits for the clock's rate, without which there is nothing to show. A device sends it with the first
/// packet after half a second.
const PATIENCE_FOR_CLOCK: u64 = 60_000_000_000;

/// A packet that waits, and since when.
#[derive(Debug)]
struct Waiting {
    bytes: Box<[u8]>,
    since: u64,
}

/// What a device says of itself, its names not yet looked up.
#[derive(Debug, PartialEq)]
struct About {
    service: Named,
    tags: Vec<(Named, Datum)>,
}

#[derive(Debug, PartialEq)]
enum Named {
    Index(u32),
    Text(Text),
}

#[derive(Debug, PartialEq)]
enum Datum {
    Value(Value),
    Name(u32),
}

#[derive(Debug)]
pub(super) struct Session {
    key: Key,
    names: HashMap<u32, Text>,
    clock: ClockMap,
    sequence: Sequence,
    about: Option<About>,
    /// What `about` comes to; `None` while a name in it is missing.
    source: Option<Arc<Source>>,
    /// What was dropped, by core and cause.
    dropped: HashMap<(u8, Cause), u32>,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    heard: u64,
}

impl Session {
    pub(super) fn new(key: Key) -> Self {
        Self {
            key,
            names: HashMap::new(),
            clock: ClockMap::default(),
            sequence: Sequence::default(),
            about: None,
            source: None,
            dropped: HashMap::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            heard: 0,
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
        let cores: HashSet<u8> = self.dropped.keys().map(|(core, _)| *core).collect();
        for core in cores {
            let dropped = Stats::of(|cause| self.dropped.get(&(core, cause)).copied().unwrap_or_default());
            counters.device_dropped_spans += u64::from(dropped.spans_dropped());
            counters.device_dropped_tags += u64::from(dropped.tags_dropped());
        }
    }

    #[cfg(test)]
    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    pub(super) fn waiting_spans(&self) -> u64 {
        self.waiting
            .iter()
            .filter_map(|waiting| Packet::parse(&waiting.bytes).ok())
            .map(|packet| spans(&packet))
            .sum()
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
        self.heard = at.monotonic;
        match self.sequence.take(header.sequence, header.spans_before, spans(packet)) {
            Verdict::New => {}
            Verdict::Duplicate => return counters.duplicates += 1,
            Verdict::Late => return counters.late_packets += 1,
        }
        counters.packets += 1;
        counters.bytes += bytes.len() as u64;
        counters.spans += spans(packet);

        let mut news = false;
        for record in packet.records() {
            match record {
                Ok(Record::Name { index, text }) => news |= self.name(index, text),
                Ok(Record::Sync(sync)) => news |= self.sync(&sync),
                Ok(Record::Dropped { core, cause: Some(cause), count }) => {
                    self.dropped.insert((core, cause), count);
                }
                Ok(Record::Unknown { .. } | Record::Dropped { .. }) => counters.unknown_records += 1,
                Ok(_) => {}
                Err(_) => counters.malformed += 1,
            }
        }
        self.clock.observe(header.time, at);
        if news {
            self.source =
                self.about.as_ref().and_then(|about| self.describe(about, false)).or(self.source.take());
            self.poll(Some(at.monotonic), counters, out);
        }
        if self.waiting.is_empty() && self.is_ready(packet) {
            self.emit(packet, counters, out);
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
            let ready = Packet::parse(&waiting.bytes).is_ok_and(|packet| self.is_ready(&packet));
            if !ready && !over {
                return;
            }
            self.release(counters, out);
        }
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
            self.emit(&packet, counters, out);
        }
    }

    fn name(&mut self, index: u32, text: &str) -> bool {
        let new = self.names.get(&index).is_none_or(|known| known.as_str() != text)
            && (self.names.len() < NAMES || self.names.contains_key(&index));
        if new {
            self.names.insert(index, Text::new(text));
        }
        new
    }

    fn sync(&mut self, sync: &Sync<'_>) -> bool {
        let knew_clock = self.clock.knows_frequency();
        self.clock.set_frequency(sync.frequency);
        let about = About {
            service: Named::from(sync.service),
            tags: sync.tags.map(|tag| (Named::from(tag.key), Datum::from(tag.value))).collect(),
        };
        let new = self.about.as_ref() != Some(&about);
        self.about = Some(about);
        new || !knew_clock
    }

    /// What a device says of itself; `None` when a name is missing, unless that must do.
    fn describe(&self, about: &About, force: bool) -> Option<Arc<Source>> {
        let text = |named: &Named| match named {
            Named::Text(text) => Some(text.clone()),
            Named::Index(index) => self.look_up(*index, force),
        };
        let mut source = Source::new(self.key.trace_id(0));
        source.service = Some(text(&about.service)?).filter(|service| !service.is_empty());
        // Of two with one key the first holds.
        for (key, datum) in about.tags.iter().rev() {
            let value = match datum {
                Datum::Value(value) => value.clone(),
                Datum::Name(index) => Value::Str(self.look_up(*index, force)?),
            };
            source.set_tag(text(key)?, value);
        }
        match &self.source {
            Some(known) if **known == source => Some(known.clone()),
            _ => Some(Arc::new(source)),
        }
    }

    fn look_up(&self, index: u32, force: bool) -> Option<Text> {
        self.names.get(&index).cloned().or_else(|| force.then(|| Text::new(&format!("name#{index}"))))
    }

    fn knows(&self, text: WireText<'_>) -> bool {
        match text {
            WireText::Name(index) => self.names.contains_key(&index),
            WireText::Inline(_) => true,
        }
    }

    fn knows_tags(&self, mut tags: Tags<'_>) -> bool {
        tags.all(|tag| {
            self.knows(tag.key)
                && match tag.value {
                    TagValue::Text(text) | TagValue::Cut(text) => self.knows(text),
                    _ => true,
                }
        })
    }

    /// Whether everything is known that the packet's spans need.
    fn is_ready(&self, packet: &Packet<'_>) -> bool {
        self.clock.knows_frequency()
            && self.source.is_some()
            && packet.records().all(|record| match record {
                Ok(Record::Span(span)) => self.knows(span.name) && self.knows_tags(span.tags),
                _ => true,
            })
    }

    fn emit(&mut self, packet: &Packet<'_>, counters: &mut Counters, out: &mut impl FnMut(Span)) {
        let source = match (&self.source, &self.about) {
            (Some(source), _) => source.clone(),
            (None, Some(about)) => match self.describe(about, true) {
                Some(source) => source,
                None => return,
            },
            (None, None) => return counters.unclocked_spans += spans(packet),
        };
        for record in packet.records() {
            let Ok(Record::Span(span)) = record else { continue };
            let Some(start) = self.clock.unix(span.start, span.trace) else {
                counters.unclocked_spans += 1;
                continue;
            };
            counters.unnamed_spans += u64::from(!self.knows(span.name) || !self.knows_tags(span.tags));
            let parent_id = span.parent.map_or(0, |parent| self.key.span_id(parent));
            let mut model = Span::new(
                self.key.trace_id(span.trace),
                self.key.span_id(span.counter),
                parent_id,
                self.text(span.name),
                source.clone(),
            );
            model.start = start;
            model.duration = self.clock.duration(span.duration);
            model.error = span.error;
            self.set_tags(&mut model, span.tags);
            if span.lost_tags {
                model.tags.push((Text::from("microspan.lost_tags"), Value::Bool(true)));
            }
            out(model);
        }
    }

    /// The tags of a span, and those of them that name its fields.
    fn set_tags(&self, span: &mut Span, tags: Tags<'_>) {
        span.tags.extend(tags.map(|tag| (self.text(tag.key), convert(tag.value, |text| self.text(text)))));
        // On the wire the newest comes first.
        span.tags.reverse();
        for (field, key) in [
            (&mut span.service, "service.name"),
            (&mut span.resource, "resource.name"),
            (&mut span.span_type, "span.type"),
        ] {
            while let Some(at) = span.tags.iter().position(|(k, _)| k.as_str() == key) {
                let (_, value): Tag = span.tags.remove(at);
                *field = Some(match value {
                    Value::Str(text) => text,
                    other => Text::new(&other.to_string()),
                });
            }
        }
    }

    fn text(&self, text: WireText<'_>) -> Text {
        match text {
            WireText::Name(index) => self.look_up(index, true).unwrap_or_else(|| Text::from("")),
            WireText::Inline(text) => Text::new(text),
        }
    }
}

fn spans(packet: &Packet<'_>) -> u64 {
    packet.records().filter(|record| matches!(record, Ok(Record::Span(_)))).count() as u64
}

impl From<WireText<'_>> for Named {
    fn from(text: WireText<'_>) -> Self {
        match text {
            WireText::Name(index) => Self::Index(index),
            WireText::Inline(text) => Self::Text(Text::new(text)),
        }
    }
}

impl From<TagValue<'_>> for Datum {
    fn from(value: TagValue<'_>) -> Self {
        match value {
            TagValue::Text(WireText::Name(index)) | TagValue::Cut(WireText::Name(index)) => Self::Name(index),
            value => Self::Value(convert(value, |text| match text {
                WireText::Inline(text) => Text::new(text),
                WireText::Name(_) => Text::from(""),
            })),
        }
    }
}

/// A value, with its names looked up by `text`.
fn convert<'a>(value: TagValue<'a>, text: impl FnOnce(WireText<'a>) -> Text) -> Value {
    match value {
        TagValue::Bool(value) => Value::Bool(value),
        TagValue::U64(value) => Value::Uint(value),
        TagValue::I64(value) => Value::Int(value),
        // By its shortest decimal, so that 0.1 stays 0.1.
        TagValue::F32(value) => Value::Float(value.to_string().parse().unwrap_or(f64::from(value))),
        TagValue::F64(value) => Value::Float(value),
        TagValue::Text(wire) => Value::Str(text(wire)),
        TagValue::Cut(wire) => Value::Str(Text::new(&format!("{}...", text(wire).as_str()))),
    }
}

//! What a board has sent, read without a bridge: packets by their sessions, spans with their tags as text.

use std::collections::{BTreeMap, HashMap};

use microspan::wire::{FrameDecoder, MAX_FRAME, Packet, Record, TagValue, Text};

/// A span.
#[derive(Debug, Clone)]
pub struct Sent {
    /// What it is called.
    pub name: String,
    /// Its counter in its session.
    pub counter: u64,
    /// That of its parent.
    pub parent: Option<u64>,
    /// Whether it is an error.
    pub error: bool,
    /// Whether it lost tags.
    pub lost_tags: bool,
    /// Its tags.
    pub tags: HashMap<String, String>,
}

impl Sent {
    /// A tag.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.get(key).map(String::as_str)
    }
}

/// A session, as far as its packets came.
#[derive(Debug, Clone, Default)]
pub struct SentSession {
    /// Its spans, in the order in which they came.
    pub spans: Vec<Sent>,
    /// The numbers of its packets.
    pub packets: Vec<u32>,
    /// How many spans its packets were said to carry, those that did not come included.
    pub told: u32,
}

/// The sessions whose packets are in the frames of a stream, in the order in which they began. Frames that are not whole are left
/// out: a board may have been stopped in one.
///
/// # Panics
/// When a packet is not what it should be.
pub fn sessions(stream: &[u8]) -> Vec<SentSession> {
    let (mut decoder, mut input) = (FrameDecoder::<MAX_FRAME>::new(), stream);
    let mut packets: Vec<Vec<u8>> = Vec::new();
    while let Some(frame) = decoder.next(&mut input) {
        packets.extend(frame.ok().filter(|frame| Packet::parse(frame).is_ok()).map(<[u8]>::to_vec));
    }
    let mut order = Vec::new();
    let mut of_session: BTreeMap<u64, Vec<Packet<'_>>> = BTreeMap::new();
    for packet in &packets {
        let packet = Packet::parse(packet).expect("looked at above");
        let key = packet.header().session.0;
        if !of_session.contains_key(&key) {
            order.push(key);
        }
        of_session.entry(key).or_default().push(packet);
    }
    order.iter().map(|key| session(&of_session[key])).collect()
}

fn records<'p>(packet: &'p Packet<'p>) -> impl Iterator<Item = Record<'p>> {
    packet.records().map(|record| record.expect("a whole record"))
}

fn session(packets: &[Packet<'_>]) -> SentSession {
    let names: HashMap<u32, String> = packets
        .iter()
        .flat_map(records)
        .filter_map(|record| match record {
            Record::Name { index, text } => Some((index, text.to_owned())),
            _ => None,
        })
        .collect();
    let text = |text: Text<'_>| match text {
        // The packet that told it may not have come.
        Text::Name(index) => names.get(&index).cloned().unwrap_or_else(|| format!("name {index}")),
        Text::Inline(text) => text.to_owned(),
        Text::Address { .. } => unreachable!("names are told in band"),
    };
    let value = |value: TagValue<'_>| match value {
        TagValue::Text(value) => text(value),
        TagValue::U64(value) => value.to_string(),
        value => format!("{value:?}"),
    };
    let mut session = SentSession::default();
    for packet in packets {
        session.packets.push(packet.header().sequence);
        let before = session.spans.len();
        for record in records(packet) {
            let Record::Span(span) = record else { continue };
            session.spans.push(Sent {
                name: text(span.name),
                counter: span.counter,
                parent: span.parent,
                error: span.error,
                lost_tags: span.lost_tags,
                tags: span.tags.map(|tag| (text(tag.key), value(tag.value))).collect(),
            });
        }
        session.told = packet.header().spans_before + (session.spans.len() - before) as u32;
    }
    session
}

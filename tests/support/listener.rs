//! A listener that comes late to a device, and asks it.

use std::collections::HashSet;

use microspan::wire::{Header, Packet, Record, Request, TagValue, Text};

/// How many packets go by before it listens.
const MISSED: u32 = 50;
/// Names in a packet that is an answer: otherwise a device tells one again in each.
const MANY: usize = 8;
/// How many packets may have been on the way before the device heard the request.
const ON_THE_WAY: u32 = 20;

/// What it knows of a session.
#[derive(Default)]
pub struct Listener {
    known: HashSet<u32>,
    used: HashSet<u32>,
    has_sync: bool,
}

impl Listener {
    /// Has `next` bring packets, one a call, comes late, and gives it a request to send on before the next one. Asserts that the
    /// answer has the sync, and within two packets the names of all that these packets say.
    ///
    /// # Panics
    /// When it is not so.
    pub fn hear_all_names(&mut self, mut next: impl FnMut(Option<Request>) -> Vec<u8>) {
        let mut header = self.hear(&next(None));
        while header.sequence < MISSED {
            header = self.hear(&next(None));
        }
        let mut request =
            Some(Request { session: Some(header.session), sync: true, names: true, time: None });
        let mut packets = 0;
        *self = Self::default();
        while self.known.len() < MANY {
            *self = Self::default();
            self.hear(&next(request.take()));
            packets += 1;
            assert!(packets <= ON_THE_WAY, "no answer in {packets} packets");
        }
        if !self.knows_all() {
            self.hear(&next(None));
        }
        assert!(self.knows_all(), "sync {}, {:?} of {:?}", self.has_sync, self.known, self.used);
    }

    fn hear(&mut self, bytes: &[u8]) -> Header {
        let packet = Packet::parse(bytes).expect("a packet that is whole");
        for record in packet.records() {
            match record.expect("a record") {
                Record::Name { index, .. } => drop(self.known.insert(index)),
                Record::Sync(sync) => {
                    self.has_sync = true;
                    self.text(sync.service);
                }
                Record::Span(span) => {
                    self.text(span.name);
                    for tag in span.tags {
                        self.text(tag.key);
                        if let TagValue::Text(text) = tag.value {
                            self.text(text);
                        }
                    }
                }
                _ => {}
            }
        }
        packet.header()
    }

    fn text(&mut self, text: Text<'_>) {
        if let Text::Name(index) = text {
            self.used.insert(index);
        }
    }

    fn knows_all(&self) -> bool {
        self.has_sync && self.used.is_subset(&self.known)
    }
}

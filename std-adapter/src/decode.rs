//! From the bytes of a link to spans: frames, packets, sessions, names.
//!
//! Any bytes do: what is not a packet is counted by kind, and decoding goes on with the next. A packet whose names or
//! whose clock are not known yet waits, for a bounded time in bounded memory; then its spans go on with stand-ins
//! (`name#12`, `str@0x8001234`) where names are missing, and are dropped and counted where even the clock's rate is. A
//! name that comes later is told as a correction.
//!
//! Nothing here performs I/O or reads a clock.

mod about;
mod beyond;
mod exchange;
mod indexed;
mod logs;
mod names;
mod reported;
mod sequence;
mod session;
mod stack;
mod traces;

use std::collections::HashMap;
use std::sync::Arc;

use microspan::Session as Key;
use microspan::wire::{FrameDecoder, FrameError, MAX_FRAME, Packet, PacketError, Request};

pub use crate::clock::Arrival;
use crate::model::{Span, Tag, Text};
pub use logs::Log;
pub use names::Strings;
pub use reported::{Callsite, Dropped, Reported};
use session::Session;

/// How many sessions are kept; beyond it the one that was silent longest is forgotten. With the bounds of a session
/// (4,096 names, as many strings of its program, and 2,048 callsites of at most 255 bytes, 4,096 stand-ins, 256 KiB of
/// waiting packets, the traces of 4,096 spans, 1,024 lines of its log of together 256 KiB) the decoder holds at most some 300 MB, whatever arrives.
const SESSIONS: usize = 64;

/// While so many corrections wait to be taken no session is asked for more; one has at most as many as stand-ins.
const CORRECTIONS: usize = 4096;

/// What a [`Decoder`] has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Bytes of packets that were accepted, framing not included.
    pub bytes: u64,
    /// Packets that were accepted.
    pub packets: u64,
    /// Spans in them.
    pub spans: u64,
    /// Stretches between two zeros that are longer than any frame.
    pub frames_too_long: u64,
    /// Stretches between two zeros, or at a stream's end, that are not COBS; frames of another kind that cannot be read.
    pub frames_damaged: u64,
    /// Packets with a wrong CRC.
    pub packets_damaged: u64,
    /// Packets of a wire version that is not ours.
    pub packets_of_other_version: u64,
    /// Packets or records that do not follow the protocol though their CRC is right.
    pub malformed: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Packets from so far back in their session that they may have come before; they were not taken.
    pub late_packets: u64,
    /// Packets that are missing in the sequence of their session.
    pub lost_packets: u64,
    /// Spans that those packets carried.
    pub lost_spans: u64,
    /// Counts of callsites that were not taken: their session has too many.
    pub callsites_refused: u64,
    /// Links whose trace the device did not tell and the host does not remember; their spans say so.
    pub unresolved_links: u64,
    /// Records of kinds that this version does not know, and counts of drops by causes that it does not know.
    pub unknown_records: u64,
    /// Tags of kinds that this version does not know, or does not expect where they stand.
    pub unknown_tags: u64,
    /// Times of tick 0 that were told and not taken, since packets came more than a minute before or after it.
    pub clock_bases_refused: u64,
    /// Answers that told when a device heard a request.
    pub exchanges: u64,
    /// Answers that cannot be true.
    pub exchanges_refused: u64,
    /// Clocks that turned out to be other than they were taken for: they ran back or stood, or their rate is not what it says.
    pub clocks_restarted: u64,
    /// Spans that went on with a stand-in for a name.
    pub unnamed_spans: u64,
    /// Spans that were dropped because their session's clock never became known.
    pub unclocked_spans: u64,
    /// Lines of devices' logs.
    pub log_lines: u64,
    /// Lines that were written in a span which has not come.
    pub log_lines_astray: u64,
    /// Sessions seen.
    pub sessions: u64,
    /// Sessions that were forgotten to make room for others.
    pub forgotten_sessions: u64,
}

impl Counters {
    fn frame_error(&mut self, error: FrameError) {
        match error {
            FrameError::TooLong => self.frames_too_long += 1,
            FrameError::Cobs => self.frames_damaged += 1,
        }
    }
}

/// Decodes the packets of any number of devices.
#[derive(Debug, Default)]
pub struct Decoder {
    sessions: HashMap<u64, Session>,
    counters: Counters,
    /// What forgotten sessions said of themselves.
    reported: Reported,
    /// The version of the last packet of another one, not yet told.
    other_version: Option<u8>,
    /// Where strings are found that devices tell by their address.
    programs: Option<Arc<dyn Strings>>,
    requests: Vec<Request>,
    /// The sessions whose packets came since requests were taken.
    heard: Vec<u64>,
    corrections: Vec<Correction>,
    /// Emptied lists for the tags of spans to come.
    spare: Vec<Vec<Tag>>,
}

/// What a stream of frames that are not ours has beside packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Foreign {
    /// Lines of a log.
    pub lines: u64,
    /// Of them those that were written in a span of which no packet followed.
    pub astray: u64,
    /// Frames that could not be read.
    pub damaged: u64,
}

/// A text that became known after its stand-in went out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// Of which source: its runtime id.
    pub source: u128,
    /// The stand-in.
    pub from: Text,
    /// The text.
    pub to: Text,
}

impl Decoder {
    /// A decoder that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that finds the strings of programs here.
    pub fn with_strings(programs: Arc<dyn Strings>) -> Self {
        Self { programs: Some(programs), ..Self::default() }
    }

    /// Takes these lists for the tags of spans to come, if it has none left; what is in them is dropped.
    pub fn reuse(&mut self, spare: &mut Vec<Vec<Tag>>) {
        if self.spare.is_empty() {
            std::mem::swap(&mut self.spare, spare);
            self.spare.iter_mut().for_each(Vec::clear);
        }
    }

    /// Takes a datagram, or what a frame held; hands on the spans that are complete.
    pub fn packet(&mut self, bytes: &[u8], at: Arrival, out: &mut impl FnMut(Span)) {
        let packet = match Packet::parse(bytes) {
            Ok(packet) => packet,
            Err(PacketError::Crc) => return self.counters.packets_damaged += 1,
            Err(PacketError::Malformed) => return self.counters.malformed += 1,
            Err(PacketError::Version(version)) => {
                self.counters.packets_of_other_version += 1;
                self.other_version = Some(version);
                return;
            }
        };
        let key = packet.header().session;
        if !self.sessions.contains_key(&key.0) {
            self.admit(key);
        }
        let Some(session) = self.sessions.get_mut(&key.0) else { return };
        std::mem::swap(&mut session.spare, &mut self.spare);
        session.packet(&packet, bytes, at, &mut self.counters, out);
        std::mem::swap(&mut session.spare, &mut self.spare);
        if self.requests.len() < SESSIONS {
            self.requests.extend(session.wants(at.monotonic));
        }
        if self.heard.len() < SESSIONS && !self.heard.contains(&key.0) {
            self.heard.push(key.0);
        }
        if self.corrections.len() < CORRECTIONS {
            self.corrections.extend(session.corrections(at.monotonic));
        }
    }

    /// Takes what a packet says of its session, its sync and its names, and nothing else: one that was sent long ago, and that
    /// a broker kept for those that come late. What the session's packets need that wait is looked at with the next
    /// [`poll`](Decoder::poll).
    pub fn learn(&mut self, bytes: &[u8]) {
        // One that is damaged is of no use to anybody, and was counted when it was sent.
        let Ok(packet) = Packet::parse(bytes) else { return };
        let key = packet.header().session;
        if !self.sessions.contains_key(&key.0) && self.sessions.len() < SESSIONS {
            self.sessions.insert(key.0, Session::new(key, self.programs.clone()));
        }
        if let Some(session) = self.sessions.get_mut(&key.0) {
            session.learn(&packet);
        }
    }

    /// Takes a line of a session's log, before the packet that comes next on the same stream: it becomes an event of its span.
    pub fn log(&mut self, key: Key, log: Log) {
        if !self.sessions.contains_key(&key.0) {
            self.admit(key);
        }
        if let Some(session) = self.sessions.get_mut(&key.0) {
            session.log(log);
        }
    }

    /// Counts what a stream of frames that are not ours had beside packets.
    pub fn count(&mut self, other: Foreign) {
        self.counters.log_lines += other.lines;
        self.counters.log_lines_astray += other.astray;
        self.counters.frames_damaged += other.damaged;
    }

    /// Hands on what has waited long enough.
    pub fn poll(&mut self, monotonic: u64, out: &mut impl FnMut(Span)) {
        for session in self.sessions.values_mut() {
            session.poll(Some(monotonic), &mut self.counters, out);
        }
    }

    /// Hands on everything that waits.
    pub fn flush(&mut self, out: &mut impl FnMut(Span)) {
        for session in self.sessions.values_mut() {
            session.poll(None, &mut self.counters, out);
        }
    }

    /// Takes over what another decoder learned of the clocks of sessions: of a recording, which can be read twice.
    pub fn learn_clocks(&mut self, other: &Decoder) {
        for (key, learned) in &other.sessions {
            if !self.sessions.contains_key(key) {
                self.admit(Key::new(*key));
            }
            if let Some(session) = self.sessions.get_mut(key) {
                session.learn_clock(learned);
            }
        }
    }

    /// What was seen so far.
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters;
        for session in self.sessions.values() {
            session.add_losses(&mut counters);
        }
        counters
    }

    /// What devices said of themselves so far.
    pub fn reported(&self) -> Reported {
        let mut reported = self.reported.clone();
        for session in self.sessions.values() {
            session.add_counts(&mut reported);
        }
        reported
    }

    /// What to ask the devices for whose packets came since this was last asked, each at most once a second. Who has no way
    /// to them lets it be.
    pub fn take_requests(&mut self) -> Vec<Request> {
        self.heard.clear();
        std::mem::take(&mut self.requests)
    }

    /// The same, and when these devices hear it, by their clocks. Every request is to be sent at once; `now` is the time at which
    /// it is.
    pub fn take_timed_requests(&mut self, now: Arrival) -> Vec<Request> {
        let mut requests = std::mem::take(&mut self.requests);
        for key in self.heard.drain(..) {
            let Some(session) = self.sessions.get_mut(&key) else { continue };
            let Some(time) = session.ask_time(now) else { continue };
            let session = Some(Key::new(key));
            match requests.iter_mut().find(|request| request.session == session) {
                Some(request) => request.time = Some(time),
                None => requests.push(Request { session, sync: false, names: false, time: Some(time) }),
            }
        }
        requests
    }

    /// The texts that became known since this was last asked, of which stand-ins went out.
    pub fn take_corrections(&mut self) -> Vec<Correction> {
        std::mem::take(&mut self.corrections)
    }

    /// The wire version of a packet that was refused for it since this was last asked.
    pub fn take_other_version(&mut self) -> Option<u8> {
        self.other_version.take()
    }

    fn admit(&mut self, key: Key) {
        if self.sessions.len() >= SESSIONS {
            let silent = self.sessions.iter().min_by_key(|(_, session)| session.heard()).map(|(key, _)| *key);
            if let Some(session) = silent.and_then(|key| self.sessions.remove(&key)) {
                session.add_losses(&mut self.counters);
                session.add_counts(&mut self.reported);
                self.counters.unclocked_spans += session.waiting_spans();
                self.counters.forgotten_sessions += 1;
            }
        }
        self.sessions.insert(key.0, Session::new(key, self.programs.clone()));
    }
}

/// One byte stream, in front of a [`Decoder`].
#[derive(Debug, Default)]
pub struct Stream {
    frames: FrameDecoder<MAX_FRAME>,
}

impl Stream {
    /// The start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream.
    pub fn bytes(
        &mut self,
        mut bytes: &[u8],
        at: Arrival,
        decoder: &mut Decoder,
        out: &mut impl FnMut(Span),
    ) {
        while let Some(frame) = self.frames.next(&mut bytes) {
            match frame {
                Ok(packet) => decoder.packet(packet, at, out),
                Err(error) => decoder.counters.frame_error(error),
            }
        }
    }

    /// The stream has ended, or was interrupted: what comes next does not continue it.
    pub fn finish(&mut self, decoder: &mut Decoder) {
        if let Some(error) = self.frames.finish() {
            decoder.counters.frame_error(error);
        }
    }
}

#[cfg(test)]
mod tests;

//! Streams of `defmt` frames: the packets among them, and the lines of the log, which belong to the spans in which they were
//! written.
//!
//! The program's ELF file says what the frames mean. A frame has no checksum, and `defmt-decoder` trusts what it reads. One that
//! was damaged may be shown as a line that was never written; a packet has its own checksum. What makes the decoder panic is
//! counted as damaged, and so is a frame that says that it has more than 65,536 values, or that they nest deeper than 64.

mod bounds;
mod rzcobs;

use std::collections::BTreeMap;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Arc;

use defmt_decoder::{Encoding, Frame, Locations, Table};
use microspan::wire::Packet;

use crate::decode::{Arrival, Decoder, Foreign, Log};
use crate::error::DefmtError;
use crate::model::{Span, Tag, Text, Value};
use bounds::Formats;

/// How the device begins the frame of a packet: the words of the core's transport.
const PACKET: &str = "microspan packet ";
/// What stands in a timestamp before the current span: the words of the core's `Stamp`.
const SPAN: &str = " span ";
/// The longest frame: more than the longest packet makes.
const LONGEST: usize = 80 * 1024;
/// How many lines within spans wait for the first packet after them.
const LINES: usize = 1024;
/// How much of a line is the name of its event, in bytes: as much as the agent takes.
const NAME: usize = 100;

/// A program that logs by `defmt`.
#[derive(Debug)]
pub struct Program {
    table: Table,
    formats: Formats,
    /// Where its lines are written in the source, if it says so.
    places: Locations,
}

/// What a frame holds.
enum Content {
    Packet(Vec<u8>),
    /// A line as it is shown, and what it is for the span in which it was written.
    Line(String, Option<Log>),
}

impl Program {
    /// Reads the program's ELF file.
    ///
    /// # Errors
    ///
    /// It cannot be read, it does not log by `defmt`, or its frames cannot be told apart.
    pub fn open(path: &Path) -> Result<Self, DefmtError> {
        let none = |reason: String| DefmtError::NoLog { path: path.into(), reason };
        let elf = fs::read(path).map_err(|cause| DefmtError::Unreadable { path: path.into(), cause })?;
        let table = Table::parse(&elf).map_err(|error| none(format!("{error:#}")))?;
        let Some(table) = table else {
            return Err(none(
                "it does not log by defmt; give the program that the device runs, as linked".into(),
            ));
        };
        if table.encoding() != Encoding::Rzcobs {
            return Err(none(
                "its frames have no ends; build it without the feature encoding-raw of defmt".into(),
            ));
        }
        let Some(formats) = Formats::of(&table) else {
            return Err(none("its formats are not what this program was built for".into()));
        };
        let places = table.get_locations(&elf).unwrap_or_else(|_| BTreeMap::new());
        Ok(Self { table, formats, places })
    }

    /// What a frame says, which ends in its zero; `None` when it cannot be read.
    fn read(&self, frame: &[u8]) -> Option<Content> {
        let bytes = rzcobs::decode(frame.strip_suffix(&[0])?)?;
        if !self.formats.admit(&bytes) {
            return None;
        }
        // The table's own reader was not written for frames that are damaged.
        let read = panic::catch_unwind(AssertUnwindSafe(|| {
            self.table.decode(&bytes).ok().map(|(frame, _)| self.content(&frame))
        }));
        read.ok().flatten()?
    }

    fn content(&self, frame: &Frame<'_>) -> Option<Content> {
        let message = frame.display_message().to_string();
        let packet = if frame.level().is_none() { message.strip_prefix(PACKET) } else { None };
        if let Some(list) = packet {
            return bytes(list).map(Content::Packet);
        }
        let stamp = frame.display_timestamp().map(|stamp| stamp.to_string());
        let log = stamp.as_deref().and_then(span_of).map(|(microseconds, handle)| Log {
            handle,
            microseconds,
            attributes: self.attributes(frame, &message),
            message: Text::from(message),
        });
        Some(Content::Line(frame.display(false).to_string(), log))
    }

    fn attributes(&self, frame: &Frame<'_>, message: &str) -> Vec<Tag> {
        let text = |key: &'static str, text: &str| (Text::from(key), Value::Str(Text::new(text)));
        let mut attributes = Vec::new();
        if let Some(level) = frame.level() {
            attributes.push(text("level", level.as_str()));
        }
        if let Some(place) = self.places.get(&frame.index()) {
            attributes.push(text("module", &place.module));
            attributes.push((Text::from("line"), Value::Uint(place.line)));
        }
        if message.len() > NAME {
            attributes.push(text("message", message));
        }
        attributes
    }
}

/// The bytes of a list of numbers, `[1, 2]`.
fn bytes(list: &str) -> Option<Vec<u8>> {
    let numbers = list.strip_prefix('[')?.strip_suffix(']')?;
    numbers.split(", ").map(|number| number.parse().ok()).collect()
}

/// The microseconds and the span of a timestamp such as `1.250000 span 17`; `None`: it names no span.
fn span_of(stamp: &str) -> Option<(u64, u32)> {
    let (time, handle) = stamp.rsplit_once(SPAN)?;
    let (seconds, micros) = time.rsplit(' ').next()?.split_once('.')?;
    let [seconds, micros] = [seconds, micros].map(|digits| digits.parse::<u64>().ok());
    Some((seconds?.checked_mul(1_000_000)?.checked_add(micros?)?, handle.parse().ok()?))
}

/// One stream of frames, in front of a [`Decoder`].
#[derive(Debug)]
pub struct Stream {
    program: Arc<Program>,
    /// What came of a frame.
    frame: Vec<u8>,
    /// Lines within spans since the last packet. The next is of the same run of the device: a span goes out after its lines.
    lines: Vec<Log>,
}

impl Stream {
    /// The start of a stream of this program.
    pub fn new(program: Arc<Program>) -> Self {
        Self { program, frame: Vec::new(), lines: Vec::new() }
    }

    /// Takes the next bytes of the stream. Lines are shown as they come, without their end.
    pub fn bytes(
        &mut self,
        bytes: &[u8],
        at: Arrival,
        decoder: &mut Decoder,
        out: &mut impl FnMut(Span),
        show: &mut dyn FnMut(&str),
    ) {
        for piece in bytes.split_inclusive(|byte| *byte == 0) {
            // One that is too long is cut, and so damaged.
            let room = LONGEST.saturating_sub(self.frame.len());
            self.frame.extend(piece.iter().take(room));
            if piece.last() == Some(&0) {
                self.end_of_frame(at, decoder, out, show);
            }
        }
    }

    fn end_of_frame(
        &mut self,
        at: Arrival,
        decoder: &mut Decoder,
        out: &mut impl FnMut(Span),
        show: &mut dyn FnMut(&str),
    ) {
        let frame = std::mem::take(&mut self.frame);
        // Zeros may follow each other.
        if frame.len() <= 1 {
            return;
        }
        match self.program.read(&frame) {
            Some(Content::Packet(packet)) => {
                if let (false, Ok(parsed)) = (self.lines.is_empty(), Packet::parse(&packet)) {
                    let session = parsed.header().session;
                    self.lines.drain(..).for_each(|log| decoder.log(session, log));
                }
                decoder.packet(&packet, at, out);
            }
            Some(Content::Line(line, log)) => {
                show(&line);
                let in_span = log.is_some();
                let has_room = self.lines.len() < LINES;
                self.lines.extend(log.filter(|_| has_room));
                decoder.count(Foreign {
                    lines: 1,
                    astray: u64::from(in_span && !has_room),
                    ..Foreign::default()
                });
            }
            None => decoder.count(Foreign { damaged: 1, ..Foreign::default() }),
        }
    }

    /// The stream has ended, or was interrupted: what comes next does not continue it.
    pub fn finish(&mut self, decoder: &mut Decoder) {
        let damaged = u64::from(!self.frame.is_empty());
        self.frame.clear();
        decoder.count(Foreign { astray: self.lines.drain(..).count() as u64, damaged, ..Foreign::default() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_tells_its_time_and_its_span() {
        assert_eq!(span_of("1.250000 span 17"), Some((1_250_000, 17)));
        assert_eq!(span_of("core 0 at 0.000001 span 4294967295"), Some((1, u32::MAX)));
        for other in ["1.250000", "", "span 17", "1 span 17", "1.2 span", "x.y span 1", "1.0 span 4294967296"]
        {
            assert_eq!(span_of(other), None, "{other}");
        }
        assert_eq!(span_of("18446744073709551615.000000 span 1"), None);
    }

    #[test]
    fn a_packet_is_a_list_of_bytes() {
        assert_eq!(bytes("[0, 17, 255]"), Some(vec![0, 17, 255]));
        for other in ["[256]", "[1, x]", "[1", "", "[]"] {
            assert_eq!(bytes(other), None, "{other}");
        }
    }
}

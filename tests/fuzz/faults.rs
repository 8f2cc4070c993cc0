//! Real devices, faulty links, the real decoder: each span that was sent is decoded, or counted as lost.
//!
//! A run is all in its seed. `MICROSPAN_SEED=n` runs one; `MICROSPAN_SEEDS=n` as many.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use microspan::wire::{FrameDecoder, MAX_FRAME, Packet, Record};
use microspan_fuzz::device::{self, Program, Run};
use microspan_fuzz::link::{self, Faults};
use microspan_fuzz::random::Random;
use microspan_std::decode::{Counters, Decoder, Stream};
use microspan_std::model::Span;

/// How many runs there are of each kind, when nobody says otherwise.
const RUNS: u64 = 2000;

/// From so far back a packet is not taken, since it may have come before.
const LATE: usize = 128;

/// What all runs come to.
#[derive(Debug, Default)]
struct Sum {
    faults: Faults,
    spans: u64,
    decoded: u64,
    lost: u64,
    damaged: u64,
    duplicates: u64,
    late: u64,
    /// What was damaged and is a packet all the same: these runs are not looked at.
    deceived: u64,
}

#[test]
fn datagrams_are_decoded_or_counted_as_lost() {
    let sum = all(datagrams);
    if sum.spans > 100_000 {
        assert!(sum.late > 0 && sum.faults.split > 0, "{sum:?}");
    }
}

#[test]
fn frames_of_a_stream_are_decoded_or_counted_as_lost() {
    all(stream);
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|error| panic!("{variable}={value}: {error}")))
}

/// Runs all seeds, or the one that is asked for.
fn all(mut run: impl FnMut(u64, &mut Sum)) -> Sum {
    let seeds = match number("MICROSPAN_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("MICROSPAN_SEEDS").unwrap_or(RUNS),
    };
    let runs = seeds.end - seeds.start;
    let mut sum = Sum::default();
    for seed in seeds {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(seed, &mut sum))) {
            eprintln!("that was seed {seed}: MICROSPAN_SEED={seed} runs it again");
            resume_unwind(panic);
        }
    }
    println!("{runs} runs: {sum:?}");
    if runs >= 1000 {
        let Faults { dropped, flipped, split, doubled, reordered, .. } = sum.faults;
        assert!([dropped, flipped, split, doubled, reordered].iter().all(|count| *count > 100), "{sum:?}");
        assert!(sum.decoded > 0 && sum.lost > 0 && sum.duplicates > 0 && sum.damaged > 0, "{sum:?}");
        assert!(sum.deceived <= 3 + sum.damaged / 20_000, "CRC-16 sees more than that: {sum:?}");
    }
    sum
}

/// A device that runs a program by chance.
fn device(random: &mut Random, seed: u64) -> Run {
    let length = if random.once_in(20) { 8000 } else { 50 + random.below(1000) };
    let program = random.bytes(length);
    device::run(seed, &program)
}

/// What the host can know of.
struct Known<'a> {
    run: &'a Run,
    places: HashMap<&'a [u8], usize>,
    spans: Vec<u64>,
    next: usize,
    first: Option<usize>,
    deceived: bool,
}

impl<'a> Known<'a> {
    fn of(run: &'a Run) -> Self {
        let places = run.packets.iter().enumerate().map(|(place, packet)| (&packet[..], place)).collect();
        let spans = run.packets.iter().map(|packet| spans(packet)).collect();
        Self { run, places, spans, next: 0, first: None, deceived: false }
    }

    /// Takes note of bytes that arrive; tells when they were sent, if they are a packet.
    fn arrives(&mut self, bytes: &[u8]) -> Option<u64> {
        let packet = Packet::parse(bytes).ok()?;
        let Some(&place) = self.places.get(bytes) else {
            self.deceived = true;
            return None;
        };
        if self.next < place + LATE + 1 {
            self.first = Some(self.first.map_or(place, |first| first.min(place)));
        }
        self.next = self.next.max(place + 1);
        Some(packet.header().time)
    }

    /// Closes the books.
    fn check(&self, spans: &[Span], decoder: &Decoder, sum: &mut Sum) {
        let Counters { lost_spans, unclocked_spans, duplicates, late_packets, .. } = decoder.counters();
        let counters = decoder.counters();
        let sent: u64 = self.spans.iter().sum();
        assert_eq!(sent, u64::from(self.run.sent));
        let missed = self.first.map_or(0, |first| self.spans[..first].iter().sum());
        let decoded = spans.len() as u64;
        assert_eq!(counters.spans, decoded + unclocked_spans, "{counters:?}");
        assert_eq!(sent - missed, counters.spans + lost_spans, "{counters:?}");
        let dropped = decoder.reported().dropped().spans();
        assert_eq!(self.run.started, sent + dropped, "{counters:?} {:?}", decoder.reported());
        let mut ids: Vec<u64> = spans.iter().map(|span| span.span_id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), spans.len(), "none comes twice");
        for span in spans {
            let made = &self.run.made.get(&(device::tick(span.start)));
            let made = made.unwrap_or_else(|| panic!("nobody made {span:?}"));
            let is_named = made.name.starts_with(&*span.name)
                || span.name.starts_with("name#")
                || span.name.starts_with("str@");
            assert!(is_named && span.error == made.error, "{span:?} {made:?}");
        }
        sum.spans += sent;
        sum.decoded += decoded;
        sum.lost += lost_spans;
        sum.duplicates += duplicates;
        sum.late += late_packets;
        sum.damaged += counters.packets_damaged + counters.frames_damaged + counters.frames_too_long;
    }
}

fn spans(packet: &[u8]) -> u64 {
    let packet = Packet::parse(packet).expect("a drain's packet");
    packet.records().filter(|record| matches!(record, Ok(Record::Span(_)))).count() as u64
}

fn datagrams(seed: u64, sum: &mut Sum) {
    let mut random = Random::new(seed);
    let run = device(&mut random, seed);
    let mut known = Known::of(&run);
    let (mut decoder, mut spans, mut now) = (Decoder::with_strings(Arc::new(Program)), Vec::new(), 0);
    // The host knows of a loss by what comes after it, so the last words arrive.
    let (body, farewell) = run.packets.split_at(run.packets.len() - run.farewell);
    let arrived = link::datagrams(&mut random, body, &mut sum.faults);
    for datagram in arrived.iter().chain(farewell) {
        let sent = known.arrives(datagram).unwrap_or(now);
        now = now.max(sent);
        decoder.packet(datagram, device::at_once(sent, now), &mut |span| spans.push(span));
    }
    if known.deceived {
        return sum.deceived += 1;
    }
    decoder.flush(&mut |span| spans.push(span));
    known.check(&spans, &decoder, sum);
}

fn stream(seed: u64, sum: &mut Sum) {
    let mut random = Random::new(!seed);
    let run = device(&mut random, seed);
    let (body, farewell) = run.packets.split_at(run.packets.len() - run.farewell);
    let mut line = link::stream(&mut random, body, &mut sum.faults);
    line.push(0);
    line.extend(link::frames(farewell));

    let mut known = Known::of(&run);
    let (mut frames, mut stream) = (FrameDecoder::<MAX_FRAME>::new(), Stream::new());
    let (mut decoder, mut spans, mut now, mut sent) =
        (Decoder::with_strings(Arc::new(Program)), Vec::new(), 0, 0);
    // Frame by frame, each in pieces, so that the time is that of the frame which ends there.
    for frame in line.split_inclusive(|byte| *byte == 0) {
        let mut input = frame;
        if let Some(Ok(packet)) = frames.next(&mut input) {
            sent = known.arrives(packet).unwrap_or(sent);
            now = now.max(sent);
        }
        let at = device::at_once(sent, now);
        let piece = 1 + random.below(frame.len().max(2));
        for piece in frame.chunks(piece) {
            stream.bytes(piece, at, &mut decoder, &mut |span| spans.push(span));
        }
    }
    if known.deceived {
        return sum.deceived += 1;
    }
    stream.finish(&mut decoder);
    decoder.flush(&mut |span| spans.push(span));
    known.check(&spans, &decoder, sum);
}

//! PROTOCOL.md is true: its packet is what a drain makes, and its tables are what the code computes.
#![cfg(not(loom))]

use crc::{CRC_16_IBM_3740, Crc};
use microspan::wire::{FrameDecoder, Packet, Record, Request, Span, TagValue, Text, VERSION, write_frame};
use microspan::{
    Arena, Clock, Context, Drain, Interrupts, Refused, Session, Static, Tracer, Transport, Value,
};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

const PROTOCOL: &str = include_str!("../../PROTOCOL.md");

/// Microseconds, set by hand.
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn frequency(&self) -> u32 {
        1_000_000
    }
}

impl Hand {
    fn turn(&self, ticks: u64) {
        self.0.fetch_add(ticks, Ordering::Relaxed);
    }
}

/// The interrupt that runs, set by hand.
struct Running(AtomicU32);

impl Context for Running {
    fn interrupt(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
struct Kept(Vec<Vec<u8>>);

impl Transport for Kept {
    type Error = ();

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<()>> {
        self.0.push(packet.to_vec());
        Ok(())
    }
}

/// The traces of the worked example, by a real tracer and a real drain.
fn packet_of_a_drain() -> Vec<u8> {
    static CLOCK: Hand = Hand(AtomicU64::new(5_000_000));
    static RUNNING: Running = Running(AtomicU32::new(0));
    static ARENA: Arena<8, 16> = Arena::new();
    static TRACER: Tracer = Tracer::new(&ARENA, &CLOCK)
        .service("kitchen")
        .tags(&[("env", Value::Static("dev"))])
        .context(&RUNNING)
        .interrupts(Interrupts::Roots);
    let mut drain = Drain::<512>::new(&TRACER, Session::new(0x0123_4567_89ab_cdef)).unwrap();
    drain.set_device("stove").set_build_id(&[0xb1, 0x1d]).set_clock_base(1_750_000_000_000_000_000);
    {
        let _request = TRACER.trace("request");
        CLOCK.turn(100);
        let get = TRACER.trace("get");
        get.set_tag("bread", Static("rye")).set_tag("slices", 2u8).set_tag("for", "Ada");
        CLOCK.turn(20);
        let open = TRACER.trace("open");
        CLOCK.turn(30);
        open.set_error_info("Stuck", "no key");
        drop(open);
        CLOCK.turn(10);
        RUNNING.0.store(37, Ordering::Relaxed);
        let byte = TRACER.trace("byte");
        CLOCK.turn(5);
        drop(byte);
        RUNNING.0.store(0, Ordering::Relaxed);
        CLOCK.turn(35);
    }
    CLOCK.turn(800);
    let mut link = Kept::default();
    while drain.poll(&mut link).unwrap() {}
    assert_eq!(link.0.len(), 1);
    link.0.remove(0)
}

/// The lines of the block that opens with ```` ```name ````.
fn block(name: &str) -> impl Iterator<Item = &'static str> {
    let opening = format!("```{name}");
    let lines = PROTOCOL.lines().skip_while(move |line| *line != opening).skip(1);
    lines.take_while(|line| *line != "```")
}

/// The rows of the table whose first heading is `heading`, as cells without their ticks.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let is_row = |line: &&str| line.starts_with('|');
    let cells = |line: &str| {
        line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect::<Vec<_>>()
    };
    let start = format!("| {heading} |");
    let table = PROTOCOL.lines().skip_while(|line| !line.starts_with(&start));
    let rows: Vec<_> = table.skip(2).take_while(is_row).map(cells).collect();
    assert!(!rows.is_empty(), "PROTOCOL.md has a table that begins with {start}");
    rows
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("two hexadecimal digits")).collect()
}

fn number(text: &str) -> u64 {
    let digits = text.replace('_', "");
    match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).unwrap(),
        None => digits.parse().unwrap(),
    }
}

fn worked_example() -> Vec<u8> {
    block("packet").flat_map(|line| bytes(line.split('|').next().unwrap_or_default())).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x} ")).collect()
}

#[test]
fn the_packet_in_the_document_is_what_a_drain_makes() {
    assert_eq!(hex(&worked_example()), hex(&packet_of_a_drain()));
}

#[test]
fn the_packet_in_the_document_reads_as_the_document_says() {
    let bytes = worked_example();
    let packet = Packet::parse(&bytes).unwrap();
    let header = packet.header();
    assert_eq!(bytes[0], VERSION);
    assert_eq!(header.session, Session::new(0x0123_4567_89ab_cdef));
    assert_eq!((header.sequence, header.spans_before, header.time), (0, 0, 5_001_000));

    let (mut names, mut spans, mut clock) = (HashMap::new(), Vec::<Span<'_>>::new(), (0, 0));
    let mut identity = None;
    for record in packet.records() {
        match record.unwrap() {
            Record::Name { index, text } => {
                let told = names.insert(index, text);
                assert!(told.is_none_or(|told| told == text), "name {index} is {told:?} and {text:?}");
            }
            Record::Span(span) => spans.push(span),
            Record::Sync(sync) => clock = (sync.frequency, sync.clock_base),
            Record::Identity(told) => identity = Some(told),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(clock, (1_000_000, 1_750_000_000_000_000_000));
    let show = |text: Text<'_>| match text {
        Text::Name(index) => names[&index].to_string(),
        Text::Inline(text) => text.to_string(),
        Text::Address { .. } => unreachable!("names are told in band"),
    };
    let identity = identity.expect("an identity");
    assert_eq!((show(identity.device).as_str(), identity.build_id), ("stove", &[0xb1, 0x1d][..]));
    let [request, get, open, byte] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!([request, get, open, byte].map(|span| show(span.name)), ["request", "get", "open", "byte"]);
    assert_eq!((request.parent, request.trace), (None, request.counter));
    assert_eq!((get.parent, get.trace), (Some(request.counter), request.counter));
    assert_eq!((open.parent, open.trace), (Some(get.counter), request.counter));
    assert_eq!((byte.parent, byte.trace, byte.interrupt), (None, byte.counter, 37));
    assert_eq!((byte.link, byte.link_trace), (Some(get.counter), Some(request.counter)));
    assert_eq!(
        [request, get, open, byte].map(|span| span.start),
        [5_000_000, 5_000_100, 5_000_120, 5_000_160]
    );
    assert_eq!([request, get, open, byte].map(|span| span.duration), [200, 100, 30, 5]);
    assert_eq!([request, get, open, byte].map(|span| span.error), [false, false, true, false]);
    let tags: Vec<_> = get
        .tags
        .map(|tag| match tag.value {
            TagValue::Text(text) => format!("{}={}", show(tag.key), show(text)),
            other => format!("{}={other:?}", show(tag.key)),
        })
        .collect();
    assert_eq!(tags, ["for=Ada", "slices=U64(2)", "bread=rye"]);
}

#[test]
fn the_ids_in_the_document_are_those_of_the_code() {
    for row in rows("session key") {
        let (session, counter) = (Session::new(number(&row[0])), number(&row[1]));
        assert_eq!(row[2], format!("{:016x}", session.span_id(counter)), "{row:?}");
        assert_eq!(row[3], format!("{:032x}", session.trace_id(counter)), "{row:?}");
    }
}

#[test]
fn the_varints_in_the_document_are_postcards() {
    let mut buffer = [0; 10];
    for row in rows("unsigned") {
        assert_eq!(&bytes(&row[1]), postcard::to_slice(&number(&row[0]), &mut buffer).unwrap(), "{row:?}");
    }
    for row in rows("signed") {
        let value: i64 = row[0].parse().unwrap();
        assert_eq!(number(&row[1]), ((value << 1) ^ (value >> 63)) as u64, "{row:?}");
        assert_eq!(&bytes(&row[2]), postcard::to_slice(&value, &mut buffer).unwrap(), "{row:?}");
    }
}

#[test]
fn the_crc_in_the_document_is_that_of_the_packet() {
    let check = Crc::<u16>::new(&CRC_16_IBM_3740).checksum(b"123456789");
    assert!(PROTOCOL.contains(&format!("`0x{check:04x}`")), "the check value {check:#06x}");
    let mut crc = 0xffff_u16;
    let packet = worked_example();
    let (content, sent) = packet.split_last_chunk::<2>().unwrap();
    // As the document puts it, bit by bit.
    for byte in content {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
        }
    }
    assert_eq!(crc.to_le_bytes(), *sent);
}

#[test]
fn the_requests_in_the_document_are_those_of_the_code() {
    for row in rows("asked of session") {
        let (key, asked, request) = (number(&row[0]), &row[1], bytes(&row[2]));
        let expected = Request {
            session: (key != 0).then(|| Session::new(key)),
            sync: asked.contains("sync"),
            names: asked.contains("names"),
            time: asked.split("time ").nth(1).map(|token| token.parse().expect("a token")),
        };
        assert_eq!(hex(&expected.encode()), hex(&request), "{row:?}");
        assert_eq!(Request::parse(&request), Some(expected), "{row:?}");
    }
}

#[test]
fn the_frames_in_the_document_are_those_of_the_code() {
    for row in rows("packet") {
        let (packet, frame) = (bytes(&row[0]), bytes(&row[1]));
        let mut written = Vec::new();
        let _ = write_frame(&packet, |bytes| {
            written.extend_from_slice(bytes);
            Ok::<_, ()>(())
        });
        assert_eq!(written, frame, "{row:?}");
        let mut decoder = FrameDecoder::<64>::new();
        assert_eq!(decoder.next(&mut &frame[..]), Some(Ok(&packet[..])), "{row:?}");
    }
}

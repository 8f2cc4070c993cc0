//! Streams that break, and futures that are dropped, at every byte.

use super::*;
use crate::wire::{FrameDecoder, MAX_FRAME, Packet, Record};
use crate::{Arena, Clock, Session, Tracer};
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use embedded_io_async::{ErrorKind, ErrorType};
extern crate std;
use std::boxed::Box;
use std::collections::HashMap;
use std::vec::Vec;

struct Still;

impl Clock for Still {
    fn now(&self) -> u64 {
        0
    }

    fn frequency(&self) -> u32 {
        1
    }
}

/// A drain with two packets in it, of one span each: its tag leaves no room for another.
fn two_packets() -> Drain<64> {
    let arena = Box::leak(Box::new(Arena::<4, 8>::new()));
    let tracer: &'static Tracer = Box::leak(Box::new(Tracer::new(arena, &Still)));
    for _ in 0..2 {
        tracer.trace("a").set_tag("key", "a text of thirty characters..");
    }
    Drain::new(tracer, Session::new(1)).unwrap()
}

/// A line that takes a byte at a time, fails once, and lets some of its futures wait.
#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
    fails_at: Option<usize>,
    fails_to_flush: bool,
    waits: bool,
    waited: bool,
}

impl Line {
    async fn wait(&mut self) {
        poll_fn(|_| {
            self.waited = self.waits && !self.waited;
            if self.waited { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }
}

impl ErrorType for Line {
    type Error = ErrorKind;
}

impl Write for Line {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        if self.fails_at == Some(self.bytes.len()) {
            self.fails_at = None;
            return Err(ErrorKind::BrokenPipe);
        }
        self.wait().await;
        self.bytes.push(bytes[0]);
        Ok(1)
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        self.wait().await;
        if core::mem::take(&mut self.fails_to_flush) { Err(ErrorKind::BrokenPipe) } else { Ok(()) }
    }
}

/// Polls so often; `None`: it is not ready then, and is dropped.
fn poll<T>(future: impl Future<Output = T>, times: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..times).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    })
}

/// By sequence: how many spans a packet had, and how often it came.
fn read(lines: &[&[u8]]) -> HashMap<u32, (usize, usize)> {
    let mut packets = HashMap::new();
    for mut line in lines.iter().copied() {
        let mut decoder = FrameDecoder::<MAX_FRAME>::new();
        while let Some(frame) = decoder.next(&mut line) {
            let Some(packet) = frame.ok().and_then(|frame| Packet::parse(frame).ok()) else { continue };
            let spans = packet.records().filter(|record| matches!(record, Ok(Record::Span(_)))).count();
            let seen = packets.entry(packet.header().sequence).or_insert((spans, 0));
            seen.1 += 1;
        }
    }
    packets
}

/// Sends all there is, as often as it takes.
fn send_all(stream: &mut AsyncStream<Line>, drain: &mut Drain<64>, polls: usize) {
    for _ in 0..1_000 {
        if poll(stream.send(drain), polls) == Some(Ok(false)) {
            return;
        }
    }
    panic!("it never ends");
}

fn assert_all_came(packets: &HashMap<u32, (usize, usize)>, drain: &Drain<64>, what: usize) {
    assert_eq!(packets.values().map(|(spans, _)| spans).sum::<usize>(), 2, "at {what}: {packets:?}");
    assert_eq!(drain.spans(), 2);
    assert!(
        (0..packets.len() as u32).all(|sequence| packets.contains_key(&sequence)),
        "at {what}: {packets:?}"
    );
}

#[test]
fn a_stream_that_fails_at_any_byte_has_each_packet_once() {
    for fails_at in 0..200 {
        let mut drain = two_packets();
        let mut stream = AsyncStream::new(Line { fails_at: Some(fails_at), ..Line::default() });
        send_all(&mut stream, &mut drain, 1);
        let packets = read(&[&stream.stream.bytes]);
        assert_all_came(&packets, &drain, fails_at);
        assert!(packets.values().all(|(_, times)| *times == 1), "at {fails_at}: {packets:?}");
    }
}

#[test]
fn what_a_connection_did_not_take_goes_out_on_the_next_one() {
    for fails_at in 0..200 {
        let mut drain = two_packets();
        let mut first = AsyncStream::new(Line { fails_at: Some(fails_at), ..Line::default() });
        while poll(first.send(&mut drain), 1) == Some(Ok(true)) {}
        let mut second = AsyncStream::new(Line::default());
        send_all(&mut second, &mut drain, 1);
        let packets = read(&[&first.stream.bytes, &second.stream.bytes]);
        assert_all_came(&packets, &drain, fails_at);
    }
}

#[test]
fn what_was_written_and_not_flushed_goes_out_again_under_its_number() {
    let mut drain = two_packets();
    let mut first = AsyncStream::new(Line { fails_to_flush: true, ..Line::default() });
    assert_eq!(poll(first.send(&mut drain), 1), Some(Err(Refused::Gone(ErrorKind::BrokenPipe))));
    let mut second = AsyncStream::new(Line::default());
    send_all(&mut second, &mut drain, 1);
    let packets = read(&[&first.stream.bytes, &second.stream.bytes]);
    assert_all_came(&packets, &drain, 0);
    assert_eq!(packets[&0].1, 2, "{packets:?}");
}

#[test]
fn a_future_that_is_dropped_anywhere_loses_nothing() {
    for polls in 1..200 {
        let mut drain = two_packets();
        let mut stream = AsyncStream::new(Line { waits: true, ..Line::default() });
        let _ = poll(stream.send(&mut drain), polls);
        send_all(&mut stream, &mut drain, usize::MAX);
        assert_all_came(&read(&[&stream.stream.bytes]), &drain, polls);
    }
}

#[test]
fn a_stream_that_takes_no_byte_would_block() {
    struct Full;
    impl ErrorType for Full {
        type Error = ErrorKind;
    }
    impl Write for Full {
        async fn write(&mut self, _bytes: &[u8]) -> Result<usize, ErrorKind> {
            Ok(0)
        }

        async fn flush(&mut self) -> Result<(), ErrorKind> {
            Ok(())
        }
    }
    let mut drain = two_packets();
    assert_eq!(poll(AsyncStream::new(Full).send(&mut drain), 1), Some(Err(Refused::WouldBlock)));
}

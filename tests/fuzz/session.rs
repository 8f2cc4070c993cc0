//! The target `session`.

use microspan::wire::{MAX_MTU, Packet, write_frame};
use microspan_std::config::Tagging;
use microspan_std::decode::{Arrival, Decoder, Stream};
use microspan_std::pipeline::{Assembler, Limits};

use crate::counting;
use crate::packet::seal;

const SECOND: u64 = 1_000_000_000;

/// What the decoder and the assembler hold of one input is at most this and `GROWTH` times its length: 64 sessions with
/// 64 KiB each, which is what they hold of the traces of their last spans, and as much again for all else.
const HOST: isize = 8 << 20;
/// A tag of three bytes may be a name of 255, and is held twice.
const GROWTH: isize = 512;

// The bits of the byte before each packet.
const DAMAGED: u8 = 1;
const IN_A_STREAM: u8 = 2;
const LATER: u8 = 4;
const MUCH_LATER: u8 = 8;
const END_OF_STREAM: u8 = 16;

/// Takes bytes as packets, each behind a byte that says how it comes and two that say its length.
pub fn session(bytes: &[u8]) {
    counting::forget_peak();
    let before = counting::held();
    run(bytes);
    let bound = HOST + GROWTH * bytes.len() as isize;
    let held = counting::peak() - before;
    assert!(held <= bound, "{held} bytes were held of {} that came", bytes.len());
    assert_eq!(counting::held(), before, "all of it is given back");
}

fn run(mut bytes: &[u8]) {
    let (mut decoder, mut stream) = (Decoder::new(), Stream::new());
    let mut assembler = Assembler::new(Limits::default(), Tagging::default());
    let (mut now, mut spans, mut accepted, mut out_of_assembler) = (SECOND, 0u64, 0u64, 0u64);
    while let Some((&[how, low, high], rest)) = bytes.split_first_chunk() {
        let length = (usize::from(u16::from_le_bytes([low, high])) % (MAX_MTU + 1)).min(rest.len());
        let (packet, rest) = rest.split_at(length);
        bytes = rest;
        let mut packet = packet.to_vec();
        if how & DAMAGED == 0 {
            seal(&mut packet);
        }
        now += if how & MUCH_LATER != 0 {
            61 * SECOND
        } else if how & LATER != 0 {
            11 * SECOND
        } else {
            1_000_000
        };
        let at = Arrival { unix: now as i64, monotonic: now };
        let mut out = |span| {
            spans += 1;
            assembler.push(span, now, &mut |trace| out_of_assembler += trace.spans().len() as u64);
        };
        let counters = decoder.counters();
        let parsed = Packet::parse(&packet).is_ok();
        if how & IN_A_STREAM != 0 {
            let Ok(()) = write_frame(&packet, |piece| {
                stream.bytes(piece, at, &mut decoder, &mut out);
                Ok::<_, std::convert::Infallible>(())
            });
        } else {
            decoder.packet(&packet, at, &mut out);
        }
        if how & END_OF_STREAM != 0 {
            stream.finish(&mut decoder);
        }
        let seen = decoder.counters();
        let [before, after] =
            [counters, seen].map(|counters| counters.packets + counters.duplicates + counters.late_packets);
        assert_eq!(after - before, u64::from(parsed), "a packet is taken, or counted as not new");
        accepted += u64::from(parsed);
        decoder.poll(now, &mut out);
        assembler.poll(now, &mut |trace| out_of_assembler += trace.spans().len() as u64);
    }
    decoder.flush(&mut |span| {
        spans += 1;
        assembler.push(span, now, &mut |trace| out_of_assembler += trace.spans().len() as u64);
    });
    assembler.flush(&mut |trace| out_of_assembler += trace.spans().len() as u64);
    let seen = decoder.counters();
    assert_eq!(seen.packets + seen.duplicates + seen.late_packets, accepted);
    assert_eq!(seen.spans, spans + seen.unclocked_spans, "a span is handed out or counted");
    let assembled = assembler.counters();
    assert_eq!(assembled.spans, spans);
    assert_eq!(spans, assembled.spans_out + assembled.invalid + assembled.duplicates);
    assert_eq!((assembler.held(), assembled.spans_out), (0, out_of_assembler));
    let reported = decoder.reported();
    assert!(reported.callsites.len() <= 4097 && reported.cores.len() <= 256);
}

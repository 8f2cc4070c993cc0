//! Packets made by hand, as no device of ours makes them.

use crc::{CRC_16_IBM_3740, Crc};

/// A sync: one tick a second, no time of tick 0, no service, no tags.
pub(super) const SYNC: [u8; 7] = [2, 5, 1, 0, 0, 0, 0];

pub(super) fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

pub(super) fn zigzag(value: i64) -> Vec<u8> {
    varint(((value << 1) ^ (value >> 63)) as u64)
}

pub(super) fn inline(text: &str) -> Vec<u8> {
    [&[0], &varint(text.len() as u64)[..], text.as_bytes()].concat()
}

/// A record with a length.
pub(super) fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, u8::try_from(body.len()).expect("a short body")], body].concat()
}

pub(super) fn callsite(name: &str, counts: [u32; 4]) -> Vec<u8> {
    record(3, &[inline(name), counts.map(|count| varint(count.into())).concat()].concat())
}

pub(super) fn dropped(core: u8, cause: u8, count: u32) -> Vec<u8> {
    record(4, &[&[core, cause], &varint(count.into())[..]].concat())
}

/// A root of one tick at the packet's time, with what stands between its duration and its tags.
pub(super) fn root(counter: i64, more: &[u8]) -> Vec<u8> {
    let head = if more.is_empty() { 0x88 } else { 0x89 };
    let body = [&zigzag(counter)[..], &[0, 1]].concat();
    let more = if more.is_empty() { Vec::new() } else { [&[more.len() as u8], more].concat() };
    [&[head], &inline("root")[..], &body, &more].concat()
}

/// A packet of a session, filled at its tick 100. The first span's counter is told relative to 0, plus one.
pub(super) fn packet(session: u64, sequence: u32, records: &[u8]) -> Vec<u8> {
    packet_at(session, sequence, 100, records)
}

/// The same, filled at another tick.
pub(super) fn packet_at(session: u64, sequence: u32, time: u64, records: &[u8]) -> Vec<u8> {
    let [number, time] = [u64::from(sequence), time].map(varint);
    let header = [&[3], &session.to_le_bytes()[..], &number, &[0], &time, &[0]].concat();
    let content = [&header, records].concat();
    let crc = Crc::<u16>::new(&CRC_16_IBM_3740).checksum(&content);
    [&content[..], &crc.to_le_bytes()].concat()
}

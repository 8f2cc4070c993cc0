//! Packets that are right and that no device of ours sends.

use microspan::wire::{MAX_MTU, VERSION};

use crate::seal;

/// What a device's clock counts in a second in these packets.
pub const FREQUENCY: u64 = 1000;

/// A number of seven bits a byte.
pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A signed number.
pub fn zigzag(value: i64) -> Vec<u8> {
    varint(((value << 1) ^ (value >> 63)) as u64)
}

/// A text told in full.
pub fn inline(text: &str) -> Vec<u8> {
    [&[0], &varint(text.len() as u64)[..], text.as_bytes()].concat()
}

/// A text told by where it lies.
pub fn address(address: u64, length: u32) -> Vec<u8> {
    [vec![1], varint(address), varint(length.into())].concat()
}

/// A text told by the index of its name.
pub fn named(index: u32) -> Vec<u8> {
    varint(u64::from(index) + 2)
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).expect("a body of at most 255 bytes");
    [&[kind, length], body].concat()
}

/// The record of a name.
pub fn name(index: u32, text: &str) -> Vec<u8> {
    record(1, &[&varint(index.into())[..], text.as_bytes()].concat())
}

/// A sync with tags.
pub fn sync(service: &[u8], tags: &[Vec<u8>]) -> Vec<u8> {
    record(2, &[&varint(FREQUENCY)[..], &[0], service, &[tags.len() as u8], &tags.concat()].concat())
}

/// The counts of a callsite.
pub fn callsite(name: &[u8]) -> Vec<u8> {
    record(3, &[name, &[1, 1, 0, 0]].concat())
}

/// The build id of a program, and the name of its device.
pub fn identity(build_id: &[u8], device: &[u8]) -> Vec<u8> {
    record(5, &[&[build_id.len() as u8], build_id, device].concat())
}

/// A tag with a value of a kind.
pub fn tag(key: &[u8], kind: u8, value: &[u8]) -> Vec<u8> {
    [key, &[kind], value].concat()
}

/// A tag with a value whose length goes before it.
pub fn sized(key: &[u8], kind: u8, value: &[u8]) -> Vec<u8> {
    tag(key, kind, &[&varint(value.len() as u64)[..], value].concat())
}

/// A span whose counter is so far from the one after the last span's.
pub fn span(ahead: i64, parent: Parent, name: &[u8], tags: &[Vec<u8>]) -> Vec<u8> {
    let (bits, of_parent) = match parent {
        Parent::None => (0x08, Vec::new()),
        Parent::Of { parent, trace } => (0, [zigzag(parent), zigzag(trace)].concat()),
    };
    let tagged = if tags.is_empty() { 0 } else { 0x20 };
    let mut span = [&[0x80 | bits | tagged], name, &zigzag(ahead), &of_parent, &[0, 1]].concat();
    if !tags.is_empty() {
        span.push(tags.len() as u8);
        span.extend(tags.concat());
    }
    span
}

/// Where a span hangs: how far before it its parent and the root of its trace started.
#[derive(Debug, Clone, Copy)]
pub enum Parent {
    /// It is a root.
    None,
    /// It has a parent.
    Of {
        /// The counters between.
        parent: i64,
        /// Likewise.
        trace: i64,
    },
}

/// The packet of so many spans that a session sends after so many others, at a tick of its clock.
pub fn packet(session: u64, sequence: u32, tick: u64, counter: u64, records: &[u8]) -> Vec<u8> {
    let mut packet = [
        &[VERSION],
        &session.to_le_bytes()[..],
        &varint(sequence.into()),
        &[0],
        &varint(tick),
        &varint(counter),
        records,
        &[0, 0],
    ]
    .concat();
    assert!(packet.len() <= MAX_MTU, "{} bytes", packet.len());
    seal(&mut packet);
    packet
}

/// The room for records in a packet.
pub const ROOM: usize = MAX_MTU - 48;

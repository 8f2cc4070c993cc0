//! The target `packet`.

use crc::{CRC_16_IBM_3740, Crc};
use microspan::wire::{MAX_MTU, Packet, PacketError, Record, TagValue, Tags, Text, VERSION};

use crate::counting;

const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_3740);

/// Sets the version and the CRC right, so that what stands between them is looked at.
pub fn seal(packet: &mut [u8]) {
    if let Some(version) = packet.first_mut() {
        *version = VERSION;
    }
    if let Some((content, crc)) = packet.split_last_chunk_mut() {
        *crc = CRC.checksum(content).to_le_bytes();
    }
}

/// Reads bytes as a packet, twice, as they are and with a CRC that is right.
pub fn packet(bytes: &[u8]) {
    let bytes = bytes.get(..MAX_MTU).unwrap_or(bytes);
    let _ = Packet::parse(bytes);
    let mut sealed = bytes.to_vec();
    seal(&mut sealed);
    let (parsed, asked) = counting::asked_by(|| Packet::parse(&sealed));
    assert_eq!(asked, 0, "no memory is asked for");
    let Ok(packet) = parsed else {
        assert!(matches!(parsed, Err(PacketError::Malformed)) || sealed.len() < 3, "{parsed:?}");
        return;
    };
    let (read, asked) = counting::asked_by(|| read(&packet, sealed.len()));
    assert_eq!(asked, 0, "no memory is asked for");
    let [first, again] = [&packet, &Packet::parse(&sealed).expect("it was read before")].map(shown);
    assert!(first == again, "{first}\n{again}");
    assert!(read.malformed <= 1, "after a malformed record there is none");
}

fn shown(packet: &Packet<'_>) -> String {
    format!("{:?} {:?}", packet.header(), packet.records().collect::<Vec<_>>())
}

#[derive(Default)]
struct Read {
    records: usize,
    malformed: usize,
}

/// Reads all that a packet of this length says.
fn read(packet: &Packet<'_>, length: usize) -> Read {
    let mut read = Read::default();
    for record in packet.records() {
        assert_eq!(read.malformed, 0, "it was the last");
        read.records += 1;
        match record {
            Ok(Record::Span(span)) => drop(walk(span.tags, length)),
            Ok(Record::Sync(sync)) => drop(walk(sync.tags, length)),
            Ok(_) => {}
            Err(_) => read.malformed += 1,
        }
    }
    assert!(read.records <= length, "each takes bytes");
    read
}

/// Reads tags; what their texts need is what they say together, and there are as many as are said.
fn walk(tags: Tags<'_>, length: usize) -> u32 {
    let (mut count, mut names) = (0, 0);
    for tag in tags {
        count += 1;
        let within = match tag.value {
            TagValue::Event(event) => walk(event.attributes, length),
            TagValue::Link(link) => walk(link.attributes, length),
            TagValue::RemoteLink(_, attributes) => walk(attributes, length),
            TagValue::Text(text) | TagValue::Cut(text) | TagValue::Baggage(text) => need(text),
            _ => 0,
        };
        names = names.max(need(tag.key)).max(within);
    }
    assert_eq!((count, names), (tags.size_hint().0, tags.names()));
    assert!(count <= length.min(255), "a count of tags is a byte, and each takes bytes");
    names
}

fn need(text: Text<'_>) -> u32 {
    match text {
        Text::Name(index) => index + 1,
        Text::Address { .. } => u32::MAX,
        Text::Inline(_) => 0,
    }
}

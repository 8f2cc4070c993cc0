//! Tags of all spans that are set while the program runs, as they go out.
#![cfg(not(any(loom, feature = "off")))]

use microspan::wire::{Packet, Record, TagValue, Text};
use microspan::{
    Arena, Clock, Drain, GlobalTagError, GlobalTags, Refused, Session, Static, Tracer, Transport, Value,
};
use std::collections::HashMap;

struct Still;

impl Clock for Still {
    fn now(&self) -> u64 {
        0
    }

    fn frequency(&self) -> u32 {
        1
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

/// The tags of each packet's sync; `-`: it has none.
fn syncs(packets: &[Vec<u8>]) -> Vec<String> {
    let packets: Vec<Packet<'_>> = packets.iter().map(|packet| Packet::parse(packet).unwrap()).collect();
    let names: HashMap<u32, &str> = packets
        .iter()
        .flat_map(Packet::records)
        .filter_map(|record| match record.unwrap() {
            Record::Name { index, text } => Some((index, text)),
            _ => None,
        })
        .collect();
    let text = |text: Text<'_>| match text {
        Text::Name(index) => names[&index].to_owned(),
        Text::Inline(text) => text.to_owned(),
        Text::Address { .. } => unreachable!("names are told in band"),
    };
    let tag = |tag: microspan::wire::Tag<'_>| match tag.value {
        TagValue::Text(value) => text(tag.key) + "=" + &text(value),
        value => format!("{}={value:?}", text(tag.key)),
    };
    let sync = |packet: &Packet<'_>| {
        let mut records = packet.records();
        records.find_map(|record| match record.unwrap() {
            Record::Sync(sync) => Some(sync.tags.map(tag).collect::<Vec<_>>().join(" ")),
            _ => None,
        })
    };
    packets.iter().map(|packet| sync(packet).unwrap_or("-".into())).collect()
}

#[test]
fn a_tag_that_changes_goes_out_with_the_next_packet_before_those_that_stay() {
    static ARENA: Arena<64, 64> = Arena::new();
    static TAGS: GlobalTags<2> = GlobalTags::new();
    static ENV: [(&str, Value<'static>); 1] = [("env", Value::Static("dev"))];
    static T: Tracer = Tracer::new(&ARENA, &Still).tags(&ENV).global_tags(&TAGS);
    let (mut drain, mut link) = (Drain::<256>::new(&T, Session::new(1)).unwrap(), Kept::default());
    let mut send = |link: &mut Kept| while drain.poll(link) == Ok(true) {};

    T.set_global_tag("serial", "K-1187").unwrap();
    T.trace("first").finish();
    send(&mut link);
    T.trace("second").finish();
    send(&mut link);
    T.set_global_tag("env", Static("prod")).unwrap();
    T.trace("third").finish();
    send(&mut link);
    T.set_global_tag("serial", 7u8).unwrap();
    send(&mut link);
    assert_eq!(T.set_global_tag("third", true), Err(GlobalTagError::NoRoom));
    send(&mut link);
    assert_eq!(
        syncs(&link.0),
        ["serial=K-1187 env=dev", "-", "serial=K-1187 env=prod env=dev", "serial=U64(7) env=prod env=dev"]
    );

    static BARE_ARENA: Arena<4, 4> = Arena::new();
    static BARE: Tracer = Tracer::new(&BARE_ARENA, &Still);
    assert_eq!(BARE.set_global_tag("any", 1u8), Err(GlobalTagError::NoRoom));
}

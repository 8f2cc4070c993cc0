//! What a late listener is told.

use super::*;

fn spans(packet: &[u8]) -> usize {
    let records = Packet::parse(packet).unwrap().records();
    records.filter(|record| matches!(record, Ok(Record::Span(_)))).count()
}

#[test]
fn an_introduction_has_a_sync_and_every_name_and_no_spans_and_is_in_the_sequence() {
    const NAMES: [&str; 6] = ["bread", "butter", "pickles", "lettuce", "tomatoes", "mustard"];
    const SPANS: usize = 24;
    let (tracer, _) = setup::<32, 32>();
    let mut drain = Drain::<64>::new(tracer, Session::new(1)).unwrap();
    let mut link = Kept::default();
    NAMES.iter().for_each(|name| drop(tracer.trace(name)));
    send_all(&mut drain, &mut link);
    let before = link.packets.len();

    // One packet waits already when it is asked for, and spans enough for another.
    NAMES.iter().cycle().take(SPANS).for_each(|name| drop(tracer.trace(name)));
    let waiting = drain.packet().unwrap().to_vec();
    drain.introduce();
    let (mut parts, mut others) = (Vec::new(), Vec::new());
    while let Some(packet) = drain.packet() {
        let packet = packet.to_vec();
        match drain.introduction() {
            Some(part) => {
                assert_eq!((part, spans(&packet)), (parts.len(), 0));
                assert_eq!(others.len(), 1, "in one piece, before all that was not filled yet");
                parts.push(packet);
            }
            None => others.push(packet),
        }
        drain.packet_sent();
    }
    assert!(parts.len() > 1, "all fit one packet");
    assert_eq!(others[0], waiting);
    assert_eq!(others.iter().map(|packet| spans(packet)).sum::<usize>(), SPANS);
    assert_eq!(syncs(&parts).len(), 1);
    let mut told: Vec<String> = Vec::new();
    for record in parts.iter().flat_map(|packet| Packet::parse(packet).unwrap().records()) {
        if let Ok(Record::Name { text, .. }) = record {
            told.push(text.to_string());
        }
    }
    assert!(NAMES.iter().all(|name| told.iter().any(|told| told == name)), "{told:?}");
    assert_eq!(told.len(), drain.names());
    let mut sequence: Vec<u32> =
        others.iter().chain(&parts).map(|packet| Packet::parse(packet).unwrap().header().sequence).collect();
    sequence.sort_unstable();
    assert!(sequence.iter().copied().eq((before as u32..).take(sequence.len())), "{sequence:?}");
}

#[test]
fn a_session_with_nothing_to_say_is_introduced_and_goes_on() {
    let (tracer, _) = setup::<4, 4>();
    let mut drain = Drain::<256>::new(tracer, Session::new(1)).unwrap();
    drain.introduce();
    assert!(drain.packet().is_some());
    assert_eq!(drain.introduction(), Some(0));
    drain.packet_sent();
    assert_eq!(drain.packet(), None);
    assert_eq!(drain.introduction(), None);
    drop(tracer.trace("bread"));
    assert_eq!(drain.packet().map(spans), Some(1));
    assert_eq!(drain.introduction(), None);
}

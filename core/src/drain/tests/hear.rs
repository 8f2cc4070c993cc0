//! What the program says of itself, strings by their addresses, and what listeners ask for.

use super::*;
use crate::drain::Names as By;
use crate::wire::{Identity, Request};

static NAME: &str = "leaf";
static KEY: &str = "bread";
static BREAD: &str = "rye";

fn identities(packets: &[Vec<u8>]) -> Vec<Identity<'_>> {
    let records = packets.iter().flat_map(|packet| Packet::parse(packet).unwrap().records());
    records.filter_map(|record| if let Ok(Record::Identity(id)) = record { Some(id) } else { None }).collect()
}

fn names(packets: &[Vec<u8>]) -> usize {
    let records = packets.iter().flat_map(|packet| Packet::parse(packet).unwrap().records());
    records.filter(|record| matches!(record, Ok(Record::Name { .. }))).count()
}

fn shown(text: &str) -> String {
    format!("str@{:#x}+{}", text.as_ptr().addr(), text.len())
}

#[test]
fn a_device_says_its_name_its_build_and_its_time_with_each_sync() {
    let (tracer, clock) = setup::<8, 4>();
    let mut drain = Drain::<128>::new(tracer, Session::new(1)).unwrap();
    drain.set_device("kitchen-3").set_build_id(&[7; 20]).set_clock_base(9);
    let mut link = Kept::default();
    for _ in 0..3 {
        drop(tracer.trace(NAME));
        send_all(&mut drain, &mut link);
        clock.turn(250);
    }
    assert_eq!(syncs(&link.packets).iter().map(|sync| sync.clock_base).collect::<Vec<_>>(), [9, 9]);
    let ids = identities(&link.packets);
    assert!(matches!(ids[..], [Identity { build_id: &[7, ..], device: Text::Name(_) }, _]), "{ids:?}");

    drain.set_clock_base(10);
    send_all(&mut drain, &mut link);
    assert_eq!(syncs(&link.packets).last().unwrap().clock_base, 10, "it is told at once");
}

#[test]
fn an_identity_that_finds_no_room_beside_the_sync_goes_in_the_next_packet() {
    let (tracer, _) = setup::<8, 4>();
    let mut drain = Drain::<64>::new(tracer, Session::new(u64::MAX)).unwrap();
    drain.set_build_id(&[7; 32]);
    let mut link = Kept::default();
    send_all(&mut drain, &mut link);
    assert_eq!((syncs(&link.packets).len(), identities(&link.packets).len()), (1, 1));
    assert!(identities(&link.packets[..1]).is_empty());
}

#[test]
fn a_name_of_a_device_that_is_too_long_is_cut() {
    let (tracer, _) = setup::<8, 4>();
    let mut drain = Drain::<1472, 0>::new(tracer, Session::new(1)).unwrap();
    drain.set_build_id(&[7; 32]).set_device(Box::leak("d".repeat(300).into_boxed_str()));
    let mut link = Kept::default();
    send_all(&mut drain, &mut link);
    let Text::Inline(device) = identities(&link.packets)[0].device else { panic!("not in full") };
    assert_eq!(device.len(), 200);
}

#[test]
fn strings_by_address_need_no_names() {
    let (tracer, _) = setup::<8, 8>();
    let mut drain = Drain::<512, 0>::new(tracer, Session::new(1)).unwrap();
    drain.set_names(By::ByAddress).set_device(NAME);
    tracer.trace(NAME).set_tag(KEY, Static(BREAD)).set_tag("for", "Ada");
    drop(tracer.trace(NAME));
    let mut link = Kept::default();
    send_all(&mut drain, &mut link);
    let lines = read(&link.packets);
    assert!(lines[0].starts_with(&format!("{} ", shown(NAME))), "{lines:?}");
    assert!(lines[0].ends_with(&format!("=Ada {}={}", shown(KEY), shown(BREAD))), "{lines:?}");
    assert!(lines[1].starts_with(&format!("{} ", shown(NAME))), "{lines:?}");
    assert_eq!(identities(&link.packets)[0].device, Text::at(NAME));
    assert_eq!(names(&link.packets), 0);
}

#[test]
fn who_asks_is_told_the_sync_and_all_names_before_the_next_span() {
    let (tracer, clock) = setup::<64, 8>();
    let mut drain = Drain::<256>::new(tracer, Session::new(7)).unwrap();
    drain.set_build_id(&[7; 20]);
    let mut link = Kept::default();
    let all = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let spans = || all.iter().for_each(|name| drop(tracer.trace(name)));
    spans();
    send_all(&mut drain, &mut link);
    clock.turn(500);
    link.packets.clear();
    spans();
    let request = Request { session: Some(Session::new(7)), sync: true, names: true, time: None };
    assert!(drain.hear(&request.encode()));
    send_all(&mut drain, &mut link);
    assert!(link.packets.len() <= 2, "{} packets", link.packets.len());
    // And those of the service and the global tags.
    assert!(names(&link.packets) >= all.len() + 3, "{} names", names(&link.packets));
    assert!(read(&link.packets).iter().all(|line| !line.contains('#')), "{:?}", read(&link.packets));
    assert_eq!((syncs(&link.packets).len(), identities(&link.packets).len()), (1, 1));
}

#[test]
fn who_asks_while_nothing_happens_is_answered() {
    let (tracer, clock) = setup::<8, 4>();
    let mut drain = Drain::<256>::new(tracer, Session::new(7)).unwrap();
    let mut link = Kept::default();
    drop(tracer.trace(NAME));
    send_all(&mut drain, &mut link);
    for (sync, names_too) in [(true, false), (false, true)] {
        clock.turn(500);
        link.packets.clear();
        assert!(drain.hear(&Request { session: None, sync, names: names_too, time: None }.encode()));
        send_all(&mut drain, &mut link);
        assert_eq!((!syncs(&link.packets).is_empty(), names(&link.packets) > 0), (sync, names_too));
        send_all(&mut drain, &mut link);
        assert_eq!(link.packets.len(), 1, "once");
    }
}

#[test]
fn who_asks_for_the_time_is_told_when_it_was_heard() {
    let (tracer, clock) = setup::<8, 4>();
    let mut drain = Drain::<64>::new(tracer, Session::new(7)).unwrap();
    let mut link = Kept::default();
    drop(tracer.trace(NAME));
    send_all(&mut drain, &mut link);
    link.packets.clear();
    for token in [0, 3, 15] {
        let request = Request { session: None, sync: false, names: false, time: Some(token) };
        assert!(drain.hear(&request.encode()), "at any time");
        clock.turn(12);
        link.refuses = std::vec![true];
        assert!(drain.poll(&mut link).is_err());
        clock.turn(5);
        send_all(&mut drain, &mut link);
        send_all(&mut drain, &mut link);
        let [packet] = &link.packets[..] else { panic!("{} packets", link.packets.len()) };
        let packet = Packet::parse(packet).unwrap();
        let echo = packet.records().flatten().next();
        assert!(
            matches!(echo, Some(Record::Echo { token: told, waited: 12 }) if told == token),
            "it goes out as it was filled: {echo:?}"
        );
        link.packets.clear();
    }
}

#[test]
fn what_is_for_others_or_no_request_is_not_answered() {
    let (tracer, clock) = setup::<8, 4>();
    let mut drain = Drain::<256>::new(tracer, Session::new(7)).unwrap();
    let mut link = Kept::default();
    send_all(&mut drain, &mut link);
    clock.turn(500);
    link.packets.clear();
    assert!(
        !drain
            .hear(&Request { session: Some(Session::new(8)), sync: true, names: true, time: None }.encode())
    );
    assert!(!drain.hear(b"good morning"));
    send_all(&mut drain, &mut link);
    assert_eq!(link.packets.len(), 0);
}

#[test]
fn spans_go_out_however_often_somebody_asks() {
    let (tracer, clock) = setup::<8, 4>();
    let mut drain = Drain::<64>::new(tracer, Session::new(7)).unwrap();
    let mut link = Kept::default();
    let request = Request { session: None, sync: true, names: true, time: None }.encode();
    for _ in 0..200 {
        (0..8).for_each(|_| drop(tracer.trace(NAME)));
        drain.hear(&request);
        clock.turn(10);
        drain.poll(&mut link).unwrap();
    }
    assert!(drain.spans() > 400, "{} spans", drain.spans());
}

#[test]
fn an_identity_and_drops_find_their_way_through_small_packets_while_spans_wait_and_somebody_asks() {
    for asks in [false, true] {
        let (tracer, clock) = setup::<16, 16>();
        let mut drain = Drain::<64>::new(tracer, Session::new(u64::MAX)).unwrap();
        drain.set_device("stove").set_build_id(&[7; 20]).set_clock_base(1_750_000_000_000_000_000);
        drain.set_names(Names::ByAddress);
        let mut link = Kept::default();
        for _ in 0..20 {
            clock.turn(500);
            if asks {
                drain.hear(&Request { session: None, sync: true, names: true, time: None }.encode());
            }
            for _ in 0..3 {
                (0..17).for_each(|_| drop(tracer.trace("request")));
                assert_eq!(drain.poll(&mut link), Ok(true));
            }
        }
        let identities = identities(&link.packets).len();
        assert!(identities >= 5 && syncs(&link.packets).len() >= 5, "{asks}: {identities}");
        assert!(dropped(&link.packets).spans_full > 0);
    }
}

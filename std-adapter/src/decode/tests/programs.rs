//! Devices that tell strings by their addresses, what a device is, and what it is asked for.

use std::sync::Mutex;

use microspan::wire::Request;

use super::forge::{SYNC, inline, packet, record, varint};
use super::*;

/// A program whose build id is 7, 7: its strings, which may be found later.
#[derive(Debug, Default)]
struct Program(Mutex<Vec<(u64, &'static str)>>);

impl Program {
    fn with(strings: &[(u64, &'static str)]) -> Arc<Self> {
        Arc::new(Self(Mutex::new(strings.to_vec())))
    }
}

impl Strings for Program {
    fn text(&self, build_id: &[u8], address: u64, length: u32) -> Option<String> {
        let strings = self.0.lock().unwrap();
        let found = strings.iter().find(|(at, text)| *at == address && text.len() == length as usize);
        found.filter(|_| build_id == [7, 7]).map(|(_, text)| (*text).to_owned())
    }
}

fn text(address: u64, length: u8) -> Vec<u8> {
    [&[1], &varint(address)[..], &[length]].concat()
}

fn identity(build_id: &[u8], device: &[u8]) -> Vec<u8> {
    record(5, &[&[build_id.len() as u8], build_id, device].concat())
}

/// A root whose name is `bread` at 0x8001234, with a tag whose key is at 0x8002000.
fn root() -> Vec<u8> {
    [&[0xa8], &text(0x800_1234, 5)[..], &[0, 0, 1, 1], &text(0x800_2000, 4), &[2, 9]].concat()
}

fn names(spans: &[Span]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

const BOTH: [(u64, &str); 2] = [(0x800_1234, "bread"), (0x800_2000, "size")];

#[test]
fn strings_are_read_from_the_program_that_the_device_runs() {
    let mut decoder = Decoder::with_strings(Program::with(&BOTH));
    let mut spans = Vec::new();
    decoder.packet(&packet(1, 0, &[&SYNC[..], &root()].concat()), at(0), &mut |span| spans.push(span));
    assert_eq!(spans.len(), 0, "which program it runs is not known yet");
    let about = identity(&[7, 7], &inline("kitchen-3"));
    decoder.packet(&packet(1, 1, &[about, root()].concat()), at(1), &mut |span| spans.push(span));
    assert_eq!(names(&spans), ["bread", "bread"]);
    assert_eq!(spans[0].tag("size"), Some(&Value::Uint(9)));
    let source = &spans[1].source;
    assert_eq!((source.device.as_deref(), source.build_id.as_deref()), (Some("kitchen-3"), Some("0707")));
    assert_eq!(decoder.counters().unnamed_spans, 0);
}

#[test]
fn strings_of_a_program_that_is_not_there_have_stand_ins_that_are_corrected() {
    let program = Program::with(&BOTH[1..]);
    let mut decoder = Decoder::with_strings(program.clone());
    let mut spans = Vec::new();
    let records = [&SYNC[..], &identity(&[7, 7], &inline("")), &root()].concat();
    decoder.packet(&packet(1, 0, &records), at(0), &mut |span| spans.push(span));
    decoder.poll(9_000_000_000, &mut |span| spans.push(span));
    assert_eq!(spans.len(), 0);
    decoder.poll(11_000_000_000, &mut |span| spans.push(span));
    assert_eq!(names(&spans), ["str@0x8001234"]);
    assert_eq!(spans[0].tag("size"), Some(&Value::Uint(9)));
    assert_eq!(decoder.counters().unnamed_spans, 1);

    program.0.lock().unwrap().push(BOTH[0]);
    decoder.packet(&packet(1, 1, &root()), at(13), &mut |span| spans.push(span));
    assert_eq!(names(&spans), ["str@0x8001234", "bread"]);
    let correction =
        Correction { source: spans[0].source.runtime_id, from: "str@0x8001234".into(), to: "bread".into() };
    assert_eq!(decoder.take_corrections(), [correction]);
    assert_eq!(decoder.take_corrections(), []);
}

#[test]
fn a_string_that_is_longer_than_any_device_sends_is_not_looked_for() {
    let long: &'static str = Box::leak("n".repeat(256).into_boxed_str());
    let mut decoder = Decoder::with_strings(Program::with(&[(0x10, long), (0x20, &long[1..])]));
    let mut spans = Vec::new();
    for (n, at) in [(0, text(0x10, 0)), (1, text(0x20, 0))] {
        let length = varint(256 - n);
        let name = [&at[..at.len() - 1], &length].concat();
        let span = [&[0x88], &name[..], &[0, 0, 1]].concat();
        let records = [&SYNC[..], &identity(&[7, 7], &inline("")), &span].concat();
        decoder.packet(&packet(n + 1, 0, &records), self::at(0), &mut |span| spans.push(span));
    }
    decoder.flush(&mut |span| spans.push(span));
    assert_eq!(names(&spans), [&long[1..], "str@0x10"]);
}

#[test]
fn without_any_program_nothing_waits_for_its_strings() {
    let mut decoder = Decoder::new();
    let mut spans = Vec::new();
    let records = [&record(2, &[&[1, 0], &text(0x10, 3)[..], &[0]].concat()), &root()[..]].concat();
    decoder.packet(&packet(1, 0, &records), at(0), &mut |span| spans.push(span));
    assert_eq!(names(&spans), ["str@0x8001234"]);
    assert_eq!(spans[0].source.service.as_deref(), Some("str@0x10"));
}

#[test]
fn a_name_that_comes_after_its_stand_in_is_told_as_a_correction() {
    let mut decoder = Decoder::new();
    let mut spans = Vec::new();
    let span = [&[0x88, 2 + 12][..], &[0, 0, 1]].concat();
    decoder.packet(&packet(1, 0, &[&SYNC[..], &span].concat()), at(0), &mut |span| spans.push(span));
    decoder.poll(11_000_000_000, &mut |span| spans.push(span));
    assert_eq!(names(&spans), ["name#12"]);
    decoder.packet(&packet(1, 1, &record(1, b"\x0cbread")), at(12), &mut |span| spans.push(span));
    let corrections = decoder.take_corrections();
    assert_eq!(corrections.len(), 1);
    assert_eq!((corrections[0].from.as_str(), corrections[0].to.as_str()), ("name#12", "bread"));
}

#[test]
fn a_session_that_is_heard_late_is_asked_for_all_and_at_most_once_a_second() {
    let packets = device(7, 30);
    let mut decoder = Decoder::new();
    let mut asked = Vec::new();
    for (n, packet) in packets[5..].iter().enumerate() {
        let at = Arrival { unix: 0, monotonic: n as u64 * 300_000_000 };
        decoder.packet(packet, at, &mut |_| {});
        asked.extend(decoder.take_requests().into_iter().map(|request| (n, request)));
    }
    let all = Request { session: Some(Session::new(7)), sync: true, names: true, time: None };
    assert_eq!(asked[0], (0, all));
    assert!(asked.len() > 1 && asked.windows(2).all(|two| two[1].0 - two[0].0 >= 4), "{asked:?}");
    // By then every name came again in turn.
    assert!(asked.last().unwrap().0 < 20, "{asked:?}");
}

#[test]
fn a_session_that_is_heard_from_its_beginning_is_asked_for_nothing() {
    let mut decoder = Decoder::new();
    for (n, packet) in device(7, 9).iter().enumerate() {
        decoder.packet(packet, at(n), &mut |_| {});
        assert_eq!(decoder.take_requests(), []);
    }
}

#[test]
fn a_time_that_the_device_tells_holds_unless_it_is_far_off() {
    let sync = |base: u64| record(2, &[&[1], &varint(base)[..], &[0, 0, 0]].concat());
    // Filled at tick 100, a second each.
    let mut decoder = Decoder::new();
    let mut starts = Vec::new();
    for (key, base) in (1..).zip([1_000_000_000_000_u64, 990_000_000_000, 900_000_000_000]) {
        let at = Arrival { unix: 1_101_000_000_000, monotonic: 0 };
        let span = [sync(base), forge::root(0, &[])].concat();
        decoder.packet(&packet(key, 0, &span), at, &mut |span| starts.push(span.start / 1_000_000_000));
    }
    assert_eq!(starts, [1_100, 1_090, 1_101]);
    assert_eq!(decoder.counters().clock_bases_refused, 1);
}

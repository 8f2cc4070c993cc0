//! Spans of a device that stopped, and the lines of its program.

use std::sync::Mutex;

use super::forge::{SYNC, inline, packet, record, varint};
use super::*;

/// A program that comes when it is told to; its function `bake` lies from 0x100 to 0x200, and is called in `main` at 0x1000.
#[derive(Debug, Default)]
struct Program(Mutex<bool>);

impl Program {
    fn at_hand() -> Arc<Self> {
        Arc::new(Self(Mutex::new(true)))
    }
}

impl Strings for Program {
    fn text(&self, _: &[u8], _: u64, _: u32) -> Option<String> {
        None
    }

    fn lines(&self, build_id: &[u8], address: u64) -> Option<Vec<String>> {
        (*self.0.lock().unwrap() && build_id == [7]).then_some(())?;
        Some(match address {
            0x100..0x200 => vec!["bake (src/app.rs:42)".into(), "serve (src/app.rs:7)".into()],
            0xfff => vec!["main (src/main.rs:3)".into()],
            _ => Vec::new(),
        })
    }
}

/// A root with these tags.
fn root(tags: &[(&str, u64)]) -> Vec<u8> {
    let count = u8::try_from(tags.len()).unwrap();
    let tags: Vec<_> =
        tags.iter().map(|(key, value)| [&inline(key), &[2][..], &varint(*value)].concat()).collect();
    [&[0xa8], &inline("boot")[..], &[0, 0, 1, count], &tags.concat()].concat()
}

fn identity() -> Vec<u8> {
    record(5, &[&[1, 7], &inline("")[..]].concat())
}

/// The span that a device tells of with these tags, to a bridge that has such a program or none.
fn crashed(program: Option<Arc<Program>>, tags: &[(&str, u64)]) -> Span {
    let mut decoder = program.map_or_else(Decoder::new, |program| Decoder::with_strings(program));
    let mut spans = Vec::new();
    let records = [&SYNC[..], &identity(), &root(tags)].concat();
    decoder.packet(&packet(1, 0, &records), at(0), &mut |span| spans.push(span));
    assert_eq!(decoder.counters().unnamed_spans, 0);
    spans.pop().expect("it waits for nothing")
}

fn stack(span: &Span) -> Option<String> {
    span.tag("error.stack").map(ToString::to_string)
}

#[test]
fn a_crash_has_the_functions_of_its_instruction_and_of_the_call_that_it_would_return_to() {
    // With the bits that stand for Thumb; behind the call is already the next line.
    let span = crashed(Some(Program::at_hand()), &[("reset.lr", 0x1001), ("reset.pc", 0x123)]);
    let lines = "  at bake (src/app.rs:42)\n  at serve (src/app.rs:7)\n  at main (src/main.rs:3)";
    assert_eq!(stack(&span).as_deref(), Some(lines));
    assert_eq!(span.tag("reset.pc"), Some(&Value::from("0x00000123")));
    assert_eq!(span.tag("reset.lr"), Some(&Value::from("0x00001001")));
}

#[test]
fn the_end_of_an_exception_is_no_place_and_an_address_of_nothing_is_told_as_it_is() {
    let end = crashed(Some(Program::at_hand()), &[("reset.lr", 0xffff_fff9), ("reset.pc", 0x100)]);
    assert_eq!(stack(&end).as_deref(), Some("  at bake (src/app.rs:42)\n  at serve (src/app.rs:7)"));
    assert_eq!(end.tag("reset.lr"), Some(&Value::from("0xfffffff9")));
    let elsewhere = crashed(Some(Program::at_hand()), &[("reset.lr", 0x1001), ("reset.pc", 0x2000_0001)]);
    assert_eq!(stack(&elsewhere).as_deref(), Some("  at 0x20000000\n  at main (src/main.rs:3)"));
    let nowhere = crashed(Some(Program::at_hand()), &[("reset.lr", 0), ("reset.pc", u64::MAX)]);
    assert_eq!(stack(&nowhere), None);
    assert_eq!(nowhere.tag("reset.pc"), Some(&Value::from("0xffffffffffffffff")));
}

#[test]
fn without_the_program_there_is_no_stack_and_the_addresses_are_shown_in_hex() {
    let span = crashed(None, &[("reset.lr", 0x1001), ("reset.pc", 0x123)]);
    assert_eq!(stack(&span), None);
    assert_eq!(span.tag("reset.pc"), Some(&Value::from("0x00000123")));
    let other = crashed(None, &[("reset.pcs", 0x1001)]);
    assert_eq!(other.tag("reset.pcs"), Some(&Value::Uint(0x1001)));
}

#[test]
fn a_crash_waits_for_its_program_and_what_went_out_without_it_is_corrected() {
    let program = Arc::new(Program::default());
    let mut decoder = Decoder::with_strings(program.clone());
    let mut spans = Vec::new();
    let tags = [("reset.lr", 0x1001), ("reset.pc", 0x123)];
    decoder.packet(&packet(1, 0, &[&SYNC[..], &root(&tags)].concat()), at(0), &mut |span| spans.push(span));
    assert!(decoder.take_requests()[0].sync, "the build id is asked for");
    decoder.packet(&packet(1, 1, &identity()), at(1), &mut |span| spans.push(span));
    decoder.poll(9_000_000_000, &mut |span| spans.push(span));
    assert_eq!(spans.len(), 0);
    decoder.poll(11_000_000_000, &mut |span| spans.push(span));
    let bare = "  at 0x00000122\n  at 0x00001000";
    assert_eq!(stack(&spans[0]).as_deref(), Some(bare));

    *program.0.lock().unwrap() = true;
    decoder.packet(&packet(1, 2, &root(&tags)), at(13), &mut |span| spans.push(span));
    let whole = stack(&spans[1]).unwrap();
    assert!(whole.starts_with("  at bake (src/app.rs:42)\n"), "{whole}");
    let corrections = decoder.take_corrections();
    assert_eq!(corrections.len(), 1);
    assert_eq!((corrections[0].from.as_str(), corrections[0].to.as_str()), (bare, whole.as_str()));
}

#[test]
fn a_stack_that_the_program_told_itself_stays() {
    let mut decoder = Decoder::with_strings(Program::at_hand());
    let mut spans = Vec::new();
    let own = [&inline("error.stack")[..], &[6], &inline("mine")].concat();
    let pc = [&inline("reset.pc")[..], &[2], &varint(0x100)].concat();
    let root = [&[0xa8], &inline("boot")[..], &[0, 0, 1, 2], &own, &pc].concat();
    let records = [&SYNC[..], &identity(), &root].concat();
    decoder.packet(&packet(1, 0, &records), at(0), &mut |span| spans.push(span));
    assert_eq!(stack(&spans[0]).as_deref(), Some("mine"));
}

//! A tracer for a test, and its traces as trees of text.

use microspan::wire::{Packet, Record, TagValue, Text};
use microspan::{Clock, Drain, Refused, Session, Tracer, Transport};
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};

/// A clock that goes on by one whenever somebody looks.
pub struct Steps(AtomicU64);

impl Steps {
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }
}

impl Clock for Steps {
    fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn frequency(&self) -> u32 {
        1_000_000
    }
}

/// `static NAME: Tracer`, over an arena of its own.
#[macro_export]
macro_rules! tracer {
    ($name:ident) => {
        static $name: microspan::Tracer = {
            static ARENA: microspan::Arena<64, 128> = microspan::Arena::new();
            static CLOCK: $crate::support::Steps = $crate::support::Steps::new();
            microspan::Tracer::new(&ARENA, &CLOCK)
        };
    };
}

#[derive(Default)]
struct Kept(Vec<Vec<u8>>);

impl Transport for Kept {
    type Error = Infallible;

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<Infallible>> {
        self.0.push(packet.to_vec());
        Ok(())
    }
}

/// The finished spans of a tracer: a line each, in the order of their starts and indented below their parents, with their
/// tags in the order in which these were set. A tracer can be asked once.
pub fn traces(tracer: &'static Tracer) -> String {
    let mut drain = Drain::<1472>::new(tracer, Session::new(7)).expect("asked once");
    let mut kept = Kept::default();
    while drain.poll(&mut kept) == Ok(true) {}

    let packets: Vec<Packet<'_>> = kept.0.iter().map(|packet| Packet::parse(packet).unwrap()).collect();
    let records = || packets.iter().flat_map(Packet::records).map(Result::unwrap);
    let names: HashMap<u32, &str> = records()
        .filter_map(|record| match record {
            Record::Name { index, text } => Some((index, text)),
            _ => None,
        })
        .collect();
    let text = |text: Text<'_>| match text {
        Text::Name(index) => names[&index].to_owned(),
        Text::Inline(text) => text.to_owned(),
        Text::Address { .. } => unreachable!("names are told in band"),
    };
    let mut children: BTreeMap<Option<u64>, BTreeMap<(u64, u64), String>> = BTreeMap::new();
    for record in records() {
        let Record::Span(span) = record else { continue };
        let mut tags: Vec<String> = span
            .tags
            .map(|tag| {
                let value = match tag.value {
                    TagValue::Bool(value) => value.to_string(),
                    TagValue::U64(value) => value.to_string(),
                    TagValue::I64(value) => value.to_string(),
                    TagValue::F32(value) => value.to_string(),
                    TagValue::F64(value) => value.to_string(),
                    TagValue::Text(value) => text(value),
                    TagValue::Cut(value) => format!("{}..", text(value)),
                    other => format!("{other:?}"),
                };
                format!(" {}={value}", text(tag.key))
            })
            .collect();
        tags.reverse();
        let error = if span.error { " !" } else { "" };
        let line = format!("{}{error}{}", text(span.name), tags.concat());
        children.entry(span.parent).or_default().insert((span.start, span.counter), line);
    }
    let mut tree = String::new();
    render(&children, None, 0, &mut tree);
    let shown = tree.lines().count();
    assert_eq!(shown, children.values().map(BTreeMap::len).sum::<usize>(), "an orphan: {children:?}");
    tree
}

fn render(
    children: &BTreeMap<Option<u64>, BTreeMap<(u64, u64), String>>,
    parent: Option<u64>,
    depth: usize,
    tree: &mut String,
) {
    for ((_, counter), line) in children.get(&parent).into_iter().flatten() {
        *tree += &format!("{}{line}\n", "  ".repeat(depth));
        render(children, Some(*counter), depth + 1, tree);
    }
}

/// Compares traces with the lines that are expected.
#[track_caller]
pub fn assert_traces(tracer: &'static Tracer, expected: &[&str]) {
    assert_eq!(traces(tracer).lines().collect::<Vec<_>>(), expected);
}

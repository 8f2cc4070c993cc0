//! What must come out: which spans, with which parents and tags, and how many of both are lost.
//!
//! Where an operation is interrupted it may have looked before or after: then either is right, and the books keep all that are.

use crate::wire::{Packet, Record, TagValue, Text};
use std::collections::{BTreeSet, HashMap};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;
extern crate std;

/// The number of a span in its books, or none.
type Maybe = Option<usize>;
type Any = BTreeSet<Maybe>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Being finished: already so for some, not yet for others.
    Closing,
    Closed,
}

/// A span, as it should be.
struct Expected {
    recording: bool,
    phase: Phase,
    parents: Any,
    /// Between which ticks it started, and ended.
    start: [u64; 2],
    end: [u64; 2],
    errors: usize,
}

/// A tag that was set: on one of these spans.
struct Set {
    on: Any,
    value: String,
}

/// A span, as it came out.
struct Found {
    counter: u64,
    parent: Option<u64>,
    trace: u64,
    tags: HashMap<String, String>,
}

#[derive(Default)]
pub(super) struct Books {
    spans: Vec<Expected>,
    sets: Vec<Set>,
    /// What may be current: in thread mode, and in interrupts.
    now: [Any; 2],
    /// Changes with each change of that.
    epoch: u32,
    /// Operations that are under way and look for what is current, and where they run.
    looking: Vec<(usize, usize)>,
    /// A parent may be forgotten, since its slot may be used again.
    forgetful: bool,
    /// How many spans were to be started.
    made: usize,
}

impl Books {
    pub(super) fn new(forgetful: bool) -> Self {
        Self { now: [Any::from([None]), Any::from([None])], forgetful, ..Self::default() }
    }

    pub(super) fn spans(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn count_made(&mut self) {
        self.made += 1;
    }

    pub(super) fn made(&self) -> usize {
        self.made
    }

    pub(super) fn recording(&self) -> usize {
        self.spans.iter().filter(|span| span.recording).count()
    }

    /// The spans among `of` that are open, or their nearest ancestors that are.
    fn open(&self, of: &Any) -> Any {
        let (mut open, mut seen) = (Any::new(), Any::new());
        let mut left: Vec<Maybe> = of.iter().copied().collect();
        while let Some(one) = left.pop() {
            let Some(span) = one.map(|index| &self.spans[index]) else {
                open.insert(None);
                continue;
            };
            if span.phase != Phase::Closed {
                open.insert(one);
            }
            if span.phase != Phase::Open && seen.insert(one) {
                left.extend(&span.parents);
                if self.forgetful {
                    open.insert(None);
                }
            }
        }
        open
    }

    /// What may be found to be current in thread mode (0) or in an interrupt (1).
    fn current(&self, mode: usize) -> Any {
        let mut current = self.open(&self.now[mode]);
        if mode == 1 && current.remove(&None) {
            current.extend(self.open(&self.now[0]));
        }
        current
    }

    /// Who is looking may see this.
    fn seen(&mut self) {
        for (index, mode) in self.looking.clone() {
            let mut seen = self.current(mode);
            seen.remove(&Some(index));
            self.spans[index].parents.extend(seen);
        }
    }

    /// A look for the current span begins; it may become the parent of a new one.
    pub(super) fn begin_look(&mut self, mode: usize, tick: u64) -> (usize, u32) {
        self.seen();
        let index = self.spans.len();
        let started: Any = self.looking.iter().map(|(outer, _)| Some(*outer)).collect();
        let started =
            started.into_iter().filter(|outer| outer.is_some_and(|outer| self.spans[outer].recording));
        let parents = self.current(mode).into_iter().chain(started).collect();
        let span = Expected {
            recording: true,
            phase: Phase::Open,
            parents,
            start: [tick; 2],
            end: [0; 2],
            errors: 0,
        };
        self.spans.push(span);
        self.looking.push((index, mode));
        (index, self.epoch)
    }

    /// It ends, with a span that was started, or none.
    pub(super) fn end_look(&mut self, (index, epoch): (usize, u32), started: bool, tick: u64) {
        self.seen();
        let mode = self.looking.pop().map_or(0, |(_, mode)| mode);
        let span = &mut self.spans[index];
        (span.recording, span.start[1]) = (started, tick);
        if started {
            self.change(mode, epoch, Any::from([Some(index)]));
        } else {
            span.phase = Phase::Closed;
        }
    }

    fn change(&mut self, mode: usize, epoch: u32, to: Any) {
        if epoch == self.epoch {
            self.now[mode] = to;
        } else {
            self.now[mode].extend(to);
        }
        self.epoch += 1;
        self.seen();
    }

    pub(super) fn begin_finish(&mut self, index: usize, tick: u64) -> u32 {
        self.spans[index].phase = Phase::Closing;
        self.spans[index].end[0] = tick;
        self.seen();
        self.epoch
    }

    pub(super) fn end_finish(&mut self, index: usize, epoch: u32, mode: usize, tick: u64) {
        self.spans[index].phase = Phase::Closed;
        self.spans[index].end[1] = tick;
        let epoch = if epoch == self.epoch { epoch + 1 } else { epoch };
        self.epoch += 1;
        if self.now[mode].contains(&Some(index)) {
            let sure = self.now[mode].len() == 1;
            self.change(mode, if sure { epoch } else { u32::MAX }, self.spans[index].parents.clone());
        }
        self.seen();
    }

    /// A tag is about to be set on this span; its number.
    pub(super) fn set(&mut self, on: usize, value: impl Fn(usize) -> String) -> usize {
        self.sets.push(Set { on: Any::from([Some(on)]), value: value(self.sets.len()) });
        self.sets.len() - 1
    }

    /// The tag was set on what was found to be current by this look.
    pub(super) fn set_on_current(&mut self, number: usize, look: usize) {
        self.sets[number].on = self.spans[look].parents.clone();
    }

    /// No span was found to set this tag on, by a look of this epoch. A span that is found and finished before it is named
    /// is none.
    pub(super) fn unset(&mut self, number: usize, epoch: u32) {
        let right = self.sets[number].on.contains(&None) || epoch != self.epoch;
        assert!(right, "there is a current span, but none was found");
        self.sets[number].on = Any::new();
    }

    pub(super) fn error(&mut self, on: usize) {
        self.spans[on].errors += 1;
    }

    /// Compares the spans that packets carry with those expected; returns how many came, and the least and most tags that
    /// must have been counted as lost.
    pub(super) fn check(&self, packets: &[Vec<u8>], names: &mut HashMap<u32, String>) -> (usize, [usize; 2]) {
        let found = self.read(packets, names);
        let by_counter: HashMap<u64, usize> =
            found.iter().map(|(index, span)| (span.counter, *index)).collect();
        assert_eq!(by_counter.len(), found.len(), "two spans have one handle");
        for (index, span) in &found {
            let expected = &self.spans[*index];
            match span.parent {
                None => {
                    assert!(expected.parents.contains(&None), "span {index} has lost its parent");
                    assert_eq!(span.trace, span.counter, "a span without a parent is a root");
                }
                Some(counter) => match by_counter.get(&counter) {
                    Some(parent) => {
                        let right = expected.parents.contains(&Some(*parent));
                        assert!(right, "span {index} has the parent {parent}, not {:?}", expected.parents);
                        assert_eq!(
                            span.trace, found[parent].trace,
                            "span {index} is not in its parent's trace"
                        );
                    }
                    None => assert!(self.forgetful, "the parent of span {index} is no span"),
                },
            }
        }
        let mut lost = [0, 0];
        let mut carried = 0;
        for (number, set) in self.sets.iter().enumerate().filter(|(_, set)| !set.on.is_empty()) {
            let key = super::world::key(number);
            let on: Vec<_> = found.iter().filter(|(_, span)| span.tags.contains_key(key)).collect();
            assert!(on.len() <= 1, "tag {number} is on two spans");
            if let Some((index, span)) = on.first() {
                assert!(set.on.contains(&Some(**index)), "tag {number} is on span {index}, not {:?}", set.on);
                assert_eq!(span.tags[key], set.value, "tag {number} is torn");
                carried += 1;
            } else {
                // It may have been counted, or have gone with a span that was overwritten.
                let came = set.on.iter().flatten().all(|index| found.contains_key(index));
                lost = [lost[0] + usize::from(came), lost[1] + 1];
            }
        }
        let tags = found.values().flat_map(|span| span.tags.keys()).filter(|key| !key.starts_with("error."));
        assert_eq!(tags.count(), carried, "there are tags that nobody set");
        // An error is two tags; where it comes too late altogether, it is one count.
        let errors: usize = self.spans.iter().map(|span| span.errors).sum();
        (found.len(), [lost[0], lost[1] + 2 * errors])
    }

    /// The names that packets tell.
    pub(super) fn names(packets: &[Vec<u8>], names: &mut HashMap<u32, String>) {
        for record in records(packets) {
            if let Record::Name { index, text } = record {
                names.insert(index, text.to_string());
            }
        }
    }

    fn read(&self, packets: &[Vec<u8>], names: &mut HashMap<u32, String>) -> HashMap<usize, Found> {
        Self::names(packets, names);
        let text = |text: Text<'_>| match text {
            Text::Name(index) => names[&index].clone(),
            Text::Inline(text) => text.to_string(),
            Text::Address { .. } => unreachable!("names are told in band"),
        };
        let mut found = HashMap::new();
        for record in records(packets) {
            let Record::Span(span) = record else { continue };
            let name = text(span.name);
            let Some(index) = super::world::number(&name) else {
                assert_eq!(name, "dropped_span_error");
                continue;
            };
            let expected = &self.spans[index];
            let (start, end) = (span.start, span.start + span.duration);
            assert!(
                (expected.start[0]..=expected.start[1]).contains(&start)
                    && (expected.end[0]..=expected.end[1]).contains(&end),
                "span {index} is torn: {start} to {end}, not {:?} to {:?}",
                expected.start,
                expected.end
            );
            let mut tags = HashMap::new();
            span.tags.for_each(|tag| {
                let value = match tag.value {
                    TagValue::Text(value) => text(value),
                    TagValue::U64(value) => value.to_string(),
                    other => format!("{other:?}"),
                };
                assert!(tags.insert(text(tag.key), value).is_none(), "a tag came twice");
            });
            let one = Found { counter: span.counter, parent: span.parent, trace: span.trace, tags };
            assert!(found.insert(index, one).is_none(), "span {index} came twice");
        }
        found
    }
}

fn records(packets: &[Vec<u8>]) -> impl Iterator<Item = Record<'_>> {
    packets.iter().flat_map(|packet| Packet::parse(packet).unwrap().records()).map(Result::unwrap)
}

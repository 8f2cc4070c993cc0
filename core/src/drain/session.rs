//! What a session says of itself: its sync, what was dropped, and the counts of its callsites.

use super::names::Names;
use crate::arena::{CAUSES, Stats};
use crate::sync::Ordering;
use crate::tag::Value;
use crate::tracer::Tracer;
use crate::wire::{Full, SyncTags, Tag, TagValue, Text, Writer, put_callsite, put_dropped, put_sync};

/// What was told last.
pub(super) struct Told {
    /// When, in ticks.
    time: u64,
    /// The packet it was in.
    sequence: u32,
    /// The counts at that time, as sums.
    stats: Stats,
    callsites: u32,
    /// The changes of global tags that it has told.
    global_tags: u32,
    /// Which of the counts of drops and callsites goes out next; `None`: all of them went out.
    turn: Option<usize>,
}

impl Told {
    /// Half a second old.
    fn is_old(&self, now: u64, tracer: &Tracer) -> bool {
        now.wrapping_sub(self.time) >= u64::from(tracer.clock.frequency() / 2).max(1)
    }
}

/// Writes a sync and the counts, if it is time for them.
#[inline(never)]
pub(super) fn tell<const N: usize>(
    w: &mut Writer<'_>,
    told: &mut Option<Told>,
    tracer: &'static Tracer,
    names: &mut Names<N>,
    now: u64,
    sequence: u32,
    spans_wait: bool,
) {
    let global_tags = tracer.global_tags.map_or(0, |tags| tags.changes());
    let due = match told {
        None => true,
        // Spans that wait come first: a sync in every packet would leave them no room in a small one.
        Some(told) if spans_wait => {
            let due = told.is_old(now, tracer) || told.global_tags != global_tags;
            due && told.sequence != sequence.wrapping_sub(1)
        }
        Some(told) => {
            let old = told.is_old(now, tracer);
            told.turn.is_some()
                || told.stats.losses() != tracer.stats().losses()
                || old && told.stats != tracer.stats()
                || told.global_tags != global_tags
                || old && tracer.callsites.is_some_and(|sites| sites.sum() != told.callsites)
        }
    };
    let turn = told.as_ref().and_then(|told| told.turn);
    // What is left over has a packet to itself, as far as spans allow it: a sync may leave it no room.
    let alone = turn.is_some() && !spans_wait;
    if due && (alone || sync(w, tracer, names).is_ok()) {
        let (stats, callsites) = (tracer.stats(), tracer.callsites.map_or(0, |sites| sites.sum()));
        let told_tags = if alone { told.as_ref().map_or(0, |told| told.global_tags) } else { global_tags };
        *told = Some(Told {
            time: now,
            sequence,
            stats,
            callsites,
            global_tags: told_tags,
            turn: counts(w, tracer, names, turn.unwrap_or(0), alone),
        });
    }
}

/// Writes a sync record, or nothing. A service that does not fit is left out, and so is every such tag.
fn sync<const N: usize>(
    w: &mut Writer<'_>,
    tracer: &'static Tracer,
    names: &mut Names<N>,
) -> Result<(), Full> {
    let place = w.used();
    let service = names.text(tracer.service);
    let frequency = tracer.clock.frequency();
    let mut tags = |tags: &mut SyncTags<'_, '_>| put_tags(tags, tracer, names);
    put_sync(w, frequency, service, &mut tags)
        .or_else(|Full| {
            w.rewind(place);
            put_sync(w, frequency, Text::Inline(""), &mut tags)
        })
        .inspect_err(|Full| w.rewind(place))
}

/// Writes the tags of all spans; of two with one key a receiver takes the first.
#[inline(never)]
fn put_tags<const N: usize>(tags: &mut SyncTags<'_, '_>, tracer: &'static Tracer, names: &mut Names<N>) {
    if let Some(set) = tracer.global_tags {
        set.each(&mut |key, value| put_tag(tags, names, key, value));
    }
    for (key, value) in tracer.tags {
        put_tag(tags, names, key, *value);
    }
}

#[inline(never)]
fn put_tag<const N: usize>(
    tags: &mut SyncTags<'_, '_>,
    names: &mut Names<N>,
    key: &'static str,
    value: Value<'_>,
) {
    let value = match value {
        Value::Bool(v) => TagValue::Bool(v),
        Value::U64(v) => TagValue::U64(v),
        Value::I64(v) => TagValue::I64(v),
        Value::F32(v) => TagValue::F32(v),
        Value::F64(v) => TagValue::F64(v),
        Value::Static(v) => TagValue::Text(names.text(v)),
        Value::Str(v) => TagValue::Text(Text::Inline(v)),
    };
    tags.put(&Tag { key: names.text(key), value });
}

/// Writes the counts that are not 0, from number `turn` on, as many as fit; returns the number of the next one, if there is
/// one. What does not fit a packet that has nothing else is left out; with `alone` this is one.
fn counts<const N: usize>(
    w: &mut Writer<'_>,
    tracer: &'static Tracer,
    names: &mut Names<N>,
    turn: usize,
    alone: bool,
) -> Option<usize> {
    let empty = w.used();
    let drops = tracer.arena.cores() * CAUSES;
    let sites = tracer.callsites.map_or(0, |sites| sites.len());
    for number in turn..drops + sites {
        let place = w.used();
        let written = if number < drops {
            let (core, cause) = (number / CAUSES, number % CAUSES);
            let count = tracer.arena.counter(core, cause).map_or(0, |count| count.load(Ordering::Relaxed));
            if count == 0 { Ok(()) } else { put_dropped(w, core as u8, cause as u8, count) }
        } else {
            match tracer.callsites.and_then(|sites| sites.get(number - drops)) {
                Some(site) => put_callsite(w, names.text(site.name), &site),
                None => Ok(()),
            }
        };
        if written.is_err() {
            w.rewind(place);
            if !alone || place > empty {
                return Some(number);
            }
        }
    }
    None
}

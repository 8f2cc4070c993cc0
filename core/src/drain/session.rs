//! What a session says of itself: its sync, its identity, what was dropped, and the counts of its callsites.

use super::names::Table;
use crate::arena::CAUSES;
use crate::sync::Ordering;
use crate::tag::{Value, cut};
use crate::tracer::Tracer;
use crate::wire::{
    Full, SyncTags, Tag, TagValue, Text, Writer, put_callsite, put_dropped, put_identity, put_sync,
};

/// The longest name of a device, in bytes: with the longest build id it fits a record.
const MAX_DEVICE: usize = 200;

/// What the program says of itself beside its tracer.
pub(super) struct About {
    pub(super) device: &'static str,
    pub(super) build_id: &'static [u8],
    pub(super) clock_base: u64,
}

impl About {
    pub(super) const NOTHING: Self = Self { device: "", build_id: &[], clock_base: 0 };
}

/// What was told last.
pub(super) struct Told {
    /// When, in ticks.
    time: u64,
    /// The packet it was in.
    sequence: u32,
    /// The counts at that time, as sums.
    losses: u32,
    unrecorded: u32,
    callsites: u32,
    /// The changes of global tags that it has told.
    global_tags: u32,
    /// Which of [`details`] goes out next; `None`: all of them went out.
    turn: Option<usize>,
    /// The sync left no room for any of them: the next time they go out in its place.
    is_crowded: bool,
    /// A listener asks for it again.
    is_asked: bool,
}

impl Told {
    /// Has it told again as soon as that holds up no spans.
    pub(super) fn ask(&mut self) {
        self.is_asked = true;
    }

    /// Half a second old.
    fn is_old(&self, now: u64, tracer: &Tracer) -> bool {
        now.wrapping_sub(self.time) >= u64::from(tracer.clock.frequency() / 2).max(1)
    }
}

/// Writes a sync and what goes behind it, if it is time for them.
#[inline(never)]
pub(super) fn tell<const N: usize>(
    w: &mut Writer<'_>,
    told: &mut Option<Told>,
    (tracer, about): (&'static Tracer, &About),
    names: &mut Table<N>,
    now: u64,
    sequence: u32,
    spans_wait: bool,
) {
    let global_tags = tracer.global_tags.map_or(0, |tags| tags.changes());
    let (losses, unrecorded) = dropped(tracer);
    let due = match told {
        None => true,
        // Spans that wait come first: a sync in every packet would leave them no room in a small one.
        Some(told) if spans_wait => {
            let due = told.is_asked || told.is_old(now, tracer) || told.global_tags != global_tags;
            due && told.sequence != sequence.wrapping_sub(1)
        }
        Some(told) => {
            let old = told.is_old(now, tracer);
            told.turn.is_some()
                || told.is_asked
                || told.losses != losses
                || old && told.unrecorded != unrecorded
                || told.global_tags != global_tags
                || old && tracer.callsites.is_some_and(|sites| sites.sum() != told.callsites)
        }
    };
    let (is_asked, is_crowded) =
        told.as_ref().map_or((false, false), |told| (told.is_asked, told.is_crowded));
    // Who asks is told all of it, after what has waited for a packet without a sync.
    let turn = told.as_ref().filter(|_| !is_asked || is_crowded).and_then(|told| told.turn);
    // What is left over has a packet to itself, or one with spans that wait, where a sync leaves it no room.
    let alone = turn.is_some() && (!spans_wait || is_crowded);
    if due && (alone || sync(w, tracer, about, names).is_ok()) {
        let callsites = tracer.callsites.map_or(0, |sites| sites.sum());
        let told_tags = if alone { told.as_ref().map_or(0, |told| told.global_tags) } else { global_tags };
        let first = turn.unwrap_or(0);
        let turn = details(w, (tracer, about), names, first, alone);
        *told = Some(Told {
            time: now,
            sequence,
            losses,
            unrecorded,
            callsites,
            global_tags: told_tags,
            turn,
            is_crowded: !alone && turn == Some(first),
            is_asked: alone && is_asked,
        });
    }
}

/// How much was dropped, and how many traces were not recorded on purpose.
fn dropped(tracer: &Tracer) -> (u32, u32) {
    let stats = tracer.stats();
    let losses = stats.spans_dropped().wrapping_add(stats.tags_dropped());
    (losses, stats.traces_sampled_out.wrapping_add(stats.traces_filtered))
}

/// Writes a sync record, or nothing. A service that does not fit is left out, and so is every such tag.
fn sync<const N: usize>(
    w: &mut Writer<'_>,
    tracer: &'static Tracer,
    about: &About,
    names: &mut Table<N>,
) -> Result<(), Full> {
    let place = w.used();
    let service = names.text(tracer.service);
    let frequency = tracer.clock.frequency();
    let mut tags = |tags: &mut SyncTags<'_, '_>| put_tags(tags, tracer, names);
    put_sync(w, frequency, about.clock_base, service, &mut tags)
        .or_else(|Full| {
            w.rewind(place);
            put_sync(w, frequency, about.clock_base, Text::Inline(""), &mut tags)
        })
        .inspect_err(|Full| w.rewind(place))
}

/// Writes the tags of all spans; of two with one key a receiver takes the first.
#[inline(never)]
fn put_tags<const N: usize>(tags: &mut SyncTags<'_, '_>, tracer: &'static Tracer, names: &mut Table<N>) {
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
    names: &mut Table<N>,
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

/// Writes what goes behind a sync: the identity, and the counts that are not 0; from number `turn` on, as many as fit. Returns
/// the number of the next one, if there is one. What does not fit a packet that has nothing else is left out; with `alone`
/// this is one.
fn details<const N: usize>(
    w: &mut Writer<'_>,
    (tracer, about): (&'static Tracer, &About),
    names: &mut Table<N>,
    turn: usize,
    alone: bool,
) -> Option<usize> {
    let empty = w.used();
    let sites = 1 + tracer.arena.cores() * CAUSES;
    let end = sites + tracer.callsites.map_or(0, |sites| sites.len());
    for number in turn..end {
        let place = w.used();
        let written = match number.checked_sub(1) {
            None if about.build_id.is_empty() && about.device.is_empty() => Ok(()),
            None => put_identity(w, about.build_id, names.text(cut(about.device, MAX_DEVICE))),
            Some(drop) if number < sites => {
                let (core, cause) = (drop / CAUSES, drop % CAUSES);
                let count =
                    tracer.arena.counter(core, cause).map_or(0, |count| count.load(Ordering::Relaxed));
                if count == 0 { Ok(()) } else { put_dropped(w, core as u8, cause as u8, count) }
            }
            Some(_) => match tracer.callsites.and_then(|all| all.get(number - sites)) {
                Some(site) => put_callsite(w, names.text(site.name), &site),
                None => Ok(()),
            },
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

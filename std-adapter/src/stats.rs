//! Statistics of spans, for traces that are sampled out to count too.
//!
//! The agent shows how many requests came, how many failed and how long they took, of all traces, those included that it does
//! not store. It counts what it is sent; a program that counts itself need not send what is not stored.
//!
//! A [`Concentrator`] is given each finished trace, whatever its sampling says, after filters dropped and replace rules hid what they
//! are for. What is alike in [what tells spans apart](Concentrator::add) is one group: a number of spans, of failed
//! ones, the sum of their durations, and a sketch of those, from which quantiles within 1 % can be read. Groups are gathered in
//! buckets of ten seconds, in which their spans ended, and [taken](Concentrator::take) ten seconds after the end of that.
//!
//! | which spans count | |
//! | --- | --- |
//! | top-level | they enter a service, or are a root |
//! | measured | the tag `_dd.measured` is 1 |
//! | by kind | `span.kind` is one that the agent names: server, client, producer and consumer, unless it says |
//!
//! What a device or the tracer of a program does not record (its `Sampler`) is counted by nobody. With statistics on,
//! `DD_TRACE_SAMPLING_RULES`, `DD_TRACE_SAMPLE_RATE` and the agent's rates lose no count.
//!
//! Names, services, environments and peers go out in the form that the agent gives to those of spans, and groups that are alike then are one.
//! Resources go as they are: what is not to be seen is for replace rules, and for the agent, which is not told that it was done here.
//!
//! Nothing here performs I/O or reads a clock. What is held is bounded: [`GROUPS`] groups; spans of others are counted together
//! ([`Concentrator::overflowed`]).

mod encode;
mod group;
mod key;
mod peers;

use std::collections::HashMap;
use std::hash::RandomState;

use hashbrown::hash_map::Entry;

use crate::model::{Span, normal};
use crate::pipeline::Trace;
use group::Group;
#[cfg(feature = "tower")]
pub(crate) use key::GRPC_CODES;
use key::{Key, Reading};

/// The length of a bucket: 10 s, in nanoseconds.
const BUCKET: u64 = 10_000_000_000;

/// The most groups that are held, of all sources and times. One takes some hundred bytes to a few thousand: 41 KB if its texts are as
/// long as may be and its durations go from nanoseconds to hours. So all take a few megabytes, and 170 at worst.
pub const GROUPS: usize = 4_096;

/// The most bytes of all texts that tell a group apart; spans with longer ones are counted together.
const TEXTS: usize = 8_192;

/// The most buckets that are held, of all sources and times; spans of further sources are counted as nobody's.
const BUCKETS: usize = 256;

/// The process of spans that are counted as nobody's.
const NOBODY: u128 = 0;

/// The most groups in one payload: however large they are it stays below what an agent takes.
const IN_PAYLOAD: usize = 500;

/// Kinds of spans that count where the agent names none.
const KINDS: [&str; 4] = ["server", "client", "producer", "consumer"];

/// What a group's spans have in common.
type Owned = Key<Box<str>>;

type Groups = hashbrown::HashMap<Owned, Group, RandomState>;

/// Counts spans.
///
/// Times are nanoseconds since the Unix epoch.
pub struct Concentrator {
    kinds: Vec<String>,
    peer_tags: Vec<String>,
    buckets: HashMap<(u64, u128), Bucket>,
    groups: usize,
    held: u64,
    overflowed: u64,
    /// The peer of the span at hand, kept for its memory.
    peers: String,
}

/// Who made spans.
#[derive(Debug, Clone, Default)]
struct Origin {
    env: String,
    version: String,
    service: String,
    language: &'static str,
}

/// Ten seconds of one source.
struct Bucket {
    origin: Origin,
    groups: Groups,
}

/// Spans of one source that were counted, as many as one payload takes.
pub struct Counted {
    origin: Origin,
    runtime_id: u128,
    /// Their starts, and the groups in them.
    buckets: Vec<(u64, Vec<(Owned, Group)>)>,
}

impl Counted {
    /// How many spans.
    pub fn spans(&self) -> u64 {
        self.buckets.iter().flat_map(|(_, groups)| groups).map(|(_, group)| group.hits).sum()
    }

    /// The body of a request to `/v0.6/stats`: a `ClientStatsPayload` in MessagePack. `sequence` grows from payload to payload.
    pub fn encode(self, sequence: u64) -> Vec<u8> {
        encode::payload(self, sequence)
    }
}

impl Default for Concentrator {
    fn default() -> Self {
        Self::new()
    }
}

impl Concentrator {
    /// One that has counted nothing.
    pub fn new() -> Self {
        Self {
            kinds: KINDS.map(str::to_owned).into(),
            peer_tags: Vec::new(),
            buckets: HashMap::new(),
            groups: 0,
            held: 0,
            overflowed: 0,
            peers: String::new(),
        }
    }

    /// Has spans of these kinds count; `None`: those that count where nobody says.
    pub fn set_kinds(&mut self, kinds: Option<&[String]>) {
        self.kinds = kinds.map_or_else(|| KINDS.map(str::to_owned).into(), <[String]>::to_vec);
    }

    /// Has clients, producers and consumers be told apart by these tags too; none: by no peer.
    pub fn set_peer_tags(&mut self, tags: &[String]) {
        self.peer_tags = tags.to_vec();
    }

    /// Counts the spans of a trace.
    ///
    /// Told apart are: who made them (environment, version, process), service, name, resource, type, kind, status of HTTP
    /// and of gRPC, method and route of HTTP, peer, whether they are the root of the whole trace, and whether Datadog's synthetic tests asked.
    pub fn add(&mut self, trace: &Trace, now: u64) {
        for index in 0..trace.spans().len() {
            self.add_span(trace, index, now);
        }
    }

    fn add_span(&mut self, trace: &Trace, index: usize, now: u64) {
        let Some(reading) = Reading::new(trace, index) else { return };
        let is_top_level = trace.is_top_level(index);
        if !is_top_level && !reading.is_measured() && !reading.has_kind(&self.kinds) {
            return;
        }
        let span = reading.span;
        let end = u64::try_from(span.start.saturating_add(span.duration)).unwrap_or(0);
        let current = now - now % BUCKET;
        // What comes late counts in the last bucket that is still open, what is ahead of time now.
        let start = (end - end % BUCKET).clamp(current.saturating_sub(BUCKET), current);
        self.held += 1;

        let key = reading.key(&self.peer_tags, &mut self.peers);
        let place = (start, span.source.runtime_id);
        if let Some(bucket) = self.buckets.get_mut(&place)
            && let Some(group) = bucket.groups.get_mut(&key)
        {
            return group.add(span, is_top_level);
        }
        let has_bucket = self.buckets.len() < BUCKETS || self.buckets.contains_key(&place);
        let is_full = self.groups >= GROUPS || !has_bucket || key.len() > TEXTS;
        let key = if is_full { Key::overflow() } else { key.to_owned() };
        let (place, origin) = match has_bucket {
            true => (place, Origin::of(trace, span)),
            false => ((start, NOBODY), Origin::default()),
        };
        let bucket = self.buckets.entry(place);
        let bucket = bucket.or_insert_with(|| Bucket { origin, groups: hashbrown::HashMap::default() });
        self.overflowed += u64::from(is_full);
        self.groups += usize::from(!bucket.groups.contains_key(&key));
        bucket.groups.entry(key).or_default().add(span, is_top_level);
    }

    /// In how many nanoseconds there is something to take; `None`: nothing is held.
    pub fn due_in(&self, now: u64) -> Option<u64> {
        let first = self.buckets.keys().map(|(start, _)| *start).min()?;
        Some((first + 2 * BUCKET).saturating_sub(now))
    }

    /// Takes what was counted in buckets that ended ten seconds ago, or in all; each for a payload of its own.
    pub fn take(&mut self, now: u64, all: bool) -> Vec<Counted> {
        let is_due = |start: u64| all || start + 2 * BUCKET <= now;
        let mut due: Vec<_> = self.buckets.extract_if(|(start, _), _| is_due(*start)).collect();
        due.sort_unstable_by_key(|((start, runtime_id), _)| (*runtime_id, *start));
        let mut taken: Vec<Counted> = Vec::new();
        for ((start, runtime_id), Bucket { origin, groups }) in due {
            self.groups -= groups.len();
            let mut groups = as_sent(groups).into_iter().peekable();
            while groups.peek().is_some() {
                if taken.last().is_none_or(|last| last.runtime_id != runtime_id || last.room() == 0) {
                    taken.push(Counted { origin: origin.clone(), runtime_id, buckets: Vec::new() });
                }
                if let Some(payload) = taken.last_mut() {
                    let part = groups.by_ref().take(payload.room()).collect();
                    payload.buckets.push((start, part));
                }
            }
        }
        self.held -= taken.iter().map(Counted::spans).sum::<u64>();
        taken
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// How many spans were counted and not taken.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// How many spans were counted together with others because there were too many groups or sources.
    pub fn overflowed(&self) -> u64 {
        self.overflowed
    }
}

/// Groups under the names that the agent knows; those that now have the same are one.
fn as_sent(mut groups: Groups) -> Groups {
    let others: Vec<_> = groups.extract_if(|key, _| !key.is_normal()).collect();
    for (key, group) in others {
        match groups.entry(key.into_normal()) {
            Entry::Occupied(mut known) => known.get_mut().merge(&group),
            Entry::Vacant(free) => {
                free.insert(group);
            }
        }
    }
    groups
}

impl Counted {
    /// How many groups there is room for.
    fn room(&self) -> usize {
        IN_PAYLOAD.saturating_sub(self.buckets.iter().map(|(_, groups)| groups.len()).sum())
    }
}

impl Origin {
    fn of(trace: &Trace, span: &Span) -> Self {
        Self {
            env: normal::env(trace.env()).into_owned(),
            version: trace.version().to_owned(),
            service: normal::service(trace.main_service()).into_owned(),
            language: span.source.language,
        }
    }
}

#[cfg(test)]
mod tests;

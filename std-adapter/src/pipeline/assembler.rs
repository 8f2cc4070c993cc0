//! Gathering spans into traces, within bounds.

use std::sync::Arc;

use super::ahead::{Ahead, Roots};
use super::context::{Context, Contexts};
use super::correct::Correction;
use super::remotes::Remotes;
use super::resolve::Resolver;
use super::size;
use super::stage::Stage;
use super::table::{Slot, Table};
use super::{Counters, Decider, Limits, Rates, Trace, TraceFilter};
use crate::config::{BaggageKeys, Config, Filters, Tagging};
use crate::model::{Source, Span, Tag, Text};

/// How many spans have room in the emptied lists that are kept for the spans to come.
const SPARE_ROOM: usize = 32_768;

/// A list that grew beyond this is given back to the system instead of being kept. Traces that go out in parts are shorter.
const SPARE_SPANS: usize = 512;

/// Beyond this share of the bytes of all traces none waits for its root.
const MOST_OF_BYTES: usize = 8;

/// How many emptied lists of tags are kept, and how long they may be.
const SPARE_TAG_LISTS: usize = 16_384;
const SPARE_TAGS: usize = 32;

/// Gathers spans into traces.
///
/// Time is any monotonic count of nanoseconds, the same for all calls. Finished traces are handed to the callback of
/// the call that finds them finished; what they held is reused, so that a steady flow of spans allocates nothing here.
pub struct Assembler {
    limits: Limits,
    counters: Counters,
    table: Table,
    remotes: Remotes,
    /// `None`: no root is known before it comes.
    roots: Option<Box<Roots>>,
    baggage: BaggageKeys,
    contexts: Contexts,
    resolver: Resolver,
    stage: Stage,
    /// The latest time that was told.
    now: u64,
    rates: Rates,
    /// Spans in the table, and their bytes.
    held: usize,
    held_bytes: usize,
    spare_spans: Vec<Vec<Span>>,
    spare_room: usize,
    spare_marks: Vec<bool>,
    /// `None`: nobody has asked for one.
    spare_tags: Option<Vec<Vec<Tag>>>,
}

impl Assembler {
    /// An empty one; `tagging` is what to say of spans whose source says less.
    pub fn new(limits: Limits, tagging: Tagging) -> Self {
        let stage = Stage::new(tagging.mapping.clone());
        Self::with_stage(limits, tagging, stage)
    }

    /// An empty one that does all that the configuration asks for: partial flushes, filters, sampling, hiding.
    pub fn configured(mut limits: Limits, config: &Config) -> Self {
        let flush = config.partial_flush;
        limits.partial_flush_min_spans = if flush.enabled { flush.min_spans } else { usize::MAX };
        Self::with_stage(limits, config.tagging.clone(), Stage::configured(config))
    }

    fn with_stage(limits: Limits, tagging: Tagging, stage: Stage) -> Self {
        Self {
            limits,
            counters: Counters::default(),
            table: Table::new(),
            remotes: Remotes::default(),
            roots: None,
            baggage: tagging.baggage.clone(),
            contexts: Contexts::new(tagging, stage.rules()),
            resolver: Resolver::default(),
            stage,
            now: 0,
            rates: Rates::default(),
            held: 0,
            held_bytes: 0,
            spare_spans: Vec::new(),
            spare_room: 0,
            spare_marks: Vec::new(),
            spare_tags: None,
        }
    }

    /// Has traces that nobody has decided on follow these rates, the agent's.
    #[must_use]
    pub fn with_rates(mut self, rates: Rates) -> Self {
        self.rates = rates;
        self
    }

    /// Has every trace pass this code, after those that were added before.
    pub fn add_filter(&mut self, filter: Box<dyn TraceFilter>) {
        self.stage.add_filter(filter);
    }

    /// Has this be asked for the root of each trace of which a part is to go out without it: the part belongs to the trace that the
    /// root continues, and says what came with that; it is judged by what the root is so far; and where the root comes next, the
    /// part waits for it.
    pub fn ask_roots(&mut self, roots: Box<Roots>) {
        self.roots = Some(roots);
        self.stage.know_roots();
    }

    /// The lists of the agent's `/info`, beside those of the configuration; they replace the agent's earlier ones.
    pub fn set_agent_filters(&mut self, filters: Filters) {
        self.stage.set_agent_filters(filters);
    }

    /// Whether filters look at roots, so that no part of a trace should go out before its own.
    pub fn waits_for_roots(&self) -> bool {
        self.stage.waits_for_roots()
    }

    /// Takes a span, and hands on what has to go out because of it.
    pub fn push(&mut self, span: Span, now: u64, out: &mut impl FnMut(&Trace)) {
        self.now = self.now.max(now);
        self.counters.spans += 1;
        if span.trace_id as u64 == 0 || span.span_id == 0 {
            self.counters.invalid += 1;
            return;
        }
        let key = (span.trace_id, span.source.runtime_id);
        self.remotes.learn(&span);
        let (spare, room) = (&mut self.spare_spans, &mut self.spare_room);
        let (at, added) = self.table.add(key, span, now, || {
            let list = spare.pop().unwrap_or_default();
            *room -= list.capacity();
            list
        });
        self.held += 1;
        self.held_bytes += added;

        let slot = self.table.slot(at);
        let most = self.limits.trace_max_spans;
        let most = if slot.has_root { most } else { most.min(self.limits.partial_flush_min_spans) };
        if slot.spans.len() >= most {
            self.hand_on_if_long(at, out);
        }
        while self.held > self.limits.spans
            || self.held_bytes > self.limits.bytes
            || self.table.len() > self.limits.traces
        {
            let Some(at) = self.quietest() else { break };
            self.counters.evicted += 1;
            self.hand_on(at, out);
        }
    }

    /// Hands on the traces that are ready at `now`.
    pub fn poll(&mut self, now: u64, out: &mut impl FnMut(&Trace)) {
        self.now = self.now.max(now);
        for has_root in [true, false] {
            while let Some(at) = self.table.quietest(has_root)
                && self.deadline(at) <= now
            {
                let root = self.ask(at);
                if self.waits_for(&root) && self.table.slot(at).touched < now {
                    self.table.touch(at, now);
                } else {
                    self.counters.incomplete += u64::from(!has_root);
                    self.hand_on_under(root, at, out);
                }
            }
        }
    }

    /// Hands on everything that is held, ready or not.
    pub fn flush(&mut self, out: &mut impl FnMut(&Trace)) {
        for has_root in [true, false] {
            while let Some(at) = self.table.quietest(has_root) {
                self.counters.incomplete += u64::from(!has_root);
                self.hand_on(at, out);
            }
        }
    }

    /// Decides on traces of a source that are handed on before they are gathered here.
    pub fn decider(&self, source: &Source) -> Decider {
        Decider {
            decisions: self.stage.decisions(),
            rates: self.rates.clone(),
            tagging: self.contexts.tagging().clone(),
            context: Context::new(source, self.contexts.tagging()),
        }
    }

    /// Has the traces of a source that go out from here on say what `said` says of it, not what it said itself. For a source that
    /// goes on being used: beside a thousand others this is forgotten.
    pub fn renew(&mut self, source: &Arc<Source>, said: &Source) {
        self.contexts.renew(source, said);
    }

    /// Puts a text into the place of its stand-in, in the spans of this source that are still here.
    pub fn correct(&mut self, source: u128, from: &Text, to: &Text) {
        let mut correction = Correction::new(from, to);
        for slot in self.table.slots_of(source) {
            self.held_bytes -= slot.bytes;
            slot.spans.iter_mut().for_each(|span| correction.apply(span));
            slot.bytes = size::of_all(&slot.spans);
            self.held_bytes += slot.bytes;
        }
    }

    /// When [`poll`](Self::poll) has something to do next, unless spans come before; `None` when nothing is held.
    pub fn next_deadline(&self) -> Option<u64> {
        [true, false]
            .into_iter()
            .filter_map(|has_root| self.table.quietest(has_root))
            .map(|at| self.deadline(at))
            .min()
    }

    /// An empty list for the tags of a span to come, with the memory of one that went out.
    pub fn spare_tags(&mut self) -> Vec<Tag> {
        self.spare_tag_lists().pop().unwrap_or_default()
    }

    /// All of them.
    pub fn spare_tag_lists(&mut self) -> &mut Vec<Vec<Tag>> {
        self.spare_tags.get_or_insert_default()
    }

    /// How many spans are held.
    pub fn held(&self) -> usize {
        self.held
    }

    /// What went through so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn deadline(&self, at: usize) -> u64 {
        let slot = self.table.slot(at);
        slot.touched.saturating_add(if slot.has_root { self.limits.quiet } else { self.limits.patience })
    }

    /// The longest quiet trace of all.
    fn quietest(&self) -> Option<usize> {
        let candidates = [self.table.quietest(true), self.table.quietest(false)];
        candidates.into_iter().flatten().min_by_key(|&at| self.table.slot(at).touched)
    }

    /// What is known of a trace's root if it is not here.
    fn ask(&self, at: usize) -> Ahead {
        let slot = self.table.slot(at);
        match &self.roots {
            Some(roots) if !slot.has_root => roots(slot.key.0, self.stage.keys()),
            _ => Ahead::Unknown,
        }
    }

    fn goes_in_parts(&self) -> bool {
        self.limits.partial_flush_min_spans != usize::MAX
    }

    /// Whether a trace with such a root, which is not here, is to go out with it.
    fn waits_for(&self, root: &Ahead) -> bool {
        match root {
            Ahead::Open(_) => !self.goes_in_parts() || self.stage.waits_for_roots() || self.stage.has_own(),
            Ahead::Coming => true,
            Ahead::Unknown => false,
        }
    }

    /// Hands on a trace, or a part of it, if it is too long to wait for more.
    fn hand_on_if_long(&mut self, at: usize, out: &mut impl FnMut(&Trace)) {
        let Limits { partial_flush_min_spans, trace_max_spans, .. } = self.limits;
        let Slot { spans, has_root, .. } = self.table.slot(at);
        let length = spans.len();
        // Of one that waits the root is asked again when it is as long once more.
        let is_part = !has_root
            && length.is_multiple_of(partial_flush_min_spans.max(1))
            && !self.stage.waits_for_roots();
        let is_oversized = *has_root || length.is_multiple_of(trace_max_spans.max(1));
        if !is_part && !is_oversized {
            return;
        }
        let root = self.ask(at);
        let (waits, is_open) = (self.waits_for(&root), matches!(root, Ahead::Open(_)));
        if is_part && !waits {
            self.counters.partial_flushes += 1;
        } else if is_oversized && (!waits || is_open && self.goes_in_parts() || self.is_large(at)) {
            self.counters.oversized += 1;
        } else {
            return;
        }
        self.hand_on_under(root, at, out);
    }

    /// Whether a trace takes so much that it would be too large for what it is sent in, if it grew on.
    fn is_large(&self, at: usize) -> bool {
        self.table.slot(at).bytes > self.limits.bytes / MOST_OF_BYTES
    }

    fn hand_on(&mut self, at: usize, out: &mut impl FnMut(&Trace)) {
        self.hand_on_under(self.ask(at), at, out);
    }

    fn hand_on_under(&mut self, root: Ahead, at: usize, out: &mut impl FnMut(&Trace)) {
        let &Slot { key, bytes, .. } = self.table.slot(at);
        let mut spans = self.table.remove(at);
        self.held -= spans.len();
        self.held_bytes -= bytes;
        let Some(first) = spans.first() else { return };
        let context = self.contexts.of(&first.source);
        let mut open = None;
        if let Ahead::Open(root) = root {
            let (so_far, trace_id) = root.say(&mut spans);
            trace_id.into_iter().for_each(|trace_id| self.remotes.note(key, trace_id));
            open = Some(so_far);
        }
        self.remotes.apply(&mut spans);
        if let (Some(root), Some(first)) = (&mut open, spans.first()) {
            self.stage.see(root, first.trace_id, &context);
        }
        self.counters.duplicates += self.resolver.resolve(&mut spans, &context.service, &self.baggage);
        self.stage.rename(&mut spans);
        let Some(trace_id) = spans.first().map(|first| first.trace_id) else { return };
        let is_kept = self.stage.keep(key, &mut spans, open.as_ref(), &context);
        self.counters.filter_panics = self.stage.panics();
        if !is_kept {
            self.counters.filtered_traces += 1;
            self.counters.filtered_spans += spans.len() as u64;
            self.reclaim_spans(spans);
            return;
        }
        if self.stage.has_own() {
            let (invalid, duplicates) = self.resolver.resolve_again(&mut spans, trace_id, &context.service);
            self.counters.invalid += invalid;
            self.counters.duplicates += duplicates;
            if spans.is_empty() {
                return;
            }
        }
        self.stage.repeat(key, &mut spans);
        let mut marks = std::mem::take(&mut self.spare_marks);
        self.resolver.mark(&spans, &mut marks);
        self.counters.spans_out += spans.len() as u64;
        self.counters.traces_out += 1;

        let mut trace = Trace::new(spans, marks, context, &self.rates);
        self.stage.finish(key, &mut trace, open, &self.rates, self.now);
        out(&trace);
        self.reclaim(trace);
    }

    /// Keeps the memory of a trace that is gone.
    fn reclaim(&mut self, trace: Trace) {
        let Trace { spans, top_level, .. } = trace;
        self.spare_marks = top_level;
        self.reclaim_spans(spans);
    }

    fn reclaim_spans(&mut self, mut spans: Vec<Span>) {
        if let Some(spare) = &mut self.spare_tags {
            for span in &mut spans {
                let is_useful = (1..=SPARE_TAGS).contains(&span.tags.capacity());
                if is_useful && spare.len() < SPARE_TAG_LISTS {
                    span.tags.clear();
                    spare.push(std::mem::take(&mut span.tags));
                }
            }
        }
        spans.clear();
        if spans.capacity() <= SPARE_SPANS && self.spare_room + spans.capacity() <= SPARE_ROOM {
            self.spare_room += spans.capacity();
            self.spare_spans.push(spans);
        }
    }
}

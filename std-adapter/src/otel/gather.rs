//! Spans of traces that have not ended.

use std::collections::{BTreeMap, HashMap};

use opentelemetry::trace::TraceId;
use opentelemetry_sdk::trace::SpanData;

/// How many spans are held, of all traces together; and as many of whole ones.
const SPANS: usize = 100_000;

/// How many traces are: one of which no span has ended yet holds none.
const TRACES: usize = 100_000;

/// The spans of each trace until the last that was started has ended.
pub(super) struct Gather {
    pub(super) max_trace_size: usize,
    /// Those of whole traces.
    pub(super) whole: Vec<SpanData>,
    /// How many were dropped.
    pub(super) dropped: u64,
    traces: HashMap<TraceId, Trace>,
    /// Them in the order of their beginnings.
    order: BTreeMap<u64, TraceId>,
    /// How many traces began so far.
    began: u64,
    /// How many spans `traces` hold.
    held: usize,
}

struct Trace {
    /// Its place in their order.
    number: u64,
    /// Spans that were started and have not ended.
    open: usize,
    spans: Vec<SpanData>,
    is_full: bool,
}

impl Default for Gather {
    fn default() -> Self {
        Self {
            max_trace_size: 4096,
            whole: Vec::new(),
            dropped: 0,
            traces: HashMap::new(),
            order: BTreeMap::new(),
            began: 0,
            held: 0,
        }
    }
}

impl Gather {
    /// A span is started.
    pub(super) fn start(&mut self, id: TraceId) {
        self.trace(id).open += 1;
    }

    /// A span has ended.
    pub(super) fn end(&mut self, span: SpanData) {
        let id = span.span_context.trace_id();
        let max = self.max_trace_size;
        let trace = self.trace(id);
        // Of a trace that went out before its end nobody knows how many are open.
        trace.open = trace.open.saturating_sub(1);
        if trace.spans.len() < max {
            trace.spans.push(span);
            self.held += 1;
        } else {
            if !std::mem::replace(&mut trace.is_full, true) {
                log::warn!("trace {id} has more than {max} spans: later ones are dropped");
            }
            self.dropped += 1;
        }
        if self.traces.get(&id).is_some_and(|trace| trace.open == 0) {
            self.finish(id);
        }
        self.shrink();
    }

    /// The spans of whole traces.
    pub(super) fn take(&mut self) -> Vec<SpanData> {
        std::mem::take(&mut self.whole)
    }

    /// Takes all traces for whole.
    pub(super) fn close(&mut self) {
        let ids: Vec<TraceId> = self.traces.keys().copied().collect();
        ids.into_iter().for_each(|id| self.finish(id));
    }

    fn trace(&mut self, id: TraceId) -> &mut Trace {
        if self.traces.len() >= TRACES && !self.traces.contains_key(&id) {
            self.finish_first();
        }
        let (began, order) = (&mut self.began, &mut self.order);
        self.traces.entry(id).or_insert_with(|| {
            *began += 1;
            order.insert(*began, id);
            Trace { number: *began, open: 0, spans: Vec::new(), is_full: false }
        })
    }

    fn finish(&mut self, id: TraceId) {
        let Some(mut trace) = self.traces.remove(&id) else { return };
        self.order.remove(&trace.number);
        self.held -= trace.spans.len();
        // Nobody takes them where the thread that should is gone.
        if self.whole.len() + trace.spans.len() <= SPANS {
            self.whole.append(&mut trace.spans);
        } else {
            self.dropped += trace.spans.len() as u64;
        }
    }

    /// Lets traces go before their ends, while there are too many spans.
    fn shrink(&mut self) {
        while self.held > SPANS {
            self.finish_first();
        }
    }

    fn finish_first(&mut self) {
        if let Some((_, id)) = self.order.first_key_value() {
            self.finish(*id);
        }
    }
}

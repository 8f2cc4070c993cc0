//! A trace, or a part of one, ready to be sent: what Datadog calls a chunk.

use std::sync::Arc;

use super::context::Context;
use super::decision::{PRIORITY, decide};
use super::passed::spread;
use super::rates::{Rates, Verdict};
use crate::model::{Span, Text, Value};

/// Spans of one trace and one source, completed: every span has a service, the local root comes first if it is there.
#[derive(Debug, Clone)]
pub struct Trace {
    pub(super) spans: Vec<Span>,
    pub(super) top_level: Vec<bool>,
    pub(super) context: Arc<Context>,
    /// The service whose spans carry the version.
    pub(super) versioned: Option<Text>,
    /// What the agent's rate says, if nobody has decided.
    pub(super) verdict: Option<Verdict>,
}

/// A tag as it goes out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Datum<'a> {
    /// A string: Datadog's `meta`.
    Text(&'a Text),
    /// A finite number: Datadog's `metrics`.
    Number(f64),
}

static TRUE: Text = Text::constant("true");
static FALSE: Text = Text::constant("false");
static BY_AGENT: Text = Text::constant("-1");
static BY_DEFAULT: Text = Text::constant("-0");

/// The keys of what is said beside a span's own tags and its source's.
mod keys {
    use super::super::decision;
    use crate::model::Text;

    pub(super) static VERSION: Text = Text::constant("version");
    pub(super) static BASE_SERVICE: Text = Text::constant("_dd.base_service");
    pub(super) static TOP_LEVEL: Text = Text::constant("_dd.top_level");
    pub(super) static CLOCK_ERROR: Text = Text::constant("microspan.clock_error_ns");
    pub(super) static DEVICE: Text = Text::constant("device.name");
    pub(super) static BUILD: Text = Text::constant("build.id");
    pub(super) static TRACE_HIGH: Text = Text::constant("_dd.p.tid");
    pub(super) static PRIORITY: Text = Text::constant(decision::PRIORITY);
    pub(super) static MECHANISM: Text = Text::constant(decision::MECHANISM);
    pub(super) static AGENT_RATE: Text = Text::constant("_dd.agent_psr");
    pub(super) static RATE: Text = Text::constant(decision::RATE);
    pub(super) static RUNTIME_ID: Text = Text::constant("runtime-id");
    pub(super) static LANGUAGE: Text = Text::constant("language");
    pub(super) static PROCESS_ID: Text = Text::constant("process_id");
}

impl<'a> Datum<'a> {
    /// What is sent of a value; nothing of NaN and the infinities, which the agent does not take.
    fn of(value: &'a Value) -> Option<Self> {
        match value {
            Value::Bool(true) => Some(Self::Text(&TRUE)),
            Value::Bool(false) => Some(Self::Text(&FALSE)),
            Value::Int(value) => Some(Self::Number(*value as f64)),
            Value::Uint(value) => Some(Self::Number(*value as f64)),
            Value::Float(value) => value.is_finite().then_some(Self::Number(*value)),
            Value::Str(text) => Some(Self::Text(text)),
        }
    }
}

impl Trace {
    pub(super) fn new(
        mut spans: Vec<Span>,
        top_level: Vec<bool>,
        context: Arc<Context>,
        rates: &Rates,
    ) -> Self {
        let versioned = match spans.first() {
            Some(root) if root.is_local_root() => {
                let has_version =
                    root.service.as_ref() == Some(&context.service) || root.tag("version").is_some();
                root.service.clone().filter(|_| has_version)
            }
            _ => Some(context.service.clone()),
        };
        if let Some(first) = spans.first_mut() {
            spread(first);
        }
        decide(&mut spans);
        let undecided = spans.first().filter(|first| first.tag(PRIORITY).is_none());
        let verdict = undecided.and_then(|first| {
            let service = first.service.as_ref().unwrap_or(&context.service);
            rates.judge(|| (service, context.env()), first.trace_id)
        });
        Self { spans, top_level, context, versioned, verdict }
    }

    /// The spans, the local root first if it is there.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Whether the local root is there.
    pub fn has_root(&self) -> bool {
        self.spans.first().is_some_and(Span::is_local_root)
    }

    /// Calls `emit` for every tag that the span at `index` goes out with, each key once: its own, those of its source
    /// and of the configuration, and what Datadog asks for on each span and on the first of a chunk.
    pub fn each_tag(&self, index: usize, mut emit: impl FnMut(&Text, Datum<'_>)) {
        self.each_own_tag(index, &mut emit);
        self.each_further_tag(index, emit);
    }

    /// The same of the span's own, which are those that no other span has.
    pub(crate) fn each_own_tag(&self, index: usize, mut emit: impl FnMut(&Text, Datum<'_>)) {
        let Some(span) = self.spans.get(index) else { return };
        for (key, value) in &span.tags {
            if let Some(datum) = Datum::of(value) {
                emit(key, datum);
            }
        }
        if index == 0
            && let Some(error) = span.clock_error
            && !has(&span.tags, &keys::CLOCK_ERROR)
            && !has(&self.context.tags, &keys::CLOCK_ERROR)
        {
            emit(&keys::CLOCK_ERROR, Datum::Number(error.get() as f64));
        }
    }

    /// The same of all others; tells whether the span's own tags left them all as they are.
    pub(crate) fn each_further_tag(&self, index: usize, mut emit: impl FnMut(&Text, Datum<'_>)) -> bool {
        let Some(span) = self.spans.get(index) else { return false };
        let context = &*self.context;
        let own = looks(&span.tags);
        let mut are_all = true;
        for (key, value) in &context.tags {
            let is_own = own & look(key.as_bytes()) != 0 && has(&span.tags, key);
            are_all &= !is_own;
            if !is_own
                && !span.is_removed(key)
                && let Some(datum) = Datum::of(value)
            {
                emit(key, datum);
            }
        }

        // What is said above is said on purpose, and stays.
        let common = looks(&context.tags);
        let mut add = |key: &Text, datum: Datum<'_>| {
            let look = look(key.as_bytes());
            let is_own = own & look != 0 && has(&span.tags, key);
            are_all &= !is_own;
            if !is_own && (common & look == 0 || !has(&context.tags, key)) {
                emit(key, datum);
            }
        };
        if let Some(version) = &context.version
            && self.versioned == span.service
            && !span.is_removed("version")
        {
            add(&keys::VERSION, Datum::Text(version));
        }
        if span.service.as_ref() != Some(&context.service) {
            add(&keys::BASE_SERVICE, Datum::Text(&context.base_service));
        }
        if self.is_top_level(index) {
            add(&keys::TOP_LEVEL, Datum::Number(1.0));
        }
        if index == 0 {
            self.each_chunk_tag(span, &mut add);
            let of_device = [(&keys::DEVICE, &context.device), (&keys::BUILD, &context.build_id)];
            for (key, text) in of_device.into_iter().filter(|_| span.is_local_root()) {
                if let Some(text) = text
                    && !span.is_removed(key)
                {
                    add(key, Datum::Text(text));
                }
            }
        }
        are_all && !(index == 0 && has(&span.tags, &keys::PRIORITY))
    }

    fn each_chunk_tag(&self, span: &Span, add: &mut impl FnMut(&Text, Datum<'_>)) {
        let context = &*self.context;
        let high = (span.trace_id >> 64) as u64;
        if high != 0 {
            add(&keys::TRACE_HIGH, Datum::Text(&Text::hex(high)));
        }
        // A decision made elsewhere keeps its own maker's mark.
        if let Some(Verdict { rate, is_kept }) = &self.verdict {
            add(&keys::PRIORITY, Datum::Number(f64::from(u8::from(*is_kept))));
            add(&keys::MECHANISM, Datum::Text(&BY_AGENT));
            add(&keys::AGENT_RATE, Datum::Number(rate.value));
            add(&keys::RATE, Datum::Text(&rate.text));
        } else if !has(&span.tags, &keys::PRIORITY) {
            add(&keys::PRIORITY, Datum::Number(1.0));
            add(&keys::MECHANISM, Datum::Text(&BY_DEFAULT));
        }
        add(&keys::RUNTIME_ID, Datum::Text(&context.runtime_id));
        add(&keys::LANGUAGE, Datum::Text(&context.language));
        if let Some(id) = context.process_id {
            add(&keys::PROCESS_ID, Datum::Number(f64::from(id)));
        }
    }
}

fn has(tags: &[(Text, Value)], key: &Text) -> bool {
    tags.iter().any(|(k, _)| k == key)
}

/// What is seen of keys at a glance, a bit each: a key with another bit is none of them.
fn looks(tags: &[(Text, Value)]) -> u64 {
    tags.iter().fold(0, |looks, (key, _)| looks | look(key.as_bytes()))
}

/// A bit for a key's length and its first byte.
#[inline]
pub(crate) fn look(key: &[u8]) -> u64 {
    1 << ((key.len() + 5 * key.first().map_or(0, |first| usize::from(*first))) % 64)
}

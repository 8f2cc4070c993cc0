//! A trace, or a part of one, ready to be sent: what Datadog calls a chunk.

use std::sync::Arc;

use super::context::Context;
use super::decision::{MECHANISM, PRIORITY, RATE, decide};
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
            rates.judge(service, context.env(), first.trace_id)
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
        let Some(span) = self.spans.get(index) else { return };
        let context = &*self.context;

        for (key, value) in &span.tags {
            if let Some(datum) = Datum::of(value) {
                emit(key, datum);
            }
        }
        let own = lengths(&span.tags);
        for (key, value) in &context.tags {
            if (own & length(key) == 0 || !has(&span.tags, key))
                && !span.is_removed(key)
                && let Some(datum) = Datum::of(value)
            {
                emit(key, datum);
            }
        }

        // What is said above is said on purpose, and stays.
        let all = own | lengths(&context.tags);
        let is_free =
            |key: &Text| all & length(key) == 0 || !has(&span.tags, key) && !has(&context.tags, key);
        let mut add = |key: &'static str, datum: Datum<'_>| {
            let key = Text::constant(key);
            if is_free(&key) {
                emit(&key, datum);
            }
        };
        if let Some(version) = &context.version
            && self.versioned == span.service
            && !span.is_removed("version")
        {
            add("version", Datum::Text(version));
        }
        if span.service.as_ref() != Some(&context.service) {
            add("_dd.base_service", Datum::Text(&context.base_service));
        }
        if self.is_top_level(index) {
            add("_dd.top_level", Datum::Number(1.0));
        }
        if index == 0 {
            self.each_chunk_tag(span, &mut add);
            let of_device = [("device.name", &context.device), ("build.id", &context.build_id)];
            if let Some(error) = span.clock_error {
                add("microspan.clock_error_ns", Datum::Number(error.get() as f64));
            }
            for (key, text) in of_device.into_iter().filter(|_| span.is_local_root()) {
                if let Some(text) = text
                    && !span.is_removed(key)
                {
                    add(key, Datum::Text(text));
                }
            }
        }
    }

    fn each_chunk_tag(&self, span: &Span, add: &mut impl FnMut(&'static str, Datum<'_>)) {
        let context = &*self.context;
        let high = (span.trace_id >> 64) as u64;
        if high != 0 {
            let high = hex(high);
            add("_dd.p.tid", Datum::Text(&Text::new(str::from_utf8(&high).unwrap_or_default())));
        }
        // A decision made elsewhere keeps its own maker's mark.
        if let Some(Verdict { rate, is_kept }) = &self.verdict {
            add(PRIORITY, Datum::Number(f64::from(u8::from(*is_kept))));
            add(MECHANISM, Datum::Text(&Text::constant("-1")));
            add("_dd.agent_psr", Datum::Number(rate.value));
            add(RATE, Datum::Text(&rate.text));
        } else if !has(&span.tags, &Text::constant(PRIORITY)) {
            add(PRIORITY, Datum::Number(1.0));
            add(MECHANISM, Datum::Text(&Text::constant("-0")));
        }
        add("runtime-id", Datum::Text(&context.runtime_id));
        add("language", Datum::Text(&Text::constant(context.language)));
        if let Some(id) = context.process_id {
            add("process_id", Datum::Number(f64::from(id)));
        }
    }
}

fn has(tags: &[(Text, Value)], key: &Text) -> bool {
    tags.iter().any(|(k, _)| k == key)
}

/// The lengths of keys, a bit each: a key of another length is none of them.
fn lengths(tags: &[(Text, Value)]) -> u64 {
    tags.iter().fold(0, |lengths, (key, _)| lengths | length(key))
}

fn length(key: &Text) -> u64 {
    1 << key.len().min(63)
}

/// 16 lowercase hex digits.
fn hex(value: u64) -> [u8; 16] {
    std::array::from_fn(|digit| b"0123456789abcdef"[(value >> (60 - 4 * digit)) as usize & 15])
}

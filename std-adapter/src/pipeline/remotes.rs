//! Which traces continue one of another process or device, and which.

use std::collections::HashMap;

use super::table::Key;
use crate::model::Span;

/// How many are remembered: twice as many at most, of which the older half is forgotten when the younger is full.
const REMEMBERED: usize = 4096;

/// Traces as their devices know them, and the traces they belong to.
#[derive(Debug, Default)]
pub(super) struct Remotes {
    young: HashMap<Key, u128>,
    old: HashMap<Key, u128>,
}

impl Remotes {
    /// Takes note of what a root says, if it does.
    pub(super) fn learn(&mut self, span: &Span) {
        if let Some(remote) = span.extra.as_ref().and_then(|extra| extra.remote_trace) {
            self.note((span.trace_id, span.source.runtime_id), remote);
        }
    }

    /// Takes note of the trace that another belongs to.
    pub(super) fn note(&mut self, key: Key, remote: u128) {
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, remote);
    }

    /// Has spans of one source go over to the traces they belong to, and their links lead there.
    pub(super) fn apply(&self, spans: &mut [Span]) {
        if self.young.is_empty() {
            return;
        }
        for span in spans {
            let source = span.source.runtime_id;
            let find = |trace| self.young.get(&(trace, source)).or_else(|| self.old.get(&(trace, source)));
            for link in &mut span.links {
                link.trace_id = find(link.trace_id).copied().unwrap_or(link.trace_id);
            }
            span.trace_id = find(span.trace_id).copied().unwrap_or(span.trace_id);
        }
    }
}

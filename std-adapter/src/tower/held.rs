//! What came with the traces of the requests that are being served, for those that are sent on their behalf.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use microspan::propagation::Headers;

use crate::carrier::Incoming;

/// How many traces are held; what came with further ones does not go on.
const TRACES: usize = 65_536;

static HELD: Mutex<Option<HashMap<u128, Entry>>> = Mutex::new(None);

struct Entry {
    incoming: Arc<Incoming>,
    /// How many requests of this trace are being served.
    requests: usize,
}

fn held() -> MutexGuard<'static, Option<HashMap<u128, Entry>>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Holds what came with a trace for as long as this lives.
#[derive(Debug)]
pub(super) struct Held(u128);

impl Held {
    /// `None` when nothing came that has to go on.
    pub(super) fn new(trace_id: u128, incoming: Incoming) -> Option<Self> {
        let goes_on =
            ["x-datadog-origin", "x-datadog-tags", "tracestate", "baggage", "x-datadog-sampling-priority"];
        if goes_on.iter().all(|name| incoming.header(name).is_none()) && incoming.items().is_empty() {
            return None;
        }
        let mut held = held();
        let traces = held.get_or_insert_default();
        if traces.len() >= TRACES && !traces.contains_key(&trace_id) {
            return None;
        }
        let entry =
            traces.entry(trace_id).or_insert_with(|| Entry { incoming: Arc::new(incoming), requests: 0 });
        entry.requests += 1;
        Some(Self(trace_id))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = held();
        let Some(traces) = held.as_mut() else { return };
        if let Some(entry) = traces.get_mut(&self.0) {
            entry.requests -= 1;
            if entry.requests == 0 {
                traces.remove(&self.0);
            }
        }
    }
}

/// What came with this trace.
pub(super) fn incoming(trace_id: u128) -> Option<Arc<Incoming>> {
    held().as_ref()?.get(&trace_id).map(|entry| entry.incoming.clone())
}

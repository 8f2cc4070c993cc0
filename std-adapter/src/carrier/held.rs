//! What came with the requests that are being served, for those that are sent on their behalf.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use microspan::__private::{descent, handle};
use microspan::propagation::Headers;
use microspan::{Span, SpanRef};

use super::Incoming;

/// How many requests are held; what came with further ones does not go on.
const REQUESTS: usize = 65_536;

/// By the handles of their spans.
static HELD: Mutex<Option<HashMap<u32, Arc<Incoming>>>> = Mutex::new(None);

fn held() -> MutexGuard<'static, Option<HashMap<u32, Arc<Incoming>>>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Holds what came with a request for as long as this lives, which is no longer than its span is open.
#[derive(Debug)]
pub(crate) struct Held(u32);

impl Held {
    /// `None` when nothing came that has to go on.
    pub(crate) fn new(span: &Span, incoming: Incoming) -> Option<Self> {
        let goes_on =
            ["x-datadog-origin", "x-datadog-tags", "tracestate", "baggage", "x-datadog-sampling-priority"];
        if goes_on.iter().all(|name| incoming.header(name).is_none()) && incoming.items().is_empty() {
            return None;
        }
        let mut held = held();
        let requests = held.get_or_insert_default();
        if requests.len() >= REQUESTS {
            return None;
        }
        requests.insert(handle(span), Arc::new(incoming));
        Some(Self(handle(span)))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(requests) = held().as_mut() {
            requests.remove(&self.0);
        }
    }
}

/// What came with the request that a span is in.
pub(crate) fn incoming(span: &SpanRef) -> Option<Arc<Incoming>> {
    let held = held();
    let requests = held.as_ref()?;
    descent(span, |handle| requests.get(&handle).cloned())
}

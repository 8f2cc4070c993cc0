//! What the drain's thread and the handle have in common.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::wake::WAKE;
use crate::agent;
use crate::pipeline;

/// What the drain's thread and the handle have in common.
pub(super) struct Shared {
    pub(super) client: agent::Client,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Orders to hand on all that is held, and how many of them were obeyed.
    ordered: u64,
    obeyed: u64,
    ends: bool,
    has_ended: bool,
    counters: pipeline::Counters,
    clock_jumps: u64,
}

/// What the thread is to do.
#[derive(Clone, Copy)]
pub(super) struct Order {
    number: u64,
    obeyed: u64,
    pub(super) ends: bool,
}

impl Order {
    /// Whether all that is held is to be handed on.
    pub(super) fn is_due(&self) -> bool {
        self.number != self.obeyed
    }
}

impl Shared {
    pub(super) fn new(client: agent::Client) -> Self {
        Self { client, state: Mutex::default(), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn order(&self) -> Order {
        let state = self.lock();
        Order { number: state.ordered, obeyed: state.obeyed, ends: state.ends }
    }

    /// The thread has done what it was told.
    pub(super) fn obeyed(&self, order: Order) {
        self.lock().obeyed = order.number;
        self.changed.notify_all();
    }

    pub(super) fn ended(&self) {
        self.lock().has_ended = true;
        self.changed.notify_all();
    }

    pub(super) fn publish(&self, counters: pipeline::Counters, clock_jumps: u64) {
        let mut state = self.lock();
        state.counters = counters;
        state.clock_jumps = clock_jumps;
    }

    pub(super) fn published(&self) -> (pipeline::Counters, u64) {
        let state = self.lock();
        (state.counters, state.clock_jumps)
    }

    /// Has the thread hand on all that is held, and end, if `ends`; waits for that until `deadline`. Whether it did.
    pub(super) fn hand_on(&self, ends: bool, deadline: Instant) -> bool {
        let mut state = self.lock();
        state.ordered += 1;
        state.ends |= ends;
        let number = state.ordered;
        // One that comes before the thread falls asleep is not lost: it does not sleep then.
        WAKE.wake();
        while state.obeyed < number && !state.has_ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.obeyed >= number
    }
}

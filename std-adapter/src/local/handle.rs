//! The handle of a program that traces itself: what became of its spans, and its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use microspan::Tracer;

use super::fork;
use super::shared::Shared;
use super::stats::Stats;
use super::texts::TEXTS;
use crate::agent::{self, Sent, ours};
use crate::deadline;

/// How long a handle that is dropped goes on.
const FAREWELL: Duration = Duration::from_secs(2);

/// A program that traces itself. Keep it until the program's end.
#[must_use = "dropping it ends the tracing of this program"]
pub struct Local {
    pub(super) running: Option<Running>,
}

/// What a handle has where something is recorded.
pub(super) struct Running {
    pub(super) shared: Arc<Shared>,
    pub(super) tracer: &'static Tracer,
}

/// Hands on what is finished, and has it sent: see [`Local::flush`].
pub(super) fn flush(shared: &Shared, timeout: Duration) -> bool {
    let deadline = deadline::after(timeout);
    if fork::has_happened() {
        fork::refuse();
        return false;
    }
    if ours::is_this() {
        return false;
    }
    let left = || deadline.saturating_duration_since(Instant::now());
    shared.hand_on(false, deadline) && shared.client.flush(left()) && shared.client.flush_statistics(left())
}

impl Local {
    /// Sends what is finished, without waiting for traces to be complete, and its statistics if there are any, for at most
    /// `timeout`; whether all of it was taken or dropped by then. `false` in a child of `fork`,
    /// after a panic of the thread that drains, and at once in a [trace filter](super::Builder::trace_filter) or a log that is called
    /// on a thread of this library: that would wait for itself.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.running.as_ref().is_none_or(|running| flush(&running.shared, timeout))
    }

    /// What became of the spans so far.
    pub fn stats(&self) -> Stats {
        let Some(Running { shared, tracer }) = &self.running else { return Stats::default() };
        // The client's thread may have held its lock when the process was forked.
        if fork::has_happened() {
            return Stats { recorder: tracer.stats(), ..Stats::default() };
        }
        let (pipeline, clock_jumps) = shared.published();
        let Sent { agent, otlp } = shared.client.stats();
        Stats { recorder: tracer.stats(), pipeline, agent, otlp, clock_jumps, texts_cut: TEXTS.refused() }
    }

    /// What the agent said that it can do; `None`: it has not answered yet.
    pub fn agent_info(&self) -> Option<Arc<agent::Info>> {
        let running = self.running.as_ref().filter(|_| !fork::has_happened())?;
        running.shared.client.agent()?.info()
    }

    /// Sends what there is, for at most `timeout`, and ends: nothing is recorded any more. Where [`flush`](Self::flush) does not
    /// wait this does not either: the same is done within two seconds after what is called here has returned.
    pub fn shutdown(mut self, timeout: Duration) -> Stats {
        self.end(timeout)
    }

    fn end(&mut self, timeout: Duration) -> Stats {
        let deadline = deadline::after(timeout);
        if fork::has_happened() {
            fork::refuse();
            let stats = self.stats();
            // Its client would take a lock whose holder may have stayed behind.
            std::mem::forget(self.running.take());
            return stats;
        }
        let Some(Running { shared, tracer }) = &self.running else { return Stats::default() };
        tracer.set_enabled(false);
        if ours::is_this() {
            // Whoever holds the clients last has them end: the thread that drains, when it has handed on what it holds.
            shared.hand_on(true, Instant::now());
            let stats = self.stats();
            self.running = None;
            return stats;
        }
        shared.hand_on(true, deadline);
        let Sent { agent, otlp } = shared.client.shutdown(deadline.saturating_duration_since(Instant::now()));
        let stats = Stats { agent, otlp, ..self.stats() };
        self.running = None;
        stats
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.end(FAREWELL);
    }
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local").field("is_running", &self.running.is_some()).finish()
    }
}

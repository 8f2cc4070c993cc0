//! Traces waiting to be sent, within a budget of bytes.
//!
//! Traces are encoded into an open payload; a full one is sealed and waits in line. A payload under way still counts
//! against the budget, because it may have to be sent again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::body::{Body, Form};
use super::info::{Info, LEAST_BYTES};
use super::keep_rate::KeepRate;
use super::{Count, Options};
use crate::config::Writer;
use crate::pipeline::Trace;

/// No span is encoded in fewer bytes: its keys alone are longer, or by OTLP its ids and times.
const SMALLEST_SPAN: usize = 48;

/// What is not taken.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refused {
    /// For which there is no room now.
    pub(super) full: Count,
    /// For which there never will be: single spans larger than a payload.
    pub(super) too_large: Count,
}

/// Why a trace is not taken.
enum Refusal {
    Full,
    TooLarge,
}

/// A payload that waits in line.
struct Parcel {
    payload: Body,
    /// Whether statistics have its spans.
    is_counted: bool,
}

/// The payloads of a client.
pub(super) struct Queue {
    budget: usize,
    /// Bytes of one payload, as configured and as the agent takes them.
    most: usize,
    payload_bytes: usize,
    /// Bytes of one whose single span cannot be cut.
    span_bytes: usize,
    flush_bytes: usize,
    flush_interval: Duration,
    open: Body,
    /// When the first trace came into the open payload.
    opened: Option<Instant>,
    sealed: VecDeque<Parcel>,
    /// Bytes of the sealed payloads and of the one under way.
    behind: usize,
    under_way: Count,
    /// A sent payload, for its memory.
    spare: Option<Body>,
    is_news: bool,
    /// Whether the agent takes events as what they are; `None`: it was not asked yet.
    native_events: Option<bool>,
    /// Whether there were events.
    saw_events: bool,
    /// Whether payloads are to go out in the smaller form, in which events and links are text.
    v05: bool,
    keep_rate: KeepRate,
    /// Whether statistics have the spans of the open payload.
    is_counted: bool,
    /// What statistics have and no payload, and no agent was told of.
    sampled_out: Count,
    /// The same as the payload under way tells it; `None`: statistics have nothing of that.
    told: Option<Count>,
    /// Payloads sealed, and payloads done with, since the start.
    sealed_ever: u64,
    done_ever: u64,
}

impl Queue {
    /// One whose payloads are like this empty one.
    pub(super) fn new(options: &Options, open: Body) -> Self {
        let Writer { interval, buffer_bytes, payload_bytes, .. } = options.bounds();
        Self {
            budget: buffer_bytes,
            most: payload_bytes,
            payload_bytes,
            span_bytes: payload_bytes,
            // What is about to be full should be on its way.
            flush_bytes: options.flush_bytes.min(buffer_bytes / 2),
            flush_interval: interval,
            open,
            opened: None,
            sealed: VecDeque::new(),
            behind: 0,
            under_way: Count::default(),
            spare: None,
            is_news: false,
            native_events: None,
            saw_events: false,
            v05: options.v05,
            keep_rate: KeepRate::default(),
            is_counted: false,
            sampled_out: Count::default(),
            told: None,
            sealed_ever: 0,
            done_ever: 0,
        }
    }

    /// How many spans of a trace go out.
    pub(super) fn spans_of(&self, trace: &Trace) -> u64 {
        self.open.spans_of(trace)
    }

    /// Takes a trace, if there is room; in parts, if it is larger than a payload. Tells what was not taken.
    pub(super) fn push(&mut self, trace: &Trace, now: Instant) -> Refused {
        let mut refused = Refused::default();
        self.push_parts(trace, now, &mut refused);
        refused
    }

    fn push_parts(&mut self, trace: &Trace, now: Instant, refused: &mut Refused) {
        let spans = self.spans_of(trace);
        if spans == 0 {
            return;
        }
        let refusal = self.encode(trace, now).err();
        if matches!(refusal, Some(Refusal::TooLarge))
            && let Some(halves) = trace.halves()
        {
            halves.iter().for_each(|half| self.push_parts(half, now, refused));
            return;
        }
        self.keep_rate.came();
        let Some(refusal) = refusal else { return };
        self.keep_rate.dropped(1);
        let count = Count { traces: 1, spans };
        match refusal {
            Refusal::Full => refused.full += count,
            Refusal::TooLarge => refused.too_large += count,
        }
    }

    fn encode(&mut self, trace: &Trace, now: Instant) -> Result<(), Refusal> {
        let room = self.budget.saturating_sub(self.behind);
        // In a long outage every trace ends here: it should not be encoded only to be thrown away.
        if self.open.len() + self.spans_of(trace) as usize * SMALLEST_SPAN > room {
            return Err(Refusal::Full);
        }
        if self.native_events.is_none() {
            self.saw_events |= trace.spans().iter().any(|span| !span.events.is_empty());
        }
        // Large enough to go, though it cannot yet. Buffers that stay alike in size are used again where larger ones would scatter.
        if !self.open.is_empty() && self.open.len() >= self.flush_bytes {
            self.seal();
        }
        let room = self.budget.saturating_sub(self.behind);
        self.prepare();
        let mut is_taken = self.open.push(trace, room.min(self.most_of(trace)));
        if !is_taken && !self.open.is_empty() {
            self.seal();
            let room = self.budget.saturating_sub(self.behind);
            self.prepare();
            is_taken = self.open.push(trace, room.min(self.most_of(trace)));
        }
        if !is_taken {
            let is_empty = self.behind == 0 && self.open.is_empty();
            let may_fit_later = self.budget - self.behind.min(self.budget) < self.most_of(trace) && !is_empty;
            return Err(if may_fit_later { Refusal::Full } else { Refusal::TooLarge });
        }
        if self.opened.is_none() {
            self.opened = Some(now);
            self.is_news = true;
        }
        self.is_news |= self.open.len() >= self.flush_bytes;
        Ok(())
    }

    /// Whether the agent should be asked how it takes events.
    pub(super) fn asks_for_events(&self) -> bool {
        self.saw_events && self.native_events.is_none()
    }

    /// The agent said what it can do.
    pub(super) fn set_info(&mut self, info: &Info) {
        self.native_events = Some(info.span_events);
        self.payload_bytes = info.max_request_bytes.map_or(self.most, |most| most.min(self.most));
        self.span_bytes = self.payload_bytes;
    }

    /// The agent did not take a single trace of so many bytes: later ones are cut into parts of half of that. A span that cannot be
    /// cut is tried up to what was refused.
    pub(super) fn shrink(&mut self, refused: usize) {
        self.payload_bytes = self.payload_bytes.min((refused / 2).max(LEAST_BYTES));
        self.span_bytes = self.span_bytes.min(refused.saturating_sub(1).max(LEAST_BYTES));
    }

    /// How large the open payload may become with this trace.
    fn most_of(&self, trace: &Trace) -> usize {
        let stands_alone = self.open.is_empty() && self.spans_of(trace) == 1;
        if stands_alone { self.span_bytes } else { self.payload_bytes }
    }

    /// The agent does not take the smaller form.
    pub(super) fn leave_v05(&mut self) {
        self.v05 = false;
    }

    /// Whether statistics have the spans that come from now on.
    pub(super) fn set_counted(&mut self, is_counted: bool) {
        if self.is_counted != is_counted {
            self.flush();
            self.is_counted = is_counted;
        }
    }

    /// Notes traces that are not sent, for a payload to tell.
    pub(super) fn note_sampled_out(&mut self, count: Count) {
        self.sampled_out += count;
    }

    /// Has a payload without traces tell of those if there is no other: the agent answers it with its rates.
    pub(super) fn tell_sampled_out(&mut self) {
        if self.is_counted && self.sampled_out.traces > 0 && self.open.is_empty() && self.sealed.is_empty() {
            self.seal();
        }
    }

    /// What the payload that was taken last tells of traces that are not sent; `None`: statistics have nothing of that payload.
    pub(super) fn told(&self) -> Option<Count> {
        self.told
    }

    /// Has the open payload say things as the agent takes them now.
    fn prepare(&mut self) {
        self.open.prepare(Form {
            native_events: self.native_events == Some(true) && !self.v05,
            text_links: self.v05,
            keep_rate: self.keep_rate.rate(),
        });
    }

    /// Whether something happened since the last call that the sending thread has to know.
    pub(super) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.is_news)
    }

    /// Whether more than half of the budget is used.
    pub(super) fn is_crowded(&self) -> bool {
        self.behind + self.open.len() > self.budget / 2
    }

    /// Seals what is there; tells which count of [`done`](Self::done) means that all of it is gone.
    pub(super) fn flush(&mut self) -> u64 {
        if !self.open.is_empty() {
            self.seal();
        }
        self.sealed_ever
    }

    /// How many payloads are done with, since the start.
    pub(super) fn done(&self) -> u64 {
        self.done_ever
    }

    /// The next payload to send, if one is due at `now`.
    pub(super) fn take(&mut self, now: Instant) -> Option<Body> {
        if self.sealed.is_empty() && self.due_in(now).is_some_and(|wait| wait.is_zero()) {
            self.seal();
        }
        let Parcel { payload, is_counted } = self.sealed.pop_front()?;
        self.under_way = count(&payload);
        self.told = is_counted.then(|| std::mem::take(&mut self.sampled_out));
        Some(payload)
    }

    /// How long until the open payload is due; `None` while it is empty.
    pub(super) fn due_in(&self, now: Instant) -> Option<Duration> {
        let opened = self.opened?;
        if self.open.len() >= self.flush_bytes {
            return Some(Duration::ZERO);
        }
        Some(self.flush_interval.saturating_sub(now.saturating_duration_since(opened)))
    }

    /// Some of the traces under way are done with: sent, or dropped.
    pub(super) fn settle(&mut self, count: Count, is_sent: bool) {
        self.under_way.traces = self.under_way.traces.saturating_sub(count.traces);
        self.under_way.spans = self.under_way.spans.saturating_sub(count.spans);
        if !is_sent {
            self.keep_rate.dropped(count.traces);
        }
    }

    /// Takes back the payload that was under way, whatever became of it.
    pub(super) fn finish(&mut self, mut payload: Body) {
        self.behind = self.behind.saturating_sub(payload.len());
        self.under_way = Count::default();
        self.done_ever += 1;
        self.keep_rate.turn();
        payload.clear();
        self.spare = Some(payload);
    }

    /// All traces held, the ones under way included.
    pub(super) fn held(&self) -> Count {
        let sealed = self.sealed.iter().map(|parcel| count(&parcel.payload));
        sealed.fold(self.under_way + count(&self.open), |sum, each| sum + each)
    }

    fn seal(&mut self) {
        let fresh = self.spare.take().unwrap_or_else(|| self.open.fresh());
        let full = std::mem::replace(&mut self.open, fresh);
        self.behind += full.len();
        self.sealed.push_back(Parcel { payload: full, is_counted: self.is_counted });
        self.opened = None;
        self.is_news = true;
        self.sealed_ever += 1;
    }
}

/// What a payload holds.
pub(super) fn count(payload: &Body) -> Count {
    Count { traces: u64::from(payload.traces()), spans: payload.spans() }
}

#[cfg(test)]
mod tests;

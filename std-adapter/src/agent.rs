//! Handing traces to the Datadog agent, and in the same way to an endpoint of OpenTelemetry's: [`Outlets`].
//!
//! [`Client::send`] encodes a trace into the payload being filled and returns; it never waits for the network. One
//! thread sends payloads, one at a time, over one connection that is kept, and reads every answer.
//!
//! # What happens when the agent does not take a payload
//!
//! | it | then |
//! | --- | --- |
//! | cannot be reached, does not answer in time, answers 408, 429 or 5xx | the same payload is sent again, after pauses that grow and are random, for at most [`Options::retry_for`] |
//! | answers 413, perhaps before it has read everything | its halves are sent, and theirs, down to single spans; later traces go out in parts of at most half the size of one that was too large |
//! | answers 404 or 415 to the smaller form ([`Options::v05`]) | the payload is sent in the form that every agent takes, and so are all later ones |
//! | answers anything else but success (400, 403, 404, 415, ...) | the payload is dropped: sending it again would not help |
//!
//! An endpoint of OpenTelemetry's, where the feature `otlp` is on, differs in this:
//!
//! | it | then |
//! | --- | --- |
//! | cannot be reached, does not answer in time, answers 429, 502, 503 or 504 | the same payload is sent again, as above |
//! | asks for a pause (`Retry-After`, in seconds) | nothing is sent meanwhile, for a minute at most |
//! | answers success and that it did not take some spans | these are counted as refused, with the status 200 |
//!
//! # What the agent says
//!
//! It is asked what it can do (`/info`) before the first payload, and again when it says that this has changed
//! ([`Client::info`]). As long as it has not said that it takes events as what they are, they go out as a tag of JSON
//! text. The rates that it answers are in [`Client::rates`], for an [`Assembler`](crate::pipeline::Assembler) to follow.
//!
//! With [`Options::stats`], and an agent that takes [statistics](crate::stats), those are sent every ten seconds, and traces that are
//! sampled out are in them alone, but for those that failed or of which single spans are kept.
//!
//! A trace larger than a payload may be goes out in parts, each of which says of the trace what the whole would; a single span of that
//! size is dropped, and there is a warning.
//!
//! Meanwhile traces go on being taken, up to [`Options::queue_bytes`]; beyond that the newest are refused. Everything
//! that is dropped is counted by cause in [`Stats`]. An outage is logged once when it starts and once when it ends.

mod asking;
mod backoff;
mod body;
mod container;
mod early;
mod endpoint;
mod http;
mod info;
mod keep_rate;
#[cfg(feature = "otlp")]
mod otlp;
pub(crate) mod ours;
mod outlets;
mod peer;
mod queue;
mod report;
mod statistics;
mod stats;
#[cfg(unix)]
mod unix;
mod worker;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use info::Followed;
pub use info::{Info, TagLists};
pub use outlets::{Outlets, Sent};
pub use stats::{Count, Statistics, Stats};

use crate::config::{ApiVersion, Config, Writer};
use crate::deadline;
use crate::error::ConfigError;
use crate::pipeline::{Rates, Trace};
use body::Body;
use endpoint::Endpoint;
use http::Http;
#[cfg(feature = "otlp")]
use otlp::Otlp;
use peer::Peer;
use queue::Queue;
use statistics::Counting;
use worker::{Shared, Worker};

/// How long a client that is dropped, not shut down, goes on trying to send what it holds.
const FAREWELL: Duration = Duration::from_secs(2);

/// Bytes of one request by OTLP, well below what the Collector takes.
#[cfg(feature = "otlp")]
const OTLP_BYTES: usize = 4_000_000;

/// Bounds of a [`Client`], and what it says beside traces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Bytes held in all payloads together, the one under way included. While that one is sent in another form or in halves, that
    /// comes on top. `None`: as many as the configuration says, 20 MB without one.
    pub queue_bytes: Option<usize>,
    /// Bytes of one payload. `None`: as many as the configuration says, 10 MB without one, which every version of the agent takes.
    pub payload_bytes: Option<usize>,
    /// A payload of this size is sent at once: 1 MB, or half of the queue if that is less.
    pub flush_bytes: usize,
    /// A payload is sent at the latest this long after its first trace. `None`: as the configuration says, 1 s without one.
    pub flush_interval: Option<Duration>,
    /// The longest time for one attempt, from connecting to the end of the answer. `None`: as the configuration says, 2 s without one.
    pub timeout: Option<Duration>,
    /// The longest time for all attempts with one payload: 30 s.
    pub retry_for: Duration,
    /// The longest pause after the first failed attempt, doubled after each further one up to 5 s: 100 ms.
    pub retry_pause: Duration,
    /// Whether traces go out in the smaller form of `/v0.5/traces`, if the agent takes it: no.
    pub v05: bool,
    /// Whether spans are counted here, so that traces which are sampled out need not be sent, if the agent takes that: no. See
    /// [`stats`](crate::stats).
    pub stats: bool,
    /// Whether the agent is asked what it can do before the first payload, and not only once there are events: yes.
    pub ask_first: bool,
    /// What the cluster says of this process (`DD_EXTERNAL_ENV`), for the agent to find its container by: nothing.
    pub external_env: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queue_bytes: None,
            payload_bytes: None,
            flush_bytes: 1_000_000,
            flush_interval: None,
            timeout: None,
            retry_for: Duration::from_secs(30),
            retry_pause: Duration::from_millis(100),
            v05: false,
            stats: false,
            ask_first: true,
            external_env: None,
        }
    }
}

impl Options {
    /// The same, and what the configuration says: the form of traces and whether spans are counted; and where nothing is said here the
    /// bounds of what sends, and what the cluster says of this process.
    #[must_use]
    pub fn with_config(mut self, config: &Config) -> Self {
        let Writer { interval, buffer_bytes, payload_bytes, timeout } = config.writer;
        self.flush_interval.get_or_insert(interval);
        self.queue_bytes.get_or_insert(buffer_bytes);
        self.payload_bytes.get_or_insert(payload_bytes);
        self.timeout.get_or_insert(timeout);
        self.v05 |= config.api_version == ApiVersion::V05;
        self.stats |= config.stats_computation;
        if self.external_env.is_none() {
            self.external_env.clone_from(&config.external_env);
        }
        self
    }

    /// What is said here, and the defaults of the rest.
    fn bounds(&self) -> Writer {
        let default = Writer::default();
        Writer {
            interval: self.flush_interval.unwrap_or(default.interval),
            buffer_bytes: self.queue_bytes.unwrap_or(default.buffer_bytes),
            payload_bytes: self.payload_bytes.unwrap_or(default.payload_bytes),
            timeout: self.timeout.unwrap_or(default.timeout),
        }
    }
}

/// A connection to the agent, with a bounded queue before it.
///
/// A client that is dropped without [`shutdown`](Self::shutdown) goes on sending what it holds for up to two seconds,
/// in the background, and nobody learns the result.
pub struct Client {
    shared: Arc<Shared>,
}

impl Client {
    /// Starts the thread that sends. It does not connect yet: an agent that comes later is found when it comes.
    ///
    /// # Errors
    /// When `url` is neither an `http://` nor a `unix://` URL, or the system gives no thread.
    pub fn start(url: &str, options: Options) -> Result<Self, ConfigError> {
        let endpoint = Endpoint::parse(url)?;
        let peer = Peer::Agent(Http::new(&endpoint, options.external_env.as_deref()));
        Self::start_with(peer, Body::of_agent(), "microspan-agent", options)
    }

    /// Starts one that posts to an endpoint of OpenTelemetry's. Of a trace it takes what is kept: of one that is not kept the spans
    /// that a rule picked out, if any.
    ///
    /// # Errors
    /// When its URL is no `http://` URL, a header is none, or the system gives no thread.
    #[cfg(feature = "otlp")]
    pub fn start_otlp(settings: &crate::config::Otlp, options: Options) -> Result<Self, ConfigError> {
        let options = Options {
            payload_bytes: Some(options.bounds().payload_bytes.min(OTLP_BYTES)),
            timeout: Some(settings.timeout),
            v05: false,
            stats: false,
            ask_first: false,
            ..options
        };
        let body = Body::Otlp(crate::otlp::Request::new());
        Self::start_with(Peer::Otlp(Otlp::new(settings)?), body, "microspan-otlp", options)
    }

    fn start_with(peer: Peer, body: Body, name: &str, options: Options) -> Result<Self, ConfigError> {
        let shared = Arc::new(Shared::new(Queue::new(&options, body), options.stats));
        let worker = Worker::new(shared.clone(), peer, options);
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || worker.run())
            .map_err(ConfigError::Thread)?;
        Ok(Self { shared })
    }

    /// Takes a trace for sending. One that finds no room is dropped and counted; one that is sampled out is not sent if
    /// statistics have it.
    pub fn send(&self, trace: &Trace) {
        let mut guard = self.shared.lock();
        let state = &mut *guard;
        let (all, spans) = (trace.spans().len() as u64, state.queue.spans_of(trace));
        if spans < all {
            state.stats.not_kept += Count { traces: u64::from(spans == 0), spans: all - spans };
            if spans == 0 {
                return;
            }
        }
        let count = Count { traces: 1, spans };
        if state.closing.is_some() {
            state.stats.dropped_at_exit += count;
            return;
        }
        if let Some(counting) = &mut state.counting
            && counting.is_on()
        {
            if counting.add(trace) {
                self.shared.changed.notify_all();
            }
            if !trace.is_of_use() {
                state.stats.sampled_out += count;
                state.queue.note_sampled_out(count);
                return;
            }
        }
        let refused = state.queue.push(trace, Instant::now());
        state.stats.dropped_queue_full += refused.full;
        state.stats.dropped_too_large += refused.too_large;
        // The thread sleeps until the payload's time has come; it has to know of the first trace, and of enough, and tells of what
        // is too large.
        if state.queue.take_news() || refused.too_large.spans > 0 {
            self.shared.changed.notify_all();
        }
    }

    /// Whether more than half of the queue is used: who can wait should, by [`flush`](Self::flush).
    pub fn is_crowded(&self) -> bool {
        let state = self.shared.lock();
        // Nobody makes room after the end.
        !state.ended && state.queue.is_crowded()
    }

    /// Sends what is held without waiting for the flush interval, and waits until each of those traces was taken or
    /// dropped, at most `timeout`. Tells whether all were. `false` at once on a thread that this library sends by, as in a log that
    /// is called there: what it would wait for is done by itself.
    pub fn flush(&self, timeout: Duration) -> bool {
        let deadline = deadline::after(timeout);
        self.await_flush(self.begin_flush(), deadline)
    }

    /// Has what is held be sent; tells what to wait for.
    fn begin_flush(&self) -> u64 {
        let target = self.shared.lock().queue.flush();
        self.shared.changed.notify_all();
        target
    }

    fn await_flush(&self, target: u64, deadline: Instant) -> bool {
        if ours::is_this() {
            return false;
        }
        let mut state = self.shared.lock();
        while state.queue.done() < target {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.ended {
                return false;
            }
            state = self.shared.wait(state, left);
        }
        true
    }

    /// Sends the statistics of all spans so far, without waiting for the end of their ten seconds, and waits until the agent took
    /// them or did not, at most `timeout`. Tells whether it did either; `false` where [`flush`](Self::flush) does not wait.
    pub fn flush_statistics(&self, timeout: Duration) -> bool {
        if ours::is_this() {
            return false;
        }
        let deadline = deadline::after(timeout);
        let mut state = self.shared.lock();
        let Some(target) = state.counting.as_mut().map(Counting::ask) else { return true };
        self.shared.changed.notify_all();
        while !state.counting.as_ref().is_none_or(|counting| counting.has_sent(target)) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.ended {
                return false;
            }
            state = self.shared.wait(state, left);
        }
        true
    }

    /// What the agent said that it can do; `None`: it has not answered yet.
    pub fn info(&self) -> Option<Arc<Info>> {
        self.shared.lock().info.clone()
    }

    /// The rates that the agent asks for. They change with its answers.
    pub fn rates(&self) -> Rates {
        self.shared.rates.clone()
    }

    /// What became of the traces so far.
    pub fn stats(&self) -> Stats {
        self.shared.lock().stats()
    }

    /// Sends what is held, for at most `timeout`, and ends. What could not be sent by then is counted as
    /// [`Stats::dropped_at_exit`], and so is every trace that comes later. Where [`flush`](Self::flush) does not wait this does not
    /// either: it asks for the end, and tells what became of the traces by then.
    pub fn shutdown(&self, timeout: Duration) -> Stats {
        let deadline = deadline::after(timeout);
        self.begin_end(deadline);
        self.await_end(deadline)
    }

    /// Asks for the end.
    fn begin_end(&self, deadline: Instant) {
        self.shared.lock().closing.get_or_insert(deadline);
        self.shared.changed.notify_all();
    }

    fn await_end(&self, deadline: Instant) -> Stats {
        let mut state = self.shared.lock();
        if ours::is_this() {
            return state.stats();
        }
        while !state.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.shared.wait(state, left);
        }
        let mut stats = state.stats();
        stats.dropped_at_exit += state.queue.held();
        stats.statistics.dropped += state.counting.as_ref().map_or(0, Counting::held);
        stats
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.begin_end(Instant::now() + FAREWELL);
    }
}

#[cfg(test)]
pub(crate) mod tests;

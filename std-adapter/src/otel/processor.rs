//! Whole traces for the exporter.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use opentelemetry::trace::{Span as _, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};

use super::DatadogSpanExporter;
use super::gather::Gather;
use super::travel::{self, Came};
use crate::deadline;
use crate::error::ConfigError;

/// How long a flush may take.
const FLUSH: Duration = Duration::from_secs(30);

/// Whole traces of so many spans do not wait for the delay.
const ENOUGH: usize = 2048;

/// Gathers the spans of a trace until every span that was started has ended, and then hands the trace to its exporter.
///
/// Whole traces go out every five seconds ([`schedule_delay`](Self::schedule_delay)), or sooner when they are many. A trace holds up to 4,096 spans
/// ([`max_trace_size`](Self::max_trace_size)): later ones are dropped, with a warning for each trace. All traces together
/// hold up to 100,000 spans; beyond that the trace that began first goes out as it is.
pub struct DatadogExportSpanProcessor {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What a [`DatadogExportSpanProcessor`] cannot be set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessorError {
    /// A delay of zero.
    #[error("the schedule delay is zero; give the time for which whole traces may wait, such as 5 s")]
    Delay,
    /// A trace of no span.
    #[error(
        "the largest trace has room for no span; give how many spans of one trace are kept, such as 4096"
    )]
    Size,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Written before the first span starts, when it is told its resource.
    exporter: RwLock<DatadogSpanExporter>,
}

struct State {
    gather: Gather,
    delay: Duration,
    /// How many flushes were asked for, and the last of them that is done.
    asked: u64,
    done: u64,
    ending: bool,
}

impl DatadogExportSpanProcessor {
    /// A processor that hands whole traces to this exporter.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn new(exporter: DatadogSpanExporter) -> Result<Self, ConfigError> {
        let state = State {
            gather: Gather::default(),
            delay: Duration::from_millis(5000),
            asked: 0,
            done: 0,
            ending: false,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
            exporter: RwLock::new(exporter),
        });
        let thread = {
            let shared = shared.clone();
            std::thread::Builder::new().name("microspan-otel".into()).spawn(move || shared.run())
        };
        Ok(Self { shared, thread: Mutex::new(Some(thread.map_err(ConfigError::Thread)?)) })
    }

    /// For how long whole traces may wait: five seconds unless this is called.
    ///
    /// # Errors
    /// The delay is zero.
    pub fn schedule_delay(self, delay: Duration) -> Result<Self, ProcessorError> {
        if delay.is_zero() {
            return Err(ProcessorError::Delay);
        }
        self.shared.lock().delay = delay;
        self.shared.changed.notify_all();
        Ok(self)
    }

    /// How many spans of one trace are kept: 4,096 unless this is called.
    ///
    /// # Errors
    /// The size is zero.
    pub fn max_trace_size(self, spans: usize) -> Result<Self, ProcessorError> {
        if spans == 0 {
            return Err(ProcessorError::Size);
        }
        self.shared.lock().gather.max_trace_size = spans;
        Ok(self)
    }

    /// How many spans were dropped because their traces were full, or nobody took whole ones.
    pub fn dropped(&self) -> u64 {
        self.shared.lock().gather.dropped
    }

    /// Has all whole traces handed to the exporter, and waits for that until the deadline; tells whether it was done.
    fn hand_over(&self, deadline: Instant) -> bool {
        let mut state = self.shared.lock();
        state.asked += 1;
        let asked = state.asked;
        self.shared.changed.notify_all();
        while state.done < asked && !state.ending {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.shared.wait(state, left);
        }
        true
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }

    /// The thread's life.
    fn run(&self) {
        let mut last = Instant::now();
        let mut state = self.lock();
        loop {
            let left = state.delay.saturating_sub(last.elapsed());
            if !state.ending
                && state.asked == state.done
                && !left.is_zero()
                && state.gather.whole.len() < ENOUGH
            {
                state = self.wait(state, left);
                continue;
            }
            let (spans, asked, ending) = (state.gather.take(), state.asked, state.ending);
            drop(state);
            if !spans.is_empty() {
                self.exporter().send(&spans);
            }
            last = Instant::now();
            state = self.lock();
            state.done = asked;
            self.changed.notify_all();
            if ending {
                return;
            }
        }
    }

    fn exporter(&self) -> impl std::ops::Deref<Target = DatadogSpanExporter> + '_ {
        self.exporter.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for DatadogExportSpanProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatadogExportSpanProcessor")
            .field("exporter", &*self.shared.exporter())
            .finish_non_exhaustive()
    }
}

impl SpanProcessor for DatadogExportSpanProcessor {
    fn on_start(&self, span: &mut Span, parent: &Context) {
        self.shared.lock().gather.start(span.span_context().trace_id());
        let caller = parent.span();
        if caller.span_context().is_remote()
            && let Some(came) = parent.get::<Came>()
        {
            for (key, value) in travel::tags(came) {
                span.set_attribute(KeyValue::new(key, value));
            }
        }
    }

    fn on_end(&self, span: SpanData) {
        let mut state = self.shared.lock();
        if state.ending {
            return;
        }
        let before = state.gather.whole.len();
        state.gather.end(span);
        if before < ENOUGH && state.gather.whole.len() >= ENOUGH {
            self.shared.changed.notify_all();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        let deadline = Instant::now() + FLUSH;
        if !self.hand_over(deadline) {
            return Err(OTelSdkError::Timeout(FLUSH));
        }
        self.shared.exporter().flush(deadline.saturating_duration_since(Instant::now()))
    }

    /// Spans that have not ended keep nothing back: what has ended of their traces goes out.
    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let deadline = deadline::after(timeout);
        let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return Err(OTelSdkError::AlreadyShutdown);
        };
        let mut state = self.shared.lock();
        state.gather.close();
        state.ending = true;
        drop(state);
        self.shared.changed.notify_all();
        // It hands over what is there and waits for nobody.
        let ended = thread.join();
        let sent = self.shared.exporter().end(deadline.saturating_duration_since(Instant::now()));
        ended.map_err(|_| {
            OTelSdkError::InternalFailure("the thread that hands over traces panicked".into())
        })?;
        sent
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.shared.exporter.write().unwrap_or_else(PoisonError::into_inner).set_resource(resource);
    }
}

impl Drop for DatadogExportSpanProcessor {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.gather.close();
        state.ending = true;
        drop(state);
        self.shared.changed.notify_all();
    }
}

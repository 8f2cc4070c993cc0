//! Where tracers come from, and their end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};

use super::scopes::{self, Origin};
use super::tracer::MicrospanTracer;
use super::{cells, watch};

/// How long a flush may take.
const FLUSH: Duration = Duration::from_secs(30);

type Flush = dyn Fn(Duration) -> bool + Send + Sync;

/// How what is finished gets to the agent, once the program traces itself.
static SENDS: OnceLock<Box<Flush>> = OnceLock::new();

/// Says how what is finished gets to the agent. The first who says so holds.
pub(crate) fn flushes_by(flush: impl Fn(Duration) -> bool + Send + Sync + 'static) {
    // There is one tracer of a program, and with it one who drains it.
    let _ = SENDS.set(Box::new(flush));
}

/// Tracers of OpenTelemetry's API whose spans are recorded by the program's own tracer: see the [module](super).
#[derive(Debug, Clone)]
pub struct MicrospanTracerProvider {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    is_shut: AtomicBool,
    origin: Arc<Origin>,
}

impl Shared {
    #[inline]
    pub(super) fn is_shut(&self) -> bool {
        self.is_shut.load(Ordering::Relaxed)
    }
}

impl MicrospanTracerProvider {
    /// One whose spans say no more than that they are the program's.
    pub fn new() -> Self {
        Self::with_resource(Resource::builder_empty().build())
    }

    /// One whose spans have the attributes of a resource; its `service.name` and `service.version` are theirs, whatever the
    /// environment says.
    pub fn with_resource(resource: Resource) -> Self {
        cells::IN_USE.store(true, Ordering::Relaxed);
        watch::begin();
        let shared = Shared { is_shut: AtomicBool::new(false), origin: Arc::new(Origin::new(resource)) };
        Self { shared: Arc::new(shared) }
    }

    /// Sends what is finished.
    ///
    /// # Errors
    /// Not all of it was sent within 30 seconds.
    pub fn force_flush(&self) -> OTelSdkResult {
        self.flush(FLUSH)
    }

    /// Sends what is finished, and has its tracers record nothing any more. The program's own spans go on.
    ///
    /// # Errors
    /// Not all of it was sent within `timeout`, or it is shut down already.
    pub fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        if self.shared.is_shut.swap(true, Ordering::Relaxed) {
            return Err(OTelSdkError::AlreadyShutdown);
        }
        self.flush(timeout)
    }

    /// The same within 30 seconds.
    ///
    /// # Errors
    /// As for [`shutdown_with_timeout`](Self::shutdown_with_timeout).
    pub fn shutdown(&self) -> OTelSdkResult {
        self.shutdown_with_timeout(FLUSH)
    }

    fn flush(&self, timeout: Duration) -> OTelSdkResult {
        match SENDS.get() {
            Some(flush) if !flush(timeout) => Err(OTelSdkError::Timeout(timeout)),
            _ => Ok(()),
        }
    }
}

impl Default for MicrospanTracerProvider {
    fn default() -> Self {
        Self::new()
    }
}

impl TracerProvider for MicrospanTracerProvider {
    type Tracer = MicrospanTracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> MicrospanTracer {
        let scope = scopes::number(scope, &self.shared.origin);
        MicrospanTracer { scope, shared: self.shared.clone() }
    }
}

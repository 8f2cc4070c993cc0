//! Finished spans to the agent.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::facts::Maker;
use super::map;
use crate::agent::{Client, Options, Stats};
use crate::config::Config;
use crate::error::ConfigError;
use crate::model::{Source, Text, Value};
use crate::pipeline::{Assembler, Limits};

/// How long a flush may take.
const FLUSH: Duration = Duration::from_secs(30);

/// Sends spans of the OpenTelemetry SDK to the Datadog agent.
///
/// Spans of a batch that are of one trace go out as one; of a trace that comes in several batches the agent puts the parts
/// together. [`DatadogExportSpanProcessor`](super::DatadogExportSpanProcessor) hands over whole traces.
///
/// An export never waits for the network: what comes faster than the agent takes it is dropped beyond 20 MB, and counted
/// ([`stats`](Self::stats)).
pub struct DatadogSpanExporter {
    client: Client,
    assembler: Mutex<Assembler>,
    told: Source,
    maker: Maker,
    source: Arc<Source>,
}

impl DatadogSpanExporter {
    /// An exporter that goes by the `DD_*` variables.
    ///
    /// # Errors
    /// As for [`ExporterBuilder::build`].
    pub fn new() -> Result<Self, ConfigError> {
        Self::builder().build()
    }

    /// An exporter that is told more.
    pub fn builder() -> ExporterBuilder {
        ExporterBuilder::default()
    }

    /// What became of the traces so far.
    pub fn stats(&self) -> Stats {
        self.client.stats()
    }

    /// Hands finished spans on; those that are recorded and not sampled stay here.
    pub(super) fn send(&self, spans: &[SpanData]) {
        let mut assembler = self.assembler.lock().unwrap_or_else(PoisonError::into_inner);
        let mut send = |trace: &crate::pipeline::Trace| self.client.send(trace);
        for data in spans.iter().filter(|data| data.span_context.is_sampled()) {
            assembler.push(map::span(data, &self.maker, &self.source), 0, &mut send);
        }
        assembler.flush(&mut send);
    }

    pub(super) fn flush(&self, timeout: Duration) -> OTelSdkResult {
        if self.client.flush(timeout) { Ok(()) } else { Err(OTelSdkError::Timeout(timeout)) }
    }

    pub(super) fn end(&self, timeout: Duration) -> OTelSdkResult {
        let stats = self.client.shutdown(timeout);
        let lost = stats.dropped();
        if lost.traces == 0 {
            return Ok(());
        }
        Err(OTelSdkError::InternalFailure(format!(
            "{} spans of {} traces did not reach the agent",
            lost.spans, lost.traces
        )))
    }
}

impl fmt::Debug for DatadogSpanExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatadogSpanExporter").field("service", &self.source.service).finish_non_exhaustive()
    }
}

impl SpanExporter for DatadogSpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.send(&batch);
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.end(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.flush(FLUSH)
    }

    fn set_resource(&mut self, resource: &Resource) {
        let mut source = self.told.clone();
        map::source(&mut source, resource);
        self.source = Arc::new(source);
        self.maker = Maker::of(resource);
    }
}

/// What a [`DatadogSpanExporter`] is told; the rest is as the `DD_*` variables say, and what these do not say as the SDK's
/// resource does.
#[derive(Debug, Clone, Default)]
pub struct ExporterBuilder {
    agent_url: Option<String>,
    service: Option<String>,
    env: Option<String>,
    version: Option<String>,
    tags: Vec<(String, String)>,
    options: Options,
}

impl ExporterBuilder {
    /// The agent's URL (`DD_TRACE_AGENT_URL`, or `DD_AGENT_HOST` and `DD_TRACE_AGENT_PORT`).
    #[must_use]
    pub fn agent_url(mut self, url: impl Into<String>) -> Self {
        self.agent_url = Some(url.into());
        self
    }

    /// The service (`DD_SERVICE`); an attribute `service.name` of a span wins.
    #[must_use]
    pub fn service(mut self, service: impl Into<String>) -> Self {
        self.service = Some(service.into());
        self
    }

    /// The deployment environment (`DD_ENV`).
    #[must_use]
    pub fn env(mut self, env: impl Into<String>) -> Self {
        self.env = Some(env.into());
        self
    }

    /// The version of the service (`DD_VERSION`).
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// A tag of all spans, before those of `DD_TAGS`.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push((key.into(), value.into()));
        self
    }

    /// The bounds of what waits for the agent.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// The exporter.
    ///
    /// # Errors
    /// The agent's URL cannot be used, or the system gives no thread.
    pub fn build(self) -> Result<DatadogSpanExporter, ConfigError> {
        let mut config = Config::from_env();
        for warning in &config.warnings {
            log::warn!("{warning}");
        }
        let text = |told: Option<String>, found: Option<Text>| told.map(Text::from).or(found);
        let tagging = &mut config.tagging;
        let mut told = Source::new(random());
        told.process_id = Some(std::process::id());
        told.service = text(self.service, tagging.service.take());
        told.version = text(self.version, tagging.version.take());
        if let Some(env) = text(self.env, tagging.env.take()) {
            told.tags.push((Text::from("env"), Value::Str(env)));
        }
        for (key, value) in self.tags {
            told.set_tag(key, Value::Str(Text::from(value)));
        }
        let options = self.options.with_config(&config);
        let client = Client::start(self.agent_url.as_deref().unwrap_or(&config.agent_url), options)?;
        let assembler = Assembler::configured(Limits::default(), &config).with_rates(client.rates());
        Ok(DatadogSpanExporter {
            client,
            assembler: Mutex::new(assembler),
            source: Arc::new(told.clone()),
            told,
            maker: Maker::default(),
        })
    }
}

/// An id of this process.
fn random() -> u128 {
    // The standard library draws the keys of each hasher from the system's random numbers.
    let half = || u128::from(RandomState::new().hash_one(std::process::id()));
    half() << 64 | half()
}

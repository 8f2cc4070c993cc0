//! Finished spans to the agent.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::facts::Maker;
use super::map;
use crate::agent::{Client, Followed, Options, Stats};
use crate::config::Config;
use crate::deadline;
use crate::error::ConfigError;
use crate::model::{Source, Text, Value};
use crate::pipeline::{Assembler, Counters, Limits, Trace};

/// How long a flush may take.
const FLUSH: Duration = Duration::from_secs(30);

/// Sends spans of the OpenTelemetry SDK to the Datadog agent.
///
/// Spans of a batch that are of one trace go out as one; of a trace that comes in several batches the agent puts the parts
/// together. [`DatadogExportSpanProcessor`](super::DatadogExportSpanProcessor) hands over whole traces.
///
/// Filters, of the configuration and of the agent, look at the roots of traces. While there are some, a part of a trace whose root
/// has not come waits for it: at least ten seconds, until a flush or the end.
///
/// An export never waits for the network: what comes faster than the agent takes it is dropped beyond 20 MB, and counted
/// ([`stats`](Self::stats)).
pub struct DatadogSpanExporter {
    client: Client,
    gathering: Mutex<Gathering>,
    /// What its time counts from.
    started: Instant,
    told: Source,
    maker: Maker,
    source: Arc<Source>,
}

/// What is between spans and the client.
struct Gathering {
    assembler: Assembler,
    followed: Followed,
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

    /// What went through filters before that.
    pub fn pipeline(&self) -> Counters {
        self.gathering().assembler.counters()
    }

    fn gathering(&self) -> MutexGuard<'_, Gathering> {
        self.gathering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands finished spans on; those that are recorded and not sampled stay here.
    pub(super) fn send(&self, spans: &[SpanData]) {
        let mut gathering = self.gathering();
        let Gathering { assembler, followed } = &mut *gathering;
        if let Some(filters) = followed.news(&self.client) {
            assembler.set_agent_filters(filters);
        }
        // The limits of samplers go by it.
        let now = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let mut send = |trace: &Trace| self.client.send(trace);
        for data in spans.iter().filter(|data| data.span_context.is_sampled()) {
            assembler.push(map::span(data, &self.maker, &self.source), now, &mut send);
        }
        if assembler.waits_for_roots() {
            assembler.poll(now, &mut send);
        } else {
            assembler.flush(&mut send);
        }
    }

    /// Hands on what waits for its root.
    fn let_go(&self) {
        self.gathering().assembler.flush(&mut |trace| self.client.send(trace));
    }

    pub(super) fn flush(&self, timeout: Duration) -> OTelSdkResult {
        let deadline = deadline::after(timeout);
        let left = || deadline.saturating_duration_since(Instant::now());
        self.let_go();
        let is_done = self.client.flush(left()) && self.client.flush_statistics(left());
        if is_done { Ok(()) } else { Err(OTelSdkError::Timeout(timeout)) }
    }

    pub(super) fn end(&self, timeout: Duration) -> OTelSdkResult {
        self.let_go();
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
        self.build_by(Config::from_env())
    }

    /// The exporter that this configuration asks for, not that of the environment.
    pub(super) fn build_by(self, mut config: Config) -> Result<DatadogSpanExporter, ConfigError> {
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
        let limits = Limits { quiet: 0, ..Limits::default() };
        let assembler = Assembler::configured(limits, &config).with_rates(client.rates());
        Ok(DatadogSpanExporter {
            client,
            gathering: Mutex::new(Gathering { assembler, followed: Followed::default() }),
            started: Instant::now(),
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

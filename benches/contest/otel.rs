//! Those that stand on OpenTelemetry's SDK: it alone, `tracing` above it, Datadog's own tracer.
//!
//! The first two have a batch processor, whose exporter encodes OTLP's protobuf and throws it away. Datadog's encodes by
//! itself and can only post: to a socket of this program, which reads and forgets.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, anyhow};
use opentelemetry::trace::{
    FutureExt, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter};
use prost::Message;
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use super::agent;
use super::contestant::{SPANS, Spans, poll};

/// What makes the spans of one of them.
struct Made {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

static SDK: OnceLock<Made> = OnceLock::new();
static TRACING: OnceLock<Made> = OnceLock::new();
static DATADOG: OnceLock<Made> = OnceLock::new();
static BY_SDK: AtomicU64 = AtomicU64::new(0);
static BY_TRACING: AtomicU64 = AtomicU64::new(0);
/// Traces that Datadog's own tracer posted.
static TRACES: AtomicU64 = AtomicU64::new(0);

/// Begins with all three.
pub fn begin() -> Result<()> {
    keep(&SDK, provider(&BY_SDK))?;
    keep(&TRACING, provider(&BY_TRACING))?;
    let layer = tracing_opentelemetry::layer().with_tracer(made(&TRACING).tracer.clone());
    tracing::subscriber::set_global_default(
        tracing_subscriber::registry().with(LevelFilter::INFO).with(layer),
    )?;
    let mut config = datadog_opentelemetry::configuration::Config::builder();
    config.set_service("benches".to_owned()).set_trace_agent_url(agent::begin(&TRACES)?);
    config.set_telemetry_enabled(false).set_remote_config_enabled(false).set_trace_rate_limit(-1);
    let (provider, _) = datadog_opentelemetry::tracing().with_config(config.build()).init_local();
    keep(&DATADOG, provider)
}

fn provider(encoded: &'static AtomicU64) -> SdkTracerProvider {
    let exporter = Encoder { encoded, resource: ResourceAttributesWithSchema::default() };
    SdkTracerProvider::builder().with_batch_exporter(exporter).build()
}

fn keep(place: &OnceLock<Made>, provider: SdkTracerProvider) -> Result<()> {
    let tracer = provider.tracer("benches");
    place.set(Made { provider, tracer }).map_err(|_| anyhow!("a contest begins once"))
}

#[inline(always)]
fn made(place: &'static OnceLock<Made>) -> &'static Made {
    place.get().expect("a contest was begun")
}

/// An exporter that throws away what it encodes.
#[derive(Debug)]
struct Encoder {
    encoded: &'static AtomicU64,
    resource: ResourceAttributesWithSchema,
}

impl SpanExporter for Encoder {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let request = ExportTraceServiceRequest { resource_spans };
        std::hint::black_box(request.encode_to_vec());
        self.encoded.fetch_add(spans, Ordering::Relaxed);
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

/// A parent elsewhere whose trace is not recorded.
fn not_recorded() -> Context {
    let (trace, span) = (TraceId::from(7_u128), SpanId::from(7_u64));
    let parent = SpanContext::new(trace, span, TraceFlags::NOT_SAMPLED, true, TraceState::default());
    Context::new().with_remote_span_context(parent)
}

/// Does something within a root of an SDK's tracer.
fn root(place: &'static OnceLock<Made>, recorded: bool, body: &mut dyn FnMut()) {
    let _parent = (!recorded).then(|| not_recorded().attach());
    made(place).tracer.in_span("root", |_| body());
}

fn settle(place: &'static OnceLock<Made>) {
    // What did not come out is missed where it is counted.
    let _ = made(place).provider.force_flush();
}

/// Those whose spans are made through OpenTelemetry's own calls.
macro_rules! spans_of_sdk {
    ($(#[$doc:meta])* $name:ident, $who:literal, $place:ident, $delivered:expr) => {
        $(#[$doc])*
        pub struct $name;

        impl Spans for $name {
            const WHO: &'static str = $who;

            fn root(recorded: bool, body: &mut dyn FnMut()) {
                root(&$place, recorded, body);
            }

            #[inline(always)]
            fn child() {
                made(&$place).tracer.in_span("child", |_| ());
            }

            #[inline(always)]
            fn two_tags(number: u64) {
                made(&$place).tracer.in_span("child", |context| {
                    let span = context.span();
                    span.set_attribute(KeyValue::new("bread", "rye"));
                    span.set_attribute(KeyValue::new("order", number as i64));
                });
            }

            #[inline(always)]
            fn str16(text: &str) {
                made(&$place).tracer.in_span("child", |context| {
                    context.span().set_attribute(KeyValue::new("guest", text.to_owned()));
                });
            }

            #[inline(always)]
            fn async_poll() {
                let span = made(&$place).tracer.start("child");
                poll(async {}.with_context(Context::current_with_span(span)));
            }

            fn settle() {
                settle(&$place);
            }

            fn delivered() -> u64 {
                $delivered
            }
        }
    };
}

spans_of_sdk! {
    /// The SDK alone.
    Sdk, "opentelemetry_sdk", SDK, BY_SDK.load(Ordering::Relaxed)
}

spans_of_sdk! {
    /// Datadog's own.
    Datadog, "datadog-opentelemetry", DATADOG, TRACES.load(Ordering::Relaxed) * (u64::from(SPANS) + 1)
}

/// `tracing`, through `tracing-opentelemetry`.
pub struct Tracing;

impl Spans for Tracing {
    const WHO: &'static str = "tracing-opentelemetry";

    fn root(recorded: bool, body: &mut dyn FnMut()) {
        let root = tracing::info_span!("root");
        if !recorded {
            root.set_parent(not_recorded()).expect("a root that nobody entered takes a parent");
        }
        root.in_scope(body);
    }

    #[inline(always)]
    fn child() {
        drop(tracing::info_span!("child").entered());
    }

    #[inline(always)]
    fn two_tags(number: u64) {
        drop(tracing::info_span!("child", bread = "rye", order = number).entered());
    }

    #[inline(always)]
    fn str16(text: &str) {
        drop(tracing::info_span!("child", guest = text).entered());
    }

    #[inline(always)]
    fn async_poll() {
        poll(async {}.instrument(tracing::info_span!("child")));
    }

    fn settle() {
        settle(&TRACING);
    }

    fn delivered() -> u64 {
        BY_TRACING.load(Ordering::Relaxed)
    }
}

//! `opentelemetry-datadog`, the exporter that others wrote for OpenTelemetry's SDK: its spans to `/v0.3/traces`, which has the form
//! of v0.4.
//!
//! It can be had only whole: a batch of spans, as many as the SDK sends at once, is sorted into traces, encoded, given back, and made a
//! request, which a client of ours takes and does not send. It writes each tag as text, a number too, and a priority on each span. Its authors have ended it in favour of
//! Datadog's own, which encodes by `libdd`.

use std::future::Future;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Result, anyhow, bail};
use microspan_std::model::{Span, Value as Said};
use microspan_std::pipeline::{Datum, Trace};
use opentelemetry_datadog::{ApiVersion, DatadogExporter};
use otel32::trace::{SpanContext, SpanKind, Status, TraceFlags, TraceState};
use otel32::{InstrumentationScope, KeyValue, Value};
use otel32_http::{Bytes, HttpClient, HttpError, Request, Response};
use otel32_sdk::trace::{SpanData, SpanEvents, SpanExporter, SpanLinks};

use super::texts::Texts;
use super::{Bodies, Encoder};
use crate::wire::BATCH;
use crate::workloads::SERVICE;

/// The tag that it writes itself.
const PRIORITY: &str = "_sampling_priority_v1";

/// It, its spans, and those that it is given next: it keeps none.
pub struct Exporter {
    exporter: DatadogExporter,
    posted: Posted,
    batches: Vec<Vec<SpanData>>,
    next: Vec<Vec<SpanData>>,
}

impl Exporter {
    /// The spans of these bodies.
    pub fn of(bodies: &Bodies, texts: &mut Texts) -> Result<Self> {
        let posted = Posted::default();
        let exporter = opentelemetry_datadog::new_pipeline()
            .with_service_name(SERVICE)
            .with_api_version(ApiVersion::Version03)
            .with_name_mapping(|span, _| &span.name)
            .with_http_client(posted.clone())
            .build_exporter()?;
        let scope = InstrumentationScope::builder("benches").build();
        let mut batches: Vec<Vec<_>> = Vec::new();
        for trace in bodies.iter().flatten() {
            let spans = spans(trace, &scope, texts);
            match batches.last_mut().filter(|batch| batch.len() + spans.len() <= BATCH) {
                Some(batch) => batch.extend(spans),
                None => batches.push(spans),
            }
        }
        Ok(Self { exporter, posted, batches, next: Vec::new() })
    }
}

impl Encoder for Exporter {
    fn what(&self) -> &'static str {
        "opentelemetry_datadog"
    }

    fn prepare(&mut self) -> Result<()> {
        self.next.clone_from(&self.batches);
        Ok(())
    }

    fn encode(&mut self, show: &mut dyn FnMut(&[u8])) -> Result<()> {
        for batch in mem::take(&mut self.next) {
            match pin!(self.exporter.export(batch)).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(done) => done?,
                Poll::Pending => bail!("a client that answers at once was waited for"),
            }
            show(&self.posted.take().ok_or_else(|| anyhow!("nothing was posted"))?);
        }
        Ok(())
    }
}

/// A client that keeps the body that it was to post last.
#[derive(Clone, Debug, Default)]
struct Posted(Arc<Mutex<Option<Bytes>>>);

impl Posted {
    fn take(&self) -> Option<Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl HttpClient for Posted {
    fn send_bytes<'client, 'answer>(
        &'client self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'answer>>
    where
        'client: 'answer,
        Self: 'answer,
    {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(request.into_body());
        Box::pin(async { Ok(Response::new(Bytes::new())) })
    }
}

fn spans(trace: &Trace, scope: &InstrumentationScope, texts: &mut Texts) -> Vec<SpanData> {
    let span = |(index, span): (usize, &Span)| {
        let mut attributes = Vec::new();
        trace.each_tag(index, |key, datum| {
            if key != PRIORITY {
                attributes.push(KeyValue::new(texts.keep(key), value(datum, texts)));
            }
        });
        attributes.extend(span.span_type.as_ref().map(|said| KeyValue::new("span.type", texts.keep(said))));
        let context = SpanContext::new(
            span.trace_id.into(),
            span.span_id.into(),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        );
        let start_time = UNIX_EPOCH + Duration::from_nanos(span.start as u64);
        let status = match span.tag("error.message") {
            _ if !span.error => Status::Unset,
            Some(Said::Str(message)) => Status::error(texts.keep(message)),
            _ => Status::error(""),
        };
        SpanData {
            span_context: context,
            parent_span_id: span.parent_id.into(),
            parent_span_is_remote: span.remote_parent,
            span_kind: SpanKind::Internal,
            name: texts.keep(&span.name).into(),
            start_time,
            end_time: start_time + Duration::from_nanos(span.duration as u64),
            attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status,
            instrumentation_scope: scope.clone(),
        }
    };
    trace.spans().iter().enumerate().map(span).collect()
}

/// A value as a program would have set it: an integer is one.
fn value(datum: Datum<'_>, texts: &mut Texts) -> Value {
    match datum {
        Datum::Text(text) => Value::String(texts.keep(text).into()),
        Datum::Number(number) if number.fract() == 0.0 => Value::I64(number as i64),
        Datum::Number(number) => Value::F64(number),
    }
}

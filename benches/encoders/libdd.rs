//! `libdd-trace-utils`, what Datadog's own tracers for several languages encode by: its spans of v0.4 to `/v0.4/traces`.
//!
//! Its function is the one that its exporter calls, which tells it how large the body of before was.

use anyhow::Result;
use libdd_trace_utils::msgpack_encoder::v04::to_vec_with_capacity_from_v04;
use libdd_trace_utils::span::v04::{SpanBytes, VecMap};
use microspan_std::model::Text;
use microspan_std::pipeline::{Datum, Trace};

use super::texts::Texts;
use super::{Bodies, Encoder};
use crate::pipeline::BODY;

/// Its spans: bodies of traces of them.
pub struct Libdd(Vec<Vec<Vec<SpanBytes>>>);

impl Libdd {
    /// The spans of these bodies.
    pub fn of(bodies: &Bodies, texts: &mut Texts) -> Self {
        Self(bodies.iter().map(|body| body.iter().map(|trace| spans(trace, texts)).collect()).collect())
    }
}

impl Encoder for Libdd {
    fn what(&self) -> &'static str {
        "libdd_trace_utils"
    }

    fn encode(&mut self, show: &mut dyn FnMut(&[u8])) -> Result<()> {
        for body in &self.0 {
            show(&to_vec_with_capacity_from_v04(body, BODY as u32));
        }
        Ok(())
    }
}

fn spans(trace: &Trace, texts: &mut Texts) -> Vec<SpanBytes> {
    let span = |(index, span): (usize, &microspan_std::model::Span)| {
        let (mut meta, mut metrics) = (VecMap::new(), VecMap::new());
        trace.each_tag(index, |key, datum| match datum {
            Datum::Text(value) => meta.insert(texts.keep(key).into(), texts.keep(value).into()),
            Datum::Number(value) => metrics.insert(texts.keep(key).into(), value),
        });
        // Each key comes once, so that there is nothing for it to look for.
        meta.mark_deduped();
        metrics.mark_deduped();
        let mut text = |text: Option<&Text>| texts.keep(text.map_or("", Text::as_str)).into();
        SpanBytes {
            service: text(span.service.as_ref()),
            name: text(Some(&span.name)),
            resource: text(span.resource.as_ref().or(Some(&span.name))),
            r#type: text(span.span_type.as_ref()),
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_id: span.parent_id,
            start: span.start,
            duration: span.duration,
            error: span.error.into(),
            meta,
            metrics,
            ..SpanBytes::default()
        }
    };
    trace.spans().iter().enumerate().map(span).collect()
}

//! Microspan through OpenTelemetry's API: its spans end where `ours` drains.

use std::sync::LazyLock;

use microspan_std::otel::{MicrospanTracer, MicrospanTracerProvider};
use opentelemetry::trace::{FutureExt, Span, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};

use super::contestant::{Spans, poll};
use super::ours::Ours;

static TRACER: LazyLock<MicrospanTracer> = LazyLock::new(|| MicrospanTracerProvider::new().tracer("benches"));

/// OpenTelemetry's calls, without a context where none is needed.
pub struct Native;

impl Spans for Native {
    const WHO: &'static str = "microspan-otel";

    fn root(recorded: bool, body: &mut dyn FnMut()) {
        Ours::root(recorded, body);
    }

    #[inline(always)]
    fn child() {
        drop(TRACER.start("child"));
    }

    #[inline(always)]
    fn two_tags(number: u64) {
        let mut span = TRACER.start("child");
        span.set_attribute(KeyValue::new("bread", "rye"));
        span.set_attribute(KeyValue::new("order", number as i64));
    }

    #[inline(always)]
    fn str16(text: &str) {
        TRACER.start("child").set_attribute(KeyValue::new("guest", text.to_owned()));
    }

    #[inline(always)]
    fn async_poll() {
        poll(async {}.with_context(Context::current_with_span(TRACER.start("child"))));
    }

    fn settle() {
        Ours::settle();
    }

    fn delivered() -> u64 {
        Ours::delivered()
    }

    fn said_dropped() -> Option<u64> {
        Ours::said_dropped()
    }
}

//! `fastrace`: its collector, and a reporter that encodes as its own for Datadog does, without that one's maps.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrace::collector::{Config, Reporter, SpanRecord};
use fastrace::future::FutureExt;
use fastrace::local::LocalSpan;
use fastrace::prelude::{Span, SpanContext};
use rmp::encode::{self, ByteBuf, ValueWriteError};

use super::contestant::{Spans, poll};

static ENCODED: AtomicU64 = AtomicU64::new(0);

/// How often the collector looks.
const INTERVAL: Duration = Duration::from_millis(10);

/// `fastrace`.
pub struct Fastrace;

/// Sets the reporter.
pub fn begin() {
    fastrace::set_reporter(Encoder(ByteBuf::new()), Config::default().report_interval(INTERVAL));
}

/// A reporter that throws away what it encodes.
struct Encoder(ByteBuf);

impl Reporter for Encoder {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        self.0.as_mut_vec().clear();
        for span in &spans {
            if write(&mut self.0, span).is_err() {
                return;
            }
        }
        ENCODED.fetch_add(spans.len() as u64, Ordering::Relaxed);
    }
}

fn write(out: &mut ByteBuf, span: &SpanRecord) -> Result<(), ValueWriteError<std::convert::Infallible>> {
    encode::write_map_len(out, if span.properties.is_empty() { 8 } else { 9 })?;
    for (key, text) in [("name", &*span.name), ("service", "benches"), ("resource", &*span.name)] {
        encode::write_str(out, key)?;
        encode::write_str(out, text)?;
    }
    for (key, number) in [
        ("trace_id", span.trace_id.0 as u64),
        ("span_id", span.span_id.0),
        ("parent_id", span.parent_id.0),
        ("start", span.begin_time_unix_ns),
        ("duration", span.duration_ns),
    ] {
        encode::write_str(out, key)?;
        encode::write_uint(out, number)?;
    }
    if !span.properties.is_empty() {
        encode::write_str(out, "meta")?;
        encode::write_map_len(out, span.properties.len() as u32)?;
        for (key, value) in &span.properties {
            encode::write_str(out, key)?;
            encode::write_str(out, value)?;
        }
    }
    Ok(())
}

impl Spans for Fastrace {
    const WHO: &'static str = "fastrace";

    fn root(recorded: bool, body: &mut dyn FnMut()) {
        let root = Span::root("root", SpanContext::random().sampled(recorded));
        let _current = root.set_local_parent();
        body();
    }

    #[inline(always)]
    fn child() {
        drop(LocalSpan::enter_with_local_parent("child"));
    }

    #[inline(always)]
    fn two_tags(number: u64) {
        drop(
            LocalSpan::enter_with_local_parent("child")
                .with_properties(|| [("bread", "rye".into()), ("order", number.to_string())]),
        );
    }

    #[inline(always)]
    fn str16(text: &str) {
        drop(LocalSpan::enter_with_local_parent("child").with_property(|| ("guest", text.to_owned())));
    }

    #[inline(always)]
    fn async_poll() {
        poll(async {}.in_span(Span::enter_with_local_parent("child")));
    }

    fn settle() {
        fastrace::flush();
    }

    fn delivered() -> u64 {
        ENCODED.load(Ordering::Relaxed)
    }
}

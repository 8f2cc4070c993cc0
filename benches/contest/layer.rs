//! Microspan through `tracing`: its layer's spans end where `ours` drains.

use std::sync::LazyLock;

use microspan_std::layer::MicrospanLayer;
use tracing::Dispatch;
use tracing::dispatcher::with_default;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use super::contestant::Spans;
use super::otel::Tracing;
use super::ours::Global;

/// Beside the subscriber that is everybody's, which has the layer of `tracing-opentelemetry`.
static DISPATCH: LazyLock<Dispatch> = LazyLock::new(|| {
    Dispatch::new(tracing_subscriber::registry().with(LevelFilter::INFO).with(MicrospanLayer::new()))
});

/// The calls of `tracing`, at the same places as those of who records them by `tracing-opentelemetry`.
pub struct Layered;

impl Spans for Layered {
    const WHO: &'static str = "microspan-tracing";

    fn root(recorded: bool, body: &mut dyn FnMut()) {
        with_default(&DISPATCH, || if recorded { Global::root(true, body) } else { body() });
    }

    #[inline(always)]
    fn child() {
        Tracing::child();
    }

    #[inline(always)]
    fn two_tags(number: u64) {
        Tracing::two_tags(number);
    }

    #[inline(always)]
    fn str16(text: &str) {
        Tracing::str16(text);
    }

    #[inline(always)]
    fn async_poll() {
        Tracing::async_poll();
    }

    /// Where the level forbids it, as a sampler has no tracer of its own here.
    #[inline(always)]
    fn sampled_out() {
        drop(tracing::debug_span!("child").entered());
    }

    fn settle() {
        Global::settle();
    }

    fn delivered() -> u64 {
        Global::delivered()
    }

    fn said_dropped() -> Option<u64> {
        Global::said_dropped()
    }
}

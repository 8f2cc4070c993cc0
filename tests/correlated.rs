//! Lines of logs, by `log` and by `tracing`, that say which span they belong to.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use microspan_std::config::Config;
use microspan_std::correlation;
use microspan_std::layer::{Correlated, MicrospanLayer};
use microspan_std::local::Builder;
use microspan_std::opentracing::{self, Tracer};
use microspan_std::otel::MicrospanTracerProvider;
use opentelemetry::trace::{Tracer as _, TracerProvider as _};
use serde_json::Value;
use tracing::{info, info_span};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;

/// What was written, in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// What came since the last call.
    fn take(&self) -> String {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8(bytes).expect("text")
    }
}

/// How a line tells the current span.
fn told() -> String {
    let context = microspan::current_span().and_then(|span| span.context()).expect("a current span");
    let (trace, span) = (context.trace_id, context.span_id);
    format!("dd.service=bakery dd.env=lab dd.version=7 dd.trace_id={trace:032x} dd.span_id={span}")
}

// One test: there is one tracer, one logger and one subscriber of a program.
#[test]
fn a_line_says_which_span_it_belongs_to_whoever_started_that() {
    let config = Config::from_vars([
        ("OTEL_TRACES_EXPORTER", "none"),
        ("DD_SERVICE", "bakery"),
        ("DD_TAGS", "env:lab"),
        ("DD_VERSION", "7"),
    ]);
    let local = Builder::new().config(config).init().expect("the first tracer");
    let (logged, text, json) = (Lines::default(), Lines::default(), Lines::default());
    env_logger::Builder::new()
        .filter_level(log::LevelFilter::Info)
        .format(|line, record| {
            writeln!(line, "[{}] {}{}", record.level(), correlation::prefix(), record.args())
        })
        .target(env_logger::Target::Pipe(Box::new(logged.clone())))
        .init();
    let (to_text, to_json) = (text.clone(), json.clone());
    let of_text = fmt::layer().without_time().with_target(false).with_ansi(false);
    let of_text = of_text.with_writer(move || to_text.clone()).map_event_format(Correlated::new);
    let of_json = fmt::layer().json().without_time().with_writer(move || to_json.clone());
    let of_json = of_json.map_event_format(Correlated::in_json);
    let subscriber = tracing_subscriber::registry().with(MicrospanLayer::new()).with(of_text).with(of_json);
    tracing::subscriber::set_global_default(subscriber).expect("the first subscriber");

    let check = |by: &str| {
        let told = told();
        log::info!("{by}");
        assert_eq!(logged.take(), format!("[INFO] {told} {by}\n"));
        info!("{by}");
        let line = text.take();
        assert!(line.starts_with(&format!("{told}  INFO ")) && line.ends_with(&format!("{by}\n")), "{line}");
        let object: Value = serde_json::from_str(&json.take()).expect("JSON");
        for pair in told.split(' ') {
            let (name, value) = pair.split_once('=').expect("a pair");
            assert_eq!(object[name], value, "by {by}: {object}");
        }
        assert_eq!((&object["level"], &object["fields"]["message"]), (&"INFO".into(), &by.into()));
    };
    info_span!("oven").in_scope(|| {
        check("tracing");
        let _by_hand = microspan::trace("bread");
        check("hand");
    });
    MicrospanTracerProvider::new().tracer("till").in_span("order", |_| check("OpenTelemetry"));
    let tracer = Tracer::new(None, opentracing::Config::new()).expect("a program that is traced");
    let scope = tracer.start_active_span("order");
    check("OpenTracing");
    drop(scope);

    let order = info_span!("order");
    let told = order.in_scope(told);
    info!(parent: &order, "told");
    assert!(text.take().starts_with(&told));
    json.take();
    order.in_scope(|| info!(parent: None, "alone"));
    log::info!("outside");
    assert_eq!(logged.take(), "[INFO] outside\n");
    assert_eq!(text.take(), " INFO alone\n");
    assert_eq!(json.take().find("dd."), None);
    drop(order);
    local.shutdown(Duration::from_secs(5));
}

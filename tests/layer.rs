//! A program that is instrumented with `tracing`, with `log`, and by hand, in one trace.

use std::error::Error;
use std::fmt;
use std::thread;
use std::time::Duration;

use microspan::{InSpan, Static};
use microspan_std::correlation::Correlation;
use microspan_std::layer::MicrospanLayer;
use microspan_std::log_events::LogEvents;
use microspan_std::model::{Span, Value};
use microspan_tests::recorded::{Recorded, named, tag};
use tracing::{Instrument, error, info, info_span, instrument};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Identity, SubscriberExt};

#[derive(Debug)]
struct OutOfHam;

impl fmt::Display for OutOfHam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fridge is empty")
    }
}

impl Error for OutOfHam {}

/// A logger that drops what it is told.
struct Quiet;

impl log::Log for Quiet {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() != "noise"
    }

    fn log(&self, _: &log::Record<'_>) {}

    fn flush(&self) {}
}

#[instrument(fields(otel.kind = "SERVER", dd.service = "shop", otel.name = "POST /orders"))]
fn order(id: u64) {
    let by_hand = microspan::trace("by hand");
    info_span!("inside", bread = "rye", slices = 2, warm = true, kg = 0.5).in_scope(|| {
        info!(count = 3, ready = true, "on the {}", "plate");
        log::info!("from {}", "log");
        log::info!(target: "noise", "not this");
    });
    by_hand.set_tag("done", Static("yes"));
}

fn event<'s>(span: &'s Span, index: usize, key: &str) -> Option<&'s Value> {
    span.events[index].attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

fn tree(recorded: &mut Recorded) {
    order(7);
    let spans = recorded.take();
    let (order, by_hand, inside) =
        (named(&spans, "order"), named(&spans, "by hand"), named(&spans, "inside"));
    assert_eq!((order.parent_id, by_hand.parent_id, inside.parent_id), (0, order.span_id, by_hand.span_id));
    assert_eq!((order.service.as_deref(), order.resource.as_deref()), (Some("shop"), Some("POST /orders")));
    for (span, key, value) in [
        (order, "id", "7"),
        (order, "span.kind", "server"),
        (by_hand, "done", "yes"),
        (inside, "bread", "rye"),
        (inside, "slices", "2"),
        (inside, "warm", "true"),
        (inside, "kg", "0.5"),
    ] {
        assert_eq!(tag(span, key).as_deref(), Some(value), "{key}: {span:?}");
    }
    assert_eq!(inside.events.len(), 2, "{inside:?}");
    assert_eq!(event(inside, 0, "message"), Some(&Value::from("on the plate")));
    assert_eq!(event(inside, 0, "count"), Some(&Value::Int(3)));
    assert_eq!(event(inside, 0, "level"), Some(&Value::from("INFO")));
    assert_eq!(inside.events[1].name, "log");
    assert_eq!(event(inside, 1, "message"), Some(&Value::from("from log")));
}

fn errors(recorded: &mut Recorded) {
    info_span!("told").in_scope(|| {
        error!(why = &OutOfHam as &(dyn Error + 'static), "no sandwich");
    });
    let failed = info_span!("failed", why = tracing::field::Empty);
    failed.record("why", &OutOfHam as &(dyn Error + 'static));
    drop(failed);
    drop(info_span!("by status", otel.status_code = "ERROR", otel.status_message = "cold"));
    let spans = recorded.take();
    for (name, message) in
        [("told", "the fridge is empty"), ("failed", "the fridge is empty"), ("by status", "cold")]
    {
        let span = named(&spans, name);
        assert!(span.error, "{span:?}");
        assert_eq!(tag(span, "error.message").as_deref(), Some(message), "{span:?}");
    }
}

fn parents(recorded: &mut Recorded) {
    let first = info_span!("first");
    let second = info_span!(parent: &first, "second");
    second.follows_from(&first);
    first.in_scope(|| drop(info_span!(parent: None, "alone")));
    drop(microspan::trace("after"));
    // On another thread, and for longer than its guard here.
    let moved = second.clone();
    thread::spawn(move || moved.in_scope(|| drop(microspan::trace("elsewhere")))).join().unwrap();
    drop(second);
    drop(first);
    let spans = recorded.take();
    let (first, second) = (named(&spans, "first"), named(&spans, "second"));
    assert_eq!((second.parent_id, named(&spans, "alone").parent_id), (first.span_id, 0));
    assert_eq!(named(&spans, "after").parent_id, 0, "what was left is open, and not the current one");
    assert_eq!(named(&spans, "elsewhere").parent_id, second.span_id);
    assert_eq!((second.links.len(), second.links[0].span_id), (1, first.span_id));
}

fn time(recorded: &mut Recorded) {
    let span = info_span!("timed");
    thread::sleep(Duration::from_millis(20));
    span.in_scope(|| thread::sleep(Duration::from_millis(5)));
    drop(span);
    let spans = recorded.take();
    let number = |key| match named(&spans, "timed").tag(key) {
        Some(Value::Uint(value)) => *value,
        other => panic!("{key}: {other:?}"),
    };
    let (busy, idle) = (number("busy_ns"), number("idle_ns"));
    assert!(busy >= 5_000_000 && idle >= 20_000_000, "busy {busy} ns, idle {idle} ns");
}

fn futures(recorded: &mut Recorded) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let work = |number: u64| async move {
        tokio::task::yield_now().await;
        async { drop(microspan::trace("deep")) }.in_span(microspan::trace("mine")).await;
        number
    };
    runtime.block_on(async {
        let tasks: Vec<_> =
            (0..20).map(|number| tokio::spawn(work(number).instrument(info_span!("task", number)))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let spans = recorded.take();
    assert_eq!(spans.len(), 60, "{spans:?}");
    for span in &spans {
        let parent = spans.iter().find(|parent| parent.span_id == span.parent_id).map(|parent| &*parent.name);
        let expected = match &*span.name {
            "deep" => Some("mine"),
            "mine" => Some("task"),
            _ => None,
        };
        assert_eq!(parent, expected, "{span:?}");
    }
}

fn filters_and_correlation(recorded: &mut Recorded) {
    assert_eq!(Correlation::current(), None);
    let shown = info_span!(target: "hidden", "hidden").in_scope(|| {
        info_span!("seen").in_scope(|| Correlation::current().expect("a current span").to_string())
    });
    let spans = recorded.take();
    assert_eq!(spans.len(), 1, "{spans:?}");
    let Span { trace_id, span_id, .. } = &spans[0];
    assert_eq!(
        shown,
        format!("dd.service=unnamed-rust-service dd.trace_id={trace_id:032x} dd.span_id={span_id}")
    );
}

fn told_parents_that_are_not_recorded(recorded: &mut Recorded) {
    let unwanted = info_span!("unwanted");
    let within = info_span!(parent: &unwanted, "within unwanted");
    // What holds the trace ends before what is in it.
    drop(unwanted);
    drop(info_span!(parent: &within, "deep in unwanted"));
    within.in_scope(|| drop(microspan::trace("by hand in unwanted")));
    drop(within);
    assert_eq!(recorded.take().len(), 0);

    let shown = info_span!("shown");
    let hidden = info_span!(target: "hidden", parent: &shown, "hidden");
    info_span!("elsewhere").in_scope(|| {
        drop(info_span!(parent: &hidden, "in shown"));
        drop(info_span!(parent: &info_span!(target: "hidden", parent: None, "alone"), "in nothing"));
        drop(info_span!("in elsewhere"));
    });
    drop((hidden, shown));
    let spans = recorded.take();
    for (name, parent) in
        [("in shown", Some("shown")), ("in nothing", None), ("in elsewhere", Some("elsewhere"))]
    {
        let found = spans.iter().find(|span| span.span_id == named(&spans, name).parent_id);
        assert_eq!(found.map(|span| &*span.name), parent, "of {name}: {spans:?}");
    }
    assert_eq!(spans.len(), 5);
}

// One test: there is one tracer and one subscriber of a program.
#[test]
fn spans_of_tracing_nest_with_those_made_by_hand_and_say_the_same() {
    let mut recorded = Recorded::begin_filtering();
    let layer = MicrospanLayer::new().with_filter(filter_fn(|metadata| metadata.target() != "hidden"));
    // What the layer does not see is there for another one.
    let subscriber = tracing_subscriber::registry().with(layer).with(Identity::new());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    log::set_boxed_logger(Box::new(LogEvents::new(Quiet))).unwrap();
    log::set_max_level(log::LevelFilter::Info);

    tree(&mut recorded);
    errors(&mut recorded);
    parents(&mut recorded);
    time(&mut recorded);
    futures(&mut recorded);
    filters_and_correlation(&mut recorded);
    told_parents_that_are_not_recorded(&mut recorded);
    assert!(microspan::current_span().is_none());
}

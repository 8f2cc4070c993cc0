//! When spans go out, and that nothing is held for ever.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks, SpanProcessor};

use super::super::gather::Gather;
use super::super::{DatadogExportSpanProcessor, DatadogSpanExporter, ProcessorError};

fn span(trace: u128, id: u64) -> SpanData {
    let (trace, id) = (TraceId::from_bytes(trace.to_be_bytes()), SpanId::from_bytes(id.to_be_bytes()));
    SpanData {
        span_context: SpanContext::new(trace, id, TraceFlags::SAMPLED, false, TraceState::default()),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "n".into(),
        start_time: SystemTime::UNIX_EPOCH,
        end_time: SystemTime::UNIX_EPOCH,
        attributes: vec![],
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: opentelemetry::InstrumentationScope::default(),
    }
}

fn id(trace: u128) -> TraceId {
    TraceId::from_bytes(trace.to_be_bytes())
}

#[test]
fn a_trace_is_whole_when_every_span_that_was_started_has_ended() {
    let mut gather = Gather::default();
    gather.start(id(7));
    gather.start(id(7));
    gather.end(span(7, 2));
    assert!(gather.take().is_empty(), "its root is open");
    gather.start(id(8));
    gather.end(span(8, 1));
    assert_eq!(gather.take().len(), 1, "another trace");
    gather.end(span(7, 1));
    assert_eq!(gather.take().len(), 2);
    gather.end(span(7, 3));
    assert_eq!(gather.take().len(), 1, "one that comes late goes out by itself");
}

#[test]
fn a_trace_that_is_full_drops_what_comes_later_and_counts_it() {
    let mut gather = Gather::default();
    gather.max_trace_size = 3;
    (0..5).for_each(|_| gather.start(id(7)));
    (1..=5).for_each(|number| gather.end(span(7, number)));
    assert_eq!((gather.take().len(), gather.dropped), (3, 2));
}

#[test]
fn spans_that_never_end_do_not_fill_the_memory() {
    let mut gather = Gather::default();
    for trace in 1..=150_000 {
        gather.start(id(trace));
        gather.start(id(trace));
        gather.end(span(trace, 1));
    }
    assert_eq!(gather.take().len(), 50_000, "the traces that began first went out as they were");
    gather.close();
    assert_eq!(gather.take().len(), 100_000);
    for trace in 1..=150_000 {
        gather.start(id(trace));
    }
    gather.close();
    assert!(gather.take().is_empty());
}

#[test]
fn settings_of_zero_are_refused() {
    let processor = || {
        let exporter = DatadogSpanExporter::builder().agent_url("http://127.0.0.1:9").build().unwrap();
        DatadogExportSpanProcessor::new(exporter).unwrap()
    };
    assert_eq!(processor().schedule_delay(Duration::ZERO).err(), Some(ProcessorError::Delay));
    assert_eq!(processor().max_trace_size(0).err(), Some(ProcessorError::Size));
    assert!(DatadogSpanExporter::builder().agent_url("carrier pigeon").build().is_err());
}

#[test]
fn a_processor_may_take_any_time_to_end() {
    let exporter = DatadogSpanExporter::builder().agent_url("http://127.0.0.1:9").build().unwrap();
    let processor = DatadogExportSpanProcessor::new(exporter).unwrap();
    assert!(processor.schedule_delay(Duration::MAX).unwrap().shutdown_with_timeout(Duration::MAX).is_ok());
}

#[test]
fn whole_traces_that_nobody_takes_do_not_fill_the_memory() {
    let mut gather = Gather::default();
    for trace in 1..=100_007 {
        gather.start(id(trace));
        gather.end(span(trace, 1));
    }
    assert_eq!((gather.take().len(), gather.dropped), (100_000, 7));
    gather.start(id(1));
    gather.end(span(1, 1));
    assert_eq!((gather.take().len(), gather.dropped), (1, 7), "there is room again");
}

use std::collections::BTreeMap;

use microspan_std::pipeline::{Datum, Trace};
use rmpv::Value;

use super::{Bodies, bodies, encoders};
use crate::recording::Recording;
use crate::workloads::WORKLOADS;

/// What one of the others writes of itself.
const PRIORITY: &str = "_sampling_priority_v1";

/// A span as it can be read from any of the bodies.
#[derive(Debug, Default, PartialEq)]
struct Read {
    service: String,
    name: String,
    resource: String,
    trace_id: u64,
    parent_id: u64,
    start: i64,
    duration: i64,
    error: i64,
    /// Numbers as text, as one of the others has them.
    tags: BTreeMap<String, String>,
}

/// Spans by their ids.
type Spans = BTreeMap<u64, Read>;

fn expected(bodies: &Bodies) -> Spans {
    let of_trace = |trace: &Trace| -> Vec<_> {
        let read = |index: usize| {
            let span = &trace.spans()[index];
            let mut tags = BTreeMap::new();
            trace.each_tag(index, |key, datum| {
                let value = match datum {
                    Datum::Text(text) => text.to_string(),
                    Datum::Number(number) => number.to_string(),
                };
                assert_eq!(tags.insert(key.to_string(), value), None, "{key} is there twice");
            });
            tags.remove(PRIORITY);
            let read = Read {
                service: span.service.as_ref().unwrap().to_string(),
                name: span.name.to_string(),
                resource: span.resource.as_ref().unwrap_or(&span.name).to_string(),
                trace_id: span.trace_id as u64,
                parent_id: span.parent_id,
                start: span.start,
                duration: span.duration,
                error: span.error.into(),
                tags,
            };
            (span.span_id, read)
        };
        (0..trace.spans().len()).map(read).collect()
    };
    bodies.iter().flatten().flat_map(of_trace).collect()
}

fn read(body: &[u8], spans: &mut Spans) {
    let traces = rmpv::decode::read_value(&mut &body[..]).unwrap();
    for trace in traces.as_array().unwrap() {
        let mut of_trace = None;
        for span in trace.as_array().unwrap() {
            let (id, read) = read_span(span);
            assert_eq!(*of_trace.get_or_insert(read.trace_id), read.trace_id, "two traces in one");
            assert_eq!(spans.insert(id, read), None, "{id} is there twice");
        }
    }
}

fn read_span(span: &Value) -> (u64, Read) {
    let (mut id, mut read) = (0, Read::default());
    for (key, value) in span.as_map().unwrap() {
        let text = || value.as_str().unwrap().to_owned();
        let number = || value.as_i64().unwrap();
        match key.as_str().unwrap() {
            "service" => read.service = text(),
            "name" => read.name = text(),
            "resource" => read.resource = text(),
            "trace_id" => read.trace_id = value.as_u64().unwrap(),
            "span_id" => id = value.as_u64().unwrap(),
            "parent_id" => read.parent_id = value.as_u64().unwrap(),
            "start" => read.start = number(),
            "duration" => read.duration = number(),
            "error" => read.error = number(),
            "meta" | "metrics" => read.tags.extend(value.as_map().unwrap().iter().map(|(key, value)| {
                let text =
                    value.as_f64().map_or_else(|| value.as_str().unwrap().to_owned(), |f| f.to_string());
                (key.as_str().unwrap().to_owned(), text)
            })),
            other => panic!("nobody wrote {other}"),
        }
    }
    assert_eq!(read.tags.remove(PRIORITY).unwrap_or_else(|| "1".to_owned()), "1");
    (id, read)
}

#[test]
fn each_who_encodes_encodes_the_same_spans() {
    for workload in &WORKLOADS {
        let recording = Recording::of::<1472>(workload, 10_000).unwrap();
        let bodies = bodies(&recording).unwrap();
        let expected = expected(&bodies);
        assert_eq!(expected.len(), recording.spans as usize, "{}", workload.name);
        for mut one in encoders(&bodies).unwrap() {
            // What a pass used up is there again for the next.
            for _ in 0..2 {
                let mut found = Spans::new();
                one.prepare().unwrap();
                one.encode(&mut |body| read(body, &mut found)).unwrap();
                let both = || found.iter().zip(&expected).find(|(found, expected)| found != expected);
                assert!(found == expected, "{}, {}: {:?}", one.what(), workload.name, both());
            }
        }
    }
}

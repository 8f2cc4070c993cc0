//! Bytes of a span on the wire, beside what others need to tell the same.
//!
//! Five workloads are recorded on an arena and drained; the packets are decoded as the bridge does it, and the traces that
//! come out are encoded in the other ways. Nothing is reckoned, and every run has the same figures.

use std::convert::Infallible;

use anyhow::{Result, ensure};
use clap::Args;
use microspan::wire::write_frame;
use microspan_std::config::Tagging;
use microspan_std::decode::Decoder;
use microspan_std::model::Span;
use microspan_std::msgpack::Payload;
use microspan_std::pipeline::{Assembler, Limits, Trace};
use serde::Serialize;

use crate::recording::Recording;
use crate::workloads::{WORKLOADS, Workload};
use crate::{lines, otlp};

const SPANS: u32 = 10_000;
/// Spans of a request, more or less: as many as OpenTelemetry's batch processor sends at once.
pub const BATCH: usize = 512;
/// More than a request of so many spans has.
const ANY_SIZE: usize = 100_000_000;

/// What `wire` can be told.
#[derive(Args)]
pub struct Options {
    /// Print one JSON object a row instead of a table
    #[arg(long)]
    json: bool,
}

/// A workload in an encoding. The names of both do not change.
#[derive(Debug, PartialEq, Serialize)]
struct Row {
    workload: &'static str,
    encoding: &'static str,
    spans: u32,
    bytes: u64,
    bytes_per_span: f64,
}

const ENCODINGS: [&str; 5] = ["microspan_1472", "microspan_256", "defmt", "otlp", "msgpack_v04"];

/// Encodes, and prints.
pub fn run(options: &Options) -> Result<()> {
    let mut rows = Vec::new();
    for workload in &WORKLOADS {
        rows.extend(measure(workload)?);
    }
    if options.json {
        for row in &rows {
            println!("{}", serde_json::to_string(row)?);
        }
    } else {
        print(&rows);
    }
    Ok(())
}

fn measure(workload: &Workload) -> Result<[Row; 5]> {
    let recording = Recording::of::<1472>(workload, SPANS)?;
    let small = Recording::of::<256>(workload, SPANS)?;
    let mut others = Others::default();
    assemble(&recording, |trace| others.take(trace))?;
    let defmt = others.finish()?;
    ensure!(others.spans == recording.spans as usize, "{} spans came out", others.spans);
    let bytes = [framed(&recording), framed(&small), defmt, others.otlp, others.msgpack];
    let spans = recording.spans;
    let mut row = ENCODINGS.into_iter().zip(bytes).map(|(encoding, bytes)| Row {
        workload: workload.name,
        encoding,
        spans,
        bytes,
        bytes_per_span: tenths(bytes as f64 / f64::from(spans)),
    });
    Ok(std::array::from_fn(|_| row.next().expect("there are as many encodings as sums")))
}

/// The bytes of a byte stream that carries these packets.
fn framed(recording: &Recording) -> u64 {
    let mut bytes = 0;
    for (_, packet) in &recording.packets {
        let Ok(()) = write_frame(packet, |piece| {
            bytes += piece.len() as u64;
            Ok::<(), Infallible>(())
        });
    }
    bytes
}

/// Decodes packets and hands on the traces that they hold.
pub fn assemble(recording: &Recording, mut out: impl FnMut(&Trace)) -> Result<()> {
    let (mut decoder, mut assembler) =
        (Decoder::new(), Assembler::new(Limits::default(), Tagging::default()));
    for (at, packet) in &recording.packets {
        decoder.packet(packet, *at, &mut |span| assembler.push(span, at.monotonic, &mut out));
    }
    let last = recording.packets.last().map_or(0, |(at, _)| at.monotonic);
    decoder.flush(&mut |span| assembler.push(span, last, &mut out));
    assembler.flush(&mut out);
    let (decoded, gathered) = (decoder.counters(), assembler.counters());
    ensure!(decoded.unnamed_spans == 0 && gathered.incomplete == 0, "{decoded:?}, {gathered:?}");
    Ok(())
}

/// The other encodings of traces, in batches.
#[derive(Default)]
struct Others {
    spans: usize,
    payload: Payload,
    batch: Vec<Span>,
    all: Vec<Span>,
    otlp: u64,
    msgpack: u64,
}

impl Others {
    fn take(&mut self, trace: &Trace) {
        self.spans += trace.spans().len();
        assert!(self.payload.push(trace, ANY_SIZE), "a batch has some hundred kilobytes");
        self.batch.extend_from_slice(trace.spans());
        if self.batch.len() >= BATCH {
            self.send();
        }
    }

    fn send(&mut self) {
        self.otlp += otlp::request(&self.batch).len() as u64;
        self.msgpack += self.payload.len() as u64;
        self.all.append(&mut self.batch);
        self.payload.clear();
    }

    /// Encodes what is left, and all of it in lines, whose bytes are returned.
    fn finish(&mut self) -> Result<u64> {
        self.send();
        Ok(lines::of(&self.all)?.len() as u64)
    }
}

fn tenths(figure: f64) -> f64 {
    (figure * 10.0).round() / 10.0
}

fn print(rows: &[Row]) {
    println!("Bytes of a span, of some {SPANS} spans each");
    print!("{:<16}", "workload");
    ENCODINGS.iter().for_each(|encoding| print!("{encoding:>16}"));
    println!();
    for rows in rows.chunk_by(|a, b| a.workload == b.workload) {
        print!("{:<16}", rows.first().map_or("", |row| row.workload));
        rows.iter().for_each(|row| print!("{:>16.1}", row.bytes_per_span));
        println!();
    }
    println!("{NOTE}");
}

const NOTE: &str = "\
microspan_1472 and _256: frames of a byte stream, of full packets of at most so many bytes; COBS, CRC, headers, syncs and
    names included.
defmt: a line when a span starts (number, parent's number), one when it ends (number, whether it failed), one a tag (number,
    value), each with a timestamp of 64 bits; rzCOBS included. Names and keys stand in the format strings. Such a log has no
    CRC and no count of what was lost, and needs the program's ELF file and a parser to be spans again.
otlp: bodies of ExportTraceServiceRequest, protobuf, some 512 spans each. msgpack_v04: bodies of /v0.4/traces as the bridge
    posts them to the agent, likewise.";

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use prost::Message;

    use super::*;
    use crate::workloads::MESSAGE;

    fn workload(name: &str) -> &'static Workload {
        WORKLOADS.iter().find(|workload| workload.name == name).unwrap()
    }

    fn traces(name: &str, spans: u32) -> Vec<Span> {
        let mut all = Vec::new();
        let recording = Recording::of::<1472>(workload(name), spans).unwrap();
        assemble(&recording, |trace| all.extend_from_slice(trace.spans())).unwrap();
        all
    }

    #[test]
    fn a_tagless_child_takes_at_most_nine_bytes_with_its_frame() {
        for name in ["wide_fan_out", "deep_chain"] {
            let [full, small, ..] = measure(workload(name)).unwrap();
            assert!(full.bytes_per_span <= 9.0, "{full:?}");
            assert!(small.bytes_per_span > full.bytes_per_span, "{small:?}");
        }
    }

    #[test]
    fn figures_are_the_same_in_every_run() {
        assert_eq!(measure(workload("sandwich")).unwrap(), measure(workload("sandwich")).unwrap());
    }

    #[test]
    fn an_otlp_request_says_of_each_span_what_the_trace_says() {
        let spans = traces("long_error", 2);
        let request = ExportTraceServiceRequest::decode(otlp::request(&spans).as_slice()).unwrap();
        let resource = &request.resource_spans[0];
        let text =
            |attributes: &[opentelemetry_proto::tonic::common::v1::KeyValue]| format!("{attributes:?}");
        let of_all = text(&resource.resource.as_ref().unwrap().attributes);
        assert!(
            of_all.contains("service.name") && of_all.contains("kitchen") && of_all.contains("env"),
            "{of_all}"
        );
        let [root, child] = resource.scope_spans[0].spans.as_slice() else { panic!("two spans") };
        assert_eq!(root.trace_id, spans[0].trace_id.to_be_bytes());
        assert_eq!((root.parent_span_id.len(), &child.parent_span_id), (0, &root.span_id));
        assert_eq!((root.name.as_str(), child.name.as_str()), ("calibrate", "write_page"));
        assert_eq!(child.end_time_unix_nano - child.start_time_unix_nano, spans[1].duration as u64);
        let status = child.status.as_ref().unwrap();
        assert_eq!((status.code, status.message.as_str()), (2, MESSAGE));
        assert!(text(&child.attributes).contains("FlashLocked") && root.status.is_none());
    }

    #[test]
    fn a_span_is_a_line_at_its_start_and_at_its_end_and_one_for_each_tag() {
        let spans = traces("sandwich", 3);
        let log = lines::of(&spans).unwrap();
        let tags: usize = spans.iter().map(|span| span.tags.len()).sum();
        assert_eq!(tags, 5);
        assert_eq!(log.split(|byte| *byte == 0).filter(|frame| !frame.is_empty()).count(), 1 + 2 * 3 + tags);
    }
}

//! Bytes of the wire as text: each field that a packet tells, and the spans that the host makes of it. Nothing here may
//! change what it says of a file that exists.

use std::fmt::Write as _;

use microspan::wire::{FrameDecoder, MAX_FRAME, Packet, Record, Request, Span, Tag, TagValue, Tags, Text};
use microspan_std::decode::{Arrival, Decoder};
use microspan_std::model;

/// When every packet of a file arrives.
const AT: Arrival = Arrival { unix: 1_700_000_000_000_000_000, monotonic: 1_000_000_000 };

/// What stands in a packet, and what the host makes of it.
pub fn packet(bytes: &[u8]) -> String {
    format!("{}{}", records(bytes), spans([bytes]))
}

/// What stands in the frames of a stream, and what the host makes of them.
pub fn stream(bytes: &[u8]) -> String {
    let (mut decoder, mut input) = (FrameDecoder::<MAX_FRAME>::new(), bytes);
    let mut packets = Vec::new();
    while let Some(frame) = decoder.next(&mut input) {
        packets.push(frame.unwrap_or_else(|error| panic!("{error}")).to_vec());
    }
    assert_eq!(decoder.finish(), None, "the stream ends with a frame");
    let records: String = packets.iter().map(|packet| records(packet)).collect();
    records + &spans(packets.iter().map(Vec::as_slice))
}

/// What a request asks for.
pub fn request(bytes: &[u8]) -> String {
    let Request { session, sync, names, time } = Request::parse(bytes).expect("a request");
    let key = bytes.get(1..9).and_then(|key| key.try_into().ok()).map_or(0, u64::from_le_bytes);
    let session = session.map_or("any".to_owned(), |_| format!("{key:016x}"));
    let time = time.map_or(String::new(), |token| format!(" time={token}"));
    format!("request to={session} sync={sync} names={names}{time}\n")
}

fn records(bytes: &[u8]) -> String {
    let packet = Packet::parse(bytes).unwrap_or_else(|error| panic!("{error}"));
    let header = packet.header();
    let mut shown = format!(
        "packet sequence={} spans_before={} time={} counter={}\n",
        header.sequence, header.spans_before, header.time, header.counter
    );
    for record in packet.records() {
        record_of(&mut shown, &record.expect("a record of this version"));
    }
    shown
}

fn record_of(shown: &mut String, record: &Record<'_>) {
    let written = match record {
        Record::Span(span) => return span_of(shown, span),
        Record::Name { index, text } => writeln!(shown, "  name {index} {text:?}"),
        Record::Sync(sync) => {
            let (frequency, base) = (sync.frequency, sync.clock_base);
            let written = writeln!(
                shown,
                "  sync frequency={frequency} clock_base={base} service={}",
                text(sync.service)
            );
            tags_of(shown, "    ", sync.tags);
            written
        }
        Record::Identity(identity) => {
            let id: String = identity.build_id.iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(shown, "  identity build_id={id} device={}", text(identity.device))
        }
        Record::Callsite { name, started, finished, errored, dropped } => writeln!(
            shown,
            "  callsite {} started={started} finished={finished} errored={errored} dropped={dropped}",
            text(*name)
        ),
        Record::Dropped { core, cause, count } => {
            let cause = cause.map_or("unknown".to_owned(), |cause| format!("cause {}", cause as u8));
            writeln!(shown, "  dropped core={core} {cause} count={count}")
        }
        Record::Echo { token, waited } => writeln!(shown, "  echo {token} waited={waited}"),
        Record::Over => writeln!(shown, "  over"),
        Record::Unknown { kind } => writeln!(shown, "  unknown kind={kind}"),
        _ => unreachable!("a record that this text does not know"),
    };
    written.expect("a string takes all");
}

fn span_of(shown: &mut String, span: &Span<'_>) {
    let number = |number: Option<u64>| number.map_or("none".to_owned(), |number| number.to_string());
    let written = writeln!(
        shown,
        "  span {} parent={} trace={} name={} start={} duration={} error={} lost_tags={} interrupt={} link={} link_trace={}",
        span.counter,
        number(span.parent),
        span.trace,
        text(span.name),
        span.start,
        span.duration,
        span.error,
        span.lost_tags,
        span.interrupt,
        number(span.link),
        number(span.link_trace)
    );
    written.expect("a string takes all");
    tags_of(shown, "    ", span.tags);
}

fn tags_of(shown: &mut String, indent: &str, tags: Tags<'_>) {
    for tag in tags {
        let within = format!("{indent}  ");
        let (value, attributes) = value(&tag);
        writeln!(shown, "{indent}{} {value}", text(tag.key)).expect("a string takes all");
        if let Some(attributes) = attributes {
            tags_of(shown, &within, attributes);
        }
    }
}

fn value<'a>(tag: &Tag<'a>) -> (String, Option<Tags<'a>>) {
    let elsewhere = |context: &microspan::SpanContext| {
        let priority = context.sampling_priority.map_or("none".to_owned(), |priority| priority.to_string());
        format!("trace={:032x} span={:016x} priority={priority}", context.trace_id, context.span_id)
    };
    match &tag.value {
        TagValue::Bool(value) => (format!("bool {value}"), None),
        TagValue::U64(value) => (format!("u64 {value}"), None),
        TagValue::I64(value) => (format!("i64 {value}"), None),
        TagValue::F32(value) => (format!("f32 {value}"), None),
        TagValue::F64(value) => (format!("f64 {value}"), None),
        TagValue::Text(value) => (format!("text {}", text(*value)), None),
        TagValue::Cut(value) => (format!("cut {}", text(*value)), None),
        TagValue::Removed => ("removed".to_owned(), None),
        TagValue::Event(event) => (format!("event after={}", event.time), Some(event.attributes)),
        TagValue::Link(link) => {
            let trace = link.trace.map_or("none".to_owned(), |trace| trace.to_string());
            (format!("link counter={} trace={trace}", link.counter), Some(link.attributes))
        }
        TagValue::RemoteLink(context, attributes) => {
            (format!("link {}", elsewhere(context)), Some(*attributes))
        }
        TagValue::RemoteParent(context) => (format!("parent {}", elsewhere(context)), None),
        TagValue::Baggage(value) => (format!("baggage {}", text(*value)), None),
        TagValue::Unknown(kind) => (format!("unknown {kind}"), None),
        _ => unreachable!("a tag that this text does not know"),
    }
}

fn text(text: Text<'_>) -> String {
    match text {
        Text::Name(index) => format!("#{index}"),
        Text::Address { length, .. } => format!("@{length}"),
        Text::Inline(text) => format!("{text:?}"),
    }
}

/// What the host makes of packets.
fn spans<'a>(packets: impl IntoIterator<Item = &'a [u8]>) -> String {
    let (mut decoder, mut shown) = (Decoder::new(), "on the host\n".to_owned());
    // When a trace was is for clocks to say; how its spans lie to each other is not.
    let mut first = None;
    let mut out = |span: model::Span| model_of(&mut shown, &span, *first.get_or_insert(span.start));
    for packet in packets {
        decoder.packet(packet, AT, &mut out);
    }
    decoder.flush(&mut out);
    shown
}

fn model_of(shown: &mut String, span: &model::Span, first: i64) {
    let field = |field: &Option<model::Text>| {
        field.as_ref().map_or("none".to_owned(), |text| format!("{:?}", &**text))
    };
    let source = &span.source;
    let mut lines = vec![
        format!("  span {:032x} {:016x} parent={:016x}", span.trace_id, span.span_id, span.parent_id),
        format!(
            "    name={:?} start=+{} duration={} error={}",
            &*span.name,
            span.start.wrapping_sub(first),
            span.duration,
            span.error
        ),
        format!(
            "    service={} resource={} type={}",
            field(&span.service),
            field(&span.resource),
            field(&span.span_type)
        ),
        format!(
            "    of service={} device={} build_id={}",
            field(&source.service),
            field(&source.device),
            field(&source.build_id)
        ),
    ];
    lines.extend(source.tags.iter().map(|(key, value)| format!("    of {:?}={value:?}", &**key)));
    lines.extend(span.tags.iter().map(|(key, value)| format!("    {:?}={value:?}", &**key)));
    for event in &span.events {
        lines.push(format!("    event {:?} after {}", &*event.name, event.time.wrapping_sub(span.start)));
        lines.extend(event.attributes.iter().map(|(key, value)| format!("      {:?}={value:?}", &**key)));
    }
    for link in &span.links {
        lines.push(format!(
            "    link {:032x} {:016x} sampled={:?}",
            link.trace_id, link.span_id, link.sampled
        ));
        lines.extend(link.attributes.iter().map(|(key, value)| format!("      {:?}={value:?}", &**key)));
    }
    if let Some(extra) = &span.extra {
        lines.extend(extra.remote_trace.map(|trace| format!("    in trace {trace:032x}")));
        lines.extend(
            extra.baggage.iter().map(|(key, value)| format!("    baggage {:?}={:?}", &**key, &**value)),
        );
        lines.extend(extra.removed.iter().map(|key| format!("    removed {:?}", &**key)));
    }
    for line in lines {
        writeln!(shown, "{line}").expect("a string takes all");
    }
}

//! The target `drain`.

use std::collections::HashMap;
use std::sync::Arc;

use microspan::wire::Packet;
use microspan_std::decode::Decoder;
use microspan_std::model::Span;

use crate::device::{self, Made, Program, Run};

/// Takes bytes as what a program on a device does, and decodes what the device sends.
pub fn drain(bytes: &[u8]) {
    let run = device::run(0x5eed, bytes);
    let (mut decoder, mut spans) = (Decoder::with_strings(Arc::new(Program)), Vec::new());
    for (number, packet) in run.packets.iter().enumerate() {
        let parsed = Packet::parse(packet).expect("a drain's packet");
        assert!(parsed.records().all(|record| record.is_ok()), "{packet:?}");
        // It arrives as soon as it is filled. The host's patience is not tried: a name may come long after its span.
        let arrival = device::at_once(parsed.header().time, number as u64);
        decoder.packet(packet, arrival, &mut |span| spans.push(span));
    }
    decoder.flush(&mut |span| spans.push(span));
    let counters = decoder.counters();
    assert_eq!((counters.malformed, counters.unknown_records, counters.unknown_tags), (0, 0, 0));
    assert_eq!((counters.lost_packets, counters.lost_spans, counters.duplicates), (0, 0, 0));
    assert_eq!(counters.unclocked_spans, 0);
    assert!(counters.unnamed_spans == 0 || !run.named);
    assert_eq!(spans.len() as u64, u64::from(run.sent));
    let dropped = run.stats.spans_full + run.stats.spans_reserved + run.stats.spans_overwritten;
    assert_eq!(run.started, u64::from(run.sent + dropped + run.stats.spans_oversize), "{:?}", run.stats);
    check(&run, &spans);
}

/// Whether the spans are those that were made.
pub fn check(run: &Run, spans: &[Span]) {
    let starts: HashMap<u64, u64> =
        spans.iter().map(|span| (span.span_id, device::tick(span.start))).collect();
    assert_eq!(starts.len(), spans.len(), "each has an id of its own");
    let all_tags = run.stats.tags_full == 0 && run.stats.tags_oversize == 0;
    for span in spans {
        let made =
            run.made.get(&(device::tick(span.start))).unwrap_or_else(|| panic!("nobody made {span:?}"));
        // In packets of 64 bytes a name that is told alone beside a large header is cut.
        assert!(
            if run.mtu < 96 { made.name.starts_with(&*span.name) } else { span.name == made.name },
            "{span:?}"
        );
        assert_eq!(span.error, made.error, "{span:?}");
        if run.nested {
            match (made.parent, &made.remote) {
                (Some(parent), _) => {
                    assert!(starts.get(&span.parent_id).is_none_or(|start| *start == parent), "{span:?}");
                    assert!(span.parent_id != 0);
                }
                (None, Some(remote)) if all_tags => assert_eq!(span.parent_id, remote.span_id),
                (None, Some(_)) => {}
                (None, None) => assert_eq!(span.parent_id, 0, "{span:?}"),
            }
        }
        if all_tags {
            check_tags(span, made);
        }
    }
}

fn check_tags(span: &Span, made: &Made) {
    let tags = span.tags.iter().filter(|(key, _)| made.tags.contains_key(key.as_str()));
    let of_others = ["_sampling_priority_v1", "error.type", "error.message"];
    assert!(
        span.tags.iter().all(|(key, _)| made.tags.contains_key(key.as_str())
            || of_others.contains(&key.as_str())
            || key.starts_with("str@")),
        "{span:?} {made:?}"
    );
    // Of two with one key the later holds.
    let shown: HashMap<&str, String> = tags.map(|(key, value)| (key.as_str(), value.to_string())).collect();
    assert!(made.tags.iter().all(|(key, value)| shown.get(key) == Some(value)), "{span:?} {made:?}");
    assert_eq!(span.events.iter().map(|event| event.name.as_str()).collect::<Vec<_>>(), made.events);
    assert_eq!(span.links.len(), made.links);
    let remote = made.remote.map(|context| context.trace_id);
    assert_eq!(span.extra.as_ref().and_then(|extra| extra.remote_trace), remote);
}

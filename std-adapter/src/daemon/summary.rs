//! What a bridge did, in numbers.

use std::fmt;

use serde::Serialize;

use crate::agent::Stats;
use crate::{decode, pipeline};

/// What a bridge did. `spans_received` = `spans_sent` + `spans_dropped_by_host` once it has ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Devices, each time it started.
    pub sessions: u64,
    /// Spans in accepted packets.
    pub spans_received: u64,
    /// Spans the agent took.
    pub spans_sent: u64,
    /// Spans in packets that never came.
    pub spans_lost_on_the_way: u64,
    /// Spans that devices dropped, by their own count.
    pub spans_dropped_on_device: u64,
    /// Spans that were received and not sent, for whatever reason.
    pub spans_dropped_by_host: u64,
    /// Tags that devices dropped, by their own count.
    pub tags_dropped_on_device: u64,
    /// Traces, or parts of them, the agent took.
    pub traces_sent: u64,
    /// Bytes of accepted packets, CRC included, framing not.
    pub wire_bytes: u64,
    /// Accepted packets.
    pub packets: u64,
    /// Packets that never came.
    pub packets_lost: u64,
    /// Packets that came twice.
    pub packets_duplicate: u64,
    /// Packets from too far back in their session to be taken.
    pub packets_late: u64,
    /// Frames and packets that were damaged, by their length, their COBS or their CRC.
    pub damaged: u64,
    /// Packets of another wire version.
    pub other_version: u64,
    /// Packets and records that do not follow the protocol though their CRC is right.
    pub malformed: u64,
    /// Attempts to send beyond the first.
    pub retries: u64,
}

impl Summary {
    pub(super) fn new(decoded: decode::Counters, assembled: pipeline::Counters, sent: &Stats) -> Self {
        let dropped =
            decoded.unclocked_spans + assembled.invalid + assembled.duplicates + sent.dropped().spans;
        Self {
            sessions: decoded.sessions,
            spans_received: decoded.spans,
            spans_sent: sent.sent.spans,
            spans_lost_on_the_way: decoded.lost_spans,
            spans_dropped_on_device: decoded.device_dropped_spans,
            spans_dropped_by_host: dropped,
            tags_dropped_on_device: decoded.device_dropped_tags,
            traces_sent: sent.sent.traces,
            wire_bytes: decoded.bytes,
            packets: decoded.packets,
            packets_lost: decoded.lost_packets,
            packets_duplicate: decoded.duplicates,
            packets_late: decoded.late_packets,
            damaged: decoded.frames_too_long + decoded.frames_damaged + decoded.packets_damaged,
            other_version: decoded.packets_of_other_version,
            malformed: decoded.malformed,
            retries: sent.retries,
        }
    }
}

impl fmt::Display for Summary {
    /// What everybody wants to know, and what went wrong if anything did.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} spans received in {} bytes of {} packets from {} device sessions; {} spans sent in {} traces",
            self.spans_received,
            self.wire_bytes,
            self.packets,
            self.sessions,
            self.spans_sent,
            self.traces_sent
        )?;
        for (count, what) in [
            (self.spans_dropped_on_device, "spans dropped on the device (its arena was full)"),
            (self.tags_dropped_on_device, "tags dropped on the device"),
            (self.spans_lost_on_the_way, "spans lost on the way"),
            (self.spans_dropped_by_host, "spans received and not sent"),
            (self.packets_lost, "packets lost"),
            (self.packets_duplicate, "packets that came twice"),
            (self.packets_late, "packets from far back (does a device start again with an old session key?)"),
            (self.damaged, "damaged frames or packets"),
            (self.other_version, "packets of another wire version"),
            (self.malformed, "malformed packets or records"),
            (self.retries, "retries"),
        ] {
            if count > 0 {
                write!(f, "\n  {count} {what}")?;
            }
        }
        Ok(())
    }
}

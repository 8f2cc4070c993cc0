//! What was counted, as the agent takes it: a `ClientStatsPayload` in MessagePack.

use std::convert::Infallible;

use rmp::encode::{self, ByteBuf, ValueWriteError};

use super::group::Group;
use super::key::Key;
use super::peers::SEPARATOR;
use super::{BUCKET, Counted};

/// The fields of a payload, of a bucket, of a group.
const OF_PAYLOAD: u32 = 9;
const OF_BUCKET: u32 = 3;
const OF_GROUP: u32 = 20;

pub(super) fn payload(counted: Counted, sequence: u64) -> Vec<u8> {
    let Counted { origin, runtime_id, buckets } = counted;
    let out = &mut ByteBuf::new();
    sure(encode::write_map_len(out, OF_PAYLOAD));
    // The agent knows its host's name better.
    text(out, "Hostname", "");
    text(out, "Env", &origin.env);
    text(out, "Version", &origin.version);
    text(out, "Service", &origin.service);
    text(out, "Lang", origin.language);
    text(out, "TracerVersion", env!("CARGO_PKG_VERSION"));
    text(out, "RuntimeID", &format!("{runtime_id:032x}"));
    number(out, "Sequence", sequence);
    list(out, "Stats", buckets.len());
    for (start, groups) in buckets {
        sure(encode::write_map_len(out, OF_BUCKET));
        number(out, "Start", start);
        number(out, "Duration", BUCKET);
        list(out, "Stats", groups.len());
        groups.into_iter().for_each(|(key, group)| write_group(out, &key, group));
    }
    std::mem::take(out).into_vec()
}

fn write_group(out: &mut ByteBuf, key: &Key<Box<str>>, group: Group) {
    sure(encode::write_map_len(out, OF_GROUP));
    text(out, "Service", &key.service);
    text(out, "Name", &key.name);
    text(out, "Resource", &key.resource);
    number(out, "HTTPStatusCode", key.facts.http_status.into());
    text(out, "Type", &key.span_type);
    text(out, "DBType", "");
    number(out, "Hits", group.hits);
    number(out, "Errors", group.errors);
    number(out, "Duration", group.duration);
    binary(out, "OkSummary", &group.ok.encode_to_vec());
    binary(out, "ErrorSummary", &group.failed.encode_to_vec());
    name(out, "Synthetics");
    sure(encode::write_bool(out, key.facts.is_synthetic).map_err(ValueWriteError::InvalidMarkerWrite));
    number(out, "TopLevelHits", group.top_level_hits);
    text(out, "SpanKind", &key.kind);
    let peers = || key.peers.split_terminator(SEPARATOR);
    list(out, "PeerTags", peers().count());
    peers().for_each(|peer| name(out, peer));
    number(out, "IsTraceRoot", key.facts.is_trace_root.map_or(0, |is_root| if is_root { 1 } else { 2 }));
    text(out, "GRPCStatusCode", &key.facts.grpc_status.map(|code| code.to_string()).unwrap_or_default());
    text(out, "HTTPMethod", &key.method);
    text(out, "HTTPEndpoint", &key.endpoint);
    text(out, "srv_src", &key.service_source);
}

fn name(out: &mut ByteBuf, name: &str) {
    sure(encode::write_str(out, name));
}

fn text(out: &mut ByteBuf, key: &str, text: &str) {
    name(out, key);
    name(out, text);
}

fn number(out: &mut ByteBuf, key: &str, number: u64) {
    name(out, key);
    sure(encode::write_uint(out, number));
}

fn binary(out: &mut ByteBuf, key: &str, bytes: &[u8]) {
    name(out, key);
    sure(encode::write_bin(out, bytes));
}

fn list(out: &mut ByteBuf, key: &str, entries: usize) {
    name(out, key);
    sure(encode::write_array_len(out, u32::try_from(entries).unwrap_or(u32::MAX)));
}

/// Writing to memory cannot fail, and the types say so.
fn sure<T>(result: Result<T, ValueWriteError<Infallible>>) {
    match result {
        Ok(_) => {}
        Err(ValueWriteError::InvalidMarkerWrite(never) | ValueWriteError::InvalidDataWrite(never)) => {
            match never {}
        }
    }
}

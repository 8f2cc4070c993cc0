//! When payloads go out, how much waits for that, and how long the agent may take.

use std::time::Duration;

use super::reader::Reader;

pub(super) const INTERVAL: &str = "DD_TRACE_WRITER_INTERVAL_SECONDS";
pub(super) const BUFFER: &str = "DD_TRACE_WRITER_BUFFER_SIZE_BYTES";
pub(super) const PAYLOAD: &str = "DD_TRACE_WRITER_MAX_PAYLOAD_SIZE_BYTES";
pub(super) const AGENT_TIMEOUT: &str = "DD_TRACE_AGENT_TIMEOUT_SECONDS";

/// The shortest time that a variable may say, and the longest, in seconds.
const SECONDS: [f64; 2] = [0.001, 3_600.0];

/// The fewest bytes that a variable may say, and the most: in fewer many a trace finds no room, and more may not be there.
const BYTES: [usize; 2] = [10_000, 1_000_000_000];

/// Bounds of what sends traces. Where a program gives [`Options`](crate::agent::Options) of its own that say one of these, that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// A payload is sent at the latest this long after its first trace: 1 s.
    pub interval: Duration,
    /// Bytes held in all payloads together: 20 MB.
    pub buffer_bytes: usize,
    /// Bytes of one payload: 10 MB, which every version of the agent takes.
    pub payload_bytes: usize,
    /// The longest time for one attempt to hand a payload to the agent, from connecting to the end of its answer: 2 s.
    pub timeout: Duration,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            buffer_bytes: 20_000_000,
            payload_bytes: 10_000_000,
            timeout: Duration::from_secs(2),
        }
    }
}

pub(super) fn read(reader: &mut Reader) -> Writer {
    let default = Writer::default();
    Writer {
        interval: seconds(reader, INTERVAL, default.interval),
        buffer_bytes: bytes(reader, BUFFER, default.buffer_bytes),
        payload_bytes: bytes(reader, PAYLOAD, default.payload_bytes),
        timeout: seconds(reader, AGENT_TIMEOUT, default.timeout),
    }
}

fn seconds(reader: &mut Reader, name: &'static str, default: Duration) -> Duration {
    let [least, most] = SECONDS;
    let parse = |value: &str| match value.parse::<f64>() {
        Ok(seconds) if (least..=most).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => {
            let used = default.as_secs_f64();
            Err(format!("not a number of seconds from {least} to {most}; {used} is used"))
        }
    };
    reader.read(name, &[name], parse).unwrap_or(default)
}

fn bytes(reader: &mut Reader, name: &'static str, default: usize) -> usize {
    let [least, most] = BYTES;
    let parse = |value: &str| match value.parse::<usize>() {
        Ok(bytes) if (least..=most).contains(&bytes) => Ok(bytes),
        _ => Err(format!("not a number of bytes from {least} to {most}; {default} is used")),
    };
    reader.read(name, &[name], parse).unwrap_or(default)
}

//! What the memory of the board holds.

/// Slots for spans.
pub const SPANS: usize = if SMALL { 128 } else { 1_024 };
/// Cells for tags.
pub const TAGS: usize = 128;
/// The longest packet.
pub const MTU: usize = if SMALL { 256 } else { 1_472 };
/// Spans to be drained into full packets, at up to 300 in a packet of 1,472 bytes.
pub const DRAINED: u32 = if SMALL { 120 } else { 640 };
/// How many of the packets are full for certain.
pub const FULL_PACKETS: u32 = 2;

/// The microbit has 16 KB of RAM.
const SMALL: bool = cfg!(cost = "m0");

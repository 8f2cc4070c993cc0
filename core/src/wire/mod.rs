//! The wire, both directions, without an allocator and without a panic: what `PROTOCOL.md` says in prose.
//!
//! A [`Packet`] is self-contained: a header, then [`Record`]s, then a CRC. On datagram links it travels bare; on
//! byte streams it travels in a COBS frame ([`FrameDecoder`], [`write_frame`]). Every field is postcard's
//! encoding of its type.
//!
//! The device's [`Drain`](crate::Drain) writes packets; a host reads them:
//!
//! ```
//! use microspan::wire::{Packet, PacketError, Record};
//!
//! fn names_in(packet: &[u8]) -> Result<usize, PacketError> {
//!     let packet = Packet::parse(packet)?;
//!     Ok(packet.records().filter(|record| matches!(record, Ok(Record::Name { .. }))).count())
//! }
//! assert_eq!(names_in(b"noise"), Err(PacketError::Crc));
//! ```

mod about;
mod beyond;
mod codec;
mod crc;
mod frame;
mod packet;
mod record;
mod request;
mod span;
mod tag;

pub use about::{Identity, MAX_BUILD_ID, Sync};
pub(crate) use about::{SyncTags, put_callsite, put_dropped, put_identity, put_sync};
pub(crate) use beyond::{
    Elsewhere, put_baggage, put_event, put_link, put_remote_link, put_remote_parent, put_removed,
};
pub use beyond::{Event, Link};
pub use codec::Malformed;
pub(crate) use codec::{Full, Writer};
#[cfg(any(feature = "embedded-io", feature = "embedded-io-async", feature = "rtt-target"))]
pub(crate) use frame::END as FRAME_END;
#[cfg(feature = "embedded-io-async")]
pub(crate) use frame::frame_body;
#[cfg(any(feature = "embedded-io", feature = "rtt-target"))]
pub(crate) use frame::write_frame_body;
pub use frame::{FrameDecoder, FrameError, write_frame};
pub(crate) use packet::seal;
pub use packet::{Header, Packet, PacketError, Records, VERSION};
pub use record::Record;
pub(crate) use record::{put_echo, put_name, put_over};
pub use request::{Request, RequestDecoder};
pub use span::Span;
pub(crate) use span::{Deltas, ShortSpan, SpanHead, drop_tag, put_short_span, put_span};
pub(crate) use tag::{ADDRESS, FIRST_NAME, TagStart, put_pieces, put_tag};
pub use tag::{Tag, TagValue, Tags, Text};

/// The least MTU: a header and the shortest records fit.
///
/// ```
/// assert_eq!((microspan::wire::MIN_MTU, microspan::wire::MAX_MTU), (64, 1472));
/// ```
pub const MIN_MTU: usize = 64;

/// The greatest MTU: what a UDP datagram carries over Ethernet.
///
/// ```
/// let mut datagram = [0; microspan::wire::MAX_MTU];
/// ```
pub const MAX_MTU: usize = 1472;

/// The longest frame, without the zero that ends it: COBS adds a byte in 254.
///
/// ```
/// use microspan::wire::{FrameDecoder, MAX_FRAME};
/// let decoder = FrameDecoder::<MAX_FRAME>::new(); // takes the frames of every device
/// ```
pub const MAX_FRAME: usize = MAX_MTU + MAX_MTU.div_ceil(254);

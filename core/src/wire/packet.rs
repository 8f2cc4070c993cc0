//! Packets: header, records, CRC.

use super::codec::{Full, Malformed, Put, Reader, Writer};
use super::crc::crc;
use super::record::Record;
use super::span::Sums;
use crate::id::Session;

/// The version of the wire that this crate writes and reads.
///
/// ```
/// use microspan::wire::{PacketError, VERSION};
/// let text = PacketError::Version(VERSION + 1).to_string();
/// assert!(text.contains(&format!("reads version {VERSION}")));
/// ```
pub const VERSION: u8 = 3;

const CRC_LEN: usize = 2;

/// What a packet says before its records.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// # let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
/// # TRACER.trace("order").finish();
/// # drain.poll(&mut line).unwrap();
/// # let packet = wire::Packet::parse(&line.0[0]).unwrap();
/// let header = packet.header();
/// assert_eq!((header.session, header.sequence, header.time), (Session::new(7), 0, 1_000));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Header {
    /// Whose packet this is.
    pub session: Session,
    /// The number of this packet in its session, from 0; wraps at 2^32.
    pub sequence: u32,
    /// How many spans the session's earlier packets carried; wraps at 2^32. With this a gap in `sequence` says
    /// how many spans were in it.
    pub spans_before: u32,
    /// When the packet was filled, in ticks of the device's clock.
    pub time: u64,
    /// The counter that the first span's counter is told relative to.
    pub counter: u64,
}

impl Header {
    pub(crate) fn put(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        w.byte(VERSION)?;
        w.put_bytes(&self.session.0.to_le_bytes())?;
        w.number(self.sequence)?;
        w.number(self.spans_before)?;
        w.number(self.time)?;
        w.number(self.counter)
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let session: [u8; 8] = r.take()?;
        Ok(Self {
            session: Session::new(u64::from_le_bytes(session)),
            sequence: r.take()?,
            spans_before: r.take()?,
            time: r.take()?,
            counter: r.take()?,
        })
    }
}

/// Puts the CRC behind the first `len` bytes of `buffer`; returns the packet's length.
pub(crate) fn seal(buffer: &mut [u8], len: usize) -> Option<usize> {
    let (packet, rest) = buffer.split_at_mut_checked(len)?;
    rest.get_mut(..CRC_LEN)?.copy_from_slice(&crc(packet).to_le_bytes());
    Some(len + CRC_LEN)
}

/// Why bytes are not a packet.
///
/// ```
/// use microspan::wire::{Packet, PacketError};
/// assert_eq!(Packet::parse(b"noise").unwrap_err(), PacketError::Crc);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PacketError {
    /// The CRC is wrong: damaged on the way, or not a packet at all.
    Crc,
    /// The packet is of this version, which this crate does not read.
    Version(u8),
    /// The CRC is right, and the header is not of this version.
    Malformed,
}

impl core::fmt::Display for PacketError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Crc => {
                f.write_str("the packet's CRC is wrong: damaged on the way, or not a microspan packet")
            }
            Self::Version(found) => {
                write!(
                    f,
                    "the device speaks wire version {found}, this host reads version {VERSION}: update the older"
                )
            }
            Self::Malformed => {
                f.write_str("the packet's header does not follow PROTOCOL.md, though its CRC is right")
            }
        }
    }
}

impl core::error::Error for PacketError {}

impl From<Malformed> for PacketError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// A packet whose CRC and version are right.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
/// TRACER.trace("order").finish();
/// drain.poll(&mut line).unwrap();
/// let packet = wire::Packet::parse(&line.0[0]).unwrap();
/// assert_eq!(packet.records().filter(|record| matches!(record, Ok(wire::Record::Span(_)))).count(), 1);
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Packet<'a> {
    header: Header,
    body: Reader<'a>,
}

impl<'a> Packet<'a> {
    /// Checks the CRC, then the version, then reads the header.
    ///
    /// ```
    /// use microspan::wire::{Packet, PacketError};
    /// assert_eq!(Packet::parse(&[]).unwrap_err(), PacketError::Crc);
    /// ```
    ///
    /// # Errors
    ///
    /// [`PacketError`] says which of the three failed.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, PacketError> {
        let (content, sent) = bytes.split_last_chunk::<CRC_LEN>().ok_or(PacketError::Crc)?;
        if content.is_empty() || crc(content) != u16::from_le_bytes(*sent) {
            return Err(PacketError::Crc);
        }
        let mut reader = Reader(content);
        match reader.take()? {
            VERSION => Ok(Self { header: Header::take(&mut reader)?, body: reader }),
            other => Err(PacketError::Version(other)),
        }
    }

    /// What the packet says before its records.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// # let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
    /// # TRACER.trace("order").finish();
    /// # drain.poll(&mut line).unwrap();
    /// # let packet = wire::Packet::parse(&line.0[0]).unwrap();
    /// assert_eq!(packet.header().sequence, 0);
    /// ```
    pub fn header(&self) -> Header {
        self.header
    }

    /// The packet's records, in the order in which they were written. After a [`Malformed`] one there is no next.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// # let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
    /// # TRACER.trace("order").finish();
    /// # drain.poll(&mut line).unwrap();
    /// # let packet = wire::Packet::parse(&line.0[0]).unwrap();
    /// for record in packet.records() {
    ///     println!("{record:?}");
    /// }
    /// ```
    pub fn records(&self) -> Records<'a> {
        Records { reader: self.body, sums: Sums::new(&self.header) }
    }
}

/// An iterator over a packet's records.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// # let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
/// # TRACER.trace("order").finish();
/// # drain.poll(&mut line).unwrap();
/// # let packet = wire::Packet::parse(&line.0[0]).unwrap();
/// let records: wire::Records<'_> = packet.records();
/// assert!(records.count() > 1);
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Records<'a> {
    reader: Reader<'a>,
    sums: Sums,
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Malformed>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.0.is_empty() {
            return None;
        }
        let record = Record::take(&mut self.reader, &mut self.sums);
        if record.is_err() {
            self.reader = Reader(&[]);
        }
        Some(record)
    }
}

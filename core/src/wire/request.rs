//! Requests: what a host asks of a device on a link that goes both ways. Both directions, in this file.

use super::crc::crc;
use super::packet::VERSION;
use crate::id::Session;

/// The first byte: no version of packets has its highest bit.
const REQUEST: u8 = 0x80 | VERSION;
const SYNC: u8 = 1;
const NAMES: u8 = 2;
const TIME: u8 = 4;
/// The highest four bits: the token.
const TOKEN: u32 = 4;

const LEN: usize = Request::LEN;

/// What a host asks of a device.
///
/// As a datagram it travels as it is; on a byte stream in a frame ([`write_frame`](super::write_frame)), which a
/// [`RequestDecoder`] takes apart.
///
/// ```
/// use microspan::wire::Request;
/// let introduce_yourself = Request { session: None, sync: true, names: true, time: None };
/// assert_eq!(introduce_yourself.encode().len(), 12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Request {
    /// Whose packets are meant; `None`: whoever hears it.
    pub session: Option<Session>,
    /// What the session says of itself: its sync, its identity, its counts.
    pub sync: bool,
    /// All its names.
    pub names: bool,
    /// When it hears this, by its clock: a token from 0 to 15, which its [echo](super::Record::Echo) says again.
    pub time: Option<u8>,
}

impl Request {
    /// The bytes of a request.
    ///
    /// ```
    /// use microspan::wire::Request;
    /// let bytes: [u8; Request::LEN] = Request { session: None, sync: true, names: true, time: None }.encode();
    /// ```
    pub const LEN: usize = 12;

    /// The bytes of the request.
    ///
    /// ```
    /// use microspan::wire::Request;
    /// let request = Request { session: None, sync: true, names: false, time: None };
    /// assert_eq!(Request::parse(&request.encode()), Some(request));
    /// ```
    pub fn encode(&self) -> [u8; LEN] {
        let [a, b, c, d, e, f, g, h] = self.session.map_or(0, |session| session.0).to_le_bytes();
        let bits = if self.sync { SYNC } else { 0 } | if self.names { NAMES } else { 0 };
        let bits = bits | self.time.map_or(0, |token| TIME | token << TOKEN);
        let [low, high] = crc(&[REQUEST, a, b, c, d, e, f, g, h, bits]).to_le_bytes();
        [REQUEST, a, b, c, d, e, f, g, h, bits, low, high]
    }

    /// The request of these bytes, if they are one of this version.
    ///
    /// ```
    /// use microspan::wire::Request;
    /// let request = Request { session: None, sync: true, names: false, time: None };
    /// assert_eq!(Request::parse(&request.encode()), Some(request));
    /// assert_eq!(Request::parse(b"twelve bytes"), None);
    /// ```
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (content, sent) = bytes.split_last_chunk::<2>()?;
        let [REQUEST, a, b, c, d, e, f, g, h, bits] = *<&[u8; LEN - 2]>::try_from(content).ok()? else {
            return None;
        };
        if crc(content) != u16::from_le_bytes(*sent) {
            return None;
        }
        let key = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        Some(Self {
            session: (key != 0).then(|| Session::new(key)),
            sync: bits & SYNC != 0,
            names: bits & NAMES != 0,
            time: (bits & TIME != 0).then_some(bits >> TOKEN),
        })
    }
}

/// Finds requests in a byte stream, byte by byte: in an interrupt of a serial port, or wherever bytes come in.
///
/// ```
/// use microspan::wire::{Request, RequestDecoder, write_frame};
/// let mut line = vec![];
/// let request = Request { session: None, sync: true, names: false, time: None };
/// write_frame(&request.encode(), |bytes| Ok::<_, ()>(line.extend_from_slice(bytes))).unwrap();
/// let mut decoder = RequestDecoder::new();
/// assert_eq!(line.into_iter().find_map(|byte| decoder.byte(byte)), Some(request));
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RequestDecoder {
    bytes: [u8; LEN],
    /// How many there are; beyond `LEN`: too many, or the frame is broken.
    len: usize,
    /// How many bytes of the run are still to come.
    run: u8,
    /// Whether a zero follows the run.
    zero: bool,
}

impl RequestDecoder {
    /// A decoder at the start of a stream.
    ///
    /// ```
    /// let mut decoder = microspan::wire::RequestDecoder::new();
    /// assert_eq!(decoder.byte(0), None);
    /// ```
    pub const fn new() -> Self {
        Self { bytes: [0; LEN], len: 0, run: 0, zero: false }
    }

    /// Takes the next byte of the stream; returns the request that it ends, if it ends one.
    ///
    /// ```
    /// use microspan::wire::{Request, RequestDecoder, write_frame};
    /// let request = Request { session: None, sync: true, names: true, time: None };
    /// let mut line = vec![];
    /// write_frame(&request.encode(), |bytes| Ok::<_, ()>(line.extend_from_slice(bytes))).unwrap();
    /// let mut decoder = RequestDecoder::new();
    /// let heard: Vec<Request> = line.into_iter().filter_map(|byte| decoder.byte(byte)).collect();
    /// assert_eq!(heard, [request]);
    /// ```
    pub fn byte(&mut self, byte: u8) -> Option<Request> {
        if byte == 0 {
            let whole = if self.run == 0 { self.bytes.get(..self.len) } else { None };
            let request = whole.and_then(Request::parse);
            *self = Self::new();
            return request;
        }
        if self.run > 0 {
            self.run -= 1;
            self.push(byte);
        } else {
            if self.zero {
                self.push(0);
            }
            self.run = byte - 1;
            self.zero = byte != 0xff;
        }
        None
    }

    fn push(&mut self, byte: u8) {
        match self.bytes.get_mut(self.len) {
            Some(place) => {
                *place = byte;
                self.len += 1;
            }
            None => self.len = LEN + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Packet, PacketError, write_frame};
    extern crate std;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn frame(request: &Request) -> Vec<u8> {
        let mut line = Vec::new();
        write_frame(&request.encode(), |bytes| {
            line.extend_from_slice(bytes);
            Ok::<_, ()>(())
        })
        .unwrap();
        line
    }

    #[test]
    fn what_is_no_request_of_this_version_is_none() {
        let request = Request { session: Some(Session::new(7)), sync: false, names: true, time: Some(15) };
        let bytes = request.encode();
        assert_eq!(Request::parse(&bytes), Some(request));
        for at in 0..bytes.len() {
            let mut damaged = bytes;
            damaged[at] ^= 4;
            assert_eq!(Request::parse(&damaged), None, "byte {at}");
        }
        for len in 0..bytes.len() {
            assert_eq!(Request::parse(&bytes[..len]), None, "{len} bytes");
        }
    }

    #[test]
    fn a_request_is_no_packet() {
        let request = Request { session: None, sync: true, names: true, time: None };
        assert_eq!(Packet::parse(&request.encode()).unwrap_err(), PacketError::Version(REQUEST));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 5 } else { 500 }, failure_persistence: None, ..Default::default() })]

        #[test]
        fn requests_are_found_in_a_stream_after_any_noise(
            noise in prop::collection::vec(any::<u8>(), 0..100),
            keys in prop::collection::vec(any::<u64>(), 1..5),
            sync in any::<bool>(),
            time in prop::option::of(0..16_u8),
        ) {
            let requests: Vec<Request> = keys
                .iter()
                .map(|key| Request { session: (*key != 0).then(|| Session::new(*key)), sync, names: true, time })
                .collect();
            let mut line = noise;
            line.push(0);
            line.extend(requests.iter().flat_map(frame));
            let mut decoder = RequestDecoder::new();
            let heard: Vec<Request> = line.into_iter().filter_map(|byte| decoder.byte(byte)).collect();
            prop_assert_eq!(&heard[heard.len() - requests.len()..], &requests[..]);
        }
    }
}

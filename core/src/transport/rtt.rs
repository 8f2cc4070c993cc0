//! Packets as frames on an up-channel of `rtt-target`.

use super::{Refused, Transport};
use crate::wire::{FRAME_END, write_frame_body};
use core::convert::Infallible;
use rtt_target::{ChannelMode, UpChannel};

/// Sends packets as COBS frames on an RTT channel of its own, beside those of logs. It never waits.
///
/// A frame goes out in as many parts as the channel's buffer has room for: until its last byte is in, the packet is
/// refused and so kept by the drain, and the next call goes on where this one stopped. The buffer may be shorter than a
/// frame. On the host, whatever reads the probe hands the channel's bytes to `microspan bridge --tcp` or `--stdin`.
///
/// ```no_run
#[doc = include_str!("../../docs/setup.txt")]
/// use rtt_target::{ChannelMode, rtt_init};
/// let channels = rtt_init! {
///     up: {
///         0: { size: 1024, name: "defmt" }
///         1: { size: 512, mode: ChannelMode::NoBlockTrim, name: "microspan" }
///     }
/// };
/// let mut probe = microspan::Rtt::new(channels.up.1);
/// let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
/// let _ = drain.poll(&mut probe);
/// ```
pub struct Rtt {
    channel: UpChannel,
    /// What ends that which the channel carried before the frame.
    ending: &'static [u8],
    /// The packet of which a part is in the channel: its length and its last bytes, which are a checksum.
    packet: (usize, [u8; 2]),
    /// How many bytes of that frame are, what ends another included.
    sent: usize,
    /// Only the final zero is not.
    is_whole: bool,
}

/// Whatever was there before, or a frame of which the end is missing.
const FRAGMENT: &[u8] = &[0];
/// A frame of which only the final zero is missing is spoiled by a code byte that announces 254 bytes of which none
/// follows: it was refused, so it must not arrive.
const WITHOUT_END: &[u8] = &[0xff, 0];

impl Rtt {
    /// A transport over this channel, which from now on takes what it has room for
    /// ([`NoBlockTrim`](ChannelMode::NoBlockTrim)).
    ///
    /// ```no_run
    /// let channels = rtt_target::rtt_init! { up: { 0: { size: 512, name: "microspan" } } };
    /// let probe = microspan::Rtt::new(channels.up.0);
    /// ```
    pub fn new(mut channel: UpChannel) -> Self {
        channel.set_mode(ChannelMode::NoBlockTrim);
        Self { channel, ending: FRAGMENT, packet: (0, [0; 2]), sent: 0, is_whole: false }
    }

    /// Whether the probe has read all that was written: a program that ends by itself waits for it.
    ///
    /// ```no_run
    /// # let channels = rtt_target::rtt_init! { up: { 0: { size: 512, name: "microspan" } } };
    /// let probe = microspan::Rtt::new(channels.up.0);
    /// while !probe.is_empty() {}
    /// ```
    pub fn is_empty(&self) -> bool {
        self.channel.is_empty()
    }

    pub(crate) fn is_inside_a_frame(&self) -> bool {
        self.sent > 0
    }
}

impl Transport for Rtt {
    type Error = Infallible;

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<Infallible>> {
        let this = (packet.len(), packet.last_chunk().copied().unwrap_or_default());
        if self.packet != this && self.sent > 0 {
            // Another one than was refused: a panic has changed the drain.
            self.ending = if self.is_whole { WITHOUT_END } else { FRAGMENT };
            self.sent = 0;
        }
        self.packet = this;
        self.is_whole = false;
        let Self { channel, ending, sent, .. } = self;
        let mut before = *sent;
        let mut put = |bytes: &[u8]| {
            let Some(bytes) = bytes.get(before..) else {
                before -= bytes.len();
                return Ok(());
            };
            before = 0;
            let taken = channel.write(bytes);
            *sent += taken;
            if taken == bytes.len() { Ok(()) } else { Err(Refused::WouldBlock) }
        };
        put(ending)?;
        write_frame_body(packet, &mut put)?;
        let ended = put(&[FRAME_END]);
        self.is_whole = ended.is_err();
        ended?;
        (self.ending, self.sent) = (&[], 0);
        Ok(())
    }
}

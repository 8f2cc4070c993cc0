//! Packets as `defmt` frames, between the lines of a log.

use super::{Refused, Transport};

/// Sends each packet as one `defmt` frame, on whatever line the program's log is written to.
///
/// The host takes the packets out again and shows the rest: `microspan bridge --defmt-elf PROGRAM`. With [`Stamp`] as the
/// log's timestamp, lines that were logged within a span become its events.
///
/// It takes every packet, since a logger of `defmt` cannot refuse: one that drops frames (`defmt-rtt` that is not blocking, with
/// a full buffer) drops packets, which the host counts as lost. And it waits as long as the logger does, with what the logger
/// masks masked: for `defmt`'s usual loggers that is every interrupt, for the whole frame. A frame is the packet, its
/// timestamp and 6 bytes; `rzcobs` takes zeros away, and adds a byte to 134 at most and two ends.
///
/// [`Stamp`]: crate::Stamp
///
/// ```no_run
#[doc = include_str!("../../docs/setup.txt")]
/// let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
/// TRACER.trace("order").finish();
/// while let Ok(true) = drain.poll(&mut Defmt) {}
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, defmt::Format)]
pub struct Defmt;

impl Transport for Defmt {
    type Error = core::convert::Infallible;

    fn send(&mut self, packet: &[u8]) -> Result<(), Refused<Self::Error>> {
        // The host knows a packet by these words.
        defmt::println!("microspan packet {=[u8]}", packet);
        Ok(())
    }
}

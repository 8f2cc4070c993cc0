//! What a session says of itself: its clock and what holds for all its spans, the device and its program, counts. What each
//! writes, it reads, in this file or in `record.rs`.

use super::codec::{Full, Malformed, Put as _, Reader, Writer};
use super::record::{CALLSITE, DROPPED, IDENTITY, SYNC, put_framed};
use super::tag::{Tag, Tags, Text, Whose, put_tag};
use crate::callsite::Callsite;

/// What a session says of its clock and of all its spans.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// # let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
/// # TRACER.trace("order").finish();
/// # drain.poll(&mut line).unwrap();
/// # let packet = wire::Packet::parse(&line.0[0]).unwrap();
/// let sync = packet.records().find_map(|record| match record {
///     Ok(wire::Record::Sync(sync)) => Some(sync),
///     _ => None,
/// });
/// assert_eq!(sync.unwrap().frequency, 1_000_000);
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sync<'a> {
    /// Ticks per second of the device's clock.
    pub frequency: u32,
    /// The time of tick 0, in nanoseconds since the Unix epoch; 0: the device does not know it.
    pub clock_base: u64,
    /// The service its spans belong to, unless they say otherwise; empty: the host's configuration says it.
    pub service: Text<'a>,
    /// Tags of every span of the session.
    pub tags: Tags<'a>,
}

impl<'a> Sync<'a> {
    pub(super) fn take(mut r: Reader<'a>) -> Result<Self, Malformed> {
        let (frequency, clock_base) = (r.take()?, r.take()?);
        let service = Text::take(&mut r)?;
        let count = r.take()?;
        Ok(Self { frequency, clock_base, service, tags: Tags::take(&mut r, count, Whose::Others)? })
    }
}

/// Which device runs which program.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// # let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
/// drain.set_device("oven-3");
/// # drain.poll(&mut line).unwrap();
/// # let packet = wire::Packet::parse(&line.0[0]).unwrap();
/// assert!(packet.records().any(|record| matches!(record, Ok(wire::Record::Identity(wire::Identity { .. })))));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Identity<'a> {
    /// What tells one build of the program from all others, at most 32 bytes: the GNU build id of its ELF file. Empty: not told.
    pub build_id: &'a [u8],
    /// The device's name; empty: not told.
    pub device: Text<'a>,
}

impl<'a> Identity<'a> {
    pub(super) fn take(mut r: Reader<'a>) -> Result<Self, Malformed> {
        let len: u8 = r.take()?;
        if usize::from(len) > MAX_BUILD_ID {
            return Err(Malformed);
        }
        Ok(Self { build_id: r.take_bytes(usize::from(len))?, device: Text::take(&mut r)? })
    }
}

/// The longest build id, in bytes.
///
/// ```
/// assert!(microspan::wire::MAX_BUILD_ID >= 20); // SHA-1, which linkers take
/// ```
pub const MAX_BUILD_ID: usize = 32;

/// The longest body of a record.
const BODY: usize = 255;

/// Writes a sync with as many of the tags that `tags` puts into it as fit.
pub(crate) fn put_sync(
    w: &mut Writer<'_>,
    frequency: u32,
    clock_base: u64,
    service: Text<'_>,
    mut tags: impl FnMut(&mut SyncTags<'_, '_>),
) -> Result<(), Full> {
    put_framed(w, SYNC, |w| {
        let end = w.used() + BODY;
        w.number(frequency)?;
        w.number(clock_base)?;
        service.put(w)?;
        let count = w.used();
        w.byte(0)?;
        tags(&mut SyncTags { w, count, end });
        Ok(())
    })
}

/// The tags of a sync, one after the other.
pub(crate) struct SyncTags<'w, 'b> {
    w: &'w mut Writer<'b>,
    /// Where their number stands.
    count: usize,
    /// Where they must end.
    end: usize,
}

impl SyncTags<'_, '_> {
    /// Writes a tag, if it fits.
    pub(crate) fn put(&mut self, tag: &Tag<'_>) {
        let before = self.w.used();
        if put_tag(self.w, tag).is_err() || self.w.used() > self.end {
            self.w.rewind(before);
        } else {
            self.w.patch(self.count, |tags| tags.saturating_add(1));
        }
    }
}

/// Writes which device runs which program; a build id that is too long is left out.
pub(crate) fn put_identity(w: &mut Writer<'_>, build_id: &[u8], device: Text<'_>) -> Result<(), Full> {
    let build_id = if build_id.len() > MAX_BUILD_ID { &[] } else { build_id };
    put_framed(w, IDENTITY, |w| {
        w.byte(build_id.len() as u8)?;
        w.put_bytes(build_id)?;
        device.put(w)
    })
}

/// Writes what was counted at a callsite.
pub(crate) fn put_callsite(w: &mut Writer<'_>, name: Text<'_>, site: &Callsite) -> Result<(), Full> {
    put_framed(w, CALLSITE, |w| {
        name.put(w)?;
        [site.started, site.finished, site.errored, site.dropped]
            .iter()
            .try_for_each(|count| w.number(*count))
    })
}

/// Writes how much was dropped on a core by a cause.
pub(crate) fn put_dropped(w: &mut Writer<'_>, core: u8, cause: u8, count: u32) -> Result<(), Full> {
    put_framed(w, DROPPED, |w| w.put_bytes(&[core, cause]).and_then(|()| w.number(count)))
}

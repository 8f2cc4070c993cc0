//! Records: a finished span, which `span.rs` has, a name, and what `about.rs` has.

use super::about::{Identity, Sync};
use super::codec::{Full, Malformed, Put as _, Reader, Writer};
use super::span::{SPAN, Span, Sums};
use super::tag::Text;
use crate::arena::Cause;
use crate::tag::cut;

// The first byte of a record: below 0x80 a kind, from 0x80 on a span and its flags.
const NAME: u8 = 1;
pub(super) const SYNC: u8 = 2;
pub(super) const CALLSITE: u8 = 3;
pub(super) const DROPPED: u8 = 4;
pub(super) const IDENTITY: u8 = 5;
const ECHO: u8 = 6;
const OVER: u8 = 7;

/// Writes a body with its length before it, in one byte.
pub(super) fn put_counted(
    w: &mut Writer<'_>,
    body: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
) -> Result<(), Full> {
    let place = w.used();
    w.byte(0)?;
    body(w)?;
    let len = u8::try_from(w.used() - place - 1).map_err(|_| Full)?;
    w.patch(place, |_| len);
    Ok(())
}

/// What [`put_counted`] wrote.
pub(super) fn take_counted<'a>(r: &mut Reader<'a>) -> Result<Reader<'a>, Malformed> {
    let len: u8 = r.take()?;
    r.take_bytes(usize::from(len)).map(Reader)
}

/// Writes a record that is not a span: its kind, the length of its body, its body.
pub(super) fn put_framed(
    w: &mut Writer<'_>,
    kind: u8,
    body: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
) -> Result<(), Full> {
    w.byte(kind)?;
    put_counted(w, body)
}

/// Writes the name of an index; with `short`, cut to what fits.
pub(crate) fn put_name(w: &mut Writer<'_>, index: u32, name: &str, short: bool) -> Result<(), Full> {
    put_framed(w, NAME, |w| {
        w.number(index)?;
        let text = if short { cut(name, w.room()) } else { name };
        w.put_bytes(text.as_bytes())
    })
}

/// Writes which request was heard, and how many ticks before the packet's time.
pub(crate) fn put_echo(w: &mut Writer<'_>, token: u8, waited: u64) -> Result<(), Full> {
    put_framed(w, ECHO, |w| w.byte(token).and_then(|()| w.number(waited)))
}

/// Writes that a reset has ended the session before the packet was filled.
pub(crate) fn put_over(w: &mut Writer<'_>) -> Result<(), Full> {
    put_framed(w, OVER, |_| Ok(()))
}

/// A record of a packet.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// # let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
/// # TRACER.trace("order").finish();
/// # drain.poll(&mut line).unwrap();
/// # let packet = wire::Packet::parse(&line.0[0]).unwrap();
/// for record in packet.records().flatten() {
///     match record {
///         wire::Record::Span(span) => println!("{:?} took {} ticks", span.name, span.duration),
///         wire::Record::Name { index, text } => println!("{index} stands for {text}"),
///         other => println!("{other:?}"),
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Record<'a> {
    /// A finished span.
    Span(Span<'a>),
    /// The string that an index stands for in this session.
    Name {
        /// The index.
        index: u32,
        /// The string.
        text: &'a str,
    },
    /// What the session says of its clock and of all its spans.
    Sync(Sync<'a>),
    /// Which device runs which program.
    Identity(Identity<'a>),
    /// What was counted at the callsite of a name since the session began.
    Callsite {
        /// The name of its spans.
        name: Text<'a>,
        /// Spans that were to start there.
        started: u32,
        /// Spans that were finished.
        finished: u32,
        /// Spans that were finished and are errors.
        errored: u32,
        /// Spans that found no slot.
        dropped: u32,
    },
    /// How much was dropped on a core since the session began, by one cause.
    Dropped {
        /// The core.
        core: u8,
        /// The cause; `None`: one that this version does not know.
        cause: Option<Cause>,
        /// How many spans or tags.
        count: u32,
    },
    /// When a request was heard that asked for that.
    Echo {
        /// The token of the request.
        token: u8,
        /// How many ticks before the packet's time it was heard.
        waited: u64,
    },
    /// A reset had ended the session when the packet was filled: its time is the last that is known of it.
    Over,
    /// A record of a kind that this version does not know, skipped.
    Unknown {
        /// Its kind.
        kind: u8,
    },
}

impl<'a> Record<'a> {
    #[inline(always)]
    pub(crate) fn take(r: &mut Reader<'a>, sums: &mut Sums) -> Result<Self, Malformed> {
        let kind: u8 = r.take()?;
        if kind & SPAN != 0 {
            return Span::take(kind, r, sums).map(Record::Span);
        }
        let mut body = take_counted(r)?;
        Ok(match kind {
            NAME => {
                let index = body.take()?;
                Record::Name { index, text: core::str::from_utf8(body.0).map_err(|_| Malformed)? }
            }
            SYNC => Record::Sync(Sync::take(body)?),
            IDENTITY => Record::Identity(Identity::take(body)?),
            CALLSITE => Record::Callsite {
                name: Text::take(&mut body)?,
                started: body.take()?,
                finished: body.take()?,
                errored: body.take()?,
                dropped: body.take()?,
            },
            DROPPED => Record::Dropped {
                core: body.take()?,
                cause: Cause::from_number(body.take()?),
                count: body.take()?,
            },
            ECHO => Record::Echo { token: body.take()?, waited: body.take()? },
            OVER => Record::Over,
            kind => Record::Unknown { kind },
        })
    }
}

#[cfg(test)]
mod tests;

//! What hangs on a span beside its tags, into a packet.
//!
//! A program that sets none of it does not link this: the drain reaches it by a pointer that who sets the first has left.

use super::names::Texts;
use crate::arena::Cell;
use crate::clock::ahead40;
use crate::tag::Kind;
use crate::wire::{
    Full, Writer, put_baggage, put_event, put_link, put_remote_link, put_remote_parent, put_removed,
};

/// Writes what a cell begins, of the span with this handle and start.
type Put = fn(&mut dyn Texts, &mut Writer<'_>, u32, u64, &Cell) -> Result<(), Full>;

/// The way to the writer.
pub(crate) struct Beyond(Put);

/// The only one.
pub(crate) static BEYOND: Beyond = Beyond(put);

impl Beyond {
    /// Writes what a cell begins, of the span with this handle and start.
    pub(super) fn put(
        &self,
        names: &mut dyn Texts,
        w: &mut Writer<'_>,
        handle: u32,
        start: u64,
        cell: &Cell,
    ) -> Result<(), Full> {
        (self.0)(names, w, handle, start, cell)
    }
}

fn put(names: &mut dyn Texts, w: &mut Writer<'_>, handle: u32, start: u64, cell: &Cell) -> Result<(), Full> {
    let key = names.text(cell.key());
    match cell.kind {
        Kind::Removed => return put_removed(w, key),
        Kind::RemoteParent => return put_remote_parent(w, cell.elsewhere()),
        Kind::Baggage => {
            let (len, pieces) = cell.pieces();
            return put_baggage(w, key, len, pieces);
        }
        _ => (),
    }
    let count = cell.attributes().count() as u8;
    let mut attributes =
        |w: &mut Writer<'_>| cell.attributes().try_for_each(|attribute| names.put_tag(w, &attribute));
    match cell.kind {
        Kind::Event => put_event(w, key, ahead40(cell.bits(), start), count, &mut attributes),
        Kind::RemoteLink => put_remote_link(w, cell.elsewhere(), count, &mut attributes),
        _ => put_link(w, handle, cell.linked(), count, &mut attributes),
    }
}

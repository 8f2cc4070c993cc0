//! What hangs on a span beside its tags, into a packet.

use super::encoder::Encoder;
use crate::arena::{Cell, Finished};
use crate::clock::ahead40;
use crate::tag::Kind;
use crate::wire::{
    Full, Writer, put_baggage, put_event, put_link, put_remote_link, put_remote_parent, put_removed,
};

impl<const N: usize> Encoder<'_, N> {
    /// Writes a tag, or what else a cell begins.
    #[inline(always)]
    pub(super) fn cell(&mut self, w: &mut Writer<'_>, span: &Finished, cell: &Cell) -> Result<(), Full> {
        if (cell.kind as u8) < Kind::Removed as u8 { self.tag(w, cell) } else { self.beyond(w, span, cell) }
    }

    #[inline(never)]
    fn beyond(&mut self, w: &mut Writer<'_>, span: &Finished, cell: &Cell) -> Result<(), Full> {
        let key = self.names.text(cell.key());
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
            |w: &mut Writer<'_>| cell.attributes().try_for_each(|attribute| self.tag(w, &attribute));
        match cell.kind {
            Kind::Event => put_event(w, key, ahead40(cell.bits(), span.start()), count, &mut attributes),
            Kind::RemoteLink => put_remote_link(w, cell.elsewhere(), count, &mut attributes),
            _ => put_link(w, span.handle, cell.linked(), count, &mut attributes),
        }
    }
}

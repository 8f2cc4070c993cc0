//! Looking at the cells of open spans, which somebody else may finish meanwhile.
//!
//! Who looks says so before it checks that the span is open. The drain asks after it has seen the span finished: if it
//! sees nobody, whoever comes later sees the span finished and keeps off. Otherwise it leaves the span for a later poll,
//! and so does a start that would overwrite it. Nobody waits.

use super::reap::{Cell, Chain};
use super::tags::first;
use super::{ArenaView, MAX_STR, PARENT, TAGS};
use crate::span_context::SpanContext;
use crate::sync::{Ordering, fence};
use crate::tag::Kind;

/// How many ancestors are asked for what a span has by its descent.
const ANCESTORS: u32 = 32;

impl ArenaView {
    /// Has `look` see the cells of a span, newest first; `None`: it is not open.
    pub(crate) fn look<R>(&self, handle: u32, look: impl FnOnce(Chain) -> R) -> Option<R> {
        // What is not recorded has the handle 0, which for a moment a slot may have too.
        if handle == 0 {
            return None;
        }
        let readers = &self.state.readers;
        readers.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let head = self.spans.slot(handle).shared[TAGS].load(Ordering::Acquire);
        // What this finds open was so when the head was read: each of these cells was there before the end.
        fence(Ordering::Acquire);
        let seen = self.spans.is_open(handle).then(|| look(self.chain(first(head), 0)));
        readers.fetch_sub(1, Ordering::Release);
        seen
    }

    /// Has `read` see the newest tag of a key that an open span has.
    pub(crate) fn tag_of<R>(&self, handle: u32, key: &str, read: impl FnOnce(&Cell) -> R) -> Option<R> {
        self.look(handle, |mut cells| {
            let newest = cells.find(|cell| cell.is_tag() && cell.key() == key);
            newest.filter(|cell| cell.kind != Kind::Removed).map(|cell| read(&cell))
        })?
    }

    /// The name of an open span.
    pub(crate) fn name_of(&self, handle: u32) -> Option<&'static str> {
        // SAFETY: it is open when this looks, and its slot is not used again before this has looked; nobody writes a name but
        // who starts a span, before anybody has its handle.
        self.look(handle, |_| unsafe { self.name(handle) })
    }

    /// Whether somebody may be looking at the cells of a span that the caller has seen finished. Who did so when there was a
    /// panic does not go on.
    pub(crate) fn is_read(&self) -> bool {
        fence(Ordering::SeqCst);
        self.state.readers.load(Ordering::Acquire) != 0 && !self.has_panicked()
    }

    /// What an open span is called outside; `None`: its session has not begun, or the root of its trace is finished, which
    /// alone knows whether the trace came from elsewhere.
    pub(crate) fn context(&self, handle: u32) -> Option<SpanContext> {
        let session = self.session()?;
        let root = self.root(handle)?;
        let remote = self.look(root, |mut cells| {
            cells.find(|cell| cell.kind == Kind::RemoteParent).map(|cell| cell.context())
        })?;
        let span_id = session.span_id(self.counter_of(handle));
        Some(match remote {
            Some(remote) => SpanContext { span_id, ..remote },
            None => {
                let trace_id = self.trace_id(session, self.counter_of(root));
                SpanContext { trace_id, span_id, sampling_priority: None }
            }
        })
    }

    /// An item of the baggage of a span or its nearest open ancestor that has it, in `buffer`.
    pub(crate) fn baggage_item<'b>(
        &self,
        handle: u32,
        key: &str,
        buffer: &'b mut [u8; MAX_STR],
    ) -> Option<&'b str> {
        let is_of_key = |item: &Cell| item.key() == key;
        let (_, len) = self.descent(handle, |bearer| self.item(bearer, 0, is_of_key, buffer)?)?;
        core::str::from_utf8(buffer.get(..len)?).ok()
    }

    /// Shows the items of the baggage of a span, newest first, then those of its open ancestors.
    pub(crate) fn each_baggage_item(&self, handle: u32, mut look: impl FnMut(&'static str, &str)) {
        let mut buffer = [0; MAX_STR];
        self.descent(handle, |bearer| {
            let mut after = 0;
            while let Some(Some((item, len))) = self.item(bearer, after, |_| true, &mut buffer) {
                let text = buffer.get(..len).and_then(|bytes| core::str::from_utf8(bytes).ok());
                // Not while the cells are looked at.
                look(item.key(), text.unwrap_or_default());
                after = item.place();
            }
            None::<()>
        });
    }

    /// What `find` finds for a span or its nearest ancestor.
    pub(crate) fn descent<R>(&self, mut handle: u32, mut find: impl FnMut(u32) -> Option<R>) -> Option<R> {
        for _ in 0..ANCESTORS {
            let found = find(handle);
            if found.is_some() || self.last_root(handle) == handle {
                return found;
            }
            handle = self.last(handle, PARENT).filter(|parent| *parent != 0)?;
        }
        None
    }

    /// The newest item of a span that `is` the one, of those behind the cell at `after`; how long it is in `buffer`. `None`: the
    /// span is not open.
    fn item(
        &self,
        handle: u32,
        after: u32,
        is: impl Fn(&Cell) -> bool,
        buffer: &mut [u8; MAX_STR],
    ) -> Option<Option<(Cell, usize)>> {
        self.look(handle, |mut cells| {
            if after != 0 {
                cells.find(|cell| cell.place() == after)?;
            }
            let item = cells.find(|cell| cell.kind == Kind::Baggage && is(cell))?;
            let (len, pieces) = item.pieces();
            let mut to = buffer.iter_mut();
            pieces.for_each(|piece| piece.as_ref().iter().zip(&mut to).for_each(|(from, to)| *to = *from));
            Some((item, len.into()))
        })
    }
}

//! Spans and their tags into a packet.

use super::names::{Table, Texts};
#[cfg(not(target_os = "none"))]
use crate::arena::MAX_STR;
use crate::arena::{Cause, Cell, ERROR, Finished, LOST};
use crate::clock::ahead40;
use crate::tag::Kind;
#[cfg(not(target_os = "none"))]
use crate::tag::cut;
use crate::tracer::Tracer;
use crate::wire::{
    Deltas, Full, Header, ShortSpan, SpanHead, Tag, TagStart, TagValue, Writer, drop_tag, put_name,
    put_pieces, put_short_span, put_span, put_tag,
};

/// Encodes the spans of one packet.
pub(super) struct Encoder<'d, const N: usize> {
    tracer: &'static Tracer,
    deltas: Deltas,
    /// The newest handle seen.
    pub(super) newest: u32,
    /// A span was not written because somebody looks at its tags: it is to be tried again later.
    pub(super) is_held: bool,
    names: &'d mut Table<N>,
}

impl<'d, const N: usize> Encoder<'d, N> {
    pub(super) fn new(tracer: &'static Tracer, names: &'d mut Table<N>, header: &Header) -> Self {
        Self { tracer, deltas: Deltas::new(header), newest: header.counter as u32, is_held: false, names }
    }

    /// Writes a span, or nothing; with `fewer`, without the tags that do not fit, which are counted.
    #[inline(always)]
    pub(super) fn span(&mut self, w: &mut Writer<'_>, span: &Finished, fewer: bool) -> Result<(), Full> {
        if span.has_tags() || !self.short_span(w, span) {
            self.any_span(w, span, fewer)?;
        }
        if (span.handle.wrapping_sub(self.newest) as i32) > 0 {
            self.newest = span.handle;
        }
        Ok(())
    }

    /// Writes a span that is short enough; returns whether it did.
    #[inline(never)]
    fn short_span(&mut self, w: &mut Writer<'_>, span: &Finished) -> bool {
        let Some((high, start, duration)) = span.near() else { return false };
        let (parent, trace) = (span.parent(), span.root());
        let has_more = span.interrupt() != 0 || trace == span.handle && parent != 0;
        let Some(form) = self.names.form(span.name()) else { return false };
        if has_more || !self.deltas.is_near(high, start) {
            return false;
        }
        let short = ShortSpan {
            counter: span.handle,
            parent,
            trace,
            name: span.name(),
            form,
            start,
            duration,
            error: span.has(ERROR),
            lost_tags: span.has(LOST),
        };
        put_short_span(w, &mut self.deltas, &short)
    }

    #[inline(never)]
    fn any_span(&mut self, w: &mut Writer<'_>, span: &Finished, fewer: bool) -> Result<(), Full> {
        let (place, deltas) = (w.used(), self.deltas);
        let done = if span.has_tags() {
            self.with_tags(w, span, fewer)
        } else {
            let head = self.head(span, 0, span.has(LOST));
            put_span(w, &mut self.deltas, &head)
        };
        done.inspect_err(|Full| {
            self.deltas = deltas;
            w.rewind(place);
        })
    }

    #[inline(never)]
    fn head(&mut self, span: &Finished, tags: u8, lost_tags: bool) -> SpanHead<'static> {
        let (start, parent, trace) = (span.start(), span.parent(), span.root());
        let has_link = trace == span.handle && parent != 0;
        SpanHead {
            counter: span.handle,
            parent,
            trace,
            link_trace: if has_link { self.tracer.arena.last_root(parent) } else { 0 },
            interrupt: span.interrupt(),
            name: self.names.text(span.name()),
            start,
            duration: ahead40(span.end(), start).max(0) as u64,
            error: span.has(ERROR),
            lost_tags,
            tags,
        }
    }

    #[inline(never)]
    fn with_tags(&mut self, w: &mut Writer<'_>, span: &Finished, fewer: bool) -> Result<(), Full> {
        let arena = self.tracer.arena;
        let core = self.tracer.context.core();
        if arena.is_read() {
            self.is_held = true;
            return Err(Full);
        }
        let tags = arena.tags(span);
        let found = tags.clone().count();
        let count = u8::try_from(found).unwrap_or(u8::MAX);
        let beyond = found - usize::from(count);
        let place = w.used();
        let head = self.head(span, count, span.has(LOST) || beyond != 0);
        put_span(w, &mut self.deltas, &head)?;
        let counted = w.used() - 1;
        for tag in tags.take(usize::from(count)) {
            let before = w.used();
            let written = if tag.is_beyond() {
                let start = span.start();
                arena.beyond().map_or(Err(Full), |beyond| beyond.put(self.names, w, span.handle, start, &tag))
            } else {
                (self.names as &mut dyn Texts).put_tag(w, &tag)
            };
            if written.is_err() && fewer {
                w.rewind(before);
                drop_tag(w, place, counted);
                arena.count(core, Cause::TagsOversize);
            } else {
                written?;
            }
        }
        if beyond != 0 {
            arena.count_some(core, Cause::TagsOversize, beyond as u32);
        }
        Ok(())
    }

    /// Tells the names that have not gone out yet, as many as fit; returns whether there were any. One that is longer
    /// than any packet's room is cut, in a packet of its own.
    pub(super) fn tell_names(&mut self, w: &mut Writer<'_>, empty: usize) -> bool {
        let mut told = false;
        while let Some((index, name)) = self.names.news() {
            let place = w.used();
            if put_name(w, index, name, place == empty).is_err() {
                w.rewind(place);
                break;
            }
            self.names.told();
            told = true;
        }
        told
    }

    /// Tells the name again whose turn it is, if it fits.
    pub(super) fn repeat_a_name(&mut self, w: &mut Writer<'_>) {
        let place = w.used();
        let Some((index, name)) = self.names.again() else { return };
        match put_name(w, index, name, false) {
            Ok(()) => self.names.turn(),
            Err(Full) => w.rewind(place),
        }
    }
}

impl dyn Texts + '_ {
    /// Writes a tag of a scalar or a string.
    #[inline(never)]
    pub(super) fn put_tag(&mut self, w: &mut Writer<'_>, tag: &Cell) -> Result<(), Full> {
        let key = self.text(tag.key());
        let value = match tag.kind {
            Kind::Bool => TagValue::Bool(tag.bits() != 0),
            Kind::U64 => TagValue::U64(tag.bits()),
            Kind::I64 => TagValue::I64(tag.bits() as i64),
            Kind::F32 => TagValue::F32(f32::from_bits(tag.bits() as u32)),
            Kind::F64 => TagValue::F64(f64::from_bits(tag.bits())),
            Kind::Static => TagValue::Text(self.text(tag.fixed().unwrap_or_default())),
            _ => {
                #[cfg(not(target_os = "none"))]
                if tag.long().is_some() {
                    return put_long(w, key, tag);
                }
                let (len, pieces) = tag.pieces();
                return put_pieces(w, &TagStart { key, cut: tag.kind == Kind::Cut }, len, pieces);
            }
        };
        put_tag(w, &Tag { key, value })
    }
}

/// The beginning of a text that is kept elsewhere.
#[cfg(not(target_os = "none"))]
#[cold]
fn put_long(w: &mut Writer<'_>, key: crate::wire::Text<'_>, tag: &Cell) -> Result<(), Full> {
    let mut put = |text: &str| {
        let pieces = core::iter::once(text.as_bytes());
        put_pieces(w, &TagStart { key, cut: true }, text.len() as u8, pieces)
    };
    let mut done = None;
    tag.show_long(|text| done = Some(put(cut(text, MAX_STR))));
    done.unwrap_or_else(|| put(""))
}

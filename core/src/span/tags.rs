//! Tags into cells, and out again.

use super::SpanRef;
use super::message::Message;
use super::shown::Kept;
#[cfg(not(target_os = "none"))]
use crate::arena::MAX_STR;
use crate::arena::{Cell, MAX_NAME, MAX_STATIC, note_of};
use crate::exclusive::Threads;
use crate::tag::{Static, Value, Word, cut, in_one_cell};
use crate::tracer::Tracer;

/// A number, as the value of a [metric](SpanRef::set_metric).
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// let order = TRACER.trace("order");
/// order.set_metric("bytes", 7u32).set_metric("degrees", 21.5);
/// ```
pub trait Number: Into<Value<'static>> {}

macro_rules! numbers {
    ($($number:ty)*) => { $(impl Number for $number {})* };
}
numbers!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize f32 f64);

impl<M: Threads> SpanRef<M> {
    /// Sets several tags, as [`set_tag`](Self::set_tag) sets one.
    ///
    /// ```
    /// # use microspan::{Arena, Clock, Static, Tracer, Value};
    /// # struct Ticks;
    /// # impl Clock for Ticks {
    /// #     fn now(&self) -> u64 { 0 }
    /// #     fn frequency(&self) -> u32 { 1_000_000 }
    /// # }
    /// # static ARENA: Arena<16, 32> = Arena::new();
    /// # static TRACER: Tracer = Tracer::new(&ARENA, &Ticks);
    /// let span = TRACER.trace("toast");
    /// span.set_tags([("slices", 2u8), ("celsius", 180u8)]);
    /// span.set_tags([("bread", Static("rye").into()), ("warm", Value::Bool(true))]);
    /// # assert_eq!(span.get_tag("celsius"), Some(Value::U64(180)));
    /// ```
    pub fn set_tags<'v, V: Into<Value<'v>>>(
        &self,
        tags: impl IntoIterator<Item = (&'static str, V)>,
    ) -> &Self {
        if self.check() {
            for (key, value) in tags {
                tag::<M>(self.tracer, self.handle, key, value.into());
            }
        }
        self
    }

    /// Sets a number: what [`set_tag`](Self::set_tag) does with one, and refuses to do with anything else.
    ///
    /// ```
    /// # use microspan::{Arena, Clock, Tracer};
    /// # struct Ticks;
    /// # impl Clock for Ticks {
    /// #     fn now(&self) -> u64 { 0 }
    /// #     fn frequency(&self) -> u32 { 1_000_000 }
    /// # }
    /// # static ARENA: Arena<16, 32> = Arena::new();
    /// # static TRACER: Tracer = Tracer::new(&ARENA, &Ticks);
    /// TRACER.trace("weigh").set_metric("weight_kg", 0.25f32).set_metric("slices", 2);
    /// ```
    #[inline]
    pub fn set_metric(&self, key: &'static str, number: impl Number) -> &Self {
        self.set_tag(key, number)
    }

    /// Sets the span's own service; otherwise it is [the tracer's](Tracer::service).
    ///
    /// ```
    /// # use microspan::{Arena, Clock, Tracer};
    /// # struct Ticks;
    /// # impl Clock for Ticks {
    /// #     fn now(&self) -> u64 { 0 }
    /// #     fn frequency(&self) -> u32 { 1_000_000 }
    /// # }
    /// # static ARENA: Arena<16, 32> = Arena::new();
    /// # static TRACER: Tracer = Tracer::new(&ARENA, &Ticks);
    /// TRACER.trace("order").set_service("kitchen").set_resource("POST /sandwich").set_type("web");
    /// ```
    pub fn set_service(&self, service: &'static str) -> &Self {
        self.set_tag(SERVICE, Static(service))
    }

    /// Sets the resource: what it is that the span works on; otherwise it is the span's name.
    ///
    /// One that is made at run time is copied by `set_tag("resource.name", text)`.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let request = TRACER.trace("request");
    /// request.set_resource("GET /orders/{id}");
    /// ```
    pub fn set_resource(&self, resource: &'static str) -> &Self {
        self.set_tag(RESOURCE, Static(resource))
    }

    /// Sets the span's type: `web`, `db`, `worker` and the like.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let read = TRACER.trace("flash.read");
    /// read.set_type("db");
    /// ```
    pub fn set_type(&self, span_type: &'static str) -> &Self {
        self.set_tag(TYPE, Static(span_type))
    }
}

/// The tags that are a span's own fields.
pub(super) const SERVICE: &str = "service.name";
pub(super) const RESOURCE: &str = "resource.name";
pub(super) const TYPE: &str = "span.type";

impl<M: Threads> SpanRef<M> {
    /// What a tag of the span holds, of whatever kind; `None`: it is not set, or the span is not open. A text of more than 255 bytes
    /// is `None` as well once who [keeps](Tracer::keep_long_texts) it has let go of it, as `microspan-std` does when it is shut down.
    ///
    /// ```
    /// # use microspan::{Arena, Clock, Tracer, Value};
    /// # struct Ticks;
    /// # impl Clock for Ticks {
    /// #     fn now(&self) -> u64 { 0 }
    /// #     fn frequency(&self) -> u32 { 1_000_000 }
    /// # }
    /// # static ARENA: Arena<16, 32> = Arena::new();
    /// # static TRACER: Tracer = Tracer::new(&ARENA, &Ticks);
    /// let span = TRACER.trace("order");
    /// span.set_tag("guest", "Ada");
    /// let is_ada = span.with_tag("guest", |guest| guest == Value::Str("Ada"));
    /// assert_eq!(is_ada, Some(true));
    /// ```
    pub fn with_tag<R>(&self, key: &str, look: impl FnOnce(Value<'_>) -> R) -> Option<R> {
        let mut text = Message::new();
        #[cfg(not(target_os = "none"))]
        let mut long = None;
        // Copied, so that nobody else's code runs while the cells are looked at.
        let value = self.tracer.arena.tag_of(self.handle, key, |cell| {
            #[cfg(not(target_os = "none"))]
            if cell.long().is_some() {
                long = cell.long();
                return None;
            }
            let value = cell.value();
            if value.is_none() {
                let (len, pieces) = cell.pieces();
                pieces.for_each(|piece| text.push(piece.as_ref()));
                text.cut_to(len.into());
            }
            value
        })?;
        #[cfg(not(target_os = "none"))]
        if let Some(number) = long {
            // Gone by now, if the span is.
            let (mut look, mut seen) = (Some(look), None);
            self.tracer.arena.show_long(number, |text| seen = look.take().map(|look| look(Value::Str(text))));
            return seen;
        }
        Some(look(value.unwrap_or(Value::Str(text.as_str()))))
    }

    /// What a tag of the span holds; `None`: it is not set, or holds a string that was copied, which
    /// [`with_tag`](Self::with_tag) shows.
    ///
    /// ```
    /// # use microspan::{Arena, Clock, Static, Tracer, Value};
    /// # struct Ticks;
    /// # impl Clock for Ticks {
    /// #     fn now(&self) -> u64 { 0 }
    /// #     fn frequency(&self) -> u32 { 1_000_000 }
    /// # }
    /// # static ARENA: Arena<16, 32> = Arena::new();
    /// # static TRACER: Tracer = Tracer::new(&ARENA, &Ticks);
    /// let span = TRACER.trace("toast");
    /// span.set_tag("slices", 2u8).set_tag("slices", 3u8).set_tag("bread", Static("rye"));
    /// assert_eq!(span.get_tag("slices"), Some(Value::U64(3)));
    /// assert_eq!(span.get_tag("bread"), Some(Value::Static("rye")));
    /// assert_eq!(span.get_tag("butter"), None);
    /// ```
    pub fn get_tag(&self, key: &str) -> Option<Value<'static>> {
        self.tracer.arena.tag_of(self.handle, key, Cell::value)?
    }
}

/// Sets a tag. A tag that finds no cells, or a span that is no longer there, is counted.
#[inline(always)]
pub(crate) fn tag<M: Threads>(tracer: &'static Tracer, handle: u32, key: &'static str, value: Value<'_>) {
    match in_one_cell(value, MAX_STATIC) {
        Ok((kind, [low, high])) => {
            let key = cut(key, MAX_NAME);
            put::<M>(tracer, handle, key.as_ptr(), note_of(kind, key.len()), low, high);
        }
        Err(long) => text::<M>(tracer, handle, key, long),
    }
}

// Functions of their own, whose arguments are values, as `finish` is. On a microcontroller a tag then takes 24 bytes of flash
// where it is set instead of 130.

#[cfg_attr(target_pointer_width = "64", inline(always))]
fn put<M: Threads>(tracer: &'static Tracer, handle: u32, key: Word, note: u32, low: Word, high: Word) {
    if let Err(cause) = tracer.arena.scalar(tracer.cell_by(M::MODE), handle, key, note, [low, high]) {
        tracer.arena.lost_tag(tracer.context.core(), handle, cause);
    }
}

pub(super) fn text<M: Threads>(tracer: &'static Tracer, handle: u32, key: &'static str, text: &str) {
    if let Err(cause) = tracer.arena.text(tracer.cell_by(M::MODE), handle, key, text) {
        tracer.arena.lost_tag(tracer.context.core(), handle, cause);
    }
}

/// Sets a tag to a text that was put together, of which `beginning` is at hand: on hosts all of it may be kept.
pub(super) fn shown<M: Threads>(
    tracer: &'static Tracer,
    handle: u32,
    key: &'static str,
    beginning: &str,
    _kept: Kept,
) {
    #[cfg(not(target_os = "none"))]
    if beginning.len() > MAX_STR {
        let by = tracer.cell_by(M::MODE);
        if let Err(cause) = tracer.arena.long_text(by, handle, key, beginning, _kept) {
            tracer.arena.lost_tag(tracer.context.core(), handle, cause);
        }
        return;
    }
    text::<M>(tracer, handle, key, beginning);
}

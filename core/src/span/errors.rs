//! Errors: their types, messages, sources and places.

use super::SpanRef;
use super::shown::{Kept, forget, put_together};
use super::tags::{shown, tag, text};
use crate::arena::{Cause, ERROR, Here, Started};
use crate::exclusive::Threads;
use crate::tag::Value;
use crate::tracer::Tracer;
use core::any::type_name;
use core::error::Error;
use core::fmt;
use core::panic::Location;

/// How many sources of an error are followed: its chain may be a ring.
const SOURCES: usize = 16;

impl<M: Threads> SpanRef<M> {
    /// Marks the span as an error, with all that an error knows.
    ///
    /// | tag | |
    /// | --- | --- |
    /// | `error.type` | the name of the error's type |
    /// | `error.message` | its `Display` |
    /// | `error.stack` | a line `caused by: ..` for each of its [sources](Error::source); not set when there is none |
    /// | `error.file`, `error.line` | where this was called |
    ///
    /// The type is the one that the compiler sees: of a `&dyn Error` it is `dyn core::error::Error`, whatever stands behind it.
    /// Where that is known, hand over the error before it is boxed.
    ///
    /// Texts are cut after 255 bytes, unless somebody [keeps](Tracer::keep_long_texts) long ones. Where slots are
    /// [reserved](Tracer::reserve), the error of a span that found none is recorded all the same, in a span without length named `dropped_span_error`.
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
    /// let span = TRACER.trace("sensor.read");
    /// if let Err(error) = "x".parse::<u32>() {
    ///     span.set_error(&error);
    /// }
    /// # assert!(span.get_tag("error.line").is_some());
    /// ```
    #[track_caller]
    #[inline]
    pub fn set_error<E: Error + ?Sized>(&self, error: &E) -> &Self {
        if self.keeps_errors() {
            let place = Location::caller();
            caught(self, type_name::<E>(), format_args!("{error}"), error.source(), place);
        }
        self
    }

    /// Marks the span as an error, with this type and message.
    ///
    /// It sets `error.type` and `error.message`, formats nothing, and takes a tag cell for each and what the message needs
    /// beyond 7 bytes. Of a dropped span as [`set_error`](Self::set_error) says.
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
    /// TRACER.trace("assemble").set_error_info("OutOfPickles", "the jar is empty");
    /// ```
    pub fn set_error_info(&self, kind: &'static str, message: &str) -> &Self {
        if self.keeps_errors() {
            record(self, |tracer, handle| failed::<M>(tracer, handle, kind, message, None));
        }
        self
    }

    /// The same with a message that is put together.
    pub(crate) fn set_error_shown(&self, kind: &'static str, message: fmt::Arguments<'_>) {
        record(self, |tracer, handle| {
            failed_so::<M>(tracer, handle, kind, message);
        });
    }

    /// Says whether the span is an error, without saying which. A tag that an error has set stays.
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
    /// let span = TRACER.trace("door.close");
    /// span.error(true);
    /// span.error(false); // at the second try
    /// ```
    pub fn error(&self, is_error: bool) -> &Self {
        if is_error {
            if self.keeps_errors() {
                record(self, |tracer, handle| {
                    mark(tracer, handle);
                });
            }
        } else if self.check() && !self.tracer.arena.unmark(self.handle, ERROR) {
            self.tracer.arena.count(self.tracer.context.core(), Cause::Stale);
        }
        self
    }

    /// Whether an error set on it goes anywhere; when it was finished, that is counted.
    #[inline]
    pub(crate) fn keeps_errors(&self) -> bool {
        match self.handle {
            _ if cfg!(feature = "off") => false,
            0 => self.tracer.is_enabled() && self.tracer.arena.full.reserved != 0,
            _ => self.check(),
        }
    }
}

/// Marks spans with the errors of results.
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// fn parse(text: &str, span: &SpanRef) -> Option<u32> {
///     text.parse::<u32>().record_err(span).ok()
/// }
/// let order = TRACER.trace("order");
/// assert_eq!(parse("two", &order.as_ref().unwrap()), None);
/// ```
pub trait RecordErr: Sized {
    /// Hands the result on; an `Err` marks the span, as [`SpanRef::set_error`] does, with the place where this was called.
    ///
    /// ```
    /// use microspan::RecordErr;
    /// use std::num::ParseIntError;
    ///
    /// fn slices(text: &str) -> Result<u8, ParseIntError> {
    ///     let span = microspan::trace("slices");
    ///     let slices = text.parse().record_err(&span)?;
    ///     Ok(slices)
    /// }
    /// # assert!(slices("two").is_err());
    /// ```
    #[track_caller]
    fn record_err<M: Threads>(self, span: &SpanRef<M>) -> Self;
}

impl<T, E: Error> RecordErr for Result<T, E> {
    #[track_caller]
    #[inline]
    fn record_err<M: Threads>(self, span: &SpanRef<M>) -> Self {
        if let Err(error) = &self {
            span.set_error(error);
        }
        self
    }
}

/// Records an error in its span or, if that was dropped, in one of its own.
fn record<M: Threads>(span: &SpanRef<M>, record: impl FnOnce(&'static Tracer, u32)) {
    match (span.tracer, span.handle) {
        (tracer, 0) => error_of_dropped::<M>(tracer, record),
        (tracer, handle) => record(tracer, handle),
    }
}

#[cold]
#[inline(never)]
fn caught<M: Threads>(
    span: &SpanRef<M>,
    kind: &'static str,
    message: fmt::Arguments<'_>,
    source: Option<&(dyn Error + 'static)>,
    place: &'static Location<'static>,
) {
    record(span, |tracer, handle| {
        failed_so::<M>(tracer, handle, kind, message);
        tag::<M>(tracer, handle, "error.file", Value::Static(place.file()));
        tag::<M>(tracer, handle, "error.line", Value::U64(place.line().into()));
        if source.is_some() {
            let (sources, kept) = put_together(tracer, format_args!("{}", Sources(source)));
            shown::<M>(tracer, handle, "error.stack", sources.as_str(), kept);
        }
    });
}

/// A line for each of an error's sources.
struct Sources<'e>(Option<&'e (dyn Error + 'static)>);

impl fmt::Display for Sources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut source, mut between) = (self.0, "");
        for _ in 0..SOURCES {
            let Some(error) = source else { break };
            // What fails to show itself is shown as far as it came.
            let _ = write!(f, "{between}caused by: {error}");
            (source, between) = (error.source(), "\n");
        }
        Ok(())
    }
}

/// The same as [`failed`], with a message to be put together.
#[inline(always)]
fn failed_so<M: Threads>(
    tracer: &'static Tracer,
    handle: u32,
    kind: &'static str,
    message: fmt::Arguments<'_>,
) {
    let (message, kept) = put_together(tracer, message);
    failed::<M>(tracer, handle, kind, message.as_str(), Some(kept));
}

/// Says that a span failed, and how: by a message, or by the beginning of one that was put together.
#[inline(never)]
fn failed<M: Threads>(
    tracer: &'static Tracer,
    handle: u32,
    kind: &'static str,
    message: &str,
    kept: Option<Kept>,
) {
    if mark(tracer, handle) {
        tag::<M>(tracer, handle, "error.type", Value::Static(kind));
        match kept {
            Some(kept) => shown::<M>(tracer, handle, "error.message", message, kept),
            None => text::<M>(tracer, handle, "error.message", message),
        }
    } else if let Some(kept) = kept {
        forget(tracer, kept);
    }
}

/// Marks a span as an error; `false`: it is no longer there, which is counted.
fn mark(tracer: &'static Tracer, handle: u32) -> bool {
    let marked = tracer.arena.mark(handle, ERROR);
    if !marked {
        tracer.arena.count(tracer.context.core(), Cause::Stale);
    }
    marked
}

#[cold]
fn error_of_dropped<M: Threads>(tracer: &'static Tracer, record: impl FnOnce(&'static Tracer, u32)) {
    let here = Here::of(tracer.context);
    if let Some(handle) = tracer.arena.start_error(M::MODE, here, tracer.clock) {
        let _finished = StandIn { tracer, here, handle };
        // It stands for an error, also where that panics when it is to be shown.
        #[cfg(not(target_os = "none"))]
        mark(tracer, handle);
        record(tracer, handle);
    }
}

/// The span of an error whose own span was dropped, finished when this is.
struct StandIn {
    tracer: &'static Tracer,
    here: Here,
    handle: u32,
}

impl Drop for StandIn {
    #[inline(always)]
    fn drop(&mut self) {
        let Self { tracer, here, handle } = *self;
        // SAFETY: `start_error` returned the handle, to the call that made this alone.
        unsafe { tracer.arena.finish(here, Started { handle, previous: 0 }, tracer.clock.now()) };
    }
}

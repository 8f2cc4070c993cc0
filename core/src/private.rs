//! What the expansions of the macros name, and what the host's side shares with the device's: it may change in any release.

use core::any::type_name;
use core::fmt::{self, Debug, Display};

pub use crate::future::{Within, within};
#[cfg(feature = "linked-tracer")]
pub use crate::global::linked;
pub use crate::global::{span, trace};
pub use crate::span::Span;
pub use core::option::Option::Some;
pub use core::{compile_error, concat, module_path, stringify};

#[path = "private/place.rs"]
mod place;
#[path = "private/root.rs"]
mod root;

pub use place::{Place, start_beside};
pub use root::Root;

use crate::arena::Here;
use crate::clock::Clock;
#[cfg(not(target_os = "none"))]
use crate::drain::Drain;
use crate::exclusive::Threads;
use crate::future::Detached;
#[cfg(not(target_os = "none"))]
use crate::id::Session;
use crate::span::SpanRef;
use crate::tag::Value;
use crate::tracer::Tracer;
use core::marker::PhantomData;

/// Whether a pattern of a rule matches the whole of a text.
pub fn matches(pattern: &str, text: &str) -> bool {
    crate::sampler::matches(pattern, text)
}

/// Runs the body of a function. As it is run once, it may give away what it captured.
#[inline(always)]
pub fn call<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// Nothing, of a type that is thereby said.
#[inline(always)]
pub const fn none<T>() -> Option<T> {
    None
}

/// While it lives the span of a [`Detached`] is the current one where it was made.
#[derive(Debug)]
pub struct Entered {
    tracer: &'static Tracer,
    /// What was current before.
    before: u32,
    /// It ends where it began.
    thread: PhantomData<*const ()>,
}

impl Entered {
    /// Has a span be the current one from here on.
    pub fn of<M: Threads>(span: &Detached<M>) -> Self {
        let (tracer, inside) = span.place();
        let before = match inside {
            0 => tracer.current(),
            inside => tracer.arena.enter(Here::of(tracer.context), inside),
        };
        Self { tracer, before, thread: PhantomData }
    }
}

/// What tells an open span from all others of its tracer that are open.
pub fn handle<M: Threads>(span: &Span<M>) -> u32 {
    span.parts().1
}

/// What `find` finds for the handle of an open span or of its nearest ancestor.
pub fn descent<M: Threads, R>(span: &SpanRef<M>, find: impl FnMut(u32) -> Option<R>) -> Option<R> {
    let (tracer, handle) = span.is_open().then(|| span.parts())?;
    tracer.arena.descent(handle, find)
}

/// Has nothing be current on a core, whose number was another thread's before; for the one that has it now.
pub fn forget_current(tracer: &Tracer, core: usize) {
    tracer.arena.forget_current(core);
}

/// Whether entering a span changes what is current: it is recorded, or stands for a trace that is not.
pub fn has_place<M: Threads>(span: &Detached<M>) -> bool {
    span.place().1 != 0
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.tracer.arena.enter(Here::of(self.tracer.context), self.before);
    }
}

/// The drain of a tracer, the ids of whose traces are [`timed_trace_id`]s from here on, for who tells the spans of that drain in
/// the same way; `None`: it had one, and the ids stay what they are.
#[cfg(not(target_os = "none"))]
pub fn timed_drain<const MTU: usize, const NAMES: usize>(
    tracer: &'static Tracer,
    session: Session,
    seconds: u32,
) -> Option<Drain<MTU, NAMES>> {
    let is_first = tracer.arena.begin_timed_session(session, seconds);
    is_first.then(|| Drain::of_new_session(tracer, session))
}

/// The id of a session's trace whose root has this counter, with Unix seconds and 32 zero bits above its root's id; of 64 bits where
/// the seconds are 0.
#[cfg(not(target_os = "none"))]
pub fn timed_trace_id(session: Session, root: u64, seconds: u32) -> u128 {
    session.timed_trace_id(root, seconds)
}

/// The clock of a tracer.
pub fn clock(tracer: &Tracer) -> &'static dyn Clock {
    tracer.clock
}

/// The id of an open span, which is known also when that of its trace is not; `None`: no session has begun.
pub fn span_id<M: Threads>(span: &Span<M>) -> Option<u64> {
    let (tracer, handle) = span.parts();
    let session = tracer.arena.session()?;
    span.is_recording().then(|| session.span_id(tracer.arena.counter_of(handle)))
}

/// What a tag can hold: a name by which the compiler can say what that is.
#[diagnostic::on_unimplemented(
    message = "a tag cannot hold `{Self}`",
    label = "write another value",
    note = "a tag holds a bool, an integer of up to 64 bits, an f32 or f64, a `&str` (copied: `text.as_str()`) or a \
            `microspan::Static` (kept by address: `Static(\"text\")`)"
)]
pub trait TagValue<'v> {
    /// That value.
    fn value(self) -> Value<'v>;
}

#[diagnostic::do_not_recommend]
impl<'v, T: Into<Value<'v>>> TagValue<'v> for T {
    #[inline(always)]
    fn value(self) -> Value<'v> {
        self.into()
    }
}

/// Sets a tag.
#[inline(always)]
pub fn tag<'v, M: Threads>(span: &Span<M>, key: &'static str, value: impl TagValue<'v>) {
    span.set_tag(key, value.value());
}

/// What a function with `err` returns.
#[diagnostic::on_unimplemented(
    message = "`err` is for a function that returns a `Result`, and this one returns `{Self}`",
    label = "take `err` away, or return a `Result`"
)]
pub trait Outcome {
    /// What `Err` holds.
    type Error;

    /// What it holds, if it is one.
    fn error(&self) -> Option<&Self::Error>;
}

impl<T, E> Outcome for Result<T, E> {
    type Error = E;

    #[inline(always)]
    fn error(&self) -> Option<&E> {
        self.as_ref().err()
    }
}

/// An error to be recorded: by its `Display` in a method of this type, by its `Debug` in a method of [`DebugOnly`], which is
/// found only where there is no `Display`; and [`Neither`] where there is neither.
#[derive(Debug)]
pub struct Failure<'e, E>(pub &'e E);

impl<E: Display> Failure<'_, E> {
    /// Marks the span.
    #[inline(always)]
    pub fn record<M: Threads>(&self, span: &Span<M>) {
        if span.keeps_errors() {
            set_error(span, type_name::<E>(), format_args!("{}", self.0));
        }
    }
}

/// See [`Failure`].
pub trait DebugOnly {
    /// Marks the span.
    fn record<M: Threads>(&self, span: &Span<M>);
}

impl<E: Debug> DebugOnly for Failure<'_, E> {
    #[inline(always)]
    fn record<M: Threads>(&self, span: &Span<M>) {
        if span.keeps_errors() {
            set_error(span, type_name::<E>(), format_args!("{:?}", self.0));
        }
    }
}

/// What is found where an error has neither, so that the compiler says so.
pub trait Neither {
    /// The error.
    type Error;

    /// Never called: nothing is [`Shown`].
    fn record<M: Threads>(&self, span: &Span<M>)
    where
        Self::Error: Shown;
}

impl<E> Neither for &Failure<'_, E> {
    type Error = E;

    fn record<M: Threads>(&self, _: &Span<M>)
    where
        E: Shown,
    {
    }
}

/// What nothing is: a name by which the compiler can say what is missing.
#[diagnostic::on_unimplemented(
    message = "`err` records what an error says of itself, and `{Self}` says nothing",
    label = "write `#[derive(Debug)]` at `{Self}`, or implement `Display` for it"
)]
pub trait Shown {}

#[cold]
#[inline(never)]
fn set_error<M: Threads>(span: &Span<M>, kind: &'static str, message: fmt::Arguments<'_>) {
    span.set_error_shown(kind, message);
}

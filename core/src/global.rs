//! The one tracer of a program: chosen by its final binary, used by its libraries.

use crate::arena::Arena;
use crate::clock::Clock;
use crate::slot_ring::Mode;
use crate::span::{Span, SpanBuilder, SpanRef};
use crate::tracer::Tracer;
use core::fmt;

#[cfg(not(feature = "linked-tracer"))]
mod pointer {
    use crate::sync::{AtomicPtr, Ordering, fence};
    use crate::tracer::Tracer;
    use core::ptr;

    /// Null, or a `&'static Tracer`.
    static GLOBAL: AtomicPtr<Tracer> = AtomicPtr::new(ptr::null_mut());

    #[inline(always)]
    pub(super) fn get() -> Option<&'static Tracer> {
        let tracer = GLOBAL.load(Ordering::Relaxed);
        if tracer.is_null() {
            return None;
        }
        // The tracer may have been made at run time, on another core: what was written to it came before the pointer.
        fence(Ordering::Acquire);
        // SAFETY: only `set` stores a pointer, and it has a `&'static Tracer`.
        Some(unsafe { &*tracer })
    }

    pub(super) fn set(tracer: &'static Tracer) -> bool {
        let tracer = ptr::from_ref(tracer).cast_mut();
        GLOBAL.compare_exchange(ptr::null_mut(), tracer, Ordering::Release, Ordering::Relaxed).is_ok()
    }
}

#[cfg(feature = "linked-tracer")]
mod pointer {
    use crate::tracer::Tracer;

    // SAFETY: `link_tracer!` alone defines this symbol, with this type. Where nobody does, nothing links.
    unsafe extern "Rust" {
        safe static _MICROSPAN_TRACER_FROM_LINK_TRACER: &'static Tracer;
    }

    #[inline(always)]
    pub(super) fn get() -> Option<&'static Tracer> {
        Some(_MICROSPAN_TRACER_FROM_LINK_TRACER)
    }

    pub(super) fn set(_: &'static Tracer) -> bool {
        false
    }
}

/// Makes a tracer the one of the program. The final binary does this once, before its first span.
///
/// A library that is instrumented names no tracer: it says [`trace`], [`span!`](crate::span!) or [`wrap`](macro@crate::wrap),
/// and the binary decides where that goes, in one of two ways:
///
/// | | `set_global` | `link_tracer!`, of the feature `linked-tracer` |
/// | --- | --- | --- |
/// | chosen | when the program runs | when it is linked |
/// | when nobody chooses | nothing is recorded | the program does not link |
/// | a span costs besides | a load, a branch, a barrier for loads, and the reading of clock and sizes from the tracer | a load; with `lto = "fat"` nothing, and clock and sizes are folded in |
/// | memory | a pointer, and the least arena there is, for guards to refer to | none |
/// | meant for | hosts, tests, libraries' own tests | firmware |
///
/// There are two because neither can do the other's work. A pointer that may be set later cannot be folded; and a symbol
/// that must be there would keep a library from linking its own tests. So the symbol is a feature that only the final
/// binary enables, and libraries read the same under both. Without a tracer a span costs a load and a branch at its start and one at
/// its end. What each costs on a Cortex-M: `cargo run --release -p microspan-benches -- target`, rows `no_tracer`, `span_global`
/// and, where it is folded, `span`.
///
/// On a server the tracer's arena is one for all threads, striped: each thread (`Threads` of `microspan-std`) claims slots and
/// cells in pieces of 64 that it has to itself, and has its own current span and counts. So a span's parent, and what a future
/// carries from thread to thread, is a handle of the same arena, as on a device; and two threads write no common cache line.
/// `cargo run --release -p microspan-benches -- host` shows what the pointer costs (rows `microspan (global)`, beside `microspan`) and two
/// threads (`two_threads`).
///
/// ```
/// # use microspan::{Arena, Clock};
/// # struct Ticks;
/// # impl Clock for Ticks {
/// #     fn now(&self) -> u64 { 0 }
/// #     fn frequency(&self) -> u32 { 1_000_000 }
/// # }
/// use microspan::Tracer;
///
/// static ARENA: Arena<16, 32> = Arena::new();
/// static TRACER: Tracer = Tracer::new(&ARENA, &Ticks);
///
/// let before = microspan::trace("nowhere"); // as a library's test would: nothing is recorded
/// assert!(!before.is_recording());
///
/// microspan::set_global(&TRACER).unwrap();
/// let span = microspan::trace("somewhere");
/// assert!(span.is_recording());
/// ```
///
/// # Errors
///
/// There is one already, or the program was linked with one (feature `linked-tracer`): that one stays. Or this one is
/// [exclusive](Tracer::exclusive), and starts spans for one thread only.
pub fn set_global(tracer: &'static Tracer) -> Result<(), SetGlobalError> {
    if tracer.mode == Mode::Exclusive {
        return Err(SetGlobalError::Exclusive);
    }
    if pointer::set(tracer) { Ok(()) } else { Err(SetGlobalError::AlreadySet) }
}

/// The tracer that `link_tracer!` links, which is looked at when the program is compiled.
#[cfg(feature = "linked-tracer")]
pub const fn linked(tracer: &'static Tracer) -> &'static Tracer {
    assert!(
        matches!(tracer.mode, Mode::Shared),
        "link_tracer! was given an exclusive tracer, which starts spans for one thread only: make it by `Tracer::new`"
    );
    tracer
}

/// The tracer of the program; `None` when none was chosen.
///
/// ```
#[doc = include_str!("../docs/setup.txt")]
/// assert!(microspan::global().is_none());
/// microspan::set_global(&TRACER).unwrap();
/// assert!(microspan::global().is_some());
/// ```
#[inline(always)]
pub fn global() -> Option<&'static Tracer> {
    if cfg!(feature = "off") { None } else { pointer::get() }
}

/// Starts a span in the tracer of the program, as [`Tracer::trace`] does. Without a tracer the guard does nothing.
///
/// ```
/// fn slice() { // in a library
///     let span = microspan::trace("slice");
///     span.set_tag("slices", 2u32);
/// }
/// slice(); // without a tracer it does nothing
/// ```
#[inline(always)]
pub fn trace(name: &'static str) -> Span {
    match global() {
        Some(tracer) => tracer.trace(name),
        None => Span::none(&NONE),
    }
}

/// A span that is to be started in the tracer of the program, as [`Tracer::span`]. Without a tracer its guard does nothing.
///
/// ```
/// let order = microspan::span("order").resource("POST /sandwich").start();
/// ```
#[inline]
pub fn span(name: &'static str) -> SpanBuilder<'static> {
    match global() {
        Some(tracer) => tracer.span(name),
        None => SpanBuilder::new(&NONE, name, false),
    }
}

/// The current span of the tracer of the program, as [`Tracer::current_span`].
///
/// ```
#[doc = include_str!("../docs/setup.txt")]
/// microspan::set_global(&TRACER).unwrap();
/// let order = microspan::trace("order");
/// if let Some(span) = microspan::current_span() {
///     span.set_tag("bread", Static("rye"));
/// }
/// assert!(order.get_tag("bread").is_some());
/// ```
#[inline]
pub fn current_span() -> Option<SpanRef> {
    global()?.current_span()
}

/// The root span of the current trace of the tracer of the program, as [`Tracer::current_root_span`].
///
/// ```
#[doc = include_str!("../docs/setup.txt")]
/// microspan::set_global(&TRACER).unwrap();
/// let (order, bread) = (microspan::trace("order"), microspan::trace("bread"));
/// microspan::current_root_span().unwrap().set_tag("guests", 2u32);
/// assert!(order.get_tag("guests").is_some() && bread.get_tag("guests").is_none());
/// ```
#[inline]
pub fn current_root_span() -> Option<SpanRef> {
    global()?.current_root_span()
}

/// Why a tracer was not made the one of the program.
///
/// ```
#[doc = include_str!("../docs/setup.txt")]
/// microspan::set_global(&TRACER).unwrap();
/// assert_eq!(microspan::set_global(&TRACER), Err(SetGlobalError::AlreadySet));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SetGlobalError {
    /// The program has its tracer already.
    AlreadySet,
    /// This tracer is [exclusive](Tracer::exclusive).
    Exclusive,
}

impl fmt::Display for SetGlobalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadySet => {
                "the tracer of this program is chosen already: let its final binary alone choose it, once"
            }
            Self::Exclusive => {
                "an exclusive tracer cannot be the one of the program, as it starts spans for one thread only: make it by \
                 `Tracer::new`"
            }
        })
    }
}

impl core::error::Error for SetGlobalError {}

/// What a guard refers to when there is no tracer. Nothing is ever started in it.
static NONE: Tracer = Tracer::new(&NOTHING, &Still);
static NOTHING: Arena<4, 4> = Arena::new();

struct Still;

impl Clock for Still {
    fn now(&self) -> u64 {
        0
    }

    fn frequency(&self) -> u32 {
        1
    }
}

/// Links this tracer as the one of the program: `link_tracer!(TRACER)`, once, in the final binary.
///
/// The argument is the path of a `static` [`Tracer`]. The feature `linked-tracer` has it; only the final binary may
/// enable that.
///
/// A program that enables the feature and does not say this does not link: the symbol
/// `_MICROSPAN_TRACER_FROM_LINK_TRACER` is not defined. One that says it twice defines it twice. An
/// [exclusive](Tracer::exclusive) tracer does not compile here.
///
/// ```
/// # use microspan::{Arena, Clock};
/// # struct Ticks;
/// # impl Clock for Ticks {
/// #     fn now(&self) -> u64 { 0 }
/// #     fn frequency(&self) -> u32 { 1_000_000 }
/// # }
/// use microspan::Tracer;
///
/// static ARENA: Arena<16, 32> = Arena::new();
/// static TRACER: Tracer = Tracer::new(&ARENA, &Ticks);
/// microspan::link_tracer!(TRACER);
///
/// let span = microspan::trace("from the first instruction on");
/// assert!(span.is_recording());
/// ```
#[cfg(feature = "linked-tracer")]
#[macro_export]
macro_rules! link_tracer {
    ($tracer:path) => {
        const _: () = {
            #[unsafe(no_mangle)]
            static _MICROSPAN_TRACER_FROM_LINK_TRACER: &$crate::Tracer = $crate::__private::linked(&$tracer);
        };
    };
}

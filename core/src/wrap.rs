//! Ways to give a piece of code a span: [`span!`](crate::span!), [`wrap`](macro@wrap), [`Tracer::wrap`].

use crate::exclusive::{Exclusive, OneThread};
use crate::future::{InSpan, WithSpan};
use crate::tracer::Tracer;

/// Gives each call of a function a span.
///
/// ```
/// use microspan::wrap;
///
/// #[wrap]
/// fn toast(slices: u32) -> u32 { slices } // a span "crate::module::toast"
///
/// #[wrap(name = "sandwich.make", resource = "rye", err, tags(order, slices = order * 2))]
/// fn make(order: u32) -> Result<u32, core::num::ParseIntError> {
///     let ham: u32 = "7".parse()?; // an `Err` marks the span
///     Ok(ham + order)
/// }
///
/// struct Kitchen;
/// impl Kitchen {
///     #[wrap(name = "sandwich.serve")]
///     async fn serve(&self) {} // the span is the current one whenever this is polled
/// }
/// # toast(1);
/// # make(2).unwrap();
/// ```
///
/// It stands on functions and methods, `async` ones too, generic or not. The span is finished when the function returns,
/// whichever way. On an `async fn` it is started by the first poll, is the current span in every poll, and is finished with
/// the future, also when that is dropped half-way. A span that the body holds across an `.await` is current again after it.
/// A function that returns a future and is not `async` has a span for the making of that future; the future gets one by
/// [`in_span`](crate::InSpan::in_span).
///
/// | argument | |
/// | --- | --- |
/// | `name = ".."` | the span's name; otherwise `module::function` |
/// | `service = ".."`, `resource = ".."`, `span_type = ".."` | the span's own fields of these names; of a root, [rules](crate::Rule) and the [filter](crate::Tracer::filter) look at the first two |
/// | `tags(a, b = expr, c.d = expr, "e" = expr)` | tags, of values that [`Span::set_tag`](crate::Span::set_tag) takes, computed before the body runs, and only when the span is recorded; `a` alone is the argument of that name |
/// | `err` | an `Err` that the function returns marks the span as an error, with the name of the error's type and its `Display`, or its `Debug` where it has none |
/// | `tracer = path` | the tracer, a `static`; otherwise the program's ([`set_global`](crate::set_global)) |
/// | `crate = path` | where `microspan` is, when it is reached through another crate |
///
/// The texts are expressions of type `&'static str`.
pub use microspan_macros::wrap;

/// Starts a span with tags: `span!("name", key = value, ..)`.
///
/// The guard is the value of the macro; it costs what [`trace`](crate::trace) and
/// [`Span::set_tag`](crate::Span::set_tag) cost. Values are computed only when the span is recorded.
///
/// A key is a name, names with dots between them, or a string literal. The span's own fields are `service.name`,
/// `resource.name` and `span.type`; `service` and `resource`, as [`macro@wrap`] has them, are tags like any other here. With `tracer: &TRACER` before the name the span is
/// started there, otherwise in the tracer of the program ([`set_global`](crate::set_global)).
///
/// ```
/// use microspan::{Static, span};
/// # use microspan::{Arena, Clock, Tracer};
/// # struct Ticks;
/// # impl Clock for Ticks {
/// #     fn now(&self) -> u64 { 0 }
/// #     fn frequency(&self) -> u32 { 1_000_000 }
/// # }
/// # static ARENA: Arena<16, 32> = Arena::new();
/// # static TRACER: Tracer = Tracer::new(&ARENA, &Ticks);
/// let order = 7u32;
/// let _span = span!("sandwich.make", order.id = order, bread = Static("rye"), "to go" = true);
///
/// let own = span!(tracer: &TRACER, "oven.heat", celsius = 180u8);
/// own.set_tag("warm", true);
/// ```
#[macro_export]
macro_rules! span {
    (tracer: $tracer:expr, $name:expr $(, $($key:tt).+ = $value:expr)* $(,)?) => {
        $crate::__tagged!($tracer.trace($name) $(, $($key).+ = $value)*)
    };
    (tracer: $($rest:tt)*) => {
        $crate::__private::compile_error!(
            "write `span!(tracer: &TRACER, \"name\", key = value)`; a key is `name`, `dotted.name` or \"text\""
        )
    };
    ($name:expr $(, $($key:tt).+ = $value:expr)* $(,)?) => {
        $crate::__tagged!($crate::__private::trace($name) $(, $($key).+ = $value)*)
    };
    ($($rest:tt)*) => {
        $crate::__private::compile_error!(
            "write `span!(\"name\", key = value)`; a key is `name`, `dotted.name` or \"text\""
        )
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tagged {
    ($start:expr) => {
        $start
    };
    ($start:expr $(, $($key:tt).+ = $value:expr)+) => {{
        let span = $start;
        if $crate::__private::Span::is_recording(&span) {
            $($crate::__private::tag(&span, $crate::__key!($($key).+), $value);)+
        }
        span
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __key {
    ($key:literal) => {
        $key
    };
    ($first:ident $(. $more:ident)*) => {
        $crate::__private::concat!($crate::__private::stringify!($first) $(, ".", $crate::__private::stringify!($more))*)
    };
    ($($key:tt)*) => {
        $crate::__private::compile_error!("a key is `name`, `dotted.name` or \"text\"")
    };
}

impl Tracer {
    /// Runs a closure in a span of its own.
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
    /// let slices = TRACER.wrap("bread.cut", || 2 + 2);
    /// # assert_eq!(slices, 4);
    /// ```
    #[inline(always)]
    pub fn wrap<R>(&'static self, name: &'static str, body: impl FnOnce() -> R) -> R {
        let _span = self.trace(name);
        body()
    }

    /// A future that is polled in a span of its own, which starts now: `future.in_span(tracer.trace(name))`.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// # async fn order() {
    /// let slices = TRACER.wrap_future("bread.cut", async { 2 }).await;
    /// # }
    /// ```
    #[inline]
    pub fn wrap_future<F: Future>(&'static self, name: &'static str, future: F) -> WithSpan<F> {
        future.in_span(self.trace(name))
    }
}

impl Exclusive {
    /// As [`Tracer::wrap`].
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// # let arena = Box::leak(Box::new(Arena::<16, 64>::new()));
    /// # let tracer = Box::leak(Box::new(Tracer::exclusive(arena, &Ticks)));
    /// # let tracer = Exclusive::new(tracer).unwrap();
    /// assert_eq!(tracer.wrap("bread.cut", || 2), 2);
    /// ```
    #[inline(always)]
    pub fn wrap<R>(&self, name: &'static str, body: impl FnOnce() -> R) -> R {
        let _span = self.trace(name);
        body()
    }

    /// As [`Tracer::wrap_future`], for a future that stays on this thread.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// # let arena = Box::leak(Box::new(Arena::<16, 64>::new()));
    /// # let tracer = Box::leak(Box::new(Tracer::exclusive(arena, &Ticks)));
    /// # let tracer = Exclusive::new(tracer).unwrap();
    /// # async fn order(tracer: Exclusive) {
    /// let slices = tracer.wrap_future("bread.cut", async { 2 }).await;
    /// # }
    /// ```
    #[inline]
    pub fn wrap_future<F: Future>(&self, name: &'static str, future: F) -> WithSpan<F, OneThread> {
        future.in_span(self.trace(name))
    }
}

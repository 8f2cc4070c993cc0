//! The tracer of one thread: claims by a load and a store where [`Tracer`] takes a compare-exchange.

use crate::slot_ring::Mode;
use crate::span::{Span, SpanBuilder, SpanRef};
use crate::tracer::Tracer;
use core::marker::PhantomData;

/// Which threads may use a [`Span`]: [`AnyThread`] or [`OneThread`].
///
/// ```
/// use microspan::{Span, Threads};
/// fn tag<M: Threads>(span: &Span<M>) {
///     span.set_tag("seen", true);
/// }
/// tag(&microspan::trace("nowhere"));
/// ```
pub trait Threads: sealed::Sealed {}

/// The spans of a [`Tracer`]: any thread, core or interrupt may use them.
///
/// ```
/// use microspan::{AnyThread, Span};
/// let span: Span<AnyThread> = microspan::trace("nowhere"); // the same as `Span`
/// std::thread::spawn(move || span.finish());
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AnyThread {}

/// The spans of an [`Exclusive`] tracer: they stay on its thread.
///
/// ```
/// use microspan::{OneThread, Span};
/// fn finish(span: Span<OneThread>) {
///     span.finish();
/// }
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct OneThread(PhantomData<*const ()>);

impl Threads for AnyThread {}
impl Threads for OneThread {}

mod sealed {
    use super::{AnyThread, Mode, OneThread};

    pub trait Sealed {
        #[doc(hidden)]
        #[allow(private_interfaces)]
        const MODE: Mode;
    }

    impl Sealed for AnyThread {
        #[allow(private_interfaces)]
        const MODE: Mode = Mode::Shared;
    }

    impl Sealed for OneThread {
        #[allow(private_interfaces)]
        const MODE: Mode = Mode::Exclusive;
    }
}

/// A tracer whose arena one thread has to itself; its drain may run on another.
///
/// It cannot leave its thread, nor can its spans, and no interrupt or signal handler can get at it: so no operation needs
/// a compare-exchange but the push of a tag.
///
/// ```
/// use microspan::{Arena, Clock, Drain, Exclusive, Session, Tracer};
/// # struct Ticks;
/// # impl Clock for Ticks {
/// #     fn now(&self) -> u64 { 0 }
/// #     fn frequency(&self) -> u32 { 1 }
/// # }
/// let arena = Box::leak(Box::new(Arena::<1024, 1024>::new()));
/// let tracer = Exclusive::new(Box::leak(Box::new(Tracer::exclusive(arena, &Ticks)))).unwrap();
/// let drain = Drain::<1472>::new(tracer.tracer(), Session::new(0x5EED)).unwrap();
/// std::thread::spawn(move || drop(drain));
/// tracer.trace("request").set_tag("bytes", 7u32);
/// ```
///
/// ```compile_fail
/// # use microspan::Exclusive;
/// fn elsewhere(tracer: Exclusive) {
///     std::thread::spawn(move || drop(tracer)); // not `Send`
/// }
/// ```
pub struct Exclusive {
    tracer: &'static Tracer,
    one_thread: PhantomData<*const ()>,
}

impl Exclusive {
    /// The handle of a tracer that [`Tracer::exclusive`] made, for the thread that calls this; `None`: it is another tracer.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let arena = Box::leak(Box::new(Arena::<16, 64>::new()));
    /// let tracer = Box::leak(Box::new(Tracer::exclusive(arena, &Ticks)));
    /// let tracer = Exclusive::new(tracer).unwrap();
    /// assert!(Exclusive::new(Box::leak(Box::new(Tracer::new(&ARENA, &Ticks)))).is_none()); // not an exclusive one
    /// ```
    pub fn new(tracer: &'static mut Tracer) -> Option<Self> {
        (tracer.mode == Mode::Exclusive).then_some(Self { tracer, one_thread: PhantomData })
    }

    /// The tracer, for its drain and its counts. By itself it starts no spans.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let arena = Box::leak(Box::new(Arena::<16, 64>::new()));
    /// let tracer = Box::leak(Box::new(Tracer::exclusive(arena, &Ticks)));
    /// let tracer = Exclusive::new(tracer).unwrap();
    /// assert_eq!(tracer.tracer().stats(), Stats::default());
    /// ```
    pub fn tracer(&self) -> &'static Tracer {
        self.tracer
    }

    /// As [`Tracer::trace`].
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let arena = Box::leak(Box::new(Arena::<16, 64>::new()));
    /// let tracer = Box::leak(Box::new(Tracer::exclusive(arena, &Ticks)));
    /// let tracer = Exclusive::new(tracer).unwrap();
    /// let request = tracer.trace("request");
    /// assert!(request.is_recording());
    /// ```
    #[inline(always)]
    pub fn trace(&self, name: &'static str) -> Span<OneThread> {
        if self.tracer.is_enabled() { Span::start(self.tracer, name) } else { Span::none(self.tracer) }
    }

    /// As [`Tracer::span`].
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let arena = Box::leak(Box::new(Arena::<16, 64>::new()));
    /// let tracer = Box::leak(Box::new(Tracer::exclusive(arena, &Ticks)));
    /// let tracer = Exclusive::new(tracer).unwrap();
    /// let order = tracer.span("order").resource("POST /sandwich").start();
    /// assert!(order.is_recording());
    /// ```
    #[inline]
    pub fn span(&self, name: &'static str) -> SpanBuilder<'static, OneThread> {
        SpanBuilder::new(self.tracer, name, self.tracer.is_enabled())
    }

    /// As [`Tracer::current_span`].
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let arena = Box::leak(Box::new(Arena::<16, 64>::new()));
    /// let tracer = Box::leak(Box::new(Tracer::exclusive(arena, &Ticks)));
    /// let tracer = Exclusive::new(tracer).unwrap();
    /// let order = tracer.trace("order");
    /// tracer.current_span().unwrap().set_tag("bread", Static("rye"));
    /// ```
    #[inline]
    pub fn current_span(&self) -> Option<SpanRef<OneThread>> {
        SpanRef::open(self.tracer, self.tracer.current())
    }

    /// As [`Tracer::current_root_span`].
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let arena = Box::leak(Box::new(Arena::<16, 64>::new()));
    /// let tracer = Box::leak(Box::new(Tracer::exclusive(arena, &Ticks)));
    /// let tracer = Exclusive::new(tracer).unwrap();
    /// let (order, bread) = (tracer.trace("order"), tracer.trace("bread"));
    /// tracer.current_root_span().unwrap().set_tag("guests", 2u32);
    /// assert!(order.get_tag("guests").is_some() && bread.get_tag("guests").is_none());
    /// ```
    #[inline]
    pub fn current_root_span(&self) -> Option<SpanRef<OneThread>> {
        SpanRef::open(self.tracer, self.tracer.current_root()?)
    }
}

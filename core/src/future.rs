//! Spans of futures: the current span stays right across awaits.
//!
//! A future that has a span also has a current span of its own. When it is polled that one becomes current; when the poll
//! is over the future keeps what is current by then, and what was current before is so again. That takes two stores a
//! poll, no thread-local and no heap, and is right wherever the next poll happens.

use crate::arena::Here;
use crate::exclusive::{AnyThread, Threads};
use crate::span::Span;
use crate::tracer::Tracer;
use core::marker::PhantomData;
use core::ops::Deref;
use core::pin::Pin;
use core::task::{Context, Poll};
use pin_project_lite::pin_project;

/// An open span that is not the current one: it can be kept anywhere, and be handed to a future.
///
/// Made of a [`Span`] by [`Span::detach`]. It is finished when it is dropped.
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
/// let order = TRACER.trace("order").detach(); // to be finished much later
/// assert!(TRACER.current_span().is_none());
/// order.enter(|| {
///     let _bread = TRACER.trace("bread.cut"); // a child of `order`
/// });
/// order.set_tag("done", true);
/// ```
#[must_use = "a span is finished when its guard is dropped"]
pub struct Detached<M: Threads = AnyThread>(Span<M>);

impl<M: Threads> Detached<M> {
    /// Of a span that is not current any more.
    #[inline(always)]
    pub(crate) const fn left(span: Span<M>) -> Self {
        Self(span)
    }

    /// Runs a closure in which this is the current span.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let order = TRACER.trace("order").detach();
    /// let made = order.enter(|| {
    ///     TRACER.trace("bread").finish(); // a child of `order`
    ///     1
    /// });
    /// assert!(made == 1 && TRACER.current_span().is_none());
    /// ```
    pub fn enter<R>(&self, body: impl FnOnce() -> R) -> R {
        Place::of(&self.0).run(body)
    }

    /// Finishes the span, as of a tick of the tracer's clock that is past: see [`Span::finish_at`].
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let transfer = TRACER.span("dma.transfer").start_time(1_000).start().detach();
    /// transfer.finish_at(1_250); // what the hardware had noted
    /// ```
    #[inline]
    pub fn finish_at(self, ticks: u64) {
        self.0.finish_at(ticks);
    }
}

impl<M: Threads> Deref for Detached<M> {
    type Target = Span<M>;

    fn deref(&self) -> &Span<M> {
        &self.0
    }
}

impl<M: Threads> From<Span<M>> for Detached<M> {
    fn from(span: Span<M>) -> Self {
        Self(span.apart())
    }
}

impl<M: Threads> Span<M> {
    /// Has the span no longer be the current one, and leaves it open.
    ///
    /// What was current when it was started is so again. Detach a span before others are started in it: one that is
    /// current by then stays so.
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let order = TRACER.trace("order").detach();
    /// assert!(TRACER.current_span().is_none() && order.is_recording());
    /// ```
    pub fn detach(self) -> Detached<M> {
        self.into()
    }
}

/// Gives futures a span.
///
/// ```
#[doc = include_str!("../docs/setup.txt")]
/// async fn bake() -> u32 { 200 }
/// # async fn order() {
/// let degrees = bake().in_span(TRACER.trace("bake")).await;
/// # }
/// ```
pub trait InSpan: Future + Sized {
    /// A future that does what this one does, with `span` as the current span whenever it is polled.
    ///
    /// The span is finished when the future is done, or dropped before. Until the first poll, and between two, it is not
    /// the current one of anybody. A span that the future holds across an `.await` is current again after it.
    ///
    /// ```
    /// use microspan::{InSpan, Span};
    /// async fn bake() {}
    /// async fn order(span: Span) {
    ///     bake().in_span(span).await;
    /// }
    /// # let _ = order(microspan::trace("order"));
    /// ```
    fn in_span<M: Threads>(self, span: impl Into<Detached<M>>) -> WithSpan<Self, M> {
        let span = span.into();
        WithSpan { inner: within(&span, self), span: Some(span) }
    }
}

impl<F: Future> InSpan for F {}

pin_project! {
    /// A future with a span: see [`InSpan::in_span`].
    ///
    /// ```
    #[doc = include_str!("../docs/setup.txt")]
    /// let mut future = core::pin::pin!(async { 7 }.in_span(TRACER.trace("bake")));
    /// let mut context = core::task::Context::from_waker(core::task::Waker::noop());
    /// assert_eq!(future.as_mut().poll(&mut context), core::task::Poll::Ready(7)); // and the span is finished
    /// ```
    #[must_use = "a future does nothing until it is awaited"]
    pub struct WithSpan<F, M: Threads = AnyThread> {
        // First: what the future drops is dropped in its span.
        #[pin]
        inner: Within<F, M>,
        span: Option<Detached<M>>,
    }
}

impl<F, M: Threads> WithSpan<F, M> {
    pub(crate) fn is_done(&self) -> bool {
        self.span.is_none()
    }
}

impl<F: Future, M: Threads> Future for WithSpan<F, M> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.inner.poll(cx);
        if polled.is_ready() {
            *this.span = None;
        }
        polled
    }
}

/// A future that is polled in a span which somebody else keeps open.
pub fn within<F: Future, M: Threads>(span: &Detached<M>, future: F) -> Within<F, M> {
    Within { place: Place::of(&span.0), future: Some(future) }
}

pin_project! {
    /// See [`within`].
    pub struct Within<F, M: Threads> {
        place: Place<M>,
        // None: it is done.
        #[pin]
        future: Option<F>,
    }

    impl<F, M: Threads> PinnedDrop for Within<F, M> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                this.place.run(|| this.future.set(None));
            }
        }
    }
}

impl<F, M: Threads> Within<F, M> {
    pub(crate) fn is_done(&self) -> bool {
        self.future.is_none()
    }
}

impl<F: Future, M: Threads> Future for Within<F, M> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        this.place.run(|| {
            // Polled after its end, which no executor does, it is never ready again.
            let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Pending };
            let polled = future.poll(cx);
            if polled.is_ready() {
                this.future.set(None);
            }
            polled
        })
    }
}

/// The current span of something that runs now and then.
struct Place<M> {
    tracer: &'static Tracer,
    /// The handle of what was current when it last ran; 0: what is current around it is current in it, too.
    current: u32,
    threads: PhantomData<M>,
}

impl<M: Threads> Place<M> {
    fn of(span: &Span<M>) -> Self {
        let (tracer, current) = span.place();
        Self { tracer, current, threads: PhantomData }
    }

    #[inline]
    fn run<R>(&mut self, body: impl FnOnce() -> R) -> R {
        if cfg!(feature = "off") {
            return body();
        }
        let _stay = Stay::at(self.tracer, &mut self.current);
        body()
    }
}

/// While it lives, what is current at a [`Place`] is the current span.
struct Stay<'p> {
    tracer: &'static Tracer,
    current: &'p mut u32,
    before: u32,
}

impl<'p> Stay<'p> {
    #[inline]
    fn at(tracer: &'static Tracer, current: &'p mut u32) -> Self {
        let before = match *current {
            0 => tracer.current(),
            inside => tracer.arena.enter(Here::of(tracer.context), inside),
        };
        Self { tracer, current, before }
    }
}

impl Drop for Stay<'_> {
    #[inline]
    fn drop(&mut self) {
        #[cfg(not(target_os = "none"))]
        crate::unwinding::leaves(self.tracer, *self.current, || None);
        // A span that is not recorded has no place of its own, but those that were started in it and are open have one.
        if *self.current != 0 || self.tracer.current() != self.before {
            *self.current = self.tracer.arena.enter(Here::of(self.tracer.context), self.before);
        }
    }
}

//! The body of an answer.

use std::fmt::{self, Debug, Display, Formatter};
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use microspan::__private::Place;
use pin_project_lite::pin_project;

use super::exchange::Exchange;

pin_project! {
    /// The body of an answer that was traced. That of a call of gRPC has the call's span until its trailers have passed, and is polled
    /// in it; any other is what the service gave.
    pub struct ResponseBody<B> {
        // None: it is over.
        #[pin]
        inner: Option<B>,
        // What is current when it is polled next.
        place: Option<Place>,
        // None: nothing more is to be told.
        exchange: Option<Exchange>,
    }

    impl<B> PinnedDrop for ResponseBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            Turn::run(this.place, || this.inner.set(None));
        }
    }
}

impl<B> ResponseBody<B> {
    pub(super) fn new(inner: B, exchange: Option<Exchange>) -> Self {
        let place = exchange.as_ref().and_then(|exchange| Place::of(exchange.span()));
        Self { inner: Some(inner), place, exchange }
    }
}

impl<B: Debug> Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let is_open = self.exchange.is_some();
        f.debug_struct("ResponseBody").field("inner", &self.inner).field("is_open", &is_open).finish()
    }
}

/// A body that no service gave, as interceptors of tonic make for those they turn away.
impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        Self::new(B::default(), None)
    }
}

impl<B: Body> Body for ResponseBody<B>
where
    B::Error: Display,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(mut inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        if this.exchange.is_none() {
            return inner.poll_frame(cx);
        }
        let polled = Turn::run(this.place, || inner.as_mut().poll_frame(cx));
        let Poll::Ready(frame) = &polled else { return polled };
        let trailers = match frame {
            Some(Ok(frame)) => frame.trailers_ref(),
            _ => None,
        };
        // Nobody polls again what says that it is at its end.
        let is_over = !matches!(frame, Some(Ok(_))) || trailers.is_some() || inner.is_end_stream();
        if let Some(exchange) = this.exchange.take_if(|_| is_over) {
            Turn::run(this.place, || this.inner.set(None));
            *this.place = None;
            match frame {
                Some(Err(error)) => exchange.fail(error),
                _ => exchange.end(trailers),
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// While it lives, what is current in a body is so here.
struct Turn<'t> {
    place: &'t mut Option<Place>,
    /// What is current around it.
    around: Option<Place>,
}

impl Turn<'_> {
    fn run<R>(place: &mut Option<Place>, body: impl FnOnce() -> R) -> R {
        let around = place.take().map(Place::enter);
        let _turn = Turn { place, around };
        body()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.place = self.around.map(Place::enter);
    }
}

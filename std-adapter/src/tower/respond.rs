//! The answer to a request.

use std::fmt::Display;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::http::Response;
use http_body::Body;
use microspan::__private::{Within, within};
use microspan::AnyThread;
use pin_project_lite::pin_project;

use super::body::ResponseBody;
use super::exchange::Exchange;

pin_project! {
    /// The answer of a traced service: it has the request's span, and says in it what the answer is.
    pub struct ResponseFuture<F> {
        // First: what the future drops is dropped in its span.
        #[pin]
        inner: Within<F, AnyThread>,
        // None: it is done.
        exchange: Option<Exchange>,
    }
}

impl<F: Future> ResponseFuture<F> {
    /// Of what is begun in the span of the request.
    pub(super) fn new(exchange: Exchange, begin: impl FnOnce() -> F) -> Self {
        let future = exchange.span().enter(begin);
        Self { inner: within(exchange.span(), future), exchange: Some(exchange) }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    E: Display,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.inner.poll(cx));
        let exchange = this.exchange.take();
        Poll::Ready(match answer {
            Ok(answer) => {
                let exchange = exchange.and_then(|exchange| exchange.head(&answer));
                Ok(answer.map(|body| ResponseBody::new(body, exchange)))
            }
            Err(error) => {
                if let Some(exchange) = exchange {
                    exchange.fail(&error);
                }
                Err(error)
            }
        })
    }
}

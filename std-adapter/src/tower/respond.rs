//! The answer to a request.

use std::any::type_name;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::http::Response;
use microspan::{Detached, InSpan, SpanRef, WithSpan};
use pin_project_lite::pin_project;

use crate::carrier::held::Held;

pin_project! {
    /// The answer of a traced service: it has the request's span, and says in it what the answer is.
    pub struct ResponseFuture<F> {
        #[pin]
        inner: WithSpan<Answer<F>>,
    }
}

impl<F, B, E> ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Display,
{
    pub(super) fn new(future: F, span: Detached, failures: RangeInclusive<u16>, held: Option<Held>) -> Self {
        let answer = Answer { future, span: span.as_ref(), failures, _held: held };
        Self { inner: answer.in_span(span) }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Display,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.project().inner.poll(cx)
    }
}

pin_project! {
    struct Answer<F> {
        #[pin]
        future: F,
        span: Option<SpanRef>,
        // Which status is a failure of who is traced.
        failures: RangeInclusive<u16>,
        _held: Option<Held>,
    }
}

impl<F, B, E> Future for Answer<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Display,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.future.poll(cx);
        let (Poll::Ready(answer), Some(span)) = (&polled, this.span) else { return polled };
        match answer {
            Ok(answer) => {
                // Datadog has it as text.
                span.set_tag("http.status_code", answer.status().as_str());
                if this.failures.contains(&answer.status().as_u16()) {
                    span.error(true);
                }
            }
            Err(error) => {
                span.set_error_info(type_name::<E>(), &error.to_string());
            }
        }
        polled
    }
}

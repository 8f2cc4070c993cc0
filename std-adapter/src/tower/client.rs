//! Requests that are sent.

use std::fmt::Display;
use std::task::{Context, Poll};

use ::http::{Request, Response};
use microspan::Static;
use microspan::propagation::{Passing, Propagator};
use tower_layer::Layer;
use tower_service::Service;

use super::respond::ResponseFuture;
use super::settings::{Settings, settings};
use crate::carrier::{self, Incoming, Outgoing, SetHttpHeaders, held};

/// The statuses that are failures of who asks.
const FAILURES: std::ops::RangeInclusive<u16> = 400..=499;

/// Traces the requests that a client sends, and hands the trace on: see the [module](super).
#[derive(Debug, Clone, Copy)]
pub struct ClientLayer {
    settings: Settings,
}

impl ClientLayer {
    /// A layer that writes the headers that the configuration asks for: unless it does, Datadog's, W3C's, and baggage.
    pub fn new() -> Self {
        Self { settings: Settings::new("http.client.request") }
    }
}

settings!(ClientLayer);

impl Default for ClientLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = ClientService<S>;

    fn layer(&self, inner: S) -> ClientService<S> {
        ClientService { inner, layer: *self }
    }
}

/// A client whose requests are traced.
#[derive(Debug, Clone)]
pub struct ClientService<S> {
    inner: S,
    layer: ClientLayer,
}

impl<S, B, A> Service<Request<B>> for ClientService<S>
where
    S: Service<Request<B>, Response = Response<A>>,
    S::Error: Display,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let ClientLayer { settings } = self.layer;
        let (propagator, span) = (settings.propagator(), settings.span("http").start());
        if span.is_recording() {
            let method = request.method().as_str();
            span.set_tag("span.kind", Static("client"))
                .set_tag("http.method", method)
                .set_tag("resource.name", method);
            let uri = request.uri();
            match (uri.scheme_str(), uri.authority()) {
                (Some(scheme), Some(authority)) => {
                    // Without the user's name and word of `user:word@host`.
                    let (host, port) = (authority.host(), authority.port_u16());
                    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                    span.set_tag("http.url", format!("{scheme}://{host}{port}{}", uri.path()).as_str());
                    span.set_tag("out.host", host);
                }
                _ => _ = span.set_tag("http.url", uri.path()),
            }
        }
        if let Some(outgoing) = Outgoing::of(&span) {
            let context = outgoing.context();
            let incoming = held::incoming(&span);
            let passing = incoming
                .as_deref()
                .map_or_else(Passing::default, |incoming| incoming.passing(&propagator, context.trace_id));
            let came = incoming.as_deref().map(Incoming::items).unwrap_or_default();
            let items: Vec<_> = outgoing.baggage().chain(came).collect();
            let passing = passing.baggage_items(&items);
            let mut headers = SetHttpHeaders(request.headers_mut());
            if carrier::uses_ot_baggage() {
                headers.set_baggage(passing.baggage());
            }
            if let Err(error) = propagator.inject(context, &outgoing.passing(passing), &mut headers) {
                span.set_tag("_dd.propagation_error", error.to_string().as_str());
            }
        }
        let span = span.detach();
        let future = span.enter(|| self.inner.call(request));
        ResponseFuture::new(future, span, FAILURES, None)
    }
}

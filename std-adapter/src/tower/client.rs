//! Requests that are sent.

use std::fmt::Display;
use std::task::{Context, Poll};

use ::http::{Method, Request, Response, Uri};
use http_body::Body;
use microspan::propagation::{Passing, Propagator};
use microspan::{Span, Static};
use tower_layer::Layer;
use tower_service::Service;

use super::body::ResponseBody;
use super::exchange::{Exchange, Side};
use super::grpc;
use super::respond::ResponseFuture;
use super::settings::{Settings, settings};
use crate::carrier::{self, Incoming, Outgoing, SetHttpHeaders, held};

/// Traces the requests that a client sends, and hands the trace on: see the [module](super).
#[derive(Debug, Clone, Copy, Default)]
pub struct ClientLayer {
    settings: Settings,
}

impl ClientLayer {
    /// A layer that writes the headers that the configuration asks for: unless it does, Datadog's, W3C's, and baggage.
    pub fn new() -> Self {
        Self::default()
    }
}

settings!(ClientLayer);

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
    A: Body,
{
    type Response = Response<ResponseBody<A>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let ClientLayer { settings } = self.layer;
        let is_call = grpc::is_call(request.headers());
        let (name, span_type) =
            if is_call { ("grpc.client.request", "grpc") } else { ("http.client.request", "http") };
        let (propagator, span) = (settings.propagator(), settings.span(name, span_type).start());
        if span.is_recording() {
            span.set_tag("span.kind", Static("client"));
            let uri = request.uri();
            if is_call {
                grpc::set_method(&span, uri.path());
                grpc::set_peer(&span, uri);
            } else {
                set_http(&span, request.method(), uri);
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
            if let Err(error) =
                carrier::inject(&propagator, context, &outgoing.passing(passing), &mut headers)
            {
                span.set_tag("_dd.propagation_error", error.to_string().as_str());
            }
        }
        let exchange = Exchange::new(Side::Client, is_call, span.detach(), None);
        ResponseFuture::new(exchange, || self.inner.call(request))
    }
}

/// Says what a request of HTTP is.
fn set_http(span: &Span, method: &Method, uri: &Uri) {
    span.set_tag("http.method", method.as_str()).set_tag("resource.name", method.as_str());
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
